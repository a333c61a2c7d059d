"""Borders read off a model: do trials get better towards the end, and is it not seen that they turn before it?

The test of `borders` counts trials near a border. Where the search itself crowds them there that says nothing; and
where many hyperparameters matter, the best of a few dozen trials lie anywhere along a range although each step towards
its end helps. So here the model of all trials is asked, about the whole range that was searched: the best points are
moved along it, and the model says what it expects of them at each place. A side is flagged where the expectation falls
towards it by more than chance, its lowest place lies in the outer third, and the end is not known to be worse than that
place: a range is extended so far that the best ends a third from the edge.

How sure the fall must be is the trials' doing. Those of the first round were spread evenly: there the trend is tested
by shuffling their ranks, which is exact (`trend_tests`). Later ones were sent by earlier ones; there the model's own
uncertainty is taken, at a level that was measured on flat spaces.

Source: recipe 4.4 (the count is invalid with an adaptive sampler); the trend is a linear contrast of a Gaussian
process's expectation, Rasmussen and Williams (2006), chapter 2.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goodfit.settings.search import SearchSettings
from goodfit.space import Space
from goodfit.space.dimension import Dimension
from goodfit.space.scales import Limits, Side
from goodfit.strategy.borders import BorderReading, can_extend, infeasible_near, read_borders
from goodfit.strategy.good_set import by_score
from goodfit.strategy.model import Model
from goodfit.strategy.observation import Observation
from goodfit.strategy.trends import trend_tests

Array = NDArray[np.float64]
SIDES: tuple[Side, Side] = ("low", "high")
PLACES = 8  # along a range without levels, or with more of them


@dataclasses.dataclass(frozen=True)
class Profile:
    """What the model expects of the best points when they are moved along a range, from one end to the other."""

    dimension: Dimension
    side: Side
    toward: Array  # how far each place lies towards the side: from 0 to 1, the end, growing
    expected: Array  # [places], lower is better
    covariance: Array  # [places, places]
    best: float  # how far the best trial lies towards the side

    @property
    def trend_p(self) -> float:
        """P(it does not get better towards the side), by the slope of a straight line through the expectation."""
        return self._p(self.toward - self.toward.mean())

    def turns(self, settings: SearchSettings) -> bool:
        """Whether the best place lies well inside, or before an end that is worse."""
        return self.toward[int(np.argmin(self.expected))] < settings.slope_near or self.end_is_worse(settings)

    def end_is_worse(self, settings: SearchSettings) -> bool:
        """Whether the end is known to be worse than the best place."""
        against = np.zeros(len(self.toward))
        against[-1] += 1.0
        against[int(np.argmin(self.expected))] -= 1.0
        return bool(against.any()) and self._p(against) > 1 - settings.slope_turned_p

    def _p(self, weights: Array) -> float:
        """P(the weighted sum of what the places are worth is above 0)."""
        difference, variance = float(weights @ self.expected), float(weights @ self.covariance @ weights)
        if variance <= 1e-12:
            return 0.5
        return 0.5 * math.erfc(-difference / math.sqrt(2 * variance))


def profiles(
    model: Model,
    space: Space,
    observations: Sequence[Observation],
    settings: SearchSettings | None = None,
    *,
    limits: Mapping[str, Limits] | None = None,
) -> tuple[Profile, ...]:
    """The profile of every side that could be extended.

    Args:
        model: of the trials, in `space`.
        space: all that was searched so far.
        observations: all trials, infeasible ones too.
    """
    chosen = settings or SearchSettings()
    ranked = by_score(observations)
    found = []
    for dimension in space.dimensions:
        members = [o for o in ranked if dimension.is_active(o.hyperparameters)]
        sides = [side for side in SIDES if can_extend(dimension, side, limits)]
        if len(members) < chosen.border_trials_least or not sides:
            continue
        best = members[: chosen.good_least]
        units, places = _places(dimension)
        points = [{**o.hyperparameters, dimension.name: dimension.scale.from_unit(u)} for u in units for o in best]
        expected, covariance = model.at(points)
        mean = np.kron(np.eye(len(places)), np.full(len(best), 1 / len(best)))  # over the best points, at each place
        for side in sides:
            order = np.arange(len(places)) if side == "high" else np.arange(len(places))[::-1]
            found.append(
                Profile(
                    dimension,
                    side,
                    places[order] if side == "high" else 1 - places[order],
                    (mean @ expected)[order],
                    (mean @ covariance @ mean.T)[np.ix_(order, order)],
                    _toward(dimension, side, best[0].hyperparameters),
                )
            )
    return tuple(found)


def read_slopes(
    model: Model,
    space: Space,
    observations: Sequence[Observation],
    settings: SearchSettings | None = None,
    *,
    better: Model | None = None,
    limits: Mapping[str, Limits] | None = None,
    moved: Collection[str] = (),
) -> tuple[BorderReading, ...]:
    """What every side shows where trials were sent by earlier ones.

    Args:
        model: of all trials, in `space`.
        space: all that was searched so far.
        better: of the better half of them, where these are enough: what only good trials show is drowned among all.
            Where it sees a trend, the model of all must not know the end to be worse.
        observations: all trials, infeasible ones too.
        moved: sides that were moved before, such as "lr:high"; less is asked of these.
    """
    chosen = settings or SearchSettings()
    readings = []
    found = profiles(model, space, observations, chosen, limits=limits)
    among_better = found if better is None else profiles(better, space, observations, chosen, limits=limits)
    looks = len(found) if better is None else 2 * len(found)
    for of_all, of_better in zip(found, among_better, strict=True):
        again = f"{of_all.dimension.key}:{of_all.side}" in moved
        profile = min(of_all, of_better, key=lambda one: one.trend_p)
        p = profile.trend_p
        least = chosen.slope_again_p if again else chosen.slope_p / looks
        flagged = p <= least and not profile.turns(chosen) and not of_all.end_is_worse(chosen)
        readings.append(_reading(profile, p, flagged, observations, chosen))
    return tuple(readings)


def read_first_round(
    model: Model,
    space: Space,
    observations: Sequence[Observation],
    settings: SearchSettings | None = None,
    *,
    limits: Mapping[str, Limits] | None = None,
    seed: int = 0,
) -> tuple[BorderReading, ...]:
    """What every side shows after a round that was spread evenly: crowded (`read_borders`), or a trend up to its end.

    Both tests have a part of the false alarms that are allowed.
    """
    chosen = settings or SearchSettings()
    rest = dataclasses.replace(chosen, border_false_alarms=chosen.border_false_alarms - chosen.trend_false_alarms)
    counted = {(r.key, r.side): r for r in read_borders(space, observations, rest, limits=limits, seed=seed)}
    trends = trend_tests(space, observations, chosen, limits=limits, seed=seed)
    for profile in profiles(model, space, observations, chosen, limits=limits):
        side = (profile.dimension.key, profile.side)
        p = trends.get(side, 1.0)
        crowded = side in counted and counted[side].flagged
        if not crowded and p <= chosen.trend_false_alarms and not profile.turns(chosen):
            counted[side] = _reading(profile, p, True, observations, chosen)
    return tuple(counted.values())


def _reading(
    profile: Profile, p: float, flagged: bool, observations: Sequence[Observation], settings: SearchSettings
) -> BorderReading:
    return BorderReading(
        key=profile.dimension.key,
        side=profile.side,
        best_is_near=profile.best >= 1 - settings.border_strip,
        top5_near=0,
        top10_near=0,
        crowded=False,
        trend_p=p,
        p=p,
        flagged=flagged,
        infeasible_near=infeasible_near(profile.dimension, profile.side, profile.best, observations, settings),
    )


def _places(dimension: Dimension) -> tuple[list[float], Array]:
    """Places along a range for its scale, and the same from 0 to 1; every level where there are few."""
    scale = dimension.scale
    count = PLACES if scale.levels is None else min(scale.levels, PLACES)
    even = np.linspace(0.0, 1.0, count)
    if scale.levels is not None:
        even = np.round(even * (scale.levels - 1)) / (scale.levels - 1)
        return [(place * (scale.levels - 1) + 0.5) / scale.levels for place in even], even
    return [scale.atom + place * (1 - scale.atom) for place in even], even


def _toward(dimension: Dimension, side: Side, point: Mapping[str, Any]) -> float:
    """How far the point lies towards the side; a scale's end levels lie at its very ends."""
    scale = dimension.scale
    place = scale.to_unit(point[dimension.name])
    if scale.levels is not None and scale.levels > 1:
        place = (place * scale.levels - 0.5) / (scale.levels - 1)
    return place if side == "high" else 1 - place
