"""What became of a trial, as the stages read it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from goodfit.task import Objective
from goodfit.training.trial import Ended, Event, Points, Probed, Status, Trial


def begun(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those that were not left out for want of time: a trial that never began is no evidence."""
    return [outcome for outcome in outcomes if outcome.step > 0 or outcome.status is not Status.STOPPED]


@dataclasses.dataclass(slots=True)
class Outcome:
    """A trial with all that was told of it so far."""

    trial: Trial
    stage: int  # the stage's number in the ledger
    steps_per_epoch: float
    engine: str
    status: Status = Status.QUEUED
    step: int = 0  # steps done
    reason: str = ""
    started_at: float | None = None  # seconds since 1970
    series: dict[str, dict[int, float]] = dataclasses.field(default_factory=dict)  # series -> step -> value
    probed: dict[int, Probed] = dataclasses.field(default_factory=dict)  # by step

    @property
    def number(self) -> int:
        return self.trial.number

    @property
    def hyperparameters(self) -> Mapping[str, Any]:
        return self.trial.hyperparameters

    @property
    def epochs(self) -> float:
        return self.step / self.steps_per_epoch

    @property
    def is_feasible(self) -> bool:
        return self.status in (Status.DONE, Status.STOPPED) and bool(self.last("val_loss") is not None)

    def add(self, points: Points) -> None:
        """Points told twice (after a resume) count once."""
        known = self.series.setdefault(points.series, {})
        known.update(zip(points.steps.tolist(), points.values.tolist(), strict=True))

    def curve(self, series: str) -> tuple[np.ndarray, np.ndarray]:
        """Steps (int64 [n], growing) and values (float64 [n]) of a series; empty where it was never told."""
        known = self.series.get(series, {})
        steps = np.array(sorted(known), dtype=np.int64)
        return steps, np.array([known[int(s)] for s in steps], dtype=np.float64)

    def last(self, series: str) -> float | None:
        """The last value of a series, if it is finite."""
        known = self.series.get(series)
        if not known:
            return None
        value = known[max(known)]
        return value if np.isfinite(value) else None

    def events(self) -> Iterator[Event]:
        """All that was told, as an engine tells it."""
        for name in self.series:
            steps, values = self.curve(name)
            yield Points(self.number, name, steps, values)
        for step in sorted(self.probed):
            yield self.probed[step]
        yield Ended(self.number, self.status, self.step, self.reason)

    def last_metrics(self) -> dict[str, float | None]:
        """The last evaluation, by series."""
        return {name: self.last(name) for name in self.series if name.startswith(("train_", "val_"))}


def best_of(outcomes: Sequence[Outcome], objective: Objective) -> Outcome | None:
    """The best by the objective on the validation samples, of those that went to their end where there are any.

    One that was ended early may have looked better at a shorter length, and its weights are not those that were scored.
    """
    series = f"val_{objective.metric}"
    scored = [o for o in outcomes if o.status is not Status.DIVERGED and o.last(series) is not None]
    whole = [o for o in scored if o.status is Status.DONE]
    return min(whole or scored, key=lambda o: objective.score(o.last(series) or 0.0), default=None)
