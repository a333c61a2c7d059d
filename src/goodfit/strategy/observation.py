"""What the search knows of a trial: no more than this."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class Observation:
    """A trial that has ended, as evidence. Diverged and failed ones stay in: they show where the edge is."""

    number: int
    hyperparameters: Mapping[str, Any]
    score: float | None  # lower is better, whatever the objective; None: infeasible (diverged or failed)
    status: str = "done"
    epochs: float = 0.0
    seed: int = 0
    loss: float | None = None  # the validation loss: breaks ties of the score

    @property
    def is_feasible(self) -> bool:
        return self.score is not None

    @property
    def is_pending(self) -> bool:
        """True where the trial was proposed and has not ended: no evidence yet, but not to be proposed again."""
        return self.status in ("queued", "running")
