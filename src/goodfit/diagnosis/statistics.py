"""The statistics that the rules of curves decide by: robust, scale-free where they can be, and small.

Nothing here knows what a loss is. Arrays are float64 and finite; `finite` drops what is missing first.
"""

from __future__ import annotations

import math

import numpy as np

from goodfit.diagnosis.curves import Series

MAD_TO_SIGMA = 1.4826  # of a normal distribution
MOST_POINTS_PAIRWISE = 200  # beyond it, pairwise statistics see block means: cost n^2, and neighbours are correlated


def finite(series: Series | None) -> Series:
    """The points whose value is finite; empty for a series that is absent."""
    if series is None:
        return Series(np.empty(0), np.empty(0))
    steps, values = np.asarray(series.steps, np.float64), np.asarray(series.values, np.float64)
    kept = np.isfinite(values)
    return Series(steps[kept], values[kept])


def between(series: Series, low: float, high: float) -> Series:
    """The points with low <= step <= high."""
    kept = (series.steps >= low) & (series.steps <= high)
    return Series(series.steps[kept], series.values[kept])


def blocks(series: Series, n: int) -> Series:
    """Means over n equal blocks of successive points (fewer points than n: the series itself).

    Neighbouring minibatch losses share parameters and are correlated; means of long blocks hardly are.
    """
    if len(series) <= n:
        return series
    edges = np.linspace(0, len(series), n + 1).round().astype(int)
    sizes = np.diff(edges)
    steps = np.add.reduceat(series.steps, edges[:-1]) / sizes
    return Series(steps, np.add.reduceat(series.values, edges[:-1]) / sizes)


def noise(values: np.ndarray) -> float:
    """Standard deviation of the jitter around a smooth curve: 1.48 MAD of the first differences / sqrt(2).

    The MAD is taken about the median difference, so a straight trend adds nothing. 0 for fewer than 3 values.

    Source: recipe section 5, Statistics.
    """
    if len(values) < 3:
        return 0.0
    differences = np.diff(values)
    return float(MAD_TO_SIGMA * np.median(np.abs(differences - np.median(differences))) / math.sqrt(2))


def theil_sen(steps: np.ndarray, values: np.ndarray) -> float:
    """Median of the slopes through all pairs of points, in values per step; 0 for fewer than 2 points.

    Up to 29 % of the points may be arbitrarily wrong.
    """
    if len(values) < 2:
        return 0.0
    thinned = blocks(Series(np.asarray(steps, float), np.asarray(values, float)), MOST_POINTS_PAIRWISE)
    i, j = np.triu_indices(len(thinned), 1)
    run = thinned.steps[j] - thinned.steps[i]
    apart = run > 0
    if not apart.any():
        return 0.0
    return float(np.median((thinned.values[j] - thinned.values[i])[apart] / run[apart]))


def mann_kendall(values: np.ndarray) -> float:
    """z of the Mann-Kendall test: how surely the values grow (above 0) or fall (below 0); 0 without a trend.

    Ties and continuity are corrected for. Needs independent points: give minibatch losses to `blocks` first. With 8
    points in perfect order z is 3.3; with fewer than 4 it is 0, for nothing can be said.
    """
    n = len(values)
    if n < 4:
        return 0.0
    if n > MOST_POINTS_PAIRWISE:
        values = blocks(Series(np.arange(n, dtype=float), np.asarray(values, float)), MOST_POINTS_PAIRWISE).values
        n = len(values)
    i, j = np.triu_indices(n, 1)
    score = float(np.sign(values[j] - values[i]).sum())
    _, ties = np.unique(values, return_counts=True)
    variance = (n * (n - 1) * (2 * n + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    if variance <= 0 or score == 0:
        return 0.0
    return (score - math.copysign(1, score)) / math.sqrt(variance)


def straightness(steps: np.ndarray, values: np.ndarray) -> float:
    """R^2 of the straight line by least squares: 1 is a line; 0 for a constant or for fewer than 3 points."""
    if len(values) < 3 or np.ptp(values) == 0 or np.ptp(steps) == 0:
        return 0.0
    across, up = steps - np.mean(steps), values - np.mean(values)
    up = up / np.abs(up).max()  # so that squares of tiny values stay above 0
    power = float((across**2).sum() * (up**2).sum())
    return float((across * up).sum() ** 2 / power) if power > 0 else 0.0


def autocorrelation(values: np.ndarray, lag: int) -> float:
    """Correlation of the values with themselves `lag` points later, their running mean taken off first.

    The mean runs over 2 lag + 1 points, so that a trend is not taken for a period. 0 where it cannot be told (fewer
    than 3 lags of points, a constant).
    """
    if lag < 1 or len(values) < 3 * lag:
        return 0.0
    width = 2 * lag + 1
    padded = np.pad(np.asarray(values, float), lag, mode="reflect")
    rest = values - np.convolve(padded, np.full(width, 1 / width), mode="valid")
    early, late = rest[:-lag], rest[lag:]
    early, late = early - early.mean(), late - late.mean()
    power = math.sqrt(float((early**2).sum() * (late**2).sum()))
    scale = float(np.abs(values).max())
    if power <= 1e-24 * max(scale, 1e-300) ** 2 * len(early):  # nothing but rounding is left
        return 0.0
    return float((early * late).sum() / power)


def median_of_five(values: np.ndarray) -> np.ndarray:
    """Running median over 5 points (fewer at the ends): lone outliers vanish, steps stay."""
    if len(values) < 5:
        return np.asarray(values, float).copy()
    padded = np.pad(np.asarray(values, float), 2, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)


def smoothed(values: np.ndarray, beta: float = 0.9) -> np.ndarray:
    """Median of 5, then an exponential average without bias to its start: the line that plots show over the points.

    Source: recipe section 5, [L11].
    """
    medians = median_of_five(values)
    out = np.empty(len(medians))
    total = weight = 0.0
    for i, value in enumerate(medians):
        total, weight = beta * total + (1 - beta) * value, beta * weight + (1 - beta)
        out[i] = total / weight
    return out
