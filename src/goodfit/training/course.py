"""What is in force at each step of a trial: its segments read once, with the regime's say."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from goodfit.errors import TaskError
from goodfit.training.optimizers import Choice
from goodfit.training.problem import Problem
from goodfit.training.schedules import multipliers
from goodfit.training.trial import Regime, Segment, Trial


@dataclasses.dataclass(frozen=True)
class InForce:
    """One segment's hyperparameters that goodfit applies itself."""

    start: int  # step
    choice: Choice
    label_smoothing: float | None  # None: the loss's own, if it has one
    grad_clip: float  # the global norm's largest value; infinity: no clipping
    ema_decay: float | None  # of the Polyak average; None: no average
    hyperparameters: Mapping[str, Any]
    table: np.ndarray  # multipliers of the rate, float64; the last holds on

    def lr(self, step: int) -> float:
        """The learning rate of the update at this step."""
        return self.choice.lr * float(self.table[min(step - self.start, len(self.table) - 1)])

    def rates(self, steps: range) -> np.ndarray:
        """`lr` of consecutive steps: float64 [steps]."""
        places = np.minimum(np.arange(steps.start, steps.stop) - self.start, len(self.table) - 1)
        return self.choice.lr * self.table[places]


@dataclasses.dataclass(frozen=True)
class Course:
    """A trial's segments as engines read them."""

    trial: Trial
    segments: tuple[InForce, ...]

    def at(self, step: int) -> InForce:
        """The segment in force at this step: the last that starts at it or before."""
        return next((s for s in reversed(self.segments) if s.start <= step), self.segments[0])

    @functools.cached_property
    def starts(self) -> frozenset[int]:
        return frozenset(segment.start for segment in self.segments)


def course_of(trial: Trial, regime: Regime) -> Course:
    """The trial's course.

    Raises:
        TaskError: a standard hyperparameter has a value that its rule cannot take.
    """
    return Course(trial, tuple(_in_force(segment, regime) for segment in trial.segments))


def batch_size_of(trial: Trial, problem: Problem, regime: Regime) -> int:
    """The batch size that the regime, the trial or the problem asks for, in this order.

    Raises:
        TaskError: it is not a positive whole number.
    """
    asked = regime.batch_size or trial.hyperparameters.get("batch_size") or problem.default_batch_size
    if int(asked) != asked or asked < 1:
        raise TaskError(f"batch_size is a whole number from 1 on, got {asked}.")
    return int(asked)


def _in_force(segment: Segment, regime: Regime) -> InForce:
    start, hyperparameters = segment.start, segment.hyperparameters
    choice = Choice.read(hyperparameters, regime.regularised)
    table, smoothing, clip, decay = np.ones(1), None, math.inf, None
    if regime.regularised:
        kind, warmup = str(hyperparameters.get("schedule") or "constant"), float(hyperparameters.get("warmup") or 0.0)
        if segment.schedule_steps > 0:
            whole = max(round(segment.schedule_steps / (1.0 - segment.progress)), 1)
            table = multipliers(kind, whole, warmup)[whole - segment.schedule_steps :]
        if hyperparameters.get("label_smoothing") is not None:
            smoothing = _within("label_smoothing", hyperparameters.get("label_smoothing"), 0.0, 1.0)
        clip = _within("grad_clip", hyperparameters.get("grad_clip"), 0.0, math.inf) or math.inf
        decay = _within("ema_decay", hyperparameters.get("ema_decay"), 0.0, 1.0) or None
    return InForce(start, choice, smoothing, clip, decay, hyperparameters, table)


def _within(name: str, value: Any, least: float, most: float) -> float:
    number = 0.0 if value is None else float(value)
    if not least <= number <= most:
        raise TaskError(f"{name} lies from {least} to {most}, got {number}.")
    return number
