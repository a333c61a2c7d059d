"""How much of a score is chance: from seed to seed, from picking the best of many, from a finite validation set."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from goodfit.settings.search import SearchSettings
from goodfit.space import Space
from goodfit.strategy.good_set import by_score
from goodfit.strategy.observation import Observation
from goodfit.strategy.proposers import point_key
from goodfit.strategy.surrogate import design_of


@dataclasses.dataclass(frozen=True, slots=True)
class Noise:
    """The standard deviation of a score that chance alone makes."""

    sigma: float
    source: str  # "repeats" over seeds; "fit": what a smooth surface over the better half leaves, an upper bound
    degrees: int  # of freedom behind it


def sigma_from_repeats(observations: Sequence[Observation]) -> Noise | None:
    """The standard deviation over seeds, pooled over all configurations that ran more than once; None without any.

    Example:
        >>> trials = [Observation(i, {"lr": 0.1}, score=s, seed=i) for i, s in enumerate((0.1, 0.2, 0.3))]
        >>> round(sigma_from_repeats(trials).sigma, 9)
        0.1
    """
    groups: dict[object, list[float]] = {}
    for o in observations:
        if o.score is not None:
            groups.setdefault(point_key(o.hyperparameters), []).append(o.score)
    repeated = [scores for scores in groups.values() if len(scores) > 1]
    degrees = sum(len(scores) - 1 for scores in repeated)
    if not degrees:
        return None
    squares = sum(float(np.var(scores)) * len(scores) for scores in repeated)
    return Noise(math.sqrt(squares / degrees), "repeats", degrees)


def sigma_from_fit(space: Space, observations: Sequence[Observation]) -> Noise | None:
    """What a smooth surface over the better half of the trials leaves unexplained; None with too few trials.

    The better half, since a score's noise is asked for near the best, not where training barely holds together. The
    surface's own lack of fit is part of it, so that it errs upwards.
    """
    inside = [o for o in by_score(observations) if space.contains(o.hyperparameters)]
    better = inside[: max(len(inside) // 2, 1)]
    design = design_of(space, better)
    if design.alone or len(better) < 6:
        return None
    scores = np.array([o.score for o in better], dtype=float)
    features = design.features()
    solution, _, rank, _ = np.linalg.lstsq(features, scores, rcond=None)
    degrees = len(better) - int(rank)
    if degrees < 2:
        return None
    residual = scores - features @ solution
    return Noise(math.sqrt(float(residual @ residual) / degrees), "fit", degrees)


def estimate_sigma(space: Space, observations: Sequence[Observation]) -> Noise | None:
    """From repeats where there are any, else from a smooth fit, else None (recipe 4.3)."""
    return sigma_from_repeats(observations) or sigma_from_fit(space, observations)


@lru_cache(maxsize=1024)
def expected_maximum(n: int) -> float:
    """The expected maximum of n independent standard normal numbers.

    Source: recipe 4.6: 1.54, 1.87, 2.25, 2.51 for n = 10, 20, 50, 100; by the integral of z·n·φ(z)·Φ(z)^(n-1).

    Raises:
        ValueError: n is below 1.
    """
    if n < 1:
        raise ValueError(f"the maximum of {n} numbers is not defined")
    z = np.linspace(-10, 10, 4001)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    below = np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in z])
    return float(np.sum(z * n * density * below ** (n - 1)) * (z[1] - z[0]))


def shrunk_best(scores: Sequence[float], sigma: float) -> float:
    """The best score without the winner's curse: raised by what the luckiest of equal trials gains by chance.

    Only trials near enough to have won by luck count as rivals: those within the range that as many equal trials
    would span.

    Args:
        scores: one for each trial, lower is better.
        sigma: the standard deviation from seed to seed.

    Source: recipe 4.6.
    """
    best = min(scores)
    span = 2 * expected_maximum(len(scores)) * sigma
    rivals = sum(score - best <= span for score in scores)
    return best + sigma * expected_maximum(max(rivals, 1))


def accuracy_standard_error(accuracy: float, samples: int) -> float:
    """The standard error of a share of right answers: 1.6 points at 0.9 of 360 samples, 0.3 of 10,000.

    Args:
        accuracy: between 0 and 1.
        samples: in the validation set.
    """
    return math.sqrt(max(accuracy * (1 - accuracy), 0.0) / max(samples, 1))


def smallest_difference(min_delta: float = 0.0, standard_error: float = 0.0) -> float:
    """δ, the smallest difference that counts: the user's own, or the validation set's standard error if larger."""
    return max(min_delta, standard_error)


@dataclasses.dataclass(frozen=True, slots=True)
class Adoption:
    """Whether a change is kept."""

    adopt: bool
    gain: float  # of the mean score; above 0 is better
    needed: float  # the gain that noise alone does not make
    probability: float  # that the change is better
    reason: str


def adopt(
    new: Sequence[float],
    old: Sequence[float],
    sigma: float,
    *,
    adds_complexity: bool = False,
    settings: SearchSettings | None = None,
) -> Adoption:
    """Keep a change whose mean gain exceeds 2·σ·√(1/n₁ + 1/n₂), or that adds no complexity and is probably better.

    Args:
        new, old: scores over seeds, lower is better.
        sigma: their standard deviation from seed to seed.
        adds_complexity: the change costs time, memory or explanation.

    Source: recipe 4.6 [PD].
    """
    chosen = settings or SearchSettings()
    gain = float(np.mean(old) - np.mean(new))
    error = sigma * math.sqrt(1 / len(new) + 1 / len(old))
    needed = chosen.adoption_sigmas * error
    probability = _normal(gain / error) if error > 0 else (1.0 if gain > 0 else 0.5 if gain == 0 else 0.0)
    numbers = f"the gain is {gain:.3g} where noise makes up to {needed:.3g}, P(better) = {probability:.2f}"
    if gain > needed:
        return Adoption(True, gain, needed, probability, f"Kept: {numbers}.")
    if gain > 0 and probability >= chosen.adoption_probability and not adds_complexity:
        return Adoption(True, gain, needed, probability, f"Kept, at no added complexity: {numbers}.")
    return Adoption(False, gain, needed, probability, f"Not kept: {numbers}.")


def _normal(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


@dataclasses.dataclass(frozen=True, slots=True)
class TuningCurve:
    """The best score that k trials give, with the interval over other draws of the same trials."""

    k: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]  # 90 % interval
    high: tuple[float, ...]


def best_of_k(
    scores: Sequence[float | None],
    ks: Sequence[int] | None = None,
    *,
    draws: int | None = None,
    seed: int = 0,
    settings: SearchSettings | None = None,
) -> TuningCurve:
    """The bootstrapped curve of the best of k trials against k; infeasible trials (None) take part and never win.

    A draw without any feasible trial counts as the worst feasible score.

    Raises:
        ValueError: no trial is feasible.

    Source: recipe 4.6, the Tuning Playbook.
    """
    feasible = [score for score in scores if score is not None]
    if not feasible:
        raise ValueError("no trial is feasible, so there is no best of k")
    worst = max(feasible)
    values = np.array([worst if score is None else score for score in scores])
    counts = tuple(ks) if ks is not None else tuple(range(1, len(values) + 1))
    n = draws or (settings or SearchSettings()).bootstrap_draws
    picked = np.random.default_rng(seed).integers(0, len(values), (n, max(counts)))
    running = np.minimum.accumulate(values[picked], axis=1)[:, np.array(counts) - 1]
    low, high = np.quantile(running, [0.05, 0.95], axis=0)
    return TuningCurve(counts, tuple(running.mean(axis=0).tolist()), tuple(low.tolist()), tuple(high.tolist()))


def spread_is_noise(observations: Sequence[Observation], sigma: float) -> bool:
    """True where the trials differ by less than 2σ: the box is insensitive, or the runs too short (recipe 2.4)."""
    scores = [o.score for o in observations if o.score is not None]
    return len(scores) > 1 and float(np.std(scores, ddof=1)) < 2 * sigma
