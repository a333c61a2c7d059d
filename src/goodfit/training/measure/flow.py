"""Where gradients arrive in the untrained model, and what its layers put out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.training.batches import fixed_subset
from goodfit.training.faults import check_scalar, telling
from goodfit.training.measure.reading import (
    LOOKED_AT,
    WHAT,
    inputs_of,
    probing,
    quiet,
    target_of,
    tensors_of,
)
from goodfit.training.problem import Problem
from goodfit.training.structure import built


@dataclasses.dataclass(frozen=True, slots=True)
class LayerActivity:
    """A layer's outputs before training, over the samples looked at."""

    name: str
    kind: str  # the module's class
    sd: float
    spread: float  # mean over the units of the sd over the samples: 0 when the inputs do not get through
    dead: float  # of a ReLU layer: share of units that are zero for every sample
    saturated: float  # of a tanh or sigmoid layer: share of values in the flat parts


@dataclasses.dataclass(frozen=True, slots=True)
class GradientFlow:
    """Where gradients arrive in one backward pass before training."""

    has_graph: bool  # the loss depends on any parameter
    loss: float
    parameters: int  # tensors that ask for gradients
    frozen: tuple[str, ...]  # tensors that do not
    cut: tuple[str, ...]  # tensors of layers that took part and got no gradient at all
    unused: tuple[str, ...]  # tensors of layers that took no part
    zero: tuple[str, ...]  # gradient exactly zero
    not_finite: tuple[str, ...]
    identical_units: tuple[str, ...]  # weights whose rows are all the same, and their gradients too
    first_rms: float | None  # rms gradient of the first and last weight that has one
    last_rms: float | None
    layers: tuple[LayerActivity, ...]
    inputs_change: bool  # the same samples read twice give other inputs
    targets_change: bool  # ... or other targets


def measure_flow(
    problem: Problem, hyperparameters: Mapping[str, Any], seed: int, *, samples: int = 256
) -> GradientFlow:
    """One forward and backward pass of the untrained model, watched layer by layer."""
    indices = fixed_subset(len(problem.train), samples, LOOKED_AT)
    batch, again = problem.train.fetch(indices), problem.train.fetch(indices)
    model = built(problem, hyperparameters, seed)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    asked = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    seen: set[str] = set()
    layers: list[LayerActivity] = []

    def watch(path: str) -> Any:
        def look(module: nn.Module, _: Any, output: Any) -> None:
            seen.update(names[id(p)] for p in module.parameters(recurse=False) if id(p) in names)
            if isinstance(output, Tensor) and output.is_floating_point() and output.ndim > 1 and len(output) > 1:
                layers.append(_activity(path, module, output.detach()))

        return look

    with telling(WHAT), probing(model), quiet():
        handles = [module.register_forward_hook(watch(path)) for path, module in model.named_modules() if path]
        try:
            loss = problem.loss(model, batch)
            check_scalar(loss, WHAT)
        finally:
            for handle in handles:
                handle.remove()
        has_graph = bool(loss.requires_grad)
        if has_graph:
            loss.backward()
    gradients = {name: parameter.grad for name, parameter in asked.items()}
    arrived = {name: gradient for name, gradient in gradients.items() if gradient is not None}
    weights = [gradient for name, gradient in arrived.items() if asked[name].ndim > 1]
    rms = [float(gradient.double().square().mean().sqrt()) for gradient in weights]
    return GradientFlow(
        has_graph=has_graph,
        loss=float(loss.detach()),
        parameters=len(asked),
        frozen=tuple(name for name in names.values() if name not in asked),
        cut=tuple(name for name in asked if name not in arrived and name in seen),
        unused=tuple(name for name in asked if name not in arrived and name not in seen),
        zero=tuple(name for name, gradient in arrived.items() if not bool(gradient.any())),
        not_finite=tuple(name for name, gradient in arrived.items() if not bool(gradient.isfinite().all())),
        identical_units=tuple(
            name
            for name, gradient in arrived.items()
            if _rows_identical(asked[name].detach(), 0.0) and _rows_identical(gradient, 1e-4)
        ),
        first_rms=rms[0] if rms else None,
        last_rms=rms[-1] if rms else None,
        layers=tuple(layers),
        inputs_change=not _same(inputs_of(batch), inputs_of(again)),
        targets_change=not _same(target_of(batch), target_of(again)),
    )


def _activity(path: str, module: nn.Module, output: Tensor) -> LayerActivity:
    values = output.double().flatten(1)
    by_unit = output.double().movedim(1, 0).flatten(1) if output.ndim > 2 else values.T  # channels are units
    dead = saturated = 0.0
    if isinstance(module, (nn.ReLU, nn.ReLU6)):
        dead = float((by_unit == 0).all(dim=1).double().mean())
    elif isinstance(module, nn.Tanh):
        saturated = float((values.abs() > 0.97).double().mean())
    elif isinstance(module, nn.Sigmoid):
        saturated = float(((values < 0.03) | (values > 0.97)).double().mean())
    return LayerActivity(
        name=path,
        kind=type(module).__name__,
        sd=float(values.std(correction=0)),
        spread=float(values.std(dim=0, correction=0).mean()),
        dead=dead,
        saturated=saturated,
    )


def _rows_identical(weight: Tensor, tolerance: float) -> bool:
    if weight.ndim < 2 or len(weight) < 2 or weight[0].numel() < 2:
        return False
    return bool(((weight - weight[:1]).abs() <= tolerance * weight.abs().max()).all())


def _same(one: Any, other: Any) -> bool:
    first, second = tensors_of(one), tensors_of(other)
    return first.keys() == second.keys() and all(
        first[name].shape == second[name].shape and torch.equal(first[name], second[name]) for name in first
    )
