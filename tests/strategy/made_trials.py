"""Trials with known truth, for the search's tests."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from goodfit.space import Space
from goodfit.strategy import Observation, Random


def trials(
    space: Space,
    score: Callable[[Mapping[str, Any]], float | None],
    n: int,
    seed: int = 0,
    noise: float = 0.0,
    first: int = 0,
) -> list[Observation]:
    """n random trials with a given score and Gaussian noise; no score where the given one is None."""
    generator = np.random.default_rng([seed, first])
    made = []
    for number, point in enumerate(Random(space, seed, first).propose((), n), start=first):
        value = score(point)
        chance = noise * generator.normal()
        status = "diverged" if value is None else "done"
        made.append(Observation(number, point, None if value is None else value + chance, status=status))
    return made


def decades(value: float) -> float:
    return math.log10(value)
