"""Label smoothing and gradient clipping, per trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goodfit.errors import TaskError
from goodfit.training.problem import Batch, Loss, as_pair

_CLIP_EPS = 1e-6  # torch.nn.utils.clip_grad_norm_'s


def check_label_smoothing(loss: Loss, hyperparameters: Mapping[str, Any]) -> None:
    """
    Raises:
        TaskError: label smoothing is asked for with a loss that is not cross-entropy.
    """
    if hyperparameters.get("label_smoothing") is not None and (loss.of_model or loss.cross_entropy is None):
        raise TaskError(
            "label_smoothing works with the loss torch.nn.functional.cross_entropy (or nn.CrossEntropyLoss) only; "
            "take it out of the space, or give that loss."
        )


def own_smoothing(loss: Loss) -> float:
    """The label smoothing that the task's loss brings with it."""
    return float(getattr(loss.function, "label_smoothing", 0.0)) if loss.cross_entropy is not None else 0.0


class TrainingLoss(nn.Module):
    """The loss that is trained: the task's, on a model, smoothed by a share that may differ between trials."""

    smoothing: Tensor

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.smoothed = False
        self.register_buffer("smoothing", torch.zeros((), dtype=torch.float64), persistent=False)

    def forward(self, batch: Batch) -> Tensor:
        """The scalar loss of a batch."""
        if not self.smoothed:
            return self.loss(self.model, batch)
        arguments = dict(self.loss.cross_entropy or {})
        inputs, target = as_pair(batch)
        prediction = self.model(inputs)
        # Cross-entropy is linear in its label_smoothing, also with class weights and ignored targets.
        plain = F.cross_entropy(prediction, target, **arguments, label_smoothing=0.0)
        uniform = F.cross_entropy(prediction, target, **arguments, label_smoothing=1.0)
        share = self.smoothing.to(plain.dtype)
        return (1.0 - share) * plain + share * uniform


def clip_factor(norm: Tensor, most: float | Tensor) -> Tensor:
    """What gradients of this global norm are multiplied with: as torch's clip_grad_norm_ does."""
    return (most / (norm + _CLIP_EPS)).clamp(max=1.0)
