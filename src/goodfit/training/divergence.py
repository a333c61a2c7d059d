"""When a trial has diverged, and which tensor was the first that was not finite.

Source of the rule: recipe 3.2 (exploding) and 4.8 (kill at once).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from goodfit.training.problem import Batch
from goodfit.training.splits import tensors_in

WINDOW = 5  # step losses whose median is judged (recipe 3.2)
SPREADS = 10.0  # standard deviations above the first loss, where the loss may be negative (recipe 3.2)
CLEAR_OF_FLOOR = 1e-3  # first losses nearer to the floor than this give no scale to judge a factor by [PD]


def explosion_limit(first: float, factor: float, floor: float, spread: Callable[[], float]) -> float:
    """The loss above which a trial counts as exploded.

    Args:
        first: the first step's loss.
        factor: how many times the first.
        floor: the lowest attainable loss.
        spread: gives the standard deviation of the single samples' losses at the start; asked only when the first
            loss is not clearly above zero and the floor.
    """
    if not math.isfinite(first):
        return math.inf
    if first > 0 and first - floor > CLEAR_OF_FLOOR:
        return factor * first
    sd = spread()
    return first + SPREADS * max(sd if math.isfinite(sd) else 0.0, CLEAR_OF_FLOOR)


def has_exploded(last_losses: Sequence[float], limit: float) -> bool:
    """Whether the median of the last `WINDOW` losses lies above the limit; fewer losses are no evidence."""
    return len(last_losses) >= WINDOW and float(np.median(np.asarray(last_losses[-WINDOW:]))) > limit


def exploded_reason(last_losses: Sequence[float], first: float, limit: float, step: int) -> str:
    median = float(np.median(np.asarray(last_losses[-WINDOW:])))
    return (
        f"the loss exploded: the median of the {WINDOW} losses up to step {step} was {median:.4g}, above {limit:.4g}; "
        f"it began at {first:.4g}"
    )


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
