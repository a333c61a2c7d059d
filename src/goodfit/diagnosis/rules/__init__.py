"""The rules of curves, in the precedence of recipe 5: a rule is a function in one file, and one line here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from goodfit.diagnosis.curves import Curves
from goodfit.diagnosis.rules import (
    exploded,
    jumps,
    levelled,
    overfitting,
    pace,
    pipeline,
    schedule,
    standstill,
    start,
)
from goodfit.findings import Finding
from goodfit.settings.curves import CurveSettings


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """A row of recipe 5."""

    row: int
    look: Callable[[Curves, CurveSettings], Finding | None]
    is_annotation: bool = False  # listed, but a verdict only where nothing else is
    silenced_by: tuple[int, ...] = ()  # rows that explain this one: silent where one of them spoke


RULES: tuple[Rule, ...] = (
    Rule(1, exploded.exploded),
    Rule(2, pipeline.rising_loss),
    Rule(2, pipeline.repeats_with_epoch),
    Rule(2, pipeline.better_on_validation),
    Rule(2, pipeline.learns_without_generalising),
    Rule(3, standstill.flat_but_rising_accuracy),
    Rule(4, standstill.not_learning, silenced_by=(3,)),
    Rule(5, start.plateau_at_start),
    Rule(6, jumps.oscillating),
    Rule(6, jumps.unstable),
    Rule(6, jumps.spikes),
    Rule(7, start.hockey_stick, is_annotation=True),
    Rule(8, schedule.decayed_early),
    Rule(9, overfitting.validation_turned),
    Rule(10, overfitting.gap_too_big),
    Rule(11, pace.still_climbing, silenced_by=(8,)),
    Rule(12, pace.too_slow, silenced_by=(3, 4)),
    Rule(13, levelled.plateau_of_high_rate, silenced_by=(4, 6)),
    Rule(14, levelled.underfitting, silenced_by=(2, 3, 4, 6, 8, 12, 13)),
    Rule(15, pace.saturated_early, silenced_by=(2, 3, 4, 6, 8, 9, 10, 12, 13, 14)),
    Rule(16, levelled.noisy_validation, silenced_by=(3, 4, 6, 13)),
)
