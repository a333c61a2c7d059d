"""A task tried once before anything is spent: does the model build, is the loss a scalar, do the labels fit?"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from goodfit.errors import DataError, SpaceError, TaskError
from goodfit.hyperparameters import STANDARD, Hyperparameters
from goodfit.opened import Opened, calling
from goodfit.recipe.decide import Roles
from goodfit.running.roles import find_roles
from goodfit.settings import Settings
from goodfit.space import Space
from goodfit.space.defaults import default_space
from goodfit.space.levels import Choice
from goodfit.training.course import course_of
from goodfit.training.problem import Problem, Split, as_pair
from goodfit.training.schedules import multipliers
from goodfit.training.splits import ResidentSplit
from goodfit.training.structure import built
from goodfit.training.trial import Regime, Segment, Trial


@dataclasses.dataclass(frozen=True, slots=True)
class Prepared:
    """A task that was tried and works."""

    space: Space
    start: Mapping[str, Any]  # what steps 1 to 3 use, and what the space does not vary
    roles: Roles


def check_task(opened: Opened, settings: Settings) -> Prepared:
    """Try the task once, at its start values.

    Raises:
        TaskError: the model, the loss or a metric raised, or gave something that cannot be used.
        SpaceError: a hyperparameter is neither goodfit's nor read by the model.
        DataError: a label lies outside the classes that the model puts out.
    """
    devices = [opened.problem.device] if opened.problem.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):  # dropout draws; the user's random state stays as it was
        return _tried(opened, settings)


def _tried(opened: Opened, settings: Settings) -> Prepared:
    task, problem = opened.task, opened.problem
    optimizer = str(task.start.get("optimizer", "adamw"))
    space = task.space if task.space is not None else default_space(optimizer, uses=task.start)
    start = {"optimizer": "adamw", **space.middle(), **task.start}
    start.setdefault("batch_size", problem.default_batch_size)
    _check_names(opened, space, start)
    _check_sizes(problem, space, start)
    calling("start", lambda: _check_own(start))
    _check_own_ranges(space, start)
    batch = problem.train.fetch(torch.arange(min(len(problem.train), max(2, int(start["batch_size"])))))
    model = _model(problem, start)
    loss = _first_loss(problem, model, batch)
    if not isinstance(loss, Tensor):
        raise TaskError(f"The loss must return a scalar tensor, got {type(loss).__name__}.")
    if loss.ndim != 0:
        raise TaskError(
            f"The loss must return a scalar, got a tensor of shape {list(loss.shape)}; take its mean, or use "
            "reduction='mean'."
        )
    _check_metrics(opened, model, batch)
    _check_other_splits(opened, model, batch)
    return Prepared(space, start, find_roles(problem, space, start))


def _model(problem: Problem, hyperparameters: Mapping[str, Any]) -> nn.Module:
    told = ", ".join(f"{name}={value!r}" for name, value in hyperparameters.items())
    model = calling(f"model({told})", lambda: built(problem, hyperparameters, 0))
    if not isinstance(model, nn.Module):
        raise TaskError(f"model must return an nn.Module, got {type(model).__name__}.")
    if not any(p.requires_grad for p in model.parameters()):
        raise TaskError("The model has no parameters that can be trained.")
    return model


def _first_loss(problem: Problem, model: nn.Module, batch: Any) -> Tensor:
    """The loss of one batch in train mode."""
    model.train()
    if problem.loss.of_model:
        return calling("The loss", lambda: problem.loss(model, batch))
    inputs, target = as_pair(batch)
    prediction = _answer(model, inputs, "train")
    if problem.loss.cross_entropy is not None and isinstance(prediction, Tensor):
        _check_labels(problem, prediction, target)
    return calling("The loss", lambda: problem.loss.function(prediction, target))


def _answer(model: nn.Module, inputs: Any, name: str) -> Any:
    shapes = ", ".join(str(list(leaf.shape)) for leaf in pytree.tree_leaves(inputs) if isinstance(leaf, Tensor))
    return calling(f"The model, given a batch of the {name} split's inputs {shapes},", lambda: model(inputs))


def _check_other_splits(opened: Opened, model: nn.Module, batch: Any) -> None:
    """Whether the model takes the val and the test split too. Of the test set only shapes and labels' range count."""
    problem, test = opened.problem, opened.test
    model.eval()
    few = problem.val.fetch(torch.arange(min(len(problem.val), 2)))
    shapes = [tuple(leaf.shape[1:]) for leaf in pytree.tree_leaves(few)]
    with torch.no_grad():
        if problem.loss.of_model:
            calling(f"The loss, given a batch of the val split {_told(shapes)},", lambda: problem.loss(model, few))
        else:
            inputs, target = as_pair(few)
            answer = _answer(model, inputs, "val")
            calling("The loss, on the val split,", lambda: problem.loss.function(answer, target))
    if test is None:
        return
    if len(test.shapes()) != len(shapes):
        raise DataError(
            f"A sample of the test split has {len(test.shapes())} tensors, one of the train split {len(shapes)}; give "
            "all splits alike."
        )
    if test.shapes() not in (shapes, [tuple(leaf.shape[1:]) for leaf in pytree.tree_leaves(batch)]):
        # Other widths may be meant, as in sequences. Zeros of that shape tell, and show nothing of the test set.
        leaves, structure = pytree.tree_flatten(few)
        zeros = [leaf.new_zeros((len(leaf), *shape)) for leaf, shape in zip(leaves, test.shapes(), strict=True)]
        blank = pytree.tree_unflatten(zeros, structure)
        with torch.no_grad():
            if problem.loss.of_model:
                calling(
                    f"The loss, given a batch of the test split's shape {_told(test.shapes())},",
                    lambda: problem.loss(model, blank),
                )
            else:
                _answer(model, as_pair(blank)[0], "test")
    labels = test.label_range()
    if labels is None or problem.loss.cross_entropy is None:
        return
    with torch.no_grad():
        classes = model(as_pair(few)[0]).shape[1]
    ignored = problem.loss.cross_entropy.get("ignore_index", -100)
    for label in labels:
        if not 0 <= label < classes and label != ignored:
            raise DataError(
                f"The model puts out {classes} classes, numbered 0 to {classes - 1}, but the test split has label "
                f"{label}. Make the last layer wider, or renumber the labels."
            )


