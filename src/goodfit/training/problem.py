"""What engines train: a task reduced to its model, its loss and its data on a device. The test set is not in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from goodfit.errors import TaskError
from goodfit.hyperparameters import Hyperparameters

Batch = Any  # a tensor, or tuples, lists and dicts of tensors that share their first length


class Split(Protocol):
    """Samples that can be fetched by index."""

    def __len__(self) -> int: ...

    def fetch(self, indices: Tensor) -> Batch:
        """The samples at these indices (int64 [n]) as a batch, on the problem's device."""
        ...


@dataclasses.dataclass(frozen=True)
class Loss:
    """The task's loss: of (prediction, target), or of (model, batch)."""

    function: Callable[..., Tensor]
    of_model: bool = False

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """The scalar loss of a batch."""
        if self.of_model:
            return self.function(model, batch)
        inputs, target = as_pair(batch)
        return self.function(model(inputs), target)

    @property
    def cross_entropy(self) -> Mapping[str, Any] | None:
        """The keyword arguments, where this is PyTorch's cross-entropy; None where it is anything else."""
        if self.function is nn.functional.cross_entropy:
            return {}
        if isinstance(self.function, nn.CrossEntropyLoss):
            module = self.function
            return {
                "weight": module.weight,
                "ignore_index": module.ignore_index,
                "reduction": module.reduction,
            }
        return None

    @property
    def is_binary(self) -> bool:
        """Whether this is PyTorch's binary cross-entropy of logits."""
        function = self.function
        return function is nn.functional.binary_cross_entropy_with_logits or isinstance(function, nn.BCEWithLogitsLoss)


@dataclasses.dataclass(frozen=True)
class Problem:
    """A task's trainable part. `build` is called under a forked generator seeded per trial."""

    build: Callable[[Hyperparameters], nn.Module]
    loss: Loss
    metrics: Mapping[str, Callable[..., Tensor]]  # of (prediction, target), or (model, batch) with such a loss
    train: Split
    val: Split
    device: torch.device = dataclasses.field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    default_batch_size: int = 32


def as_pair(batch: Batch) -> tuple[Any, Any]:
    """The (inputs, target) of a batch.

    Raises:
        TaskError: the batch is not a pair.
    """
    if isinstance(batch, (tuple, list)) and len(batch) == 2:
        return batch[0], batch[1]
    raise TaskError(
        f"A loss of (prediction, target) needs batches that are pairs (inputs, target), got {type(batch).__name__}"
        f"{f' of {len(batch)}' if isinstance(batch, (tuple, list)) else ''}. For other batches give "
        "loss=gf.model_loss(function of (model, batch))."
    )
