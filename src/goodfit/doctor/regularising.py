"""Whether decay or dropout is too strong: a few steps without it beat the whole training, on new samples as well.

Without dropout any network learns faster, and without decay it learns by heart: neither is a fault of theirs. They are
too strong where the network, in all of its training with them, learns less than it soon does without.
"""

from __future__ import annotations

import dataclasses
import math

from goodfit.doctor.preparation import evaluated_error
from goodfit.doctor.replay import Replay, Variant
from goodfit.findings import Finding, Severity
from goodfit.recording.recorder import Recorder
from goodfit.recording.records import Recording
from goodfit.settings.doctor import DoctorSettings

_UNPROVEN = 0.3  # confidence of what its experiment did not support


def regularisation_confirmed(
    finding: Finding, recording: Recording, recorder: Recorder, replay: Replay | None, settings: DoctorSettings
) -> Finding:
    """The finding with its experiment, or lowered to info where that does not support it."""
    lowered = dataclasses.replace(finding, severity=Severity.INFO, confidence=_UNPROVEN)
    if replay is None or not replay.has_time:
        return lowered
    try:
        return _tried(finding, recording, recorder, replay, settings) or lowered
    except Exception as error:  # the user's own code, run in a way it was not written for
        recording.opaque.append(f"an experiment failed ({type(error).__name__}: {error})")
        return lowered


def _tried(
    finding: Finding, recording: Recording, recorder: Recorder, replay: Replay, settings: DoctorSettings
) -> Finding | None:
    main = max(recording.optimised, key=lambda use: use.steps)
    steps = min(max(settings.steps_tried, main.steps // 2), settings.steps_unregularised)
    is_dropout = "dropout" in finding.evidence
    judged = Variant(judge_in_eval=True)
    ended = replay.final_model()
    final = replay.loss_of(ended, judged)
    held = recorder.pairs.held_out
    of_held = None if held is None else evaluated_error(ended, recorder.kept, held)
    # where nothing was learned and nothing is known of new samples, less is asked for
    unlearned = final > settings.moved_unlearned * replay.first_loss()
    alone = 1 - settings.moved_learned if unlearned else settings.unregularised_gain
    losses: list[float] = []
    for seed in range(settings.seeds_tried):
        if losses and not replay.has_time:
            break
        model = replay.trained(Variant(no_dropout=is_dropout, no_decay=not is_dropout), steps, seed)
        losses.append(replay.loss_of(model, judged))
        gain = settings.remedy_gain if of_held is not None else alone
        if not math.isfinite(losses[-1]) or losses[-1] >= (1 - gain) * final:
            return None
        if held is not None and of_held is not None:
            error = evaluated_error(model, recorder.kept, held)
            least = max(settings.remedy_gain * of_held.value, of_held.counts)
            if error is None or error.value >= of_held.value - least:
                return None
    what = "dropout" if is_dropout else "weight decay"
    evidence = {
        **finding.evidence,
        "experiment": {
            "remedy": f"{what} off",
            "metric": f"training loss in eval mode (without: after all {main.steps} steps; with: after {steps})",
            "without": final if math.isfinite(final) else None,
            "with": losses,
            "seeds": len(losses),
        },
    }
    return dataclasses.replace(finding, evidence=evidence, confidence=0.95)
