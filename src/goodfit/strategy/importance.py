"""Which hyperparameters matter in this box, measured from the trials themselves, with an interval."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from goodfit.settings.search import SearchSettings
from goodfit.space import Space
from goodfit.strategy.observation import Observation
from goodfit.strategy.surrogate import Design, design_of, ranks_of

Array = NDArray[np.float64]
RIDGE = 1e-3  # keeps nearly equal columns apart; small against any effect worth naming


@dataclasses.dataclass(frozen=True, slots=True)
class Importance:
    """How much of the trials' differences one dimension explains beyond the others."""

    key: str
    share: float  # of the variance of the trials' ranks; about 0 for a dimension that does nothing
    low: float  # the 90 % interval of the share: it covers 0 where chance could have done it
    high: float
    p: float  # share of permutations that explain as much
    trials: int  # active and feasible

    def matters(self, settings: SearchSettings) -> bool:
        return self.p < settings.importance_p


def importances(
    space: Space,
    observations: Sequence[Observation],
    settings: SearchSettings | None = None,
    seed: int = 0,
) -> tuple[Importance, ...]:
    """The importance of every dimension, in the space's order.

    A smooth surface (a polynomial in the places on the scales) is fitted to the trials' ranks; then one dimension's
    values are permuted among the trials and the surface is fitted anew. How much better the true values explain the
    ranks than permuted ones is the importance; how often permuted ones do as well is p. A refit, not a mere
    prediction, so that p is exact for values that were drawn independently, however few the trials. Ranks, since
    one exploded loss must not outweigh all others; a surface, since the usual effect is a valley, which a rank
    correlation does not see.

    Args:
        space: the box that the trials were drawn from.
        observations: infeasible ones are left out.
        seed: of the permutations.

    Source: recipe 4.3 (permutations, p < 0.1), 1 row 14.
    """
    chosen = settings or SearchSettings()
    feasible = [o for o in observations if o.is_feasible]
    y = ranks_of(feasible)
    if len(feasible) < 4 or y.std() == 0:
        return tuple(Importance(d.key, 0.0, -1.0, 1.0, 1.0, _active(space, feasible, d.key)) for d in space.dimensions)
    y = (y - y.mean()) / y.std()
    design = design_of(space, feasible)
    generator = np.random.default_rng(seed)
    return tuple(
        _importance_of(column, design, y, chosen.importance_permutations, generator)
        for column in range(len(space.dimensions))
    )


def _active(space: Space, feasible: Sequence[Observation], key: str) -> int:
    return sum(space[key].is_active(o.hyperparameters) for o in feasible)


def _importance_of(
    column: int, design: Design, y: Array, permutations: int, generator: np.random.Generator
) -> Importance:
    active = np.flatnonzero(design.active[:, column])
    key = design.keys[column]
    places = design.units[active, column]
    if len(active) < 4 or np.ptp(places) == 0:
        return Importance(key, 0.0, -1.0, 1.0, 1.0, len(active))
    shuffled = generator.permuted(np.tile(np.arange(len(active)), (permutations, 1)), axis=1)
    orders = np.vstack([np.arange(len(active)), shuffled])  # the first is the truth
    units = np.tile(design.units[:, column], (len(orders), 1))
    units[:, active] = places[orders]
    others = design.without(column)
    q, _ = np.linalg.qr(others)
    rest = y - q @ (q.T @ y)
    own = design.of_column(column, units)  # [orders, trials, features]
    own = own - np.einsum("ij,ojk->oik", q, np.einsum("ij,oik->ojk", q, own, optimize=True), optimize=True)
    gram = np.einsum("oij,oik->ojk", own, own, optimize=True)
    moment = own.transpose(0, 2, 1) @ rest
    gram += RIDGE * len(y) * np.eye(gram.shape[1])
    explained = np.einsum("oj,oj->o", moment, np.linalg.solve(gram, moment[..., None])[..., 0]) / (y @ y)
    truth, chance = explained[0], explained[1:]
    p = (1 + np.sum(chance >= truth - 1e-12)) / (1 + permutations)
    low, high = truth - np.quantile(chance, [0.95, 0.05])
    return Importance(key, float(truth - chance.mean()), float(low), float(high), float(p), len(active))
