"""The rows of recipe 5 for curves that another tool recorded, in their precedence.

The verdicts and their order are those of `rules`; the signs differ, for less is known: no update ratios, no fixed
subsets, often no rates, no classes and no point before the first epoch. Rules that need nothing of that are shared.
"""

from __future__ import annotations

from goodfit.diagnosis.recorded import held_out, pace, plateaus, spikes, standing, starts, unsteady
from goodfit.diagnosis.rules import Rule, exploded, jumps, pipeline

RECORDED_RULES: tuple[Rule, ...] = (
    Rule(1, exploded.exploded),
    Rule(2, pipeline.rising_loss),
    Rule(2, pipeline.repeats_with_epoch),
    Rule(2, held_out.never_generalises),
    Rule(8, pace.stopped_moving, silenced_by=(2,)),
    Rule(4, standing.stands_still, silenced_by=(8,)),
    Rule(5, starts.plateau_first, silenced_by=(2, 4)),
    Rule(6, jumps.spikes, silenced_by=(4,)),
    Rule(6, spikes.spikes_between_points, silenced_by=(4,)),
    Rule(6, unsteady.oscillates, silenced_by=(2, 4)),
    Rule(7, starts.far_above_guessing, is_annotation=True),
    Rule(8, pace.cut_too_early, silenced_by=(4,)),
    Rule(9, held_out.turned, silenced_by=(4,)),
    Rule(10, held_out.gap_too_big, silenced_by=(4,)),
    Rule(12, pace.slow, silenced_by=(2, 4, 8)),
    Rule(14, plateaus.held_back, silenced_by=(2, 4, 6, 8, 9, 10, 12)),
    Rule(14, plateaus.too_small, silenced_by=(2, 4, 6, 8, 9, 10, 12)),
    Rule(11, pace.still_improving, silenced_by=(2, 4, 6, 8, 12, 14)),
    Rule(15, pace.long_done, silenced_by=(2, 4, 6, 8, 9, 10, 11, 12, 14)),
    Rule(16, plateaus.noisy, silenced_by=(2, 4, 6)),
)