def _told(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(str(list(shape)) for shape in shapes) + " a sample"


def _check_own(hyperparameters: Mapping[str, Any]) -> None:
    """Whether goodfit can apply its own hyperparameters at these values."""
    course_of(Trial(0, 0, (Segment(0, {"lr": 1e-3, **hyperparameters}, 0),)), Regime()).at(0)
    multipliers(str(hyperparameters.get("schedule", "constant")), 2, float(hyperparameters.get("warmup") or 0.0))


def _check_own_ranges(space: Space, start: Mapping[str, Any]) -> None:
    """The same for every value of their choices and both ends of their ranges: a search would meet them late."""
    for dimension in space.dimensions:
        if dimension.name not in STANDARD:
            continue
        scale = dimension.scale
        for value in scale.values if isinstance(scale, Choice) else (scale.from_unit(0.0), scale.from_unit(1.0)):
            try:
                _check_own({**start, dimension.name: value})
            except TaskError as error:
                raise SpaceError(f"{dimension.name} in space: {error}") from error


def _check_sizes(problem: Problem, space: Space, start: Mapping[str, Any]) -> None:
    """Whether a batch may be larger than the data."""
    samples = len(problem.train)
    sizes = [start["batch_size"]]
    for dimension in space.dimensions:
        if dimension.name == "batch_size":
            shown = dimension.scale.as_json()
            sizes += [shown["high"]] if "high" in shown else list(shown.get("values", ()))
    largest = max((size for size in sizes if isinstance(size, (int, float))), default=0)
    if largest > samples:
        raise DataError(
            f"batch_size may be {int(largest):,}, but there are only {samples:,} training samples; lower it in start "
            "or space."
        )


def _check_labels(problem: Problem, prediction: Tensor, target: Any) -> None:
    """Whether every label of every split is one of the classes that the model puts out."""
    if not isinstance(target, Tensor) or target.is_floating_point() or prediction.ndim != target.ndim + 1:
        return
    classes = prediction.shape[1]
    ignored = (problem.loss.cross_entropy or {}).get("ignore_index", -100)
    for name, split in (("train", problem.train), ("val", problem.val)):
        labels = _all_targets(split)
        if labels is None:
            continue
        bad = ((labels < 0) | (labels >= classes)) & (labels != ignored)
        if bad.any():
            at = [int(i) for i in bad.nonzero()[0]]
            raise DataError(
                f"The model puts out {classes} classes, numbered 0 to {classes - 1}, but the {name} split has label "
                f"{int(labels[tuple(at)])} at sample {at[0]} ({int(bad.sum())} such labels in all). Make the last "
                "layer wider, or renumber the labels."
            )


def _all_targets(split: Split) -> Tensor | None:
    if not isinstance(split, ResidentSplit):
        return None
    return as_pair(split.samples)[1]


def _check_metrics(opened: Opened, model: nn.Module, batch: Any) -> None:
    problem = opened.problem
    model.eval()
    for name, metric in problem.metrics.items():

        def value(metric: Any = metric) -> Any:
            with torch.no_grad():
                if problem.loss.of_model:
                    return metric(model, batch)
                inputs, target = as_pair(batch)
                return metric(model(inputs), target)

        found = calling(f"The metric {name!r}", value)
        if not isinstance(found, (float, int)) and not (isinstance(found, Tensor) and found.numel() == 1):
            shape = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise TaskError(f"The metric {name!r} must return one number a batch, got {shape}; take its mean.")


def _check_names(opened: Opened, space: Space, start: Mapping[str, Any]) -> None:
    """Every name is goodfit's own or one that the model reads, at least for one value of each choice."""
    own = [n for n in dict.fromkeys((*space.names, *opened.task.start)) if n not in STANDARD]
    if not own:
        return
    read: set[str] = set()
    for point in _points(space, start):
        hyperparameters = Hyperparameters(point)
        with torch.random.fork_rng(devices=[]):
            told = ", ".join(f"{name}={value!r}" for name, value in point.items())
            calling(f"model({told})", lambda h=hyperparameters: opened.problem.build(h))
        read |= hyperparameters.names_read
    unread = [name for name in own if name not in read]
    if not unread:
        return
    sentences = []
    for name in unread:
        near = difflib.get_close_matches(name, [*STANDARD, *sorted(read)], n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        sentences.append(f"{name!r} is neither one of goodfit's own hyperparameters nor read by the model.{hint}")
    raise SpaceError(" ".join(sentences))


def _points(space: Space, start: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The start, and the start with each other value of each choice."""
    points = [dict(start)]
    for dimension in space.dimensions:
        if isinstance(dimension.scale, Choice):
            points += [{**start, dimension.name: value} for value in dimension.scale.values]
        elif dimension.name not in start:
            points += [{**start, dimension.name: dimension.scale.middle()}]
    return points
