"""One trial's step losses, as far as they decide its fate: the first, the last few, and the mean of the running pass.

They ride in the trial's state, so that a trial which is interrupted ends where it would have ended undisturbed.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Any

import numpy as np

from goodfit.training.trial import TrialState


class LossWatch:
    """Told every step loss in order.

    Source of the explosion's rule: recipe 3.2, the median of a few losses against a limit; one high loss is noise.
    """

    def __init__(self, window: int, state: TrialState | None = None) -> None:
        """
        Args:
            window: losses whose median is judged.
            state: goes on from there; None: from the start.
        """
        self.first = None if state is None else state.initial_loss
        self._window = window
        self._recent: deque[float] = deque(() if state is None else state.recent_losses, maxlen=window)
        self._pass_sum = 0.0 if state is None else state.pass_loss_sum
        self._pass_steps = 0 if state is None else state.pass_steps

    def add(self, loss: float) -> None:
        """The next step's loss."""
        if self.first is None:
            self.first = loss
        self._recent.append(loss)
        self._pass_sum += loss
        self._pass_steps += 1

    def take_over(self, first: float, recent: Iterable[float], pass_sum: float, pass_steps: int) -> None:
        """Go on from what was added up elsewhere, by the same rules."""
        self.first = first
        self._recent = deque(recent, maxlen=self._window)
        self._pass_sum, self._pass_steps = pass_sum, pass_steps

    def has_exploded(self, limit: float) -> bool:
        """Whether the median of the last losses lies above the limit; fewer than the window are no evidence."""
        return len(self._recent) >= self._window and self._median() > limit

    def exploded_reason(self, limit: float, step: int) -> str:
        """`has_exploded` in a sentence."""
        first = math.nan if self.first is None else self.first
        return (
            f"the loss exploded: the median of the {self._window} losses up to step {step} was {self._median():.4g}, "
            f"above {limit:.4g}; it began at {first:.4g}"
        )

    def end_pass(self) -> float | None:
        """The mean loss of the pass that ends here, the next one's beginning; None where no step was told."""
        mean = self._pass_sum / self._pass_steps if self._pass_steps else None
        self._pass_sum, self._pass_steps = 0.0, 0
        return mean

    def kept(self) -> dict[str, Any]:
        """The fields of a `TrialState` that say all this."""
        return {
            "initial_loss": self.first,
            "recent_losses": tuple(self._recent),
            "pass_loss_sum": self._pass_sum,
            "pass_steps": self._pass_steps,
        }

    def _median(self) -> float:
        return float(np.median(self._recent))
