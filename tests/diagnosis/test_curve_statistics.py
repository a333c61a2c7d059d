"""The laws that the statistics keep."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from goodfit.diagnosis.curves import Series
from goodfit.diagnosis.statistics import (
    autocorrelation,
    between,
    blocks,
    finite,
    mann_kendall,
    median_of_five,
    noise,
    smoothed,
    straightness,
    theil_sen,
)

VALUES = arrays(float, st.integers(8, 60), elements=st.integers(-1000, 1000).map(float))
SHIFT, SCALE = st.integers(-1000, 1000).map(float), st.integers(1, 50).map(float)


@given(VALUES, SHIFT, SCALE)
def test_noise_ignores_a_shift_and_follows_a_scale(values, shift, scale):
    assert noise(scale * values + shift) == pytest.approx(scale * noise(values), rel=1e-9, abs=1e-9)


@given(VALUES, SHIFT)
def test_a_straight_trend_adds_nothing_to_the_noise(values, slope):
    assert noise(values + slope * np.arange(len(values))) == pytest.approx(noise(values), rel=1e-6, abs=1e-6)


def test_noise_measures_the_standard_deviation_of_white_noise():
    seen = [noise(np.random.default_rng(seed).normal(0, 0.3, 400)) for seed in range(30)]
    assert np.mean(seen) == pytest.approx(0.3, rel=0.05)  # the mean of 30 is good to 2 %


@given(VALUES, SHIFT, SCALE)
def test_the_trend_test_ignores_shift_and_scale_and_flips_with_the_sign(values, shift, scale):
    z = mann_kendall(values)
    assert mann_kendall(scale * values + shift) == pytest.approx(z, abs=1e-9)
    assert mann_kendall(-values) == pytest.approx(-z, abs=1e-9)
    assert mann_kendall(values[::-1]) == pytest.approx(-z, abs=1e-9)


@given(VALUES)
def test_the_trend_test_sees_only_the_order_of_the_values(values):
    assert mann_kendall(np.arctan(values / 1000)) == pytest.approx(mann_kendall(values), abs=1e-9)


def test_the_trend_test_rarely_alarms_on_noise():
    rng = np.random.default_rng(0)
    alarms = np.mean([abs(mann_kendall(rng.normal(size=12))) > 1.96 for _ in range(2000)])
    assert 0.02 < alarms < 0.07  # 5 % by the normal approximation


def test_seven_points_in_perfect_order_reach_three_sigmas_and_six_do_not():
    assert mann_kendall(np.arange(7.0)) > 3 > mann_kendall(np.arange(6.0))


@pytest.mark.parametrize("values", [np.ones(50), np.empty(0), np.array([1.0, 2.0, 3.0])])
def test_without_a_trend_to_tell_z_is_zero(values):
    assert mann_kendall(values) == 0


@given(VALUES, SHIFT, SCALE, SHIFT)
def test_theil_sen_follows_line_and_scale(values, shift, scale, slope):
    steps = np.arange(len(values), dtype=float)
    expected = scale * theil_sen(steps, values) + slope
    assert theil_sen(steps, scale * values + shift + slope * steps) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_theil_sen_survives_a_quarter_of_wild_points():
    steps = np.arange(40.0)
    values = 3 - 0.5 * steps
    values[::4] = 1e6
    assert theil_sen(steps, values) == pytest.approx(-0.5, abs=0.2)  # a quarter of wild points still biases it a little
    assert np.polyfit(steps, values, 1)[0] < -100  # least squares does not survive


@given(VALUES, st.integers(1, 20))
def test_blocks_keep_the_mean_when_they_are_equal(values, n):
    whole = values[: len(values) // n * n]
    if not len(whole):
        return
    seen = blocks(Series(np.arange(len(whole), dtype=float), whole), n)
    assert len(seen) == min(n, len(whole))
    assert seen.values.mean() == pytest.approx(whole.mean(), abs=1e-9)
    assert (np.diff(seen.steps) > 0).all()


def test_finite_drops_what_is_missing_and_between_cuts_by_step():
    series = Series(np.arange(5.0), np.array([1.0, math.nan, 3.0, math.inf, 5.0]))
    assert finite(series).steps.tolist() == [0, 2, 4]
    assert len(finite(None)) == 0
    assert between(finite(series), 1, 3).values.tolist() == [3.0]


def test_a_period_shows_at_its_lag_and_a_trend_does_not():
    steps = np.arange(300)
    rng = np.random.default_rng(1)
    pattern = rng.normal(size=20)
    periodic = pattern[steps % 20] + 0.3 * rng.normal(size=300)
    assert autocorrelation(periodic, 20) > 0.7
    assert abs(autocorrelation(periodic, 10)) < 0.5
    assert abs(autocorrelation(np.exp(-steps / 50) + 0.1 * rng.normal(size=300), 20)) < 0.3
    assert autocorrelation(np.ones(300), 20) == 0
    assert autocorrelation(periodic, 150) == 0


@given(VALUES, SHIFT, SCALE)
def test_smoothing_follows_shift_and_scale_and_stays_within_the_values(values, shift, scale):
    seen = smoothed(values)
    assert len(seen) == len(values)
    assert values.min() - 1e-9 <= seen.min() <= seen.max() <= values.max() + 1e-9
    np.testing.assert_allclose(smoothed(scale * values + shift), scale * seen + shift, rtol=1e-9, atol=1e-6)


def test_a_median_of_five_removes_a_lone_outlier_and_keeps_a_step():
    values = np.concatenate([np.zeros(10), np.ones(10)])
    np.testing.assert_array_equal(median_of_five(values), values)
    spiked = values.copy()
    spiked[5] = 100
    np.testing.assert_array_equal(median_of_five(spiked), values)


@given(st.integers(-50, 50).filter(bool), SHIFT)
def test_a_line_is_straight_whatever_its_slope(slope, shift):
    steps = np.arange(12.0)
    assert straightness(steps, slope * steps + shift) == pytest.approx(1)
    assert straightness(steps, np.full(12, shift)) == 0
