"""Which samples a trial sees at which step: a function of its seed, the step and the data's size alone."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from goodfit.errors import TaskError
from goodfit.training.problem import Batch, Problem
from goodfit.training.seeds import ORDER, SUBSET, TARGETS, mixed
from goodfit.training.splits import ResidentSplit, fetch_seeded, map_batches, map_tensors, tensors_in
from goodfit.training.trial import Regime

_TARGET_KEYS = ("label", "target", "y")  # how the key of a target starts in batches that are dicts


def fixed_subset(size: int, count: int, which: int | None = None) -> Tensor:
    """`count` of `size` positions (all, if there are fewer), sorted: int64. The same at every call, for every trial.

    Args:
        size: positions to draw from.
        count: how many to draw.
        which: subsets of other numbers are drawn apart from each other; None: the one that trials are evaluated on.
    """
    if count >= size:
        return torch.arange(size)
    return torch.randperm(size, generator=_generator(size if which is None else which, SUBSET))[:count].sort().values


@functools.lru_cache(maxsize=64)
def epoch_order(seed: int, epoch: int, size: int) -> Tensor:
    """The order in which an epoch visits `size` positions: int64 [size]."""
    return torch.randperm(size, generator=_generator(seed, ORDER, epoch))


@dataclasses.dataclass(frozen=True)
class Feed:
    """The training batches of trials that share a batch size.

    An epoch's last, incomplete batch is dropped, unless the data is smaller than one batch: then each step sees all.
    """

    problem: Problem
    regime: Regime
    asked_batch_size: int

    @functools.cached_property
    def samples(self) -> Tensor:
        """The training split's positions that are trained on: int64."""
        if self.regime.samples is None:
            return torch.arange(len(self.problem.train))
        return torch.tensor(self.regime.samples, dtype=torch.int64)

    @functools.cached_property
    def batch_size(self) -> int:
        return min(self.asked_batch_size, len(self.samples))

    @property
    def steps_per_epoch(self) -> int:
        return max(1, len(self.samples) // self.batch_size)

    @functools.cached_property
    def eval_train(self) -> Tensor:
        """Positions of the fixed training subset that is evaluated: int64."""
        return self.samples[fixed_subset(len(self.samples), self.regime.eval_train)]

    @functools.cached_property
    def eval_val(self) -> Tensor:
        """The same of the validation split."""
        return fixed_subset(len(self.problem.val), self.regime.eval_val)

    def indices(self, seed: int, step: int) -> Tensor:
        """Positions in the training split of the batch at this step: int64 [batch size]."""
        epoch, place = divmod(step, self.steps_per_epoch)
        order = epoch_order(seed, epoch, len(self.samples))
        taken = order[place * self.batch_size : (place + 1) * self.batch_size]
        return taken if self.regime.samples is None else self.samples[taken]

    def all_indices(self, seed: int, steps: range) -> Tensor:
        """`indices` of consecutive steps, one after another: int64 [steps * batch size]."""
        size, per_epoch = self.batch_size, self.steps_per_epoch
        pieces, step = [], steps.start
        while step < steps.stop:
            epoch, place = divmod(step, per_epoch)
            count = min(per_epoch - place, steps.stop - step)
            pieces.append(epoch_order(seed, epoch, len(self.samples))[place * size : (place + count) * size])
            step += count
        taken = pieces[0] if len(pieces) == 1 else torch.cat(pieces)
        return taken if self.regime.samples is None else self.samples[taken]

    def batch(self, seed: int, step: int) -> Batch:
        """The batch that a trial with this seed trains on at this step."""
        batch = fetch_seeded(self.problem.train, self.indices(seed, step), seed, step)
        if self.regime.redraw_targets:
            batch = self._redrawn(batch, seed, step)
        return self.shown(batch)

    def own_batches(self, seeds: Sequence[int], step: int) -> Batch:
        """The batches of several trials at this step, each its own: stacked by trial, [trials, samples, ...]."""
        if isinstance(self.problem.train, ResidentSplit) and not self.regime.redraw_targets:
            indices = torch.stack([self.indices(seed, step) for seed in seeds])
            batch = self.problem.train.fetch(indices.flatten())
            return self.shown(map_tensors(lambda t: t.view(*indices.shape, *t.shape[1:]), batch))
        return map_batches(lambda parts: torch.stack(list(parts)), [self.batch(seed, step) for seed in seeds])

    def fetch(self, indices: Tensor, of_val: bool = False) -> Batch:
        """Samples for evaluation, seen as training sees them."""
        split = self.problem.val if of_val else self.problem.train
        return self.shown(fetch_seeded(split, indices, int(indices[0]) if len(indices) else 0))

    def shown(self, batch: Batch) -> Batch:
        """The batch as the regime lets the model see it."""
        return zero_inputs(batch) if self.regime.zero_inputs else batch

    def drawn_targets(self, seed: int, step: int) -> Tensor:
        """Positions of the samples whose targets are shown at this step where they are redrawn: int64 [batch size]."""
        generator = _generator(seed, TARGETS, step)
        return self.samples[torch.randint(len(self.samples), (self.batch_size,), generator=generator)]

    def _redrawn(self, batch: Batch, seed: int, step: int) -> Batch:
        """The batch with the targets of other samples, drawn anew at each step."""
        drawn = self.drawn_targets(seed, step)
        inputs, _ = parted(batch, "redraw_targets")
        _, targets = parted(fetch_seeded(self.problem.train, drawn, seed, step), "redraw_targets")
        return joined(batch, inputs, targets)


def zero_inputs(batch: Batch) -> Batch:
    """The batch with floating-point inputs zero and tokens 0; targets stay.

    Raises:
        TaskError: inputs cannot be told from targets.
    """
    inputs, targets = parted(batch, "zero_inputs")
    return joined(batch, map_tensors(torch.zeros_like, inputs), targets)


def parted(batch: Batch, needed_by: str) -> tuple[Batch, Batch]:
    """The inputs and the targets of a batch: a tuple's last part, or a dict's keys that start as targets do.

    Raises:
        TaskError: the batch is a lone tensor, or a dict without such a key.
    """
    if isinstance(batch, (tuple, list)) and len(batch) >= 2:
        return list(batch[:-1]), batch[-1]
    if isinstance(batch, dict):
        targets = {key: value for key, value in batch.items() if str(key).lower().startswith(_TARGET_KEYS)}
        if targets:
            return {key: value for key, value in batch.items() if key not in targets}, targets
    raise TaskError(
        f"{needed_by} has to tell inputs from targets, and a batch that is a {type(batch).__name__} does not show "
        "them; give pairs (inputs, target), or dicts with a key that starts with 'label' or 'target'."
    )


def joined(like: Batch, inputs: Batch, targets: Batch) -> Batch:
    """What `parted` took apart, in the form it had."""
    if isinstance(like, dict):
        return {key: targets[key] if key in targets else inputs[key] for key in like}
    parts = [*inputs, targets]
    return type(like)(*parts) if hasattr(like, "_fields") else type(like)(parts)


def samples_in(batch: Batch) -> int:
    """The number of samples in a batch."""
    return len(next(tensors_in(batch)))


def _generator(*words: int) -> torch.Generator:
    return torch.Generator().manual_seed(mixed(*words))
