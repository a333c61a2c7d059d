"""A smooth surface over the places on a space's scales: polynomials, with products of pairs where trials allow."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from goodfit.space import Space
from goodfit.strategy.observation import Observation

Array = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Design:
    """Trials as places, and how places become the surface's features.

    An inactive dimension's features are 0, so that it neither helps nor hinders the trials without it.
    """

    keys: tuple[str, ...]
    units: Array  # [trials, dimensions], 0.5 where inactive
    active: NDArray[np.bool_]  # [trials, dimensions]
    choices: tuple[int, ...]  # the number of values of each unordered dimension, 0 for the ordered
    degree: int
    pairs: bool  # products of two ordered dimensions
    alone: bool  # too few trials for all dimensions at once: each is judged by itself

    def own(self, column: int, units: Array) -> Array:
        """A dimension's own features.

        Args:
            units: places, [..., trials].

        Returns:
            [..., trials, features]
        """
        if self.choices[column]:
            levels = np.minimum((units * self.choices[column]).astype(int), self.choices[column] - 1)
            features = (levels[..., None] == np.arange(1, self.choices[column])).astype(float)
        else:
            x = 2 * units - 1
            legendre = (x, (3 * x**2 - 1) / 2, (5 * x**3 - 3 * x) / 2, (35 * x**4 - 30 * x**2 + 3) / 8)
            features = np.stack(legendre[: self.degree], axis=-1)
        return features * self.active[:, column, None]

    def with_pairs(self, column: int, units: Array, partners: Sequence[int]) -> Array:
        """A dimension's own features and its products with partners."""
        own = self.own(column, units)
        if not self.pairs or self.choices[column]:
            return own
        x = own[..., :1]
        others = [self.own(p, self.units[:, p])[:, :1] for p in partners if not self.choices[p]]
        return np.concatenate([own, *(x * other for other in others)], axis=-1)

    def of_column(self, column: int, units: Array) -> Array:
        """All features that a dimension has a part in."""
        return self.with_pairs(column, units, [p for p in range(len(self.keys)) if p != column])

    def without(self, column: int) -> Array:
        """All features that a dimension has no part in, with the constant: [trials, features]."""
        parts = [np.ones((len(self.units), 1))]
        if self.alone:
            if not self.active[:, column].all():  # whether it is there at all is its parent's doing
                parts.append(self.active[:, column, None].astype(float))
            return np.hstack(parts)
        rest = [p for p in range(len(self.keys)) if p != column]
        for i, p in enumerate(rest):
            parts.append(self.with_pairs(p, self.units[:, p], rest[i + 1 :]))
        return np.hstack(parts)

    def features(self) -> Array:
        """All features, with the constant first: [trials, features]."""
        parts = [np.ones((len(self.units), 1))]
        for p in range(len(self.keys)):
            parts.append(self.with_pairs(p, self.units[:, p], range(p + 1, len(self.keys))))
        return np.hstack(parts)


def places_of(space: Space, observations: Sequence[Observation]) -> tuple[Array, NDArray[np.bool_]]:
    """The trials' places, and where they have one: [trials, dimensions] each, 0.5 where there is none."""
    units = np.full((len(observations), len(space.dimensions)), 0.5)
    active = np.zeros(units.shape, dtype=bool)
    for row, observation in enumerate(observations):
        places = space.to_units(observation.hyperparameters)
        for column, dimension in enumerate(space.dimensions):
            if dimension.key in places:
                units[row, column] = places[dimension.key]
                active[row, column] = True
    return units, active


def design_of(space: Space, observations: Sequence[Observation]) -> Design:
    """The richest surface that the number of trials can bear: at most half as many features as trials."""
    units, active = places_of(space, observations)
    choices = tuple(0 if d.scale.is_ordered else int(d.scale.levels or 0) for d in space.dimensions)
    ordered = sum(c == 0 for c in choices)
    fixed = 1 + sum(max(c - 1, 0) for c in choices)
    design = Design(space.keys, units, active, choices, 2, False, True)
    for degree, pairs in ((4, True), (3, True), (3, False), (2, True), (2, False)):
        features = fixed + degree * ordered + (ordered * (ordered - 1) // 2 if pairs else 0)
        if features <= len(observations) / 2:
            return dataclasses.replace(design, degree=degree, pairs=pairs, alone=False)
    return design


def ranks_of(observations: Sequence[Observation]) -> Array:
    """The trials' ranks, 0 the best; equal scores are told apart by the loss, and else share their mean rank."""
    scores = [(o.score, o.loss if o.loss is not None else 0.0) for o in observations]
    order = sorted(range(len(scores)), key=scores.__getitem__)
    ranks = np.empty(len(scores))
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and scores[order[end]] == scores[order[start]]:
            end += 1
        ranks[order[start:end]] = (start + end - 1) / 2
        start = end
    return ranks
