"""A schedule that is gone on with: what is left of it, over as many steps as there are."""

from __future__ import annotations

import numpy as np
import pytest

from goodfit.training.course import course_of
from goodfit.training.trial import Regime, Segment, Trial

VALUES = {"lr": 0.1, "optimizer": "sgd", "schedule": "cosine", "warmup": 0.1}


def rates(*segments: Segment, steps: int) -> np.ndarray:
    course = course_of(Trial(0, 0, segments), Regime())
    return np.array([course.at(step).lr(step) for step in range(steps)])


@pytest.mark.parametrize("start", [5, 40, 99])
def test_two_halves_of_a_schedule_have_the_rates_of_the_whole(start):
    whole = rates(Segment(0, VALUES, 100), steps=100)
    halves = rates(Segment(0, VALUES, 100), Segment(start, VALUES, 100 - start, start / 100), steps=100)
    np.testing.assert_array_equal(halves, whole)


@pytest.mark.parametrize("left", [3, 20, 80])
def test_the_rest_of_a_schedule_is_stretched_over_the_steps_that_are_left(left):
    found = rates(Segment(0, VALUES, 100), Segment(50, VALUES, left, 0.5), steps=50 + left)
    before, after = found[:50], found[50:]
    assert after[0] <= before[-1]
    assert (np.diff(after) < 0).all()
    assert after[-1] <= 0.001
