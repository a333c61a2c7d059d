"""What a step of a trial will cost: learned from the works that have ended, measured before there are any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from goodfit.hyperparameters import STANDARD
from goodfit.running.costs import CostModel, Timing
from goodfit.running.engine_choice import EngineChooser
from goodfit.running.roles import forward_operations
from goodfit.training.problem import Problem


class Prices:
    """Seconds and arithmetic of a run's trials, by their hyperparameters."""

    def __init__(self, problem: Problem, chooser: EngineChooser) -> None:
        self.costs = CostModel()
        self._problem = problem
        self._chooser = chooser
        self._sizes: dict[str, float] = {}
        self._measured: dict[str, Any] | None = None  # the hyperparameters whose speed was measured before any work

    def add(self, timing: Timing) -> None:
        """Learn from a work that has ended."""
        self.costs.add(timing)

    def size_of(self, hyperparameters: Mapping[str, Any]) -> float:
        """Floating-point operations of a minibatch's forward pass: what a step's arithmetic grows with."""
        own = {name: value for name, value in hyperparameters.items() if name not in STANDARD}
        key = repr((sorted(own.items()), hyperparameters.get("batch_size")))
        if key not in self._sizes:
            self._sizes[key] = forward_operations(self._problem, hyperparameters)
        return self._sizes[key]

    def seconds_per_step(self, hyperparameters: Mapping[str, Any]) -> float:
        """What a step of such a trial takes on one slot."""
        if self.costs.timings:
            return self.costs.seconds_per_step(self.size_of(hyperparameters))
        if self._measured is None:
            self._measured = dict(hyperparameters)
        speed = self._chooser.steps_per_second(self._problem, self._measured)
        ratio = self.size_of(hyperparameters) / max(self.size_of(self._measured), 1.0)
        return (0.5 + 0.5 * ratio) / speed  # a step's overhead does not grow with its arithmetic
