"""Which state on the way was best, in retrospect."""

from __future__ import annotations

import numpy as np

from goodfit.recipe.checkpoints import best_kept_step

STEPS = list(range(0, 160, 10))
KEPT = [40, 80, 120]


def test_where_validation_turns_the_kept_state_nearest_to_the_turn_is_best():
    rng = np.random.default_rng(0)
    curves = [(STEPS, [abs(s - 75) / 100 + 0.02 * rng.normal() for s in STEPS]) for _ in range(3)]
    assert best_kept_step(curves, KEPT) == 80


def test_one_lucky_evaluation_is_no_best_state():
    falling = [1.0 - s / 200 for s in STEPS]
    lucky = [value - 0.3 * (s == 40) for s, value in zip(STEPS, falling, strict=True)]
    assert min(lucky) == lucky[-1] or lucky[4] < lucky[-1] + 0.3  # it stands out from its neighbours
    assert best_kept_step([(STEPS, lucky)], KEPT) is None


def test_nothing_is_said_without_kept_states_or_with_too_short_curves():
    assert best_kept_step([(STEPS, [float(s) for s in STEPS])], []) is None
    assert best_kept_step([([0, 10], [0.0, 1.0])], [5]) is None
    assert best_kept_step([], KEPT) is None
