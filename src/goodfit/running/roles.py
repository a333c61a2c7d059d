"""What the task's own hyperparameters do, found by building models at both ends of their scales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from goodfit.hyperparameters import STANDARD, Hyperparameters
from goodfit.opened import calling
from goodfit.recipe.decide import Roles
from goodfit.space import Space
from goodfit.training.problem import Problem


def find_roles(problem: Problem, space: Space, start: Mapping[str, Any]) -> Roles:
    """Which hyperparameters add parameters when raised, and which set a dropout rate.

    Raises:
        TaskError: the model cannot be built at an end of a scale.
    """
    capacity, dropout = [], []
    for dimension in space.dimensions:
        name, scale = dimension.name, dimension.scale
        if name in STANDARD or not scale.is_ordered:
            continue
        low, high = getattr(scale, "low", None), getattr(scale, "high", None)
        if low is None or high is None:
            continue
        small = _built(problem, {**start, name: low})
        large = _built(problem, {**start, name: high})
        if parameter_count(large) > parameter_count(small):
            capacity.append(name)
        elif _dropouts(large) != _dropouts(small):
            dropout.append(name)
    return Roles(tuple(dict.fromkeys(capacity)), tuple(dict.fromkeys(dropout)))


def parameter_count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def weights_of(problem: Problem, hyperparameters: Mapping[str, Any]) -> int:
    """How many parameters the model of these hyperparameters has."""
    return parameter_count(_built(problem, hyperparameters))


def forward_operations(problem: Problem, hyperparameters: Mapping[str, Any]) -> float:
    """Floating-point operations of one minibatch's forward pass; parameters × batch size where none are counted."""
    from torch.utils.flop_counter import FlopCounterMode  # loads torch._dynamo: only where it is needed

    model = _built(problem, hyperparameters).to(device=problem.device, dtype=problem.dtype).eval()  # draws nothing
    size = int(hyperparameters.get("batch_size", problem.default_batch_size))
    batch = problem.train.fetch(torch.arange(min(size, len(problem.train))))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        calling("The loss", lambda: problem.loss(model, batch))
    return float(counter.get_total_flops() or 2 * parameter_count(model) * size)


def has_dropout(problem: Problem, hyperparameters: Mapping[str, Any]) -> bool:
    """Whether any dropout rate of the model is above zero."""
    return any(rate > 0 for rate in _dropouts(_built(problem, hyperparameters)))


def _built(problem: Problem, hyperparameters: Mapping[str, Any]) -> nn.Module:
    told = ", ".join(f"{name}={value!r}" for name, value in hyperparameters.items())
    with torch.random.fork_rng(devices=[]):
        return calling(f"model({told})", lambda: problem.build(Hyperparameters(hyperparameters)))


def _dropouts(model: nn.Module) -> list[float]:
    kinds = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
    return [module.p for module in model.modules() if isinstance(module, kinds)]
