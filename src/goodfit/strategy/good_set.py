"""The trials that cannot be told from the best, and what the places where they lie say."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from goodfit.settings.search import SearchSettings
from goodfit.strategy.observation import Observation

Array = NDArray[np.float64]


def by_score(observations: Sequence[Observation]) -> list[Observation]:
    """The feasible trials, best first; equal scores by the loss, then by number."""
    feasible = [o for o in observations if o.is_feasible]
    return sorted(feasible, key=lambda o: (o.score, math.inf if o.loss is None else o.loss, o.number))


def good_set(
    observations: Sequence[Observation],
    settings: SearchSettings | None = None,
    *,
    sigma: float | None = None,
    delta: float = 0.0,
) -> tuple[Observation, ...]:
    """The trials within max(2σ, δ) of the best, best first; at least 3 and a fifth, at most a third of all.

    Args:
        sigma: standard deviation of a score from seed to seed; None: unknown.
        delta: the smallest difference of scores that counts.

    Source: recipe 4.3.

    Example:
        >>> trials = [Observation(i, {"lr": 0.1}, score=i / 10) for i in range(30)]
        >>> [o.number for o in good_set(trials, sigma=0.1)]
        [0, 1, 2, 3, 4, 5]
    """
    chosen = settings or SearchSettings()
    ranked = by_score(observations)
    if not ranked:
        return ()
    n = len(ranked)
    least = max(chosen.good_least, math.ceil(n * chosen.good_share_least))
    most = max(chosen.good_least, math.floor(n * chosen.good_share_most))
    best = ranked[0].score or 0.0
    within = sum((o.score or 0.0) - best <= max(chosen.good_sigmas * (sigma or 0.0), delta) for o in ranked)
    return tuple(ranked[: min(max(within, least), max(most, least), n)])


def weighted_median(values: Array, weights: Array) -> float:
    """The value at which half of the weight is reached; between two values where it is reached exactly.

    Example:
        >>> weighted_median(np.array([0.1, 0.2, 0.9]), np.array([1.0, 1.0, 1.0]))
        0.2
    """
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    half = total[-1] / 2
    index = int(np.searchsorted(total, half - 1e-12))
    if abs(total[index] - half) < 1e-12 and index + 1 < len(values):
        return float(values[order[index]] + values[order[index + 1]]) / 2
    return float(values[order[index]])


def weights_by_score(good: Sequence[Observation]) -> Array:
    """How much each good trial counts: its lead over the worst of them, plus a tenth of the best's."""
    scores = np.array([o.score for o in good], dtype=float)
    lead = scores.max() - scores
    return lead + 0.1 * lead.max() if lead.max() > 0 else np.ones(len(scores))


def rank_correlation(first: Array, second: Array) -> tuple[float, float]:
    """Spearman's rank correlation and its two-sided p, by Fisher's transform; 0 and 1 for fewer than four pairs."""
    if len(first) < 4:
        return 0.0, 1.0
    a, b = (np.argsort(np.argsort(v)).astype(float) for v in (first, second))
    rho = float(np.clip(np.corrcoef(a, b)[0, 1], -1, 1))
    # Fisher's transform: within a few percent of the exact p from six pairs on
    z = math.atanh(min(abs(rho), 1 - 1e-9)) * math.sqrt(max(len(first) - 3, 1) / 1.06)
    return rho, math.erfc(z / math.sqrt(2))


def gap_by_luck(trials: int, good: int, between: int) -> float:
    """At most the chance that some two neighbours among randomly chosen good trials have so many worse ones between.

    Each of the `good` - 1 gaps holds at least b of the n trials with the chance C(n - b, g) / C(n, g), since all gaps
    of a random subset, the two outer ones too, are alike in distribution; the union bound adds them up.

    Example:
        >>> round(gap_by_luck(trials=40, good=10, between=12), 3)
        0.139
        >>> gap_by_luck(trials=10, good=9, between=2)
        0.0
    """
    return min(1.0, (good - 1) * math.comb(trials - between, good) / math.comb(trials, good))
