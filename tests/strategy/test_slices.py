"""Slices of a search's own trials: the best of each part of a range, with its interval."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from goodfit.strategy.observation import Observation
from goodfit.strategy.slices import slices_of, told_apart


def trials(count: int, score, seed: int = 0) -> list[Observation]:
    rng = np.random.default_rng(seed)
    points = [{"lr": 10 ** rng.uniform(-4, -1), "act": str(rng.choice(["relu", "tanh"]))} for _ in range(count)]
    return [Observation(i, point, score(point, rng)) for i, point in enumerate(points)]


def test_the_part_of_the_range_that_holds_the_optimum_is_best_and_told_from_the_worst():
    found = slices_of(trials(48, lambda p, r: (np.log10(p["lr"]) + 2) ** 2 + 0.05 * r.normal()), "lr", ordered=True)
    assert [one.trials for one in found] == [12, 12, 12, 12]
    best = min(found, key=lambda one: one.level)
    assert best.values[0] < 1e-2 * 1.5
    assert best.values[-1] > 1e-2 / 1.5
    assert all(one.low <= one.level <= one.high for one in found)
    assert all(low.values[-1] <= high.values[0] for low, high in itertools.pairwise(found))
    assert told_apart(found)


@pytest.mark.parametrize(("name", "ordered"), [("lr", True), ("act", False)])
def test_a_hyperparameter_that_does_nothing_is_seldom_told_apart(name, ordered):
    alarms = sum(told_apart(slices_of(trials(32, lambda p, r: r.normal(), seed), name, ordered)) for seed in range(100))
    assert alarms <= 10


def test_infeasible_trials_count_as_the_worst_and_small_slices_are_left_out():
    seen = trials(24, lambda p, r: None if p["lr"] > 3e-2 else 1.0 + 0.1 * r.normal())
    found = slices_of(seen, "lr", ordered=True)
    assert len(found) >= 2
    assert found[-1].level >= found[0].level
    assert slices_of(seen[:4], "lr", ordered=True) == []
    assert slices_of(seen, "absent", ordered=True) == []
