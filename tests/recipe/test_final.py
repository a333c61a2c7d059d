"""The final training's choices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.recipe.final import (
    Candidate,
    choose_paired,
    choose_variant,
    compared,
    greedy_members,
    interval_of_mean,
    rival_schedules,
    smallest_told_apart,
)


def candidate(name: str, losses: np.ndarray, wrong: np.ndarray) -> Candidate:
    return Candidate(name, (0,), losses, wrong.astype(float))


def test_a_rival_within_noise_is_not_adopted():
    rng = np.random.default_rng(0)
    losses, wrong = rng.exponential(0.3, 300), rng.random(300) < 0.05
    rival = candidate("averaged", losses + rng.normal(0, 0.3, 300), wrong)
    best, evidence = choose_variant(candidate("plain", losses, wrong), rival, None)
    assert best.name == "plain"
    assert evidence["averaged_against_plain"]["adopted"] is False


def test_a_lower_loss_beyond_noise_is_adopted_where_the_metric_is_no_worse():
    rng = np.random.default_rng(1)
    losses, wrong = rng.exponential(0.3, 300), rng.random(300) < 0.05
    rival = candidate("ensemble", 0.8 * losses, wrong)
    best, _ = choose_variant(candidate("plain", losses, wrong), None, rival)
    assert best.name == "ensemble"


def test_a_lower_loss_is_not_adopted_where_the_metric_is_worse():
    losses = np.full(300, 0.3)
    wrong, more_wrong = np.zeros(300), np.zeros(300)
    more_wrong[:20] = 1
    best, _ = choose_variant(candidate("plain", losses, wrong), candidate("averaged", 0.5 * losses, more_wrong), None)
    assert best.name == "plain"


def test_the_comparison_is_paired():
    rng = np.random.default_rng(2)
    hard = rng.exponential(5.0, 200)  # samples differ far more than the candidates do
    comparison = compared(candidate("a", hard, hard), candidate("b", hard - 0.1, hard - 0.1))
    assert comparison.gain == pytest.approx(0.1)
    assert comparison.is_better


def test_greedy_selection_takes_members_while_they_do_not_harm():
    errors = np.array([[1.0, -1.0] * 50, [-1.0, 1.0] * 50, [5.0, 5.0] * 50])  # two cancel, the third spoils

    def losses_of(members):
        return errors[list(members)].mean(0) ** 2

    assert sorted(greedy_members(3, losses_of, 5)) == [0, 1]


def test_greedy_selection_takes_members_that_make_no_measurable_difference():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, (4, 300))

    def losses_of(members):
        return 1 + noise[list(members)].mean(0)

    assert len(greedy_members(4, losses_of, 4)) == 4


def test_rivals_go_by_the_score_then_by_the_loss_then_by_their_order():
    rng = np.random.default_rng(3)
    losses, wrong = rng.exponential(0.3, 400), (np.arange(400) < 40).astype(float)
    worse = wrong.copy()
    worse[40:60] = 1  # twenty samples more, the others the same: told apart though the accuracies' own errors overlap
    plain, lower = candidate("plain", losses, wrong), candidate("plain", 0.9 * losses, wrong)
    same = candidate("plain", losses + rng.normal(0, 0.05, 400) - 1e-4, wrong)
    assert choose_paired([candidate("plain", 0.5 * losses, worse), plain], [0, 1]) == 1
    assert choose_paired([plain, lower], [0, 1]) == 1
    assert choose_paired([same, plain], [1, 0]) == 1
    assert choose_paired([None, plain], [0, 1]) == 1


def test_no_feasible_peak_is_an_error():
    with pytest.raises(ValueError, match="no run under decay"):
        choose_paired([None], [0])


def test_a_validation_set_too_small_for_its_differences_is_called_out_with_the_size_that_would_do():
    rng = np.random.default_rng(4)
    losses, wrong = rng.exponential(0.3, 100), (rng.random(100) < 0.1).astype(float)
    flipped = wrong.copy()
    flipped[:2] = 1 - flipped[:2]
    rival = candidate("averaged", losses + np.resize([0.3, -0.3], 100), flipped)
    comparison = compared(candidate("plain", losses, wrong), rival)
    finding = smallest_told_apart([comparison], 100)
    assert finding is not None
    assert (finding.kind, str(finding.severity)) == ("noisy-validation", "info")
    expected = 100 * (2 * comparison.standard_error / comparison.gain) ** 2
    assert finding.evidence["samples_needed"] == pytest.approx(expected)
    clear = compared(candidate("plain", losses, wrong), candidate("averaged", losses, np.zeros(100)))
    assert smallest_told_apart([comparison, clear], 100) is None
    assert smallest_told_apart([], 100) is None


@given(st.integers(1, 500), st.integers(0, 500))
def test_a_share_s_interval_holds_the_share_and_stays_within_0_and_1(n, right):
    values = np.array([1.0] * min(right, n) + [0.0] * (n - min(right, n)))
    low, high = interval_of_mean(values)
    assert -1e-12 <= low <= values.mean() + 1e-12
    assert values.mean() - 1e-12 <= high <= 1 + 1e-12


def test_schedules_are_tried_last_and_only_where_the_user_named_none():
    rivals = rival_schedules({"lr": 0.1}, 0.05)
    assert {(r["schedule"], r.get("warmup")) for r in rivals} == {("linear", None), ("cosine", 0.05), ("linear", 0.05)}
    assert rival_schedules({"lr": 0.1, "schedule": "step"}, 0.05) == []
    assert rival_schedules({"lr": 0.1, "warmup": 0.1}, 0.05) == []
