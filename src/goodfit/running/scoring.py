"""Trained networks evaluated sample by sample, so that they can be compared in pairs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from goodfit.task import Objective
from goodfit.training.ensemble import Merge, merged
from goodfit.training.problem import Problem, Split, as_pair
from goodfit.training.splits import fetch_seeded

CHUNK = 512  # samples answered at once
PARTS = 50  # of the samples, for a metric that is no mean over them
GROUP = 16  # samples behind each value where a loss of (model, batch) gives no single ones


@dataclasses.dataclass(frozen=True)
class Scored:
    """Per-sample (or per-group) values over a split: the loss, and each metric."""

    values: dict[str, np.ndarray]  # float64 [samples] by name; "loss" among them

    def mean(self) -> dict[str, float]:
        return {name: float(values.mean()) for name, values in self.values.items()}

    def scores(self, objective: Objective) -> np.ndarray:
        """The objective's values, lower is better."""
        return objective.score(1.0) * self.values[objective.metric]


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a network answered on a split."""

    predictions: Tensor  # [samples, ...]
    target: Tensor


def places(split: Split, most: int | None) -> Tensor:
    """Samples of a split, evenly spread over it: all where `most` is None or no fewer; the same on every call."""
    count = len(split) if most is None else min(most, len(split))
    return torch.arange(count) * len(split) // count


def answers(problem: Problem, model: nn.Module, split: Split, most: int | None = None) -> Answers:
    """The predictions of a model in eval mode on all samples of a split, or on `most` of them."""
    model.eval()
    predictions, targets = [], []
    with torch.no_grad():
        for indices in places(split, most).split(CHUNK):
            inputs, target = as_pair(fetch_seeded(split, indices, int(indices[0])))
            predictions.append(model(inputs).cpu())
            targets.append(target.cpu())
    return Answers(torch.cat(predictions), torch.cat(targets))


def scored_answers(problem: Problem, predictions: Tensor, target: Tensor, only: str | None = None) -> Scored:
    """Loss and metrics of each single sample: those functions called with a batch of one; `only` one of them.

    A metric that is no mean over samples (balanced accuracy, F1, R2) gets a value for each of `PARTS` parts instead.
    """
    functions: dict[str, Callable[..., Tensor]] = {"loss": problem.loss.function, **problem.metrics}
    if only is not None:
        functions = {only: functions[only]}
    values = {}
    with torch.no_grad():
        for name, function in functions.items():
            values[name] = _each(function, predictions, target)
            if name == "loss":
                continue
            if not _is_mean(function, predictions, target):
                values[name] = _pseudo_values(function, predictions, target)
    return Scored(values)


def _is_mean(function: Callable[..., Tensor], predictions: Tensor, target: Tensor) -> bool:
    """Whether the metric of many samples is the mean of theirs.

    Judged on predictions dealt out anew, at most `CHUNK`: of perfect ones many metrics are 1, whatever they are.
    """
    dealt = torch.randperm(len(predictions), generator=torch.Generator().manual_seed(0))[:CHUNK]
    shuffled, kept = predictions[dealt], target[: len(dealt)]
    each, whole = float(_each(function, shuffled, kept).mean()), float(function(shuffled, kept))
    return math.isclose(each, whole, rel_tol=1e-4, abs_tol=1e-4)


def _pseudo_values(function: Callable[..., Tensor], predictions: Tensor, target: Tensor) -> np.ndarray:
    """Values, one for each part of the samples, whose mean is the metric of all and whose spread tells its error.

    Jackknife pseudo-values, n m - (n - 1) m(without a part), moved so that their mean is m. A part without which the
    metric cannot be computed (it holds all of a rare class) counts as if it changed nothing.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 11.
    """
    parts, whole = min(PARTS, len(predictions)), float(function(predictions, target))
    place = torch.arange(len(predictions)) % parts
    without = np.array([float(function(predictions[place != i], target[place != i])) for i in range(parts)])
    found = parts * whole - (parts - 1) * np.where(np.isfinite(without), without, whole)
    return found - found.mean() + whole


def _each(function: Callable[..., Tensor], predictions: Tensor, target: Tensor) -> np.ndarray:
    """The function of each sample alone, float64 [samples]: under vmap where that works, else one by one."""
    try:
        found = torch.func.vmap(lambda p, t: function(p[None], t[None]), chunk_size=1024)(predictions, target)
        return found.double().numpy()
    except (RuntimeError, ValueError, TypeError):  # the user's function does what vmap cannot
        return np.array([float(function(predictions[i : i + 1], target[i : i + 1])) for i in range(len(predictions))])


def scored_groups(problem: Problem, model: nn.Module, split: Split, most: int | None = None) -> Scored:
    """The same for a loss of (model, batch): of groups of samples, each a value."""
    model.eval()
    functions: dict[str, Callable[..., Tensor]] = {"loss": problem.loss.function, **problem.metrics}
    values: dict[str, list[float]] = {name: [] for name in functions}
    with torch.no_grad():
        chosen = places(split, most)
        for indices in chosen.split(GROUP):
            if len(indices) < GROUP and len(chosen) > GROUP:
                continue  # a smaller group would count as much as a whole one
            batch = fetch_seeded(split, indices, int(indices[0]))
            for name, function in functions.items():
                values[name].append(float(function(model, batch)))
    return Scored({name: np.array(found) for name, found in values.items()})


def scored(
    problem: Problem, models: Sequence[nn.Module], split: Split, merge: Merge | None, most: int | None = None
) -> Scored:
    """One network, or several that answer together, on a split, or on `most` of its samples."""
    if problem.loss.of_model or merge is None:
        return scored_groups(problem, models[0], split, most)
    each = [answers(problem, model, split, most) for model in models]
    predictions = each[0].predictions if len(each) == 1 else merged([a.predictions for a in each], merge)
    return scored_answers(problem, predictions, each[0].target)
