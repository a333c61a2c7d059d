"""What the user brings: a model, data, a loss, metrics, an objective and a space.

This module imports no torch of its own: a task file does that, when it is read.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goodfit.errors import TaskError
from goodfit.space import Space

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclasses.dataclass(frozen=True)
class Data:
    """Training, validation and test data.

    A split is a pair of tensors or arrays (inputs, target), any tuple or dict of such that share their first length,
    a `torch.utils.data.Dataset`, or a `DataLoader` (its batch size is then the task's default). Where `val` is missing
    it is split off `train`: stratified where there are classes, and by the data alone, not by the seed. Where `test`
    is missing there is no test result.
    """

    train: Any
    val: Any = None
    test: Any = None
    columns: tuple[str, ...] | None = None  # names of the input's features, for messages


@dataclasses.dataclass(frozen=True)
class ModelLoss:
    """A loss that calls the model itself; made by `gf.model_loss`."""

    function: Callable[[nn.Module, Any], Tensor]


def model_loss(function: Callable[[nn.Module, Any], Tensor]) -> ModelLoss:
    """A loss of (model, batch), for whatever is not a function of prediction and target.

    Args:
        function: takes the model and a batch as the data gives it (on the device), returns the scalar mean loss.

    Example:
        loss=gf.model_loss(lambda model, batch: F.cross_entropy(model(batch[:, :-1]).mT, batch[:, 1:]))
    """
    if not callable(function):
        raise TaskError(f"model_loss needs a function of (model, batch), got {type(function).__name__}.")
    return ModelLoss(function)


def accuracy(prediction: Tensor, target: Tensor) -> Tensor:
    """The share of right predictions, a scalar within 0 and 1.

    Args:
        prediction: scores [n, classes] or [n, classes, ...], or logits of one binary output with the target's shape.
        target: classes [n] or [n, ...]; 0 or 1 for binary logits.
    """
    if prediction.ndim == target.ndim + 1:
        return (prediction.argmax(1) == target).float().mean()
    return ((prediction > 0) == (target > 0.5)).float().mean()


@dataclasses.dataclass(frozen=True, slots=True)
class Objective:
    """What is optimised: "max val accuracy" or "min val loss"."""

    maximise: bool
    metric: str  # "loss" or a name in `metrics`

    @classmethod
    def parse(cls, text: str, metrics: Mapping[str, Any]) -> Objective:
        """The objective that a text names.

        Raises:
            TaskError: the text is not "min|max val NAME", or there is no such metric.
        """
        match = re.fullmatch(r"\s*(min|max)\s+val\s+(\S+)\s*", text) if isinstance(text, str) else None
        known = ["loss", *metrics]
        if match is None:
            raise TaskError(f'objective must read like "max val accuracy" or "min val loss", got {text!r}.')
        if match[2] not in known:
            raise TaskError(f"objective {text!r} names {match[2]!r}, but there are only: {', '.join(known)}.")
        return cls(match[1] == "max", match[2])

    def __str__(self) -> str:
        return f"{'max' if self.maximise else 'min'} val {self.metric}"

    def score(self, value: float) -> float:
        """The value as the search reads it: lower is better."""
        return -value if self.maximise else value

    def natural(self, score: float) -> float:
        """A score as the user names it: what `score` took."""
        return -score if self.maximise else score


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """One thing to train. See the README for an example.

    Args:
        name: letters, digits, dots, dashes and underscores; it names the run's folder.
        model: builds a fresh `nn.Module` from `Hyperparameters`; called under a generator seeded per trial.
        data: a `Data`, or a function without arguments that loads one.
        loss: a function of (prediction, target) that returns a scalar, or `gf.model_loss(...)`.
        metrics: functions of (prediction, target) by name; of (model, batch) with a `model_loss`.
        objective: "max val accuracy"; "min val loss" unless given.
        epochs: a full training as the user would run it; found from the curves unless given.
        space: the starting box of every hyperparameter that may vary; sensible defaults unless given.
        start: values for steps 1 to 3, and for whatever the space does not vary.
        expected_initial_loss: what chance predicts, where goodfit cannot know it (a `model_loss`).

    Raises:
        TaskError: an argument cannot be used; the message says which and why.
    """

    name: str
    model: Callable[[Any], nn.Module]
    data: Data | Callable[[], Data]
    loss: Callable[..., Tensor] | ModelLoss
    metrics: Mapping[str, Callable[..., Tensor]] = dataclasses.field(default_factory=dict)
    objective: str = "min val loss"
    epochs: float | None = None
    space: Space | None = None
    start: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    expected_initial_loss: float | None = None
    source: str = ""  # the text that the task was read from; filled in

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(r"[\w.-]+", self.name) or self.name.startswith("."):
            raise TaskError(f"A task's name is letters, digits, dots, dashes and underscores, got {self.name!r}.")
        for label in ("model", "loss"):
            if not callable(getattr(self, label)) and not isinstance(getattr(self, label), ModelLoss):
                raise TaskError(f"{label} of task {self.name!r} must be a function, got {getattr(self, label)!r}.")
        if isinstance(self.loss, type):
            raise TaskError(f"loss of task {self.name!r} is a class; give an instance, {self.loss.__name__}().")
        if not isinstance(self.data, Data) and not callable(self.data):
            raise TaskError(f"data of task {self.name!r} must be a gf.Data or a function that returns one.")
        if self.space is not None and not isinstance(self.space, Space):
            raise TaskError(f"space of task {self.name!r} must be a gf.Space, got {type(self.space).__name__}.")
        if self.epochs is not None and not self.epochs > 0:
            raise TaskError(f"epochs of task {self.name!r} must be above 0, got {self.epochs}.")
        if "loss" in self.metrics:
            raise TaskError(f'task {self.name!r} names a metric "loss", which is the loss itself; rename it.')
        Objective.parse(self.objective, self.metrics)
        if not self.source:
            object.__setattr__(self, "source", _source_of(self.model))

    @property
    def parsed_objective(self) -> Objective:
        return Objective.parse(self.objective, self.metrics)


def _source_of(function: Callable[..., Any]) -> str:
    """The text of the file that a function stands in; "" where there is none (a prompt, a notebook)."""
    try:
        path = inspect.getsourcefile(function)
        return Path(path).read_text() if path else ""
    except (OSError, TypeError, UnicodeDecodeError):
        return ""
