"""Whether a model of sequences sees what it is asked to foretell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from goodfit.training.batches import fixed_subset
from goodfit.training.faults import telling
from goodfit.training.measure.reading import LOOKED_AT, WHAT, pair_or_none, quiet
from goodfit.training.problem import Problem
from goodfit.training.splits import seeded
from goodfit.training.structure import built

SEQUENCES = 4  # looked at; each place's outputs are compared in all of them


def foresight_of(problem: Problem, hyperparameters: Mapping[str, Any], seed: int) -> tuple[float | None, str]:
    """How much outputs up to a place change when the inputs after it are exchanged, in eval mode.

    Asked only where the target of each place is the input of the next one: then an output that looks ahead copies
    the answer. The recipe asks for a gradient of zero from inputs after t to output t; exchanging them asks the same
    and serves tokens too.

    Returns:
        The largest change in standard deviations of the outputs, and "" ; or None and why it was not asked.
    """
    if problem.loss.of_model:
        return None, "the loss is of (model, batch), so outputs are not seen"
    pair = pair_or_none(problem.train.fetch(fixed_subset(len(problem.train), SEQUENCES, LOOKED_AT)))
    if pair is None or not _foretells(*pair):
        return None, "the targets are not the inputs' next values"
    inputs: Tensor = pair[0]
    length = inputs.shape[1]
    model = built(problem, hyperparameters, seed).eval()
    before = _by_place(model, inputs, length)
    if before is None:
        return None, "the outputs have no axis as long as the sequence"
    scale = float(before.std(correction=0)) or 1.0
    if not math.isfinite(scale):
        return None, "the outputs are not finite"
    worst = 0.0
    for place in sorted({0, length // 2, length - 2}):
        changed = inputs.clone()
        changed[:, place + 1 :] = inputs.roll(1, 0)[:, place + 1 :]  # another sequence's future: values it may have
        after = _by_place(model, changed, length)
        if after is not None:
            worst = max(worst, float((after - before)[:, : place + 1].abs().max()) / scale)
    return worst, ""


def _foretells(inputs: Any, target: Any) -> bool:
    """Whether the target at each place is the input at the next, in every sequence."""
    if not isinstance(inputs, Tensor) or not isinstance(target, Tensor) or inputs.ndim < 2 or len(inputs) < 2:
        return False
    if inputs.shape != target.shape or inputs.shape[1] < 4 or bool((inputs == inputs[:, :1]).all()):
        return False
    return bool((target[:, :-1] == inputs[:, 1:]).all())


def _by_place(model: torch.nn.Module, inputs: Tensor, length: int) -> Tensor | None:
    """Outputs as [sequences, places, values]; None where no axis is the places', or two may be."""
    with telling(WHAT), torch.no_grad(), seeded(0), quiet():
        output = model(inputs)
    if not isinstance(output, Tensor) or output.ndim < 2 or len(output) != len(inputs):
        return None
    axes = [axis for axis in range(1, output.ndim) if output.shape[axis] == length]
    return output.double().cpu().movedim(axes[0], 1).flatten(2) if len(axes) == 1 and output.ndim > 2 else None
