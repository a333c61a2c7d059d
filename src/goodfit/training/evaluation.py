"""Losses and metrics of a model in eval mode, averaged over chunks weighted by their sizes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from goodfit.errors import TaskError
from goodfit.training.batches import samples_in
from goodfit.training.problem import Batch, Loss, as_pair

CHUNK = 512  # samples evaluated at once, for every engine alike


def chunks_of(indices: Tensor) -> Iterator[Tensor]:
    """The positions in pieces of at most `CHUNK`."""
    yield from indices.split(CHUNK)


def scores(model: nn.Module, loss: Loss, metrics: Mapping[str, Callable[..., Tensor]], batch: Batch) -> dict:
    """Loss and metrics of one batch, as the model stands: scalars by name, and under "outputs" the prediction."""
    if loss.of_model:
        return {"loss": loss(model, batch), **{name: metric(model, batch) for name, metric in metrics.items()}}
    inputs, target = as_pair(batch)
    prediction = model(inputs)
    return {
        "loss": loss.function(prediction, target),
        **{name: metric(prediction, target) for name, metric in metrics.items()},
    }


def evaluate_model(
    model: nn.Module,
    loss: Loss,
    metrics: Mapping[str, Callable[..., Tensor]],
    fetch: Callable[[Tensor], Batch],
    indices: Tensor,
) -> dict[str, float]:
    """The mean loss and metrics over these positions, in eval mode.

    Returns:
        {"loss": ..., metric: ...}.
    """
    totals: dict[str, float] = {}
    count = 0
    with torch.no_grad(), evaluating(model):
        for chunk in chunks_of(indices):
            batch = fetch(chunk)
            size = samples_in(batch)
            for name, value in scores(model, loss, metrics, batch).items():
                totals[name] = totals.get(name, 0.0) + as_number(name, value) * size
            count += size
    return {name: total / count for name, total in totals.items()}


def as_number(name: str, value: Tensor | float) -> float:
    """
    Raises:
        TaskError: a loss or metric is not one number.
    """
    if isinstance(value, Tensor) and value.numel() != 1:
        raise TaskError(
            f"{name} must be one number a batch, got a tensor of shape {tuple(value.shape)}; take its mean."
        )
    return float(value)


@contextmanager
def evaluating(model: nn.Module) -> Generator[None]:
    """The model in eval mode for a while; then each module as it was."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
