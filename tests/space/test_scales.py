"""Every scale keeps its laws, at its ends too."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.errors import SpaceError
from goodfit.space import (
    Choice,
    Integer,
    Linear,
    Log,
    Logit,
    PowersOfTwo,
    ReverseLog,
    Scale,
    scale_from_json,
)

UNIT = st.floats(0, 1)
LOGS = st.builds(
    lambda low, ratio, zero: Log(low, min(low * ratio, 1e306), zero=zero),
    st.floats(1e-300, 1e6),
    st.floats(1.001, 1e300),
    st.sampled_from([0.0, 0.25]),
)
LINEARS = st.builds(lambda low, width: Linear(low, low + width), st.floats(-1e6, 1e6), st.floats(1e-2, 1e6))
REVERSE = st.builds(lambda far, ratio: ReverseLog(1 - far, 1 - far / ratio), st.floats(1e-6, 1), st.floats(1.01, 1e4))
LOGITS = st.builds(lambda low, share: Logit(low, low + share * (1 - low)), st.floats(1e-6, 0.9), st.floats(0.01, 0.99))
DENSE = st.one_of(LOGS, LINEARS, REVERSE, LOGITS)
INTEGERS = st.builds(lambda low, more: Integer(low, low + more), st.integers(-50, 50), st.integers(0, 60))
POWERS = st.builds(lambda low, more: PowersOfTwo(2**low, 2 ** (low + more)), st.integers(0, 8), st.integers(0, 8))
CHOICES = st.lists(
    st.one_of(st.text(max_size=4), st.booleans(), st.integers(-9, 9), st.none()), min_size=1, unique_by=repr
)
COUNTED = st.one_of(INTEGERS, POWERS)
ALL = st.one_of(DENSE, COUNTED, CHOICES.map(lambda values: Choice(tuple(values))))


@given(DENSE, UNIT)
def test_a_place_maps_into_the_range_and_back(scale, unit):
    value = scale.from_unit(unit)
    assert scale.contains(value)
    if unit >= scale.atom:
        assert scale.to_unit(value) == pytest.approx(unit, abs=1e-6)  # 1 - β loses digits near 1
    else:
        assert value == 0
        assert scale.to_unit(value) == scale.atom / 2


@given(DENSE)
def test_the_ends_of_a_range_are_reached_exactly(scale):
    assert scale.from_unit(scale.atom) == pytest.approx(scale.low, rel=1e-9)
    assert scale.from_unit(1.0) == pytest.approx(scale.high, rel=1e-9)
    assert scale.to_unit(scale.low) == pytest.approx(scale.atom, abs=1e-9)
    assert scale.to_unit(scale.high) == pytest.approx(1, abs=1e-9)


@given(COUNTED, UNIT)
def test_each_level_has_its_own_place(scale, unit):
    value = scale.from_unit(unit)
    assert scale.contains(value)
    assert scale.from_unit(scale.to_unit(value)) == value
    assert scale.from_unit(0) == scale.low
    assert scale.from_unit(1) == scale.high


@given(ALL)
def test_a_scale_is_the_same_after_json(scale):
    assert isinstance(scale, Scale)
    assert scale_from_json(json.loads(json.dumps(scale.as_json()))) == scale


@given(ALL, st.integers(1, 7))
def test_a_grid_and_the_middle_lie_within_the_scale(scale, levels):
    grid = scale.grid(levels)
    assert all(scale.contains(value) for value in grid)
    assert len(set(map(repr, grid))) == len(grid)
    assert scale.contains(scale.middle())
    if isinstance(scale, (Integer, PowersOfTwo)) and levels > 1:
        assert grid[0] == scale.low
        assert grid[-1] == scale.high


@given(st.one_of(DENSE, COUNTED), UNIT, st.floats(0.05, 1))
def test_a_narrowed_scale_lies_within_the_old_one(scale, low, width):
    try:
        narrowed = scale.narrowed(low, min(low + width, 1.0))
    except SpaceError:  # a part of a range so narrow that its ends are the same number
        assert not scale.from_unit(low) < scale.from_unit(min(low + width, 1.0))
        return
    assert scale.low <= narrowed.low <= narrowed.high <= scale.high
    if scale.levels is not None and scale.levels > 1:
        assert narrowed.levels >= 2


@given(st.one_of(DENSE, COUNTED), st.sampled_from(["low", "high"]))
def test_an_extended_scale_holds_the_old_one_and_respects_limits(scale, side):
    if isinstance(scale, Log) and (scale.high > 1e290 or scale.low < 1e-290):
        return  # a decade beyond leaves the floating-point numbers
    grown = scale.extended(side)
    assert grown.low <= scale.low
    assert grown.high >= scale.high
    assert scale.extended(side, (scale.low, scale.high)) == scale


def test_a_hard_scale_is_never_extended():
    for scale in (Log(1e-3, 1, hard=True), Linear(0, 1, hard=True), Integer(1, 4, hard=True), Choice(("a", "b"))):
        assert scale.extended("high") == scale
        assert scale.extended("low") == scale


def test_extensions_go_a_decade_or_half_a_width():
    assert Log(1e-4, 1e-1).extended("high") == Log(1e-4, 1.0)
    assert Log(1e-4, 1e-1).extended("low") == Log(1e-5, 1e-1)
    assert Linear(0.2, 0.6).extended("high") == Linear(0.2, 0.8)
    assert ReverseLog(0.5, 0.99).extended("high").high == pytest.approx(0.999)
    assert ReverseLog(0.5, 0.99).extended("low").low == 0.0
    assert Integer(2, 5).extended("high") == Integer(2, 7)
    assert Integer(2, 5).extended("low") == Integer(1, 5)
    assert PowersOfTwo(32, 256).extended("high") == PowersOfTwo(32, 1024)
    assert PowersOfTwo(2, 256).extended("low") == PowersOfTwo(1, 256)


def test_a_log_grid_has_equal_ratios():
    assert Log(1e-4, 1e-1).grid(4) == (1e-4, 1e-3, 1e-2, 1e-1)
    assert Log(1e-4, 1e-1, zero=0.2).grid(3) == (0.0, 1e-4, 1e-1)


def test_narrowing_keeps_zero_only_where_its_places_are_kept():
    scale = Log(1e-6, 1e-2, zero=0.25)
    assert scale.narrowed(0.0, 0.5).zero == 0.25
    assert scale.narrowed(0.0, 0.5).low == pytest.approx(1e-6)
    assert scale.narrowed(0.25, 1.0) == Log(1e-6, 1e-2)
    assert scale.narrowed(0.0, 0.1).zero == 0.25


def test_a_decay_rate_tells_its_window():
    assert ReverseLog.window(0.9) == pytest.approx(10)
    assert ReverseLog.window(0.9005) == pytest.approx(10.05, abs=0.01)
    assert ReverseLog.window(0.9995) == pytest.approx(2000)


def test_true_and_one_are_different_choices():
    scale = Choice((1, True, "1"))
    assert [scale.from_unit(scale.to_unit(value)) for value in scale.values] == [1, True, "1"]
    assert scale.to_unit(True) != scale.to_unit(1)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Log(0.0, 0.1), "0 < low < high, got low=0.0"),
        (lambda: Log(1, 0.1), "got low=1, high=0.1"),
        (lambda: Log(math.nan, 1), "got low=nan"),
        (lambda: Log(1e-3, 1, zero=1.0), "probability"),
        (lambda: Linear("a", 2), "got low='a'"),
        (lambda: ReverseLog(0.5, 1.0), "rates themselves"),
        (lambda: Logit(0, 0.5), "use linear"),
        (lambda: Integer(5, 1), "low <= high"),
        (lambda: Integer(1.5, 3), "whole numbers"),
        (lambda: PowersOfTwo(32, 48), "The nearest are 32 and 64"),
        (lambda: PowersOfTwo(0, 8), "The smallest is 1"),
        (lambda: Choice(()), "at least one"),
        (lambda: Choice(("a", "a")), "twice"),
        (lambda: Choice((print,)), "by name"),
        (lambda: scale_from_json({"scale": "logg"}), "'logg'"),
        (lambda: scale_from_json({"scale": "log", "low": 1}), "high is missing"),
    ],
)
def test_an_impossible_scale_says_what_is_wrong(make, words):
    with pytest.raises(SpaceError, match=words.replace("(", r"\(")):
        make()
