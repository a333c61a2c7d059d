"""Quasi-random points: they fill a space more evenly than independent draws, in any order and at any number of workers.

Source: recipe 4.2 (the Tuning Playbook): scrambled, low-discrepancy points are the default for exploration, since any
prefix of them is even, they are the same in parallel, and borders and axes stay readable. The points are scipy's.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goodfit.space import Space
from goodfit.strategy.observation import Observation
from goodfit.strategy.proposers import distinct
from goodfit.training.seeds import PROPOSAL, mixed


class _Sequence:
    """Configuration i is point i of one scrambled sequence: it depends on the seed and on i alone.

    Args:
        space: what to draw from; one coordinate for each dimension, those of inactive ones are not read.
        seed: of the scrambling.
        first: the index of the first configuration.
    """

    def __init__(self, space: Space, seed: int, first: int = 0) -> None:
        self.space = space
        self.seed = seed
        self.first = first
        self._points: NDArray[np.float64] = np.empty((0, len(space.dimensions)))

    def at(self, index: int) -> dict[str, Any]:
        """Configuration `index`."""
        if not self.space.dimensions:
            return {}
        if index >= len(self._points):
            self._points = self._drawn(max((index + 1).bit_length(), 6))
        return self.space.from_units(self._points[index].tolist())

    def propose(self, history: Sequence[Observation], n: int) -> tuple[dict[str, Any], ...]:
        """The first n of the sequence that were not tried: a point that comes up again is passed over."""
        return distinct((self.at(index) for index in itertools.count(self.first)), history, n, self.space)

    def _drawn(self, doublings: int) -> NDArray[np.float64]:
        """The first 2^doublings points of the sequence: [points, dimensions]."""
        raise NotImplementedError


class Sobol(_Sequence):
    """Points of a scrambled Sobol sequence: the most even in few dimensions. See `_Sequence` for the arguments.

    Example:
        >>> from goodfit.space import log
        >>> proposer = Sobol(Space(lr=log(1e-4, 1e-1)), seed=0)
        >>> proposer.at(3) == Sobol(Space(lr=log(1e-4, 1e-1)), seed=0).propose((), 4)[3]
        True
    """

    def _drawn(self, doublings: int) -> NDArray[np.float64]:
        from scipy.stats import qmc  # half a second to import: only where points are drawn

        # 64 bits: with 30 the sequence would end, and its points lie on a coarse lattice.
        generator = np.random.default_rng(mixed(self.seed, PROPOSAL, 1))
        return qmc.Sobol(len(self.space.dimensions), scramble=True, bits=64, seed=generator).random_base2(doublings)


class Halton(_Sequence):
    """Points of a scrambled Halton sequence: even at any number of points, not only at powers of two."""

    def _drawn(self, doublings: int) -> NDArray[np.float64]:
        from scipy.stats import qmc

        generator = np.random.default_rng(mixed(self.seed, PROPOSAL, 2))
        return qmc.Halton(len(self.space.dimensions), scramble=True, seed=generator).random(2**doublings)
