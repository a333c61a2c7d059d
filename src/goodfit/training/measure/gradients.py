"""Whether gradients that a user wrote by hand are those of the function that is computed."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from goodfit.training.batches import fixed_subset
from goodfit.training.measure.reading import MINIBATCHES, probing, quiet
from goodfit.training.problem import Problem
from goodfit.training.splits import map_tensors
from goodfit.training.structure import built

SAMPLES = 3  # looked at: 2-3 by [231n], for kinks in the loss grow with their number
STEP = 1e-5  # of the centred difference [231n]
ENTRIES = 4  # of each tensor
FLOOR = 1e-7  # differences below this are rounding, and not compared
KINK = 1e-3  # two steps' differences that part by more, relatively, do not measure a derivative
REVERSED = "revers"  # in a function's name: its gradient has another sign on purpose


@dataclasses.dataclass(frozen=True, slots=True)
class HandWritten:
    """The check of gradients that the user wrote by hand."""

    functions: tuple[str, ...]  # names of their autograd functions
    error: float | None  # relative, the largest found; None: the model does not run in float64
    parameter: str = ""  # where it is


def check_hand_written(problem: Problem, hyperparameters: Mapping[str, Any], seed: int) -> HandWritten | None:
    """The largest relative error between backward passes and centred differences, in float64.

    Returns:
        None where the graph holds no `torch.autograd.Function` of the user's: PyTorch's own derivatives are tested.

    Source: CS231n, neural networks 3, gradient checks: |a - n| / max(|a|, |n|).
    """
    batch = problem.train.fetch(fixed_subset(len(problem.train), SAMPLES, MINIBATCHES))
    model = built(problem, hyperparameters, seed)
    with probing(model), quiet():
        functions = _own_functions(problem.loss(model, batch))
    if not functions:
        return None
    model = copy.deepcopy(model).double()
    batch = map_tensors(lambda t: t.double() if t.is_floating_point() else t, batch)
    try:
        with probing(model), quiet():
            return HandWritten(functions, *_largest_error(problem, model, batch))
    except (RuntimeError, TypeError):  # a function made for float32 alone
        return HandWritten(functions, None)


def _largest_error(problem: Problem, model: torch.nn.Module, batch: Any) -> tuple[float, str]:
    def loss() -> Tensor:
        return problem.loss(model, batch)

    model.zero_grad()
    loss().backward()
    worst, where = 0.0, ""
    for name, parameter in model.named_parameters():
        if parameter.grad is None:
            continue
        values, gradient = parameter.detach().view(-1), parameter.grad.reshape(-1)
        for place in torch.linspace(0, len(values) - 1, min(ENTRIES, len(values))).long().unique().tolist():
            found, finer = (_difference(loss, values, place, step) for step in (STEP, STEP / 10))
            told = float(gradient[place])
            if abs(found) < FLOOR or abs(found - finer) > KINK * abs(found):
                continue  # a kink, a jump, or a function that is flat here: rounding with a gradient passed through
            error = abs(told - found) / max(abs(told), abs(found))
            if error > worst:
                worst, where = error, name
    return worst, where


def _difference(loss: Callable[[], Tensor], values: Tensor, place: int, step: float) -> float:
    """The centred difference of the loss by one value, which is put back."""
    kept = float(values[place])
    with torch.no_grad():
        values[place] = kept + step
        above = float(loss())
        values[place] = kept - step
        below = float(loss())
        values[place] = kept
    return (above - below) / (2 * step)


def _own_functions(loss: Tensor) -> tuple[str, ...]:
    """Names of the autograd functions in a loss's graph that are not PyTorch's."""
    found: dict[str, None] = {}
    seen: set[Any] = set()
    waiting: list[Any] = [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        kind = type(node)
        if issubclass(kind, torch.autograd.function.BackwardCFunction):
            function = getattr(kind, "_forward_cls", kind)
            if not function.__module__.startswith("torch.") and REVERSED not in function.__name__.lower():
                found[function.__name__] = None
        waiting += [parent for parent, _ in node.next_functions]
    return tuple(found)
