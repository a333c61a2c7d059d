"""A trial's points on their way out: gathered by series, sent in the order of steps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from goodfit.training.engine import Emit
from goodfit.training.trial import Ended, Event, Points, Status


class Curve:
    """Gathers one trial's points between two sendings."""

    def __init__(self, trial: int, emit: Emit) -> None:
        self.trial = trial
        self._emit = emit
        self._points: dict[str, tuple[list[int], list[float]]] = {}

    def add(self, series: str, step: int, value: float) -> None:
        steps, values = self._points.setdefault(series, ([], []))
        steps.append(step)
        values.append(value)

    def add_all(self, step: int, values: Mapping[str, float]) -> None:
        for series, value in values.items():
            self.add(series, step, value)

    def send(self) -> None:
        """Emit what was gathered, a series at a time."""
        for series, (steps, values) in self._points.items():
            self._emit(Points(self.trial, series, np.array(steps, dtype=np.int64), np.array(values, dtype=np.float64)))
        self._points.clear()

    def end(self, status: Status, step: int, reason: str = "") -> None:
        """Emit what is left and the trial's end."""
        self.send()
        self._emit(Ended(self.trial, status, step, reason))

    def tell(self, event: Event) -> None:
        """Emit something else of this trial's, after its points so far."""
        self.send()
        self._emit(event)
