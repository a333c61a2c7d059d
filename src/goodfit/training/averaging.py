"""Polyak averages: a smoothed copy of the weights (and of float buffers such as BatchNorm's) kept beside training."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor


def decay_at(decay: float, updates: int) -> float:
    """The decay after so many updates: small at first, so that the start is soon forgotten.

    Source: recipe 4.8 (EMA): min(d, (1 + t) / (10 + t)).
    """
    return min(decay, (1.0 + updates) / (10.0 + updates))


def update_average(average: Iterable[Tensor], current: Iterable[Tensor], share: float | Tensor) -> None:
    """Move each average towards its current value by `share` = 1 - decay (or a column of them), in place."""
    for kept, new in zip(average, current, strict=True):
        kept.lerp_(new, share)
