"""A trial's points on their way out: gathered by series, sent in the order of steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from goodfit.training.engine import Emit
from goodfit.training.trial import Ended, Event, Points, Status

# Ours: as often as executors pass on what they are told. Points told one by one cost more than a tiny trial's training.
SEND_SECONDS = 0.25


class Curve:
    """Gathers one trial's points between two sendings."""

    def __init__(self, trial: int, emit: Emit, clock: Callable[[], float] = time.monotonic) -> None:
        self.trial = trial
        self._emit = emit
        self._clock = clock
        self._sent = clock()
        self._points: dict[str, tuple[list[int], list[float]]] = {}
        self._arrays: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}

    def add(self, series: str, step: int, value: float) -> None:
        steps, values = self._points.setdefault(series, ([], []))
        steps.append(step)
        values.append(value)

    def add_all(self, step: int, values: Mapping[str, float]) -> None:
        for series, value in values.items():
            self.add(series, step, value)

    def extend(self, series: str, steps: np.ndarray, values: np.ndarray) -> None:
        """Add many points of a series that is never added to one by one; the arrays must not change afterwards."""
        if len(steps):
            self._arrays.setdefault(series, []).append((steps, values))

    def offer(self) -> None:
        """Emit what was gathered, if the last sending is long enough ago: a tiny trial then speaks once, at its end."""
        if self._clock() - self._sent >= SEND_SECONDS:
            self.send()

    def send(self) -> None:
        """Emit what was gathered, a series at a time."""
        self._sent = self._clock()
        for series, (steps, values) in self._points.items():
            self._emit(Points(self.trial, series, np.array(steps, dtype=np.int64), np.array(values, dtype=np.float64)))
        for series, parts in self._arrays.items():
            steps, values = (np.concatenate(column) for column in zip(*parts, strict=True))
            self._emit(Points(self.trial, series, steps.astype(np.int64, copy=False), values))
        self._points.clear()
        self._arrays.clear()

    def end(self, status: Status, step: int, reason: str = "") -> None:
        """Emit what is left and the trial's end."""
        self.send()
        self._emit(Ended(self.trial, status, step, reason))

    def tell(self, event: Event) -> None:
        """Emit something else of this trial's, after its points so far."""
        self.send()
        self._emit(event)
