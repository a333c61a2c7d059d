"""Above which loss a trial counts as diverged, and which tensor was the first that was not finite.

Source of the rule: recipe 3.2 (exploding) and 4.8 (kill at once).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from goodfit.training.problem import Batch
from goodfit.training.splits import tensors_in

# First losses nearer to the floor than this are no scale for a factor: rounding and one odd batch would exceed it.
CLEAR_OF_FLOOR = 1e-3


def explosion_limit(first: float, factor: float, floor: float, sds: float, spread: Callable[[], float]) -> float:
    """The loss above which a trial counts as exploded.

    Args:
        first: the first step's loss.
        factor: how many times the first.
        floor: the lowest attainable loss.
        sds: how many times the spread above the first, where the first is no scale.
        spread: gives the standard deviation of the single samples' losses at the start; asked only when the first
            loss is not clearly above zero and the floor.
    """
    if not math.isfinite(first):
        return math.inf
    if first > 0 and first - floor > CLEAR_OF_FLOOR:
        return factor * first
    sd = spread()
    return first + sds * max(sd if math.isfinite(sd) else 0.0, CLEAR_OF_FLOOR)


def not_finite_reason(
    model: nn.Module, loss: Callable[[nn.Module, Batch], Tensor], batch: Batch | None, value: float, step: int
) -> tuple[int, str]:
    """The first bad step, and a sentence that names the first tensor that is not finite.

    Args:
        model: the trial's model with its weights before the update at `step`.
        loss: the loss that is trained.
        batch: the batch at `step`; None: not at hand.
        value: the loss at `step`.
        step: the step whose loss is judged.
    """
    for name, weights in model.named_parameters():
        if not bool(torch.isfinite(weights).all()):
            return max(step - 1, 0), (
                f"the update at step {max(step - 1, 0)} made {name} not finite"
                f"{f'; the next loss was {value:.4g}' if not math.isfinite(value) else ''}"
            )
    at = f"at step {step} the loss was {value:.4g}"
    if batch is None:
        return step, at
    for tensor in tensors_in(batch):
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            return step, f"{at}: the batch itself holds values that are not finite"
    culprit = _first_module_not_finite(model, loss, batch)
    return step, f"{at}: the first output that was not finite is that of {culprit}" if culprit else (
        f"{at}, though all weights and all modules' outputs were finite: the loss itself broke"
    )


def _first_module_not_finite(model: nn.Module, loss: Callable[[nn.Module, Batch], Tensor], batch: Batch) -> str | None:
    """The name of the first module, in the order of computation, whose output is not finite."""
    found: list[str] = []

    def look(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: object, output: Batch) -> None:
            if not found and any(
                t.is_floating_point() and not bool(torch.isfinite(t).all()) for t in tensors_in(output)
            ):
                found.append(name)

        return hook

    hooks = [module.register_forward_hook(look(name or "the model")) for name, module in model.named_modules()]
    try:
        with torch.no_grad():
            loss(model, batch)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None
