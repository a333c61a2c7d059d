"""Do trials get better towards an end, over a whole range: a test for trials that were spread evenly.

The ranks of all trials are laid out as a straight line in every hyperparameter at once, so that each is judged with
the others' effects taken off. The steepness of each side is held against the steepest of all sides when the ranks
are shuffled: fewer than the asked-for share of flat rounds have a side as steep, whatever the number of sides.

Source: ridge regression, Hoerl and Kennard (1970); the correction over sides is Westfall and Young's (1993).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from goodfit.settings.search import SearchSettings
from goodfit.space import Space
from goodfit.space.scales import Limits, Side
from goodfit.strategy.borders import can_extend
from goodfit.strategy.observation import Observation
from goodfit.strategy.surrogate import places_of

Array = NDArray[np.float64]
RIDGE = 0.1  # of the trials: keeps the fit of many hyperparameters to few trials from going wild
SIGNS: Mapping[Side, float] = {"low": 1.0, "high": -1.0}  # of a slope that leads down to the side


def trend_tests(
    space: Space,
    observations: Sequence[Observation],
    settings: SearchSettings | None = None,
    *,
    limits: Mapping[str, Limits] | None = None,
    seed: int = 0,
) -> dict[tuple[str, Side], float]:
    """The p value of every side that could be extended, corrected over all of them.

    Args:
        space: in which the trials were drawn; those outside it and infeasible ones say nothing here.
        seed: of the shuffles.
    """
    chosen = settings or SearchSettings()
    inside = [o for o in observations if o.is_feasible and space.contains(o.hyperparameters)]
    if len(inside) < chosen.border_trials_least:
        return {}
    columns, column_of = _columns(space, inside)
    sides = [
        (d.key, side, column_of[d.key], sign)
        for d in space.dimensions
        if d.key in column_of
        for side, sign in SIGNS.items()
        if can_extend(d, side, limits)
    ]
    if not sides:
        return {}
    ranks = np.argsort(np.argsort([o.score for o in inside], kind="stable"), kind="stable").astype(float)
    shuffles = np.tile(ranks, (chosen.border_permutations, 1))
    orders = np.vstack([ranks, np.random.default_rng(seed).permuted(shuffles, axis=1)]).T  # [trials, orders]
    steepness = _steepness(columns, orders)
    down = np.stack([sign * steepness[column] for _, _, column, sign in sides])  # [sides, orders]
    steepest = np.sort(down[:, 1:].max(axis=0))
    as_steep = len(steepest) - np.searchsorted(steepest, down[:, 0] - 1e-12, side="left")
    return {
        (key, side): float((1 + count) / (1 + len(steepest)))
        for (key, side, _, _), count in zip(sides, as_steep, strict=True)
    }


def _columns(space: Space, inside: Sequence[Observation]) -> tuple[Array, dict[str, int]]:
    """Each hyperparameter's places, centred and of one size: [trials, columns]; a choice has one for each value but the
    first. Whoever lacks it stands at the middle of those who have it."""
    units, active = places_of(space, inside)
    columns, column_of = [], {}
    for i, dimension in enumerate(space.dimensions):
        there = active[:, i]
        if dimension.scale.is_ordered:
            found = [units[:, i]]
        else:
            count = int(dimension.scale.levels or 1)
            level = np.clip((units[:, i] * count).astype(int), 0, count - 1)
            found = [(level == value).astype(float) for value in range(1, count)]
        for values in found:
            if there.sum() < 2 or np.ptp(values[there]) == 0:
                continue
            centred = np.where(there, values - values[there].mean(), 0.0)
            if dimension.scale.is_ordered:
                column_of[dimension.key] = len(columns)
            columns.append(centred / centred.std())
    return np.array(columns).T.reshape(len(inside), -1), column_of


def _steepness(columns: Array, orders: Array) -> Array:
    """How many standard errors each column's slope is above 0, for every order of the ranks: [columns, orders]."""
    n, p = columns.shape
    y = orders - orders.mean(axis=0)
    gram = columns.T @ columns
    inverse = np.linalg.inv(gram + RIDGE * n * np.eye(p))
    slopes = inverse @ (columns.T @ y)
    left = np.mean((y - columns @ slopes) ** 2, axis=0)
    errors = np.sqrt(np.diag(inverse @ gram @ inverse))[:, None] * np.sqrt(np.maximum(left, 1e-12))
    return slopes / errors
