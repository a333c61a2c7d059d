"""What a step costs, learned from the works that have ended: plans in seconds rest on it. Pure."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, slots=True)
class Timing:
    """One work that has ended, on one slot."""

    size: float  # operations of a minibatch's forward pass, what a step's arithmetic grows with
    steps: float  # steps of all its trials together, evaluations among them by their arithmetic
    seconds: float


@dataclasses.dataclass
class CostModel:
    """Seconds of one slot for a step of a trial: overhead + rate × size, fitted to what was measured."""

    timings: list[Timing] = dataclasses.field(default_factory=list)

    def add(self, timing: Timing) -> None:
        if timing.steps > 0 and timing.seconds > 0:
            self.timings.append(timing)

    def seconds_per_step(self, size: float) -> float:
        """For a trial of this size, in seconds of one slot.

        Raises:
            ValueError: nothing was measured yet.
        """
        if not self.timings:
            raise ValueError("no work has ended yet, so nothing is known of a step's cost")
        recent = self.timings[-60:]
        # Least squares in total seconds, each work weighted by its length: long works tell the truth best.
        steps = np.array([t.steps for t in recent], dtype=float)
        sizes = np.array([t.size for t in recent], dtype=float)
        seconds = np.array([t.seconds for t in recent], dtype=float)
        mean_cost = seconds.sum() / steps.sum()
        mean_size = (sizes * steps).sum() / steps.sum()
        rate = 0.0
        spread = (steps * (sizes - mean_size) ** 2).sum()
        if spread > 0:
            rate = (steps * (sizes - mean_size) * (seconds / steps - mean_cost)).sum() / spread
        rate = float(np.clip(rate, 0.0, mean_cost / max(mean_size, 1e-12)))
        return float(max(mean_cost + rate * (size - mean_size), 0.05 * mean_cost))
