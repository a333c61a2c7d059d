"""What it costs to look at a trial."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.running.works import (
    EVALUATED,
    EVALUATED_LEAST,
    EVALUATING_SHARE,
    FORWARD,
    affordable_evaluation,
    evaluating_steps,
    evaluation_steps,
)
from goodfit.training.trial import Regime


@given(st.integers(1, 10**8), st.integers(2, 40))
def test_evaluating_costs_a_seventh_of_training_or_twice_that_for_a_subset_that_ranks(trained, evaluations):
    size = affordable_evaluation(trained, evaluations)
    cost = FORWARD * 2 * size * evaluations / trained
    if size > EVALUATED:
        assert cost <= EVALUATING_SHARE * 1.001
    elif size > EVALUATED_LEAST:
        assert cost <= 2 * EVALUATING_SHARE * 1.001
    assert size >= EVALUATED_LEAST


def test_what_evaluations_cost_is_counted_in_steps():
    regime = Regime(eval_steps=evaluation_steps(0, 100, 5), eval_train=640, eval_val=640)
    whole = evaluating_steps(regime, 64, 0, 100)
    assert whole == pytest.approx(len(regime.eval_steps) * 20 / 3)
    assert evaluating_steps(regime, 64, 0, 50) + evaluating_steps(regime, 64, 50, 100) == pytest.approx(whole)
