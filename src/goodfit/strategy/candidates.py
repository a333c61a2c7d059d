"""Many points that might be tried next: spread over the boxes, and steps away from the best trials."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from goodfit.settings.search import SearchSettings
from goodfit.space import Choice, Space
from goodfit.strategy.good_set import by_score
from goodfit.strategy.observation import Observation
from goodfit.strategy.proposers import point_key
from goodfit.strategy.sequences import Sobol

TRIES = 32  # points of an even sequence for each that is wanted, before a new part counts as too small


def hull_of(spaces: Sequence[Space]) -> Space:
    """The smallest space that holds all of these: boxes of one space, narrowed, extended, with choices dropped.

    Example:
        >>> from goodfit.space import log
        >>> hull_of([Space(lr=log(1e-3, 1e-1)), Space(lr=log(1e-2, 1.0))])
        Space(lr=Log(low=0.001, high=1.0, zero=0.0, hard=False))
    """
    first = spaces[0]
    scales = {}
    for dimension in first.dimensions:
        scale = dimension.scale
        found = [space[dimension.key].scale for space in spaces if dimension.key in space]
        if isinstance(scale, Choice):
            continue  # the first has them all: choices are dropped, never added
        ends = [one.as_json() for one in found]
        changes = {"low": min(end["low"] for end in ends), "high": max(end["high"] for end in ends)}
        scales[dimension.key] = dataclasses.replace(scale, **changes)  # ty: ignore[invalid-argument-type]
    return first.replace(scales)


def candidate_points(
    boxes: Sequence[Space],
    shares: Sequence[float],
    hull: Space,
    history: Sequence[Observation],
    settings: SearchSettings,
    seed: int,
) -> list[dict[str, Any]]:
    """Points to choose from, none of them tried before: draws from each box by its share, and steps from the best.

    A step moves one hyperparameter of a good trial, or a few, by a normal number of `candidate_step` of the range, one
    level at least; a choice is drawn anew.

    Args:
        boxes, shares: what to draw from and how much of it.
        hull: where steps may lead.
        history: all trials so far.
    """
    generator = np.random.default_rng(seed)
    wanted = settings.candidates
    points = []
    for box, share in zip(boxes, shares, strict=True):
        draws = generator.random((math.ceil(share * wanted), len(box.dimensions)))
        points += [box.from_units(row.tolist()) for row in draws]
    ranked = by_score(history)
    best = ranked[: max(settings.good_least, len(ranked) // 10)]
    for i in range(math.ceil(settings.candidate_steps_share * wanted) if best else 0):
        points.append(_step(best[i % len(best)], hull, settings, generator))
    return untried(points, history, hull)


def spread_beyond(
    space: Space, searched: Space, n: int, seed: int, history: Sequence[Observation]
) -> list[dict[str, Any]]:
    """Points spread evenly over the part of a space that was not searched yet, none of them tried before.

    Args:
        space: the space, with an end moved out.
        searched: what was searched before.
        n: how many; fewer where there is hardly any room.
    """
    sequence = Sobol(space, seed)
    tries = [sequence.at(i) for i in range(TRIES * n)]
    return untried([point for point in tries if not searched.contains(point)], history, space)[:n]


def untried(points: Sequence[dict[str, Any]], history: Sequence[Observation], space: Space) -> list[dict[str, Any]]:
    """The points that no trial has had, each once; of a trial only what the space names is compared."""
    names = set(space.names)
    tried = {point_key({k: v for k, v in o.hyperparameters.items() if k in names}) for o in history}
    return list({key: point for point in points if (key := point_key(point)) not in tried}.values())


def _step(start: Observation, hull: Space, settings: SearchSettings, generator: np.random.Generator) -> dict[str, Any]:
    places = hull.to_units(start.hyperparameters)
    keys = hull.keys
    moved = generator.random(len(keys)) < min(2 / len(keys), 1.0)
    moved[generator.integers(len(keys))] = True
    units = {}
    for key, moves in zip(keys, moved, strict=True):
        scale = hull[key].scale
        place = places.get(key, float(generator.random()))
        if moves and not scale.is_ordered:
            place = float(generator.random())
        elif moves:
            step = settings.candidate_step * float(generator.standard_normal())
            least = 1.01 / scale.levels if scale.levels else 0.0
            place += math.copysign(max(abs(step), least), step)
            place = -place if place < 0 else 2 - place if place > 1 else place  # what leaves comes back
        units[key] = min(max(place, 0.0), 1.0)
    return hull.from_units(units)
