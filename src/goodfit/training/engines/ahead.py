"""Minibatches fetched some steps ahead, together: one copy for many steps, and each step takes a view of it."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from goodfit.training.batches import Feed, epoch_order
from goodfit.training.problem import Batch
from goodfit.training.splits import ResidentSplit, map_tensors, tensors_in

AHEAD_BYTES = 1 << 18  # fetched at once: well within a processor's second-level cache, beside weights and activations
_MOST_STEPS = 64


class Ahead:
    """The batches of one trial, each asked for once and in the order of steps: a model may change its batch in place.

    The values are `Feed.batch`'s. Data that is read sample by sample, or changed on its way, is fetched as there.
    """

    def __init__(self, feed: Feed, seed: int) -> None:
        self._feed, self._seed = feed, seed
        self._ready: Iterator[Batch] = iter(())
        self._next = -1  # the step whose batch is the next in `_ready`
        self._steps = self._steps_at_once()

    def batch(self, step: int) -> Batch:
        """The batch at this step."""
        if self._steps < 2:
            return self._feed.batch(self._seed, step)
        if step == self._next:
            self._next += 1
            batch = next(self._ready, None)
            if batch is not None:
                return batch
        self._fetch(step)
        self._next = step + 1
        return next(self._ready)

    def _fetch(self, step: int) -> None:
        feed, size = self._feed, self._feed.batch_size
        epoch, place = divmod(step, feed.steps_per_epoch)
        count = min(self._steps, feed.steps_per_epoch - place)
        taken = epoch_order(self._seed, epoch, len(feed.samples))[place * size : (place + count) * size]
        if feed.regime.samples is not None:
            taken = feed.samples[taken]
        block = feed.problem.train.fetch(taken)
        parts = [tensor.split(size) for tensor in tensors_in(block)]
        is_plain = type(block) is tuple and all(isinstance(part, torch.Tensor) for part in block)
        self._ready = (_rebuilt(block, list(tensors), is_plain) for tensors in zip(*parts, strict=True))

    def _steps_at_once(self) -> int:
        feed, split = self._feed, self._feed.problem.train
        regime = feed.regime
        if not isinstance(split, ResidentSplit) or regime.zero_inputs or regime.redraw_targets:
            return 1
        sample_bytes = sum(t.nbytes // max(len(t), 1) for t in tensors_in(split.samples))
        return min(_MOST_STEPS, AHEAD_BYTES // max(sample_bytes * feed.batch_size, 1))


def _rebuilt(like: Batch, tensors: list[torch.Tensor], is_plain: bool) -> Batch:
    # Detached, so that a model which writes its weights into a batch binds neither the block nor its other views.
    if is_plain:
        return tuple([tensor.detach() for tensor in tensors])
    rest = iter(tensors)
    return map_tensors(lambda _: next(rest).detach(), like)
