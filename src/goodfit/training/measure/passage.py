"""How samples pass through the model: what its first layer is given, and whether samples tell on each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from goodfit.training.batches import fixed_subset
from goodfit.training.faults import telling
from goodfit.training.measure.reading import LOOKED_AT, WHAT, pair_or_none, probing, quiet
from goodfit.training.problem import Batch, Problem
from goodfit.training.splits import map_tensors, seeded
from goodfit.training.structure import built


def mixing_of(problem: Problem, hyperparameters: Mapping[str, Any], seed: int, count: int) -> tuple[float | None, str]:
    """How much the outputs of the other samples change when one sample is exchanged, in eval mode.

    The recipe asks for a gradient of zero from output i to input j; exchanging sample j asks the same of the function
    itself, and serves tokens, dictionaries and detached graphs as well.
    """
    if problem.loss.of_model:
        return None, "the loss is of (model, batch), so outputs are not seen"
    if len(problem.train) < count + 1:
        return None, f"fewer than {count + 1} samples"
    pair = pair_or_none(problem.train.fetch(fixed_subset(len(problem.train), count + 1, LOOKED_AT)))
    if pair is None:
        return None, "the batches are no pairs"
    model = built(problem, hyperparameters, seed).eval()
    if any(isinstance(module, _NormBase) and module.running_mean is None for module in model.modules()):
        return None, "a normalisation without running statistics mixes samples by design"
    base = _rows(pair[0], torch.arange(count))
    before = _output(model, base)
    if before is None or len(before) != count:
        return None, "the outputs are not one row for each sample"
    scale = float(before.std(correction=0)) or 1.0
    if not math.isfinite(scale):
        return None, "the outputs are not finite"
    worst = 0.0
    for j in (0, count // 2, count - 1):
        order = torch.arange(count)
        order[j] = count  # the spare sample takes its place
        after = _output(model, _rows(pair[0], order))
        if after is None:
            return None, "the outputs are no tensor"
        others = torch.arange(count) != j
        worst = max(worst, float((after - before)[others].abs().max()) / scale)
    return worst, ""


def fed_into(
    problem: Problem, hyperparameters: Mapping[str, Any], seed: int, inputs: Tensor | None
) -> tuple[float | None, float | None]:
    """Mean and sd of the tensor that the first linear, convolutional or recurrent layer is given."""
    if inputs is None or problem.loss.of_model:
        return None, None
    model = built(problem, hyperparameters, seed)
    fed: list[Tensor] = []

    def look(_: nn.Module, given: tuple[Any, ...]) -> None:
        if not fed and given and isinstance(given[0], Tensor) and given[0].is_floating_point():
            fed.append(given[0].detach().double())

    for module in model.modules():
        weighted = any(parameter.ndim > 1 for parameter in module.parameters(recurse=False))
        if weighted and not isinstance(module, nn.Embedding):
            module.register_forward_pre_hook(look)
    with telling(WHAT), torch.no_grad(), probing(model), quiet():
        model(inputs)
    if not fed or not bool(fed[0].isfinite().all()):
        return None, None
    return float(fed[0].mean()), float(fed[0].std(correction=0))


def _rows(inputs: Batch, rows: Tensor) -> Batch:
    return map_tensors(lambda tensor: tensor[rows.to(tensor.device)], inputs)


def _output(model: nn.Module, inputs: Any) -> Tensor | None:
    with telling(WHAT), torch.no_grad(), seeded(0), quiet():
        output = model(inputs)
    return output.double().cpu() if isinstance(output, Tensor) and output.ndim > 0 else None
