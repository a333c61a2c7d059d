"""Batches taken apart, and models run as the gates run them: dropout off, batch statistics, the same at every pass."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from torch import Tensor, nn

from goodfit.training.probing import batch_statistics
from goodfit.training.problem import Batch
from goodfit.training.splits import seeded

WHAT = "looking at the untrained model"

# Which fixed subset is meant: subsets of other words are drawn apart from each other.
LOOKED_AT, TINY_SAMPLE, HASHED, MINIBATCHES = 0, 1, 2, 3


@contextmanager
def probing(model: nn.Module) -> Generator[None]:
    """Dropout off, BatchNorm on the batch's statistics, random operators the same at every pass."""
    with batch_statistics(model), seeded(0):
        yield


@contextmanager
def quiet() -> Generator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # broadcasting and lazy layers are told as findings or not at all
        yield


def pair_or_none(batch: Batch) -> tuple[Any, Any] | None:
    """The (inputs, target) of a batch, or None where it is no pair."""
    return (batch[0], batch[1]) if isinstance(batch, (tuple, list)) and len(batch) == 2 else None


def inputs_of(batch: Batch) -> Any:
    pair = pair_or_none(batch)
    return batch if pair is None else pair[0]


def target_of(batch: Batch) -> Any:
    pair = pair_or_none(batch)
    return None if pair is None else pair[1]


def tensors_of(batch: Batch, name: str = "") -> dict[str, Tensor]:
    """The tensors of a batch by their place in it."""
    if isinstance(batch, Tensor):
        return {name: batch}
    if isinstance(batch, Mapping):
        items: Sequence[tuple[Any, Any]] = list(batch.items())
    elif isinstance(batch, (tuple, list)):
        items = list(enumerate(batch))
    else:
        return {}
    found: dict[str, Tensor] = {}
    for key, item in items:
        found.update(tensors_of(item, f"{name}.{key}" if name else str(key)))
    return found


def row_bytes(batch: Batch, rows: int) -> list[bytes]:
    """Each sample's bytes, over all tensors of a batch; for telling copies."""
    parts = [
        np.ascontiguousarray(tensor.detach().cpu().reshape(rows, -1).numpy())
        for tensor in tensors_of(batch).values()
        if tensor.ndim > 0 and len(tensor) == rows
    ]
    return [b"".join(part[row].tobytes() for part in parts) for row in range(rows)]
