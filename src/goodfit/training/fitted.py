"""Whether a trial has learned its samples by heart: the overfit stage's goal, at which a trial may stop."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from goodfit.training.batches import samples_in
from goodfit.training.probing import batch_statistics
from goodfit.training.problem import Batch, Loss, as_pair


def goal_loss(first: float, fraction: float, floor: float) -> float:
    """The loss at which a trial counts as fitted: this share of the way from the floor to its first loss."""
    return floor + fraction * (first - floor)


def fitted_reason(model: nn.Module, loss: Loss, batches: Iterable[Batch], goal: float, first: float) -> str | None:
    """A sentence if the loss over all batches is at the goal and every sample right; None while it is not.

    Batch statistics and no dropout, as recipe 2.2 judges it in train mode.
    """
    total, count, right = 0.0, 0, True
    with torch.no_grad(), batch_statistics(model):
        for batch in batches:
            size = samples_in(batch)
            if loss.of_model:
                value = loss(model, batch)
            else:
                inputs, target = as_pair(batch)
                prediction = model(inputs)
                value = loss.function(prediction, target)
                right = right and all_right(loss, prediction, target)
            total, count = total + float(value) * size, count + size
    mean = total / max(count, 1)
    if mean <= goal and right:
        return f"its {count} samples are learned: the loss fell from {first:.4g} to {mean:.4g}"
    return None


def all_right(loss: Loss, prediction: object, target: object) -> bool:
    """Whether every sample's class is the predicted one; true where there are no classes."""
    if not isinstance(prediction, Tensor) or not isinstance(target, Tensor):
        return True
    if not target.is_floating_point() and prediction.ndim == target.ndim + 1:
        ignored = (loss.cross_entropy or {}).get("ignore_index", -100)
        wrong = (prediction.argmax(1) != target) & (target != ignored)
        return not bool(wrong.any())
    if loss.is_binary and prediction.shape == target.shape:
        return bool(((prediction > 0) == (target > 0.5)).all())
    return True
