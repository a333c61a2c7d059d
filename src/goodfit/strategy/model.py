"""A model of all trials of a search: what it expects at any point, and how sure it is.

A Gaussian process over the places on the scales. It stands on every trial, those of earlier boxes and infeasible ones
included, so it knows more than a round's trials do; and it may be asked where trials were sent by earlier ones, where
tests that count trials may not. The process is scikit-learn's.

Source: Rasmussen and Williams (2006), chapters 2 and 5.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goodfit.space import Space
from goodfit.strategy.observation import Observation
from goodfit.strategy.surrogate import places_of

Array = NDArray[np.float64]
APART = 0.7  # of the range: how far two choices, or a dimension's being there and not, lie apart


class Model:
    """The trials' scores as a smooth function of where they lie, and noise.

    Args:
        space: that all trials and points lie in; a place outside it counts as it is.
        history: the trials; those without a score count as bad. At least two scores differ.
    """

    def __init__(self, space: Space, history: Sequence[Observation]) -> None:
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
        from threadpoolctl import threadpool_limits

        self.space = space
        self._sometimes = _not_always_there(space)
        known = self._features(history)
        smooth = ConstantKernel(1.0, (0.05, 20.0)) * Matern(np.full(known.shape[1], 0.7), (0.08, 20.0), nu=2.5)
        process = GaussianProcessRegressor(smooth + WhiteKernel(0.1, (1e-3, 1.0)), random_state=0)
        # One thread: on matrices this small, threads wait for one another longer than they work.
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a length at its bound is an answer: the dimension does not matter
            process.fit(known, levelled([o.score for o in history]))
        self._known, self._process = known, process
        self.noise = float(process.kernel_.k2.noise_level)  # variance, of a score's

    def at(self, points: Sequence[Mapping[str, Any]]) -> tuple[Array, Array]:
        """What is expected at points, in standard deviations of the scores: mean [n] and covariance [n, n]."""
        from scipy.linalg import solve_triangular

        features = self._features([Observation(-1, point, None) for point in points])
        signal = self._process.kernel_.k1
        explained = solve_triangular(self._process.L_, signal(self._known, features), lower=True)
        return self._process.predict(features), signal(features) - explained.T @ explained

    def at_trials(self) -> Array:
        """What is expected at the trials themselves, without the noise of their scores: [trials]."""
        return self._process.predict(self._known)

    def _features(self, observations: Sequence[Observation]) -> Array:
        """Places as distances are measured between them: [trials, features].

        An ordered dimension is its place, a choice one column a value; what is not always there has one that says so.
        """
        units, active = places_of(self.space, observations)
        columns = []
        for i, dimension in enumerate(self.space.dimensions):
            there = active[:, i, None]
            if dimension.scale.is_ordered:
                columns.append(units[:, i, None])
            else:
                count = int(dimension.scale.levels or 1)
                level = np.clip((units[:, i] * count).astype(int), 0, count - 1)
                columns.append(APART * there * np.eye(count)[level])
            if self._sometimes[i]:
                columns.append(APART * there)
        return np.hstack(columns).astype(float)


def levelled(scores: Sequence[float | None]) -> Array:
    """Scores made fit for a Gaussian process: what is far worse than the median counts as just bad, infeasible too.

    The better half keeps its distances, which say how deep the valley is; a diverged trial's loss of 1e9 says no more
    than that it is bad.

    Example:
        >>> levelled([0.0, 1.0, 2.0, 1e9, None]).round(2).tolist()
        [-1.54, -0.69, 0.17, 1.03, 1.03]
    """
    known = np.array([score for score in scores if score is not None], dtype=float)
    best, middle = known.min(), float(np.median(known))
    ceiling = middle + (middle - best) if middle > best else known.max()
    values = np.array([ceiling if score is None else min(score, ceiling) for score in scores])
    spread = values.std()
    return (values - values.mean()) / (spread if spread > 0 else 1.0)


def can_model(history: Sequence[Observation], least: int) -> bool:
    """Whether there are so many feasible trials, and any difference between them."""
    scores = [o.score for o in history if o.score is not None]
    return len(scores) >= least and min(scores) < max(scores)


def _not_always_there(space: Space) -> tuple[bool, ...]:
    return tuple(bool(dimension.conditions) for dimension in space.dimensions)
