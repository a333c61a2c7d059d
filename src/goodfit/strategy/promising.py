"""Which of many candidates to try next: those that a model of all trials expects to beat the best by the most.

The box says where to look; the model says what in it is worth a trial. Candidates are chosen one after another as if
each had given what the model expects of it, so that the trials of a round differ.

Source: expected improvement after Jones, Schonlau and Welch (1998), in turns after Ginsbourger and others (2010).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goodfit.strategy.model import Model

Array = NDArray[np.float64]


def most_promising(model: Model, candidates: Sequence[Mapping[str, Any]], n: int) -> tuple[int, ...]:
    """The n candidates with the most expected improvement, in turns: their places in the list, best first.

    Args:
        candidates: points of the model's space.
        n: how many; fewer where there are fewer candidates.
    """
    expected, covariance = model.at(candidates)
    best = float(model.at_trials().min())
    chosen: list[int] = []
    free = np.ones(len(candidates), dtype=bool)
    for _ in range(min(n, len(candidates))):
        spread = np.sqrt(np.clip(np.diag(covariance), 1e-12, None))
        index = int(np.argmax(np.where(free, expected_improvement(expected, spread, best), -1.0)))
        chosen.append(index)
        free[index] = False
        best = min(best, float(expected[index]))
        along = covariance[:, index]
        covariance = covariance - np.outer(along, along) / (covariance[index, index] + model.noise)
    return tuple(chosen)


def expected_improvement(expected: Array, spread: Array, best: float) -> Array:
    """How much below `best` a normal number falls on average, counting nothing where it does not.

    Example:
        >>> expected_improvement(np.array([0.0, 1.0]), np.array([1.0, 1.0]), best=0.0).round(3).tolist()
        [0.399, 0.083]
    """
    z = (best - expected) / spread
    below = np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in z])
    return (best - expected) * below + spread * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
