"""What chance makes of scores, and who wins in spite of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_trials import decades, trials

from goodfit.space import Space, linear, log
from goodfit.strategy import (
    Candidate,
    Observation,
    accuracy_standard_error,
    adopt,
    basin_width,
    best_of_k,
    choose_among_repeats,
    estimate_sigma,
    expected_maximum,
    shrunk_best,
    sigma_from_fit,
    sigma_from_repeats,
    smallest_difference,
    spread_is_noise,
)

SPACE = Space(lr=log(1e-5, 1.0), dropout=linear(0, 0.5))


@pytest.mark.parametrize(("n", "sigmas"), [(1, 0.0), (2, 0.564), (10, 1.54), (20, 1.87), (50, 2.25), (100, 2.51)])
def test_the_winners_curse_is_the_expected_maximum(n, sigmas):
    assert expected_maximum(n) == pytest.approx(sigmas, abs=0.005)


def test_a_shrunk_best_is_right_on_average_for_equal_trials():
    generator = np.random.default_rng(0)
    shrunk = [shrunk_best(list(generator.normal(size=30)), 1.0) for _ in range(400)]
    assert np.mean(shrunk) == pytest.approx(0, abs=0.1)


def test_a_clear_winner_is_hardly_shrunk():
    assert shrunk_best([0.0, 50.0, 60.0], 1.0) == pytest.approx(0.0, abs=1e-9)


def test_noise_is_pooled_over_repeats():
    generator = np.random.default_rng(1)
    repeats = [
        Observation(10 * i + s, {"lr": 0.1 * (i + 1)}, float(i + 0.3 * generator.normal()), seed=s)
        for i in range(20)
        for s in range(5)
    ]
    noise = sigma_from_repeats(repeats)
    assert noise.sigma == pytest.approx(0.3, rel=0.2)
    assert noise.degrees == 80
    assert sigma_from_repeats(repeats[:1]) is None


def test_noise_is_read_from_the_residual_of_a_smooth_fit():
    sigmas = []
    for seed in range(20):
        found = trials(SPACE, lambda hp: (decades(hp["lr"]) + 2.5) ** 2, 60, seed, noise=0.2)
        sigmas.append(sigma_from_fit(SPACE, found).sigma)
        assert estimate_sigma(SPACE, found).source == "fit"
    assert 0.12 < np.median(sigmas) < 0.35
    assert sigma_from_fit(SPACE, trials(SPACE, lambda hp: 1.0, 5)) is None


def test_the_error_of_an_accuracy_falls_with_the_validation_set():
    for samples, points in ((360, 1.6), (1000, 0.95), (10_000, 0.30)):
        assert 100 * accuracy_standard_error(0.9, samples) == pytest.approx(points, abs=0.02)
    assert smallest_difference(0.001, accuracy_standard_error(0.9, 1000)) == pytest.approx(0.0095, abs=1e-4)
    assert smallest_difference(0.05, 0.01) == 0.05


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=6), st.floats(0.01, 3))
def test_a_change_that_changes_nothing_is_not_adopted(scores, sigma):
    assert not adopt(scores, scores, sigma).adopt


def test_a_change_is_adopted_on_evidence_in_proportion_to_what_it_adds():
    old, small, large = [1.0] * 4, [0.9] * 4, [0.5] * 4
    assert adopt(large, old, 0.2, adds_complexity=True).adopt
    assert adopt(small, old, 0.2).adopt is True  # P(better) = 0.76
    assert not adopt(small, old, 0.2, adds_complexity=True).adopt
    assert not adopt(old, small, 0.2).adopt
    assert adopt(large, old, 0.2).needed == pytest.approx(2 * 0.2 * (1 / 4 + 1 / 4) ** 0.5)
    assert "P(better)" in adopt(small, old, 0.2).reason


def test_the_best_of_k_falls_with_k_and_has_an_interval():
    curve = best_of_k([float(i) for i in range(20)], seed=0)
    assert curve.k == tuple(range(1, 21))
    assert all(a >= b for a, b in zip(curve.mean, curve.mean[1:], strict=False))
    assert curve.mean[0] == pytest.approx(9.5, abs=0.6)
    assert all(low <= mean <= high for low, mean, high in zip(curve.low, curve.mean, curve.high, strict=True))
    assert best_of_k([None, 1.0, None], [3]).mean == (1.0,)
    with pytest.raises(ValueError, match="no trial is feasible"):
        best_of_k([None])


def test_trials_that_differ_by_no_more_than_noise_are_told():
    assert spread_is_noise(trials(SPACE, lambda hp: 1.0, 20, noise=0.1), 0.1)
    assert not spread_is_noise(trials(SPACE, lambda hp: decades(hp["lr"]), 20, noise=0.1), 0.1)


def candidate(trial, *scores, cost=1.0, basin=0.0):
    return Candidate(trial, {"lr": 0.1}, scores, cost, basin)


def test_a_clear_best_wins_whatever_it_costs():
    winner = choose_among_repeats([candidate(1, 1.0, 1.1, 0.9, cost=0.1), candidate(2, 0.1, 0.2, 0.0)], sigma=0.1)
    assert winner.candidate.trial == 2
    assert winner.findings == ()
    assert "best mean" in winner.reasons[0]


def test_within_noise_the_cheaper_wins_and_it_is_said():
    winner = choose_among_repeats([candidate(1, 1.00, 1.2, 1.1), candidate(2, 1.05, 1.2, 1.15, cost=0.5)], sigma=0.1)
    assert winner.candidate.trial == 2
    (finding,) = winner.findings
    assert finding.kind == "winner-within-noise"
    assert finding.evidence["best_by_mean"] == 1
    assert finding.evidence["winner"] == 2


def test_at_equal_cost_the_wider_basin_wins():
    close = [candidate(1, 1.00, 1.2, basin=-3.0), candidate(2, 1.01, 1.2, basin=-1.0)]
    assert choose_among_repeats(close, sigma=0.1).candidate.trial == 2
    assert choose_among_repeats(close[::-1], sigma=0.1).index == 0


def test_a_candidate_that_diverged_with_some_seed_comes_last():
    winner = choose_among_repeats([candidate(1, 0.1, None, 0.1), candidate(2, 0.5, 0.6, 0.5)])
    assert winner.candidate.trial == 2
    hopeless = choose_among_repeats([candidate(1, None, None), candidate(2, 0.5, None)])
    assert hopeless.candidate.trial == 2
    assert "diverged" in hopeless.reasons[0]
    with pytest.raises(ValueError, match="no candidate"):
        choose_among_repeats([])


def test_a_basin_is_wide_where_the_neighbours_do_well():
    found = [Observation(i, {"lr": 10.0 ** -(i / 10), "dropout": 0.1}, abs(i - 10) / 10) for i in range(1, 40)]
    assert basin_width(SPACE, found, 10) > basin_width(SPACE, found, 30)
    with pytest.raises(KeyError, match="no trial 99"):
        basin_width(SPACE, found, 99)
