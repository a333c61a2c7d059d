"""Samples fetched by index: from tensors that lie on the device, or from a dataset, one sample at a time."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from goodfit.errors import DataError
from goodfit.training.problem import Batch, Split
from goodfit.training.seeds import STEP, mixed


class ResidentSplit:
    """Tensors (or tuples, lists and dicts of them) that share their first length and stay on the device."""

    def __init__(self, samples: Batch, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> None:
        """
        Args:
            samples: e.g. (inputs [n, ...], targets [n]).
            device: where they are kept.
            dtype: of floating-point tensors; None leaves them as they are.

        Raises:
            DataError: there is no tensor, or their first lengths differ.
        """

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(device, dtype if tensor.is_floating_point() else None)

        self.samples = map_tensors(moved, samples)
        lengths = {len(tensor) for tensor in tensors_in(self.samples)}
        if len(lengths) != 1:
            raise DataError(
                f"A split's tensors must share their first length, got {sorted(lengths) or 'no tensor at all'}."
            )
        self._length = lengths.pop()

    def __len__(self) -> int:
        return self._length

    def fetch(self, indices: Tensor) -> Batch:
        # Indices lie in memory that is not pinned, which CUDA copies before this returns: nothing is waited for.
        return map_tensors(lambda t: t.index_select(0, indices.to(t.device, non_blocking=True)), self.samples)


class LazySplit:
    """A dataset read sample by sample and put together by `collate`; what it draws at random is seeded by the step."""

    def __init__(
        self,
        dataset: Any,
        collate: Callable[[list[Any]], Batch] | None = None,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
    ) -> None:
        """
        Args:
            dataset: has `__len__` and `__getitem__`.
            collate: a list of samples to a batch; None: PyTorch's default.
            device: where batches go.
            dtype: of floating-point tensors; None leaves them as they are.
        """
        self.dataset = dataset
        self.collate = torch.utils.data.default_collate if collate is None else collate
        self.device = torch.device(device)
        self.dtype = dtype

    def __len__(self) -> int:
        return len(self.dataset)

    def fetch(self, indices: Tensor) -> Batch:
        batch = self.collate([self.dataset[index] for index in indices.tolist()])
        return map_tensors(
            lambda tensor: tensor.to(self.device, self.dtype if tensor.is_floating_point() else None), batch
        )


def fetch_seeded(split: Split, indices: Tensor, *words: int) -> Batch:
    """The samples, with Python's, numpy's and torch's generators seeded by the words where the split may draw."""
    if isinstance(split, ResidentSplit):
        return split.fetch(indices)
    with seeded(mixed(*words, STEP)):
        return split.fetch(indices)


@contextmanager
def seeded(seed: int) -> Generator[None]:
    """Seed the global generators of Python, numpy and torch's CPU for a while, and put their states back."""
    states = random.getstate(), np.random.get_state(), torch.default_generator.get_state()
    seed_globals(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.default_generator.set_state(states[2])


def seed_globals(seed: int, device: torch.device | None = None) -> None:
    """Seed the global generators. Not torch.manual_seed: that visits every kind of device, a hundred times dearer."""
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)
    torch.default_generator.manual_seed(seed)
    if device is not None and device.type == "cuda":
        torch.cuda.manual_seed(seed)


def map_tensors(function: Callable[[Tensor], Any], batch: Batch) -> Batch:
    """The batch with the function applied to each tensor; anything else stays."""
    if isinstance(batch, Tensor):
        return function(batch)
    if isinstance(batch, dict):
        return {key: map_tensors(function, value) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(map_tensors(function, value) for value in batch))
    if isinstance(batch, (tuple, list)):
        return type(batch)(map_tensors(function, value) for value in batch)
    return batch


def map_batches(function: Callable[[Sequence[Tensor]], Tensor], batches: Sequence[Batch]) -> Batch:
    """One batch whose tensors are the function's of all the batches' tensors in the same place."""
    first = batches[0]
    if isinstance(first, Tensor):
        return function(batches)
    if isinstance(first, dict):
        return {key: map_batches(function, [batch[key] for batch in batches]) for key in first}
    if isinstance(first, (tuple, list)):
        parts = [map_batches(function, [batch[i] for batch in batches]) for i in range(len(first))]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    return first


def tensors_in(batch: Batch) -> Iterator[Tensor]:
    """The batch's tensors, in order."""
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, dict):
        for value in batch.values():
            yield from tensors_in(value)
    elif isinstance(batch, (tuple, list)):
        for value in batch:
            yield from tensors_in(value)
