"""Whether inputs say anything of their labels: neighbours and a linear fit, against labels dealt out at random."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

_MOST = 1500  # samples
_NEIGHBOURS = 5
_DEALS = 20  # random pairings


@dataclasses.dataclass(frozen=True, slots=True)
class Association:
    """How well labels are told from inputs."""

    score: float  # accuracy, or correlation, of samples that were left out
    z: float  # sigmas above the same with labels dealt out at random


class Samples:
    """Samples whose labels are to be told from one another: what depends on the inputs alone is computed once."""

    def __init__(self, inputs: Any) -> None:
        x = np.asarray(inputs, np.float64)[:_MOST]
        self._near: np.ndarray | None = None  # [n, neighbours]; none where there is nothing to tell samples apart by
        if len(x) < 30 or not np.isfinite(x).all():
            return
        x = x[:, x.std(0) > 0]
        if not x.shape[1]:
            return
        x = (x - x.mean(0)) / x.std(0)
        squares = (x**2).sum(1)
        apart = squares[:, None] + squares[None, :] - 2 * x @ x.T
        np.fill_diagonal(apart, np.inf)
        self._near = np.argpartition(apart, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
        # leave-one-out ridge by the hat matrix K (K + s)^-1 = 1 - s (K + s)^-1, in the smaller of the two dimensions
        kernel = x @ x.T
        kernel -= kernel.mean(0)
        kernel -= kernel.mean(1)[:, None]
        strength = 0.1 * np.trace(kernel) / len(x) + 1e-9
        unity = np.eye(len(x))
        self._hat = unity - strength * np.linalg.inv(kernel + strength * unity)
        self._left = 1 - np.diag(self._hat)

    def association(self, labels: Any, by: int = 0) -> Association | None:
        """The better of nearest neighbours and a ridge regression, each sample left out in turn.

        Args:
            labels: [n]; whole numbers of at most 50 values are classes. Or [n, k]: told by their first principal
                component.
            by: places that the labels are moved on by; those that fall out at the end come in at the start.

        Returns:
            The association; None where there is nothing to tell apart.
        """
        near = self._near
        if near is None:
            return None
        y = np.asarray(labels, np.float64)[: len(near)]
        if not np.isfinite(y).all():
            return None
        y = np.roll(_first_component(y) if y.ndim > 1 else y, by)
        if y.std() == 0:
            return None
        values = np.unique(y)
        classes = len(values) <= 50 and bool((y == y.round()).all())
        goals = (y[:, None] == values[None, :]).astype(np.float64) if classes else ((y - y.mean()) / y.std())[:, None]
        generator = np.random.default_rng(0)

        def score(of: np.ndarray) -> tuple[float, float]:
            by_neighbours = of[near].mean(1)
            centred = of - of.mean(0)
            by_ridge = centred - (centred - self._hat @ centred) / self._left[:, None] + of.mean(0)
            return _agreement(by_neighbours, of, classes), _agreement(by_ridge, of, classes)

        real = score(goals)
        dealt = np.array([score(goals[generator.permutation(len(y))]) for _ in range(_DEALS)])
        zs = [(real[i] - dealt[:, i].mean()) / max(dealt[:, i].std(), 0.2 / math.sqrt(len(y))) for i in range(2)]
        best = int(np.argmax(zs))
        return Association(score=real[best], z=float(zs[best]))


def _first_component(labels: np.ndarray) -> np.ndarray:
    """Several numbers a sample as one: along the direction in which they vary most, each scaled to its spread."""
    if labels.shape[1] == 1:
        return labels[:, 0]
    spread = labels.std(0)
    scaled = (labels - labels.mean(0))[:, spread > 0] / spread[spread > 0]
    if not scaled.shape[1]:
        return labels[:, 0]
    _, directions = np.linalg.eigh(scaled.T @ scaled)
    return scaled @ directions[:, -1]


def neighbours(inputs: Any, labels: Any) -> tuple[float, float]:
    """How often nearest samples share a number, and how far apart those are that do not.

    Returns:
        The share, and the mean distance of the differing ones over that of two samples drawn at random that differ.
    """
    x, y = np.asarray(inputs, np.float64)[:_MOST], np.asarray(labels, np.float64)[:_MOST]
    x = x[:, x.std(0) > 0]
    x = (x - x.mean(0)) / x.std(0)
    squares = (x**2).sum(1)
    apart = squares[:, None] + squares[None, :] - 2 * x @ x.T
    np.fill_diagonal(apart, np.inf)
    between = np.abs(y - y[apart.argmin(1)])
    every = np.abs(y[:, None] - y[None, :])
    differing = between[between > 0]
    if not len(differing) or not (every > 0).any():
        return float((between == 0).mean()), 1.0
    return float((between == 0).mean()), float(differing.mean() / every[every > 0].mean())


def _agreement(answers: np.ndarray, goals: np.ndarray, classes: bool) -> float:
    if classes:
        return float((answers.argmax(1) == goals.argmax(1)).mean())
    a, b = answers[:, 0] - answers[:, 0].mean(), goals[:, 0] - goals[:, 0].mean()
    return float((a * b).sum() / max(math.sqrt((a**2).sum() * (b**2).sum()), 1e-12))
