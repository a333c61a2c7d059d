"""The tiny sample that a model must be able to learn by heart, and the landmarks of its loss."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from goodfit.training.batches import fixed_subset
from goodfit.training.expected_loss import Expected, expected_loss
from goodfit.training.faults import telling
from goodfit.training.measure.reading import (
    MINIBATCHES,
    TINY_SAMPLE,
    WHAT,
    inputs_of,
    probing,
    quiet,
    row_bytes,
    target_of,
)
from goodfit.training.problem import Problem, as_pair
from goodfit.training.seeds import SUBSET, mixed
from goodfit.training.structure import built


@dataclasses.dataclass(frozen=True, slots=True)
class SampleMeasured:
    """The tiny sample of recipe 2.2, and the landmarks of its loss."""

    indices: tuple[int, ...]
    more: tuple[int, ...]  # for the second part: several minibatches, these among them
    batch_size: int  # of the second part
    distinct_targets: int | None  # None: targets cannot be told from inputs
    conflicting: int  # pairs of equal inputs with different targets that could not be avoided
    expected: Expected | None
    classes: bool  # each target is a class number

    @property
    def floor(self) -> float | None:
        return None if self.expected is None else self.expected.floor

    @property
    def constant(self) -> float | None:
        return None if self.expected is None else self.expected.constant


def measure_sample(
    problem: Problem, hyperparameters: Mapping[str, Any], seed: int, *, count: int = 20, batches: int = 8
) -> SampleMeasured:
    """A tiny sample: at least two targets, no equal inputs with different targets where that can be avoided.

    Args:
        problem: what is trained.
        hyperparameters: those of the model; `batch_size` is that of the second part.
        seed: of the model whose outputs' shape the loss is measured on.
        count: samples of the first part.
        batches: minibatches of the second.
    """
    size = min(int(hyperparameters.get("batch_size", problem.default_batch_size)), max(1, len(problem.train) // 2))
    more = fixed_subset(len(problem.train), batches * size, MINIBATCHES)
    if len(more) > size:
        more = more[: len(more) // size * size]
    pool = fixed_subset(len(problem.train), max(50 * count, 500), TINY_SAMPLE)
    pool = pool[torch.randperm(len(pool), generator=torch.Generator().manual_seed(mixed(1, SUBSET)))]
    batch = problem.train.fetch(pool)
    target = target_of(batch)
    several = tuple(more.tolist())
    if not isinstance(target, Tensor):
        return SampleMeasured(tuple(pool[:count].tolist()), several, size, None, 0, None, False)
    inputs = [hash(row) for row in row_bytes(inputs_of(batch), len(pool))]
    targets = [hash(row) for row in row_bytes(target, len(pool))]
    chosen = _chosen(inputs, targets, count)
    indices = pool[chosen]
    pairs = [(i, j) for place, i in enumerate(chosen) for j in chosen[:place] if inputs[i] == inputs[j]]
    expected = None
    if not problem.loss.of_model:
        model = built(problem, hyperparameters, seed)
        sample_inputs, sample_target = as_pair(problem.train.fetch(indices))
        with telling(WHAT), torch.no_grad(), probing(model), quiet():
            prediction = model(sample_inputs)
        if isinstance(prediction, Tensor):
            expected = expected_loss(problem.loss.function, prediction, sample_target)
    return SampleMeasured(
        indices=tuple(indices.tolist()),
        more=several,
        batch_size=size,
        distinct_targets=len({targets[i] for i in chosen}),
        conflicting=sum(targets[i] != targets[j] for i, j in pairs),
        expected=expected,
        classes=not target.is_floating_point() and target.ndim == 1,
    )


def _chosen(inputs: Sequence[int], targets: Sequence[int], count: int) -> list[int]:
    """Positions of samples with distinct inputs, taking turns among the targets so that there are at least two."""
    by_target: dict[int, list[int]] = {}
    known: set[int] = set()
    for position, (row, target) in enumerate(zip(inputs, targets, strict=True)):
        if row not in known:
            known.add(row)
            by_target.setdefault(target, []).append(position)
    queues = list(by_target.values())
    chosen: list[int] = []
    turn = 0
    while len(chosen) < count and any(len(queue) > turn for queue in queues):
        chosen += [queue[turn] for queue in queues if len(queue) > turn]
        turn += 1
    if len(chosen) < min(2, count):  # all inputs are equal: take them with their conflicts
        chosen = list(range(len(inputs)))
    return sorted(chosen[:count])
