"""Curves made short enough to draw. For display only: the ledger keeps every point."""

from __future__ import annotations

import itertools

import numpy as np


def thinned(xs: np.ndarray, ys: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """At most `points` of the curve's own finite points; ends and the extremes of every part stay, so spikes stay.

    Args:
        xs: float [n], growing.
        ys: float [n]; points that are not finite are left out.
        points: 4 or more.
    """
    xs, ys = _finite(xs, ys)
    n = len(xs)
    if n <= points:
        return xs, ys
    edges = np.linspace(0, n, (points - 2) // 2 + 1).astype(int)
    keep = {0, n - 1}
    for start, end in itertools.pairwise(edges):
        keep.add(int(start + np.argmin(ys[start:end])))
        keep.add(int(start + np.argmax(ys[start:end])))
    index = np.array(sorted(keep))
    return xs[index], ys[index]


def smoothed(xs: np.ndarray, ys: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Means over `points` stretches of equal length; the curve itself where it has no more finite points than that."""
    xs, ys = _finite(xs, ys)
    n = len(xs)
    if n <= points:
        return xs, ys
    edges = np.linspace(0, n, points + 1).astype(int)
    sizes = np.diff(edges)
    # each value is divided before it is added: losses near the largest float would overflow otherwise
    weights = np.repeat(1.0 / sizes, sizes)
    return np.add.reduceat(xs * weights, edges[:-1]), np.add.reduceat(ys * weights, edges[:-1])


def _finite(xs: np.ndarray, ys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    xs, ys = np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64)
    finite = np.isfinite(xs) & np.isfinite(ys)
    return xs[finite], ys[finite]
