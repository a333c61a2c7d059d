"""DataLoaders: in which order they give their samples, and when an epoch begins."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from typing import Any

from torch.utils.data import DataLoader, RandomSampler, SequentialSampler, TensorDataset, WeightedRandomSampler
from torch.utils.data.sampler import BatchSampler

from goodfit.recording.records import LoaderUse
from goodfit.recording.state import State

_HELD = 4  # datasets kept alive until the end


class LoaderWatch:
    """Notes which loader the batches come from."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._uses: dict[int, tuple[Any, LoaderUse]] = {}
        self.starts: list[tuple[int, LoaderUse]] = []  # (step, loader) of every pass over a loader
        self.datasets: dict[int, Callable[[], Any]] = {}  # number of the loader -> its dataset, weakly but for tensors

    def iterated(self, loader: DataLoader[Any]) -> None:
        """A pass over a loader begins."""
        use = self.use_of(loader)
        if len(self.starts) < 20_000:
            self.starts.append((self.state.step, use))

    def use_of(self, loader: DataLoader[Any]) -> LoaderUse:
        """The record of a loader."""
        known = self._uses.get(id(loader))
        if known is not None and known[0]() is loader:
            return known[1]
        sampler, batch_sampler = loader.sampler, loader.batch_sampler
        standard = type(batch_sampler) is BatchSampler or batch_sampler is None
        try:
            batches = len(loader)
        except TypeError:
            batches = None
        try:
            samples = len(loader.dataset)  # ty: ignore[invalid-argument-type]
        except TypeError:
            samples = None
        use = LoaderUse(
            number=len(self.state.recording.loaders),
            shuffled=isinstance(sampler, RandomSampler),
            custom_order=not standard or not isinstance(sampler, (RandomSampler, SequentialSampler)),
            weighted_sampler=isinstance(sampler, WeightedRandomSampler),
            batch_size=loader.batch_size,
            batches=batches,
            samples=samples,
            site=self.state.sites.here(),
        )
        self._uses[id(loader)] = (weakref.ref(loader), use)
        self.state.recording.loaders.append(use)
        dataset = loader.dataset
        if isinstance(getattr(dataset, "dataset", dataset), TensorDataset) and len(self.datasets) < _HELD:
            # held: the tensors are looked at once the script has ended, and a local loader would be gone by then
            self.datasets[use.number] = lambda: dataset
            return use
        with contextlib.suppress(TypeError):
            self.datasets[use.number] = weakref.ref(dataset)
        return use
