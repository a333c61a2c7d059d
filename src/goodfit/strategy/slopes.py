"""Borders of trials that earlier trials sent there: does the model expect them to get better right up to the end?

The test of `borders` counts trials near a border, which says nothing where the search itself crowds them there. This
one asks the model of all trials: how much worse do the best points get when they are moved from the end inwards? It
holds wherever the trials came from.

Source: recipe 4.4 (the count is invalid with an adaptive sampler); the contrast is a linear one of a Gaussian process.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from goodfit.settings.search import SearchSettings
from goodfit.space import Space
from goodfit.space.dimension import Dimension
from goodfit.space.scales import Limits, Side
from goodfit.strategy.borders import BorderReading, can_extend, infeasible_near
from goodfit.strategy.good_set import by_score
from goodfit.strategy.model import Model
from goodfit.strategy.observation import Observation

SIDES: tuple[Side, Side] = ("low", "high")


def read_slopes(
    model: Model,
    space: Space,
    observations: Sequence[Observation],
    settings: SearchSettings | None = None,
    *,
    limits: Mapping[str, Limits] | None = None,
    moved: Collection[str] = (),
) -> tuple[BorderReading, ...]:
    """What every side of the box shows that could be extended.

    A side is flagged where the best trials, moved to it, are expected to be better than moved inwards from it, and
    where the best one and most of these lie near it. How sure the model must be was measured on flat spaces: fewer
    than 5 % of rounds raise an alarm.

    Args:
        model: of all trials, in a space that holds the box.
        space: the box in force.
        observations: all trials, infeasible ones too.
        moved: sides that were moved before, such as "lr:high"; less is asked of these.
    """
    chosen = settings or SearchSettings()
    inside = [o for o in by_score(observations) if space.contains(o.hyperparameters)]
    if len(inside) < chosen.border_trials_least:
        return ()
    sides = [(d, s) for d in space.dimensions for s in SIDES if can_extend(d, s, limits)]
    readings = []
    for dimension, side in sides:
        members = [o for o in inside if dimension.is_active(o.hyperparameters)]
        if len(members) < chosen.border_trials_least:
            continue
        probability = _gets_better(model, dimension, side, members[: chosen.good_least], chosen)
        toward = [_toward(dimension, side, o.hyperparameters) for o in members[: chosen.good_least]]
        near = sum(place >= 1 - chosen.slope_near for place in toward)
        p = 1 - probability
        least = chosen.slope_again_p if f"{dimension.key}:{side}" in moved else chosen.slope_p
        readings.append(
            BorderReading(
                key=dimension.key,
                side=side,
                best_is_near=toward[0] >= 1 - chosen.slope_near,
                top5_near=0,
                top10_near=0,
                crowded=False,
                trend_p=p,
                p=p,
                flagged=toward[0] >= 1 - chosen.slope_near and near * 2 > len(toward) and p <= least,
                infeasible_near=infeasible_near(dimension, side, max(toward), observations, chosen),
            )
        )
    return tuple(readings)


def _toward(dimension: Dimension, side: Side, point: Mapping[str, Any]) -> float:
    """How far the point lies towards the side; a scale's end levels lie at its very ends."""
    scale = dimension.scale
    place = scale.to_unit(point[dimension.name])
    if scale.levels is not None and scale.levels > 1:
        place = (place * scale.levels - 0.5) / (scale.levels - 1)
    return place if side == "high" else 1 - place


def _gets_better(
    model: Model, dimension: Dimension, side: Side, best: Sequence[Observation], settings: SearchSettings
) -> float:
    """P(the best points are better at the end than inwards from it)."""
    scale = dimension.scale
    inward = settings.slope_inward
    if scale.levels is not None:
        inward = max(inward, 1.01 / scale.levels)
    ends = [1.0, 1 - inward] if side == "high" else [scale.atom, scale.atom + inward * (1 - scale.atom)]
    points = [{**o.hyperparameters, dimension.name: scale.from_unit(end)} for end in ends for o in best]
    expected, covariance = model.at(points)
    weights = np.repeat([1.0, -1.0], len(best)) / len(best)
    difference, variance = float(weights @ expected), float(weights @ covariance @ weights)
    if variance <= 1e-12:
        return 0.5
    return 0.5 * math.erfc(difference / math.sqrt(2 * variance))
