"""Slices of one search's own trials: the best that each part of a hyperparameter's range gave, with an interval.

The trials of a first round do not depend on one another, and all else varied among those of a slice, too: the best of
as many trials from each slice is a fair comparison of its part of the range with the others.

Source: the Tuning Playbook, isolation plots; recipe 4.5 and 7 (bucketed best-of-slice).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goodfit.space.levels import frozen_value, value_key
from goodfit.strategy.noise import best_of_k
from goodfit.strategy.observation import Observation

SLICES = 4  # of a range with more values than that
TRIALS_LEAST = 3  # in each slice: fewer say nothing
EXCHANGES = 500  # of trials between slices, against which their levels are held
TOLD_P = 0.05


@dataclasses.dataclass(frozen=True, slots=True)
class RangeSlice:
    """One part of a hyperparameter's range."""

    values: tuple[Any, ...]  # that its trials had, in order
    trials: int
    level: float  # the best of `drawn` of its trials, on average; lower is better
    low: float  # 90 % interval of the same
    high: float
    drawn: int  # the trials of the smallest slice
    scores: tuple[float, ...]


def slices_of(observations: Sequence[Observation], name: str, ordered: bool) -> list[RangeSlice]:
    """The slices of a hyperparameter, in the order of its values; [] where there are fewer than two to compare.

    Args:
        observations: independent trials of one length; infeasible ones count as the worst.
        name: of the hyperparameter; trials without it are left out.
        ordered: whether its values have an order: then neighbours share a slice where there are many.
    """
    having = [o for o in observations if name in o.hyperparameters]
    if ordered:
        having.sort(key=lambda o: o.hyperparameters[name])
    groups: dict[Any, list[Observation]] = {}
    for observation in having:
        groups.setdefault(value_key(frozen_value(observation.hyperparameters[name])), []).append(observation)
    if ordered and len(groups) > SLICES:
        parts = min(SLICES, len(having) // TRIALS_LEAST)
        cuts = [round(i * len(having) / parts) for i in range(parts + 1)] if parts else []
        parted = [having[low:high] for low, high in itertools.pairwise(cuts)]
    else:
        parted = [group for group in groups.values() if len(group) >= TRIALS_LEAST]
    parted = [part for part in parted if any(o.is_feasible for o in part)]
    if len(parted) < 2:
        return []
    drawn = min(len(part) for part in parted)
    worst = max(o.score for o in having if o.score is not None)
    found = []
    for part in parted:
        scores = tuple(worst if o.score is None else o.score for o in part)
        curve = best_of_k(scores, [drawn])
        values = tuple(o.hyperparameters[name] for o in part)
        found.append(RangeSlice(values, len(part), curve.mean[0], curve.low[0], curve.high[0], drawn, scores))
    return found


def told_apart(slices: Sequence[RangeSlice], seed: int = 0) -> bool:
    """Whether the levels of the slices lie farther apart than chance would put them.

    Were the range of no consequence, its trials could change slices without anybody's noticing: the distance from the
    best level to the worst is held against those of exchanged trials. That is exact for any number of slices.
    """
    scores = np.concatenate([one.scores for one in slices])
    sizes = [len(one.scores) for one in slices]
    drawn = slices[0].drawn
    generator = np.random.default_rng(seed)
    orders = np.stack([np.arange(len(scores)), *(generator.permutation(len(scores)) for _ in range(EXCHANGES))])
    parts = np.split(scores[orders], np.cumsum(sizes)[:-1], axis=1)
    levels = np.stack([_expected_best(part, drawn) for part in parts])
    spans = levels.max(axis=0) - levels.min(axis=0)
    return float((spans >= spans[0]).mean()) < TOLD_P


def _expected_best(scores: NDArray[np.float64], drawn: int) -> NDArray[np.float64]:
    """The lowest of so many draws with replacement, on average: [sets, trials] to [sets]."""
    n = scores.shape[1]
    left = (np.arange(n, -1, -1) / n) ** drawn  # the chance that all draws rank at least so low
    return np.sort(scores, axis=1) @ (left[:-1] - left[1:])
