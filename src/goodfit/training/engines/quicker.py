"""Quicker ways to compute the same model on a processor, each taken only where one batch shows the same numbers."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goodfit.training.batches import Feed
from goodfit.training.dropout import begin_step, counter_dropouts
from goodfit.training.engines import layout, pooling, recurrent
from goodfit.training.problem import Batch, Loss, Problem
from goodfit.training.splits import seeded
from goodfit.training.structure import structure_of

LEAST_STEPS = 100  # of a trial for a structure not seen before: finding out costs some three steps
TOLERANCE = 1e-3  # relative, of the first loss and its gradients: far above rounding, far below another computation
_TRIES = 4  # places at which a model that asks for plain memory is given it
_KEPT = 256  # structures remembered in this process


@dataclasses.dataclass(frozen=True, slots=True)
class Ways:
    """What is done to models of one structure."""

    has_own_gru: bool = False
    pools_first: bool = False
    is_last: bool = False  # channels last ...
    plain_after: tuple[str, ...] = ()  # ... but for what comes out of these modules


_answers: dict[tuple[str, Any], Ways] = {}


def quickened(model: nn.Module, problem: Problem, feed: Feed, steps: int) -> nn.Module:
    """The model, changed in place to be computed in the quickest way that is known to give the same.

    Args:
        model: a trial's; its weights, names and state stay what they are.
        problem: gives the batch that is computed both ways.
        feed: the trial's.
        steps: how many are to be trained.
    """
    if problem.device.type != "cpu":
        return model
    may_lie = problem.dtype in layout.DTYPES and layout.gains(model)
    if not may_lie and not any(map(recurrent.can_exchange, model.modules())) and not pooling.pairs(model):
        return model
    key = structure_of(model), (feed.batch_size, problem.dtype, id(problem.loss.function))
    if key not in _answers:
        if steps < LEAST_STEPS:
            return model
        if len(_answers) >= _KEPT:
            _answers.pop(next(iter(_answers)))
        _answers[key] = _found_ways(model, problem, feed, may_lie)
    return _applied(model, _answers[key])


def quick_loss(loss: Loss) -> Loss:
    """The same loss; cross-entropy of sequences whose classes lie last in memory is computed where they lie."""
    return Loss(_classes_last_cross_entropy) if loss.function is F.cross_entropy else loss


def _classes_last_cross_entropy(prediction: Tensor, target: Tensor) -> Tensor:
    # What a text model gives is [samples, length, classes] turned to [samples, classes, length].
    if isinstance(prediction, Tensor) and prediction.ndim > 2 and not prediction.is_contiguous():
        turned = prediction.movedim(1, -1)
        if turned.is_contiguous() and isinstance(target, Tensor) and target.shape == turned.shape[:-1]:
            return F.cross_entropy(turned.view(-1, turned.shape[-1]), target.reshape(-1))
    return F.cross_entropy(prediction, target)


def _applied(model: nn.Module, ways: Ways) -> nn.Module:
    if ways.has_own_gru:
        recurrent.exchange_forwards(model)
    if ways.pools_first:
        pooling.pool_first(model)
    return layout.changed(model, ways.plain_after) if ways.is_last else model


def _found_ways(model: nn.Module, problem: Problem, feed: Feed, may_lie: bool) -> Ways:
    batch = feed.fetch(feed.samples[: feed.batch_size])
    try:
        expected = _computed(copy.deepcopy(model), problem, batch)
    except Exception:
        return Ways()  # the training itself will say what is wrong

    def same(ways: Ways, prepare: Callable[[nn.Module], None] = lambda model: None) -> bool:
        tried = _applied(copy.deepcopy(model), ways)
        prepare(tried)
        return _is_same(expected, _computed(tried, problem, batch))

    ways = Ways()
    for name, is_possible in (
        ("has_own_gru", any(map(recurrent.can_exchange, model.modules()))),
        ("pools_first", bool(pooling.pairs(model))),
    ):
        tried = dataclasses.replace(ways, **{name: is_possible})
        try:
            if is_possible and same(tried):
                ways = tried
        except Exception:  # a second derivative, for one
            continue
    for _ in range(_TRIES if may_lie else 0):
        tried = dataclasses.replace(ways, is_last=True)
        seen: list[str] = []
        try:
            return tried if same(tried, lambda model, seen=seen: layout.note_images(model, seen)) else ways
        except Exception:
            # As `x.view(n, -1)` after a convolution does, the model reads memory in an order of its own.
            if not seen or seen[-1] in ways.plain_after:
                break
            ways = dataclasses.replace(ways, plain_after=(*ways.plain_after, seen[-1]))
    return dataclasses.replace(ways, plain_after=())


def _computed(model: nn.Module, problem: Problem, batch: Batch) -> list[Tensor]:
    """The loss and the gradients of a batch, in training mode."""
    model.train()
    begin_step(counter_dropouts(model).values())
    with seeded(0):
        loss = problem.loss(model, batch)
        loss.backward()
    return [loss.detach(), *(p.grad for p in model.parameters() if p.grad is not None)]


def _is_same(expected: list[Tensor], found: list[Tensor]) -> bool:
    """Measured by the largest gradient: one that is zero up to rounding, as before a BatchNorm, tells nothing."""
    if len(expected) != len(found):
        return False
    largest = max((gradient.norm() for gradient in expected[1:]), default=torch.zeros(()))
    scales = [expected[0].abs(), *[largest] * (len(expected) - 1)]
    return all(
        one.shape == other.shape and bool((one - other).norm() <= TOLERANCE * scale)
        for one, other, scale in zip(expected, found, scales, strict=True)
    )
