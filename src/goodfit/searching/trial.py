"""What an objective is given: a configuration to try, and a line to tell how it goes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from goodfit.errors import TrainingError
from goodfit.execution.functions import Function, FunctionWork, Line, Reported, StopTrial
from goodfit.hyperparameters import Hyperparameters

__all__ = ["Objective", "StopTrial", "Trial", "as_function"]


class Trial:
    """One configuration, as the objective sees it: `trial.lr`, `trial["lr"]` and `trial.hyperparameters`.

    Attributes:
        number: of the trial in its study, from 0.
        seed: for all that is random in it; the same whenever this trial is run again.
        epochs: how far it is to go, where `gf.search` was given `epochs`; None else.
        hyperparameters: a mapping; `trial.hyperparameters.lr` works too.

    Example:
        def objective(trial):
            model = build(trial.width)
            for epoch in range(1, trial.epochs + 1):
                train(model, lr=trial.lr)
                trial.report(epoch, {"val_loss": loss(model)})
                if trial.should_stop():
                    break
            return loss(model)
    """

    def __init__(
        self, number: int, hyperparameters: Mapping[str, Any], seed: int, epochs: float | None, line: Line
    ) -> None:
        self.number = number
        self.seed = seed
        self.epochs = epochs if epochs is None or epochs != int(epochs) else int(epochs)
        self.hyperparameters = Hyperparameters(hyperparameters)
        self._line = line
        self._reports = 0
        self._last_epoch = -math.inf

    def __getitem__(self, name: str) -> Any:
        return self.hyperparameters[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.hyperparameters, name)

    def __contains__(self, name: object) -> bool:
        return name in self.hyperparameters

    def get(self, name: str, default: Any = None) -> Any:
        """The value, or `default` where this trial has no such hyperparameter: a conditional one, say."""
        return self.hyperparameters.get(name, default)

    def report(self, epoch: float, metrics: Mapping[str, Any] | float) -> None:
        """Tell how far the trial is and how it does; the first metric is what trials are compared by.

        Args:
            epoch: how much of the training is done, growing from report to report.
            metrics: numbers by name, such as {"val_loss": 0.31}; a number alone is called "value".

        Raises:
            TrainingError: the epoch does not grow, or a metric is no number.
        """
        values = metrics if isinstance(metrics, Mapping) else {"value": metrics}
        if not values:
            raise TrainingError(
                f"trial.report needs a metric, such as {{'val_loss': loss}}, got none at epoch {epoch}."
            )
        if not float(epoch) > self._last_epoch:
            raise TrainingError(
                f"trial.report(epoch, ...) counts upwards, got {epoch} after {self._last_epoch:g}; "
                "report once an epoch."
            )
        self._last_epoch = float(epoch)
        self._reports += 1
        self._line.report(
            Reported(self.number, self._reports, float(epoch), {str(k): _number(k, v) for k, v in values.items()})
        )

    def should_stop(self) -> bool:
        """Whether the trial is to end: by the last report it is behind, has diverged, or the time is up."""
        return self._line.is_stopped(self._reports)

    def __repr__(self) -> str:
        return f"Trial({self.number}, {self.hyperparameters})"


Objective = Callable[[Trial], Any]


def as_function(objective: Objective) -> Function:
    """The objective as work for an executor."""

    def function(work: FunctionWork, line: Line) -> Any:
        trial = work.trials[0]
        return objective(Trial(trial.number, trial.hyperparameters, trial.seed, work.epochs, line))

    return function


def _number(name: object, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        shown = type(value).__name__
        raise TrainingError(f"trial.report: metric {name!r} must be a number, got {shown}; take its mean.") from None
