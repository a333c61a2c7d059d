"""A task's loss as the kernel knows it, with its targets laid out."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goodfit.training.engines.native import library
from goodfit.training.engines.native.network import CannotRunError
from goodfit.training.problem import Loss

_BY_FUNCTION: dict[Any, int] = {
    F.cross_entropy: library.CROSS_ENTROPY,
    F.mse_loss: library.SQUARED,
    F.l1_loss: library.ABSOLUTE,
    F.smooth_l1_loss: library.SMOOTH_ABSOLUTE,
    F.huber_loss: library.HUBER,
    F.binary_cross_entropy_with_logits: library.BINARY_CROSS_ENTROPY,
}
_BY_MODULE: dict[type[nn.Module], int] = {
    nn.CrossEntropyLoss: library.CROSS_ENTROPY,
    nn.MSELoss: library.SQUARED,
    nn.L1Loss: library.ABSOLUTE,
    nn.SmoothL1Loss: library.SMOOTH_ABSOLUTE,
    nn.HuberLoss: library.HUBER,
    nn.BCEWithLogitsLoss: library.BINARY_CROSS_ENTROPY,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Criterion:
    """A loss and all training targets."""

    kind: int
    classes: Tensor | None  # int64 [samples]
    numbers: Tensor | None  # [samples, width] in the problem's dtype
    class_weights: Tensor | None = None
    ignored: int = -100
    beta: float = 1.0  # of smooth L1; Huber's delta


def criterion_of(loss: Loss, output: tuple[int, ...], targets: Any, dtype: torch.dtype) -> Criterion:
    """The loss of outputs of this shape against these targets.

    Args:
        loss: the task's.
        output: the shape of one sample's output.
        targets: of all training samples.
        dtype: the network's.

    Raises:
        CannotRunError: the loss, or the form of its targets, is not known.
    """
    function = loss.function
    module = function if isinstance(function, nn.Module) else None
    kind = _BY_FUNCTION.get(function) if module is None else _BY_MODULE.get(type(module))
    if loss.of_model or kind is None:
        name = getattr(function, "__name__", type(function).__name__)
        raise CannotRunError(f"The native engine does not know the loss {name}.")
    if not isinstance(targets, Tensor):
        raise CannotRunError(f"The native engine knows targets that are one tensor, not {type(targets).__name__}.")
    if getattr(module, "reduction", "mean") != "mean":
        raise CannotRunError(f"The native engine knows losses that are means, not {module}.")
    if kind == library.CROSS_ENTROPY:
        return _cross_entropy(module, output, targets, dtype)
    if any(getattr(module, name, None) is not None for name in ("weight", "pos_weight")):
        raise CannotRunError(f"The native engine does not know the weights of {module}.")
    if targets.dtype != dtype or tuple(targets.shape[1:]) != output:
        raise CannotRunError(
            f"The native engine knows targets of the output's shape {output} and type only, "
            f"not {tuple(targets.shape[1:])} of {targets.dtype}."
        )
    beta = getattr(module, "delta", 1.0) if kind == library.HUBER else getattr(module, "beta", 1.0)
    if kind == library.SMOOTH_ABSOLUTE and beta == 0:
        kind = library.ABSOLUTE
    return Criterion(kind, None, targets.reshape(len(targets), math.prod(output)).contiguous(), beta=float(beta))


def _cross_entropy(module: nn.Module | None, output: tuple[int, ...], targets: Tensor, dtype: torch.dtype) -> Criterion:
    ignored = int(getattr(module, "ignore_index", -100))
    weight = getattr(module, "weight", None)
    if targets.dtype != torch.int64 or targets.ndim != 1 or len(output) != 1:
        raise CannotRunError("The native engine knows cross-entropy of one class number a sample only.")
    counted = targets[targets != ignored]
    if len(counted) and not 0 <= int(counted.min()) <= int(counted.max()) < output[0]:
        raise CannotRunError("A target lies outside the model's classes.")
    if weight is not None and (weight.dtype != dtype or weight.shape != output):
        raise CannotRunError("The native engine knows class weights of the network's type only, one a class.")
    return Criterion(
        library.CROSS_ENTROPY,
        targets.contiguous(),
        None,
        None if weight is None else weight.detach().contiguous(),
        ignored,
    )
