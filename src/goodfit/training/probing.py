"""Looking at single samples: their losses, how far the outputs spread, which units are dead (recipe 3.1 and 6.1)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.overrides import TorchFunctionMode

from goodfit.training.batches import samples_in
from goodfit.training.problem import Batch, Loss, as_pair
from goodfit.training.splits import map_tensors, tensors_in
from goodfit.training.trial import Probed

GROUP = 8  # samples a loss of (model, batch) is asked for together: it gives no single ones
_RELU = frozenset({F.relu, F.relu_, F.relu6, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_})


def probe(model: nn.Module, loss: Loss, batch: Batch, trial: int, step: int) -> Probed:
    """Single losses with batch statistics and dropout off; neither weights nor running statistics change.

    Args:
        model: a trial's model; left as it was.
        loss: the task's.
        batch: the probe's samples.
    """
    with torch.no_grad(), batch_statistics(model), _DeadUnits() as dead:
        if loss.of_model:
            losses = _group_losses(lambda part: loss(model, part), batch)
            output_spread = float("nan")
        else:
            inputs, target = as_pair(batch)
            prediction = model(inputs)
            dead.stop()
            losses = single_losses(loss.function, prediction, target)
            output_spread = _spread_of(prediction)
    return Probed(trial, step, losses, output_spread, dead.largest_share())


def single_losses(function: Callable[..., Tensor], prediction: Batch, target: Batch) -> np.ndarray:
    """The loss of each sample by itself: float64 [samples]."""

    def alone(one_prediction: Batch, one_target: Batch) -> Tensor:
        widen = _unsqueezed
        return function(map_tensors(widen, one_prediction), map_tensors(widen, one_target))

    count = samples_in(prediction)
    try:
        return _numbers(torch.func.vmap(alone)(prediction, target))
    except Exception:  # the loss branches on values or the like: one at a time, then
        return np.array(
            [float(function(_rows(prediction, slice(i, i + 1)), _rows(target, slice(i, i + 1)))) for i in range(count)]
        )


@contextmanager
def batch_statistics(model: nn.Module) -> Generator[None]:
    """Eval mode, but normalisation by the batch's own statistics; running statistics are put back afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    norms = [m for m in model.modules() if isinstance(m, _NormBase) and m.running_mean is not None]
    kept = [copy.deepcopy(dict(norm.named_buffers())) for norm in norms]
    model.eval()
    for module in model.modules():
        if isinstance(module, _NormBase):
            module.training = True
    try:
        yield
    finally:
        for norm, buffers in zip(norms, kept, strict=True):
            for name, buffer in norm.named_buffers():
                buffer.copy_(buffers[name])
        for module, training in modes:
            module.training = training


class _DeadUnits(TorchFunctionMode):
    """Counts, for each call of a ReLU, the units that are zero on every sample."""

    def __init__(self) -> None:
        super().__init__()
        self._alive: list[Tensor] = []
        self._stopped = False

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in _RELU and not self._stopped and result.ndim >= 2:
            # Channels of images and sequences are units; whatever follows them is places.
            places = [dim for dim in range(result.ndim) if dim != (1 if result.ndim >= 4 else result.ndim - 1)]
            self._alive.append((result > 0).float().amax(places))
        return result

    def stop(self) -> None:
        """Count no longer: what follows is the loss."""
        self._stopped = True

    def largest_share(self) -> float:
        return max((float((alive == 0).double().mean()) for alive in self._alive), default=0.0)


def _group_losses(loss: Callable[[Batch], Tensor], batch: Batch) -> np.ndarray:
    count = samples_in(batch)
    groups = [_rows(batch, slice(i, i + GROUP)) for i in range(0, max(count - GROUP // 2, 1), GROUP)]
    return np.array([float(loss(group)) for group in groups], dtype=np.float64)


def _spread_of(prediction: Batch) -> float:
    """Root mean square, over the outputs, of their standard deviation over the samples."""
    outputs = next((t for t in tensors_in(prediction) if t.is_floating_point()), None)
    if outputs is None or len(outputs) < 2:
        return float("nan")
    return (
        float(outputs.double().flatten(1).std(0).square().mean().sqrt())
        if outputs.ndim > 1
        else (float(outputs.double().std()))
    )


def _rows(batch: Batch, rows: slice) -> Batch:
    return map_tensors(lambda tensor: tensor[rows], batch)


def _unsqueezed(tensor: Tensor) -> Tensor:
    return tensor.unsqueeze(0)


def _numbers(tensor: Tensor) -> np.ndarray:
    return tensor.detach().double().cpu().numpy()
