"""Axes, thinning, colours and numbers of the report's figures."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from digit_studies import digits_study
from hypothesis import given
from hypothesis import strategies as st

from goodfit.report.evidence import as_node
from goodfit.report.figures.axes import (
    Axis,
    LogAxis,
    ZeroAndLogAxis,
    hyperparameter_axis,
    reverse_log_axis,
    round_values,
    value_axis,
)
from goodfit.report.figures.colouring import CLASSES, colouring
from goodfit.report.figures.thinning import smoothed, thinned
from goodfit.report.figures.tuning_curve import tuning_curve
from goodfit.report.numbers import duration, number, without_passwords
from goodfit.report.reading import Box, box_of, read

finite = st.floats(-1e12, 1e12, allow_subnormal=False)
positive = st.floats(1e-12, 1e12)


def check_ticks(axis: Axis) -> None:
    places = [place for place, _ in axis.ticks()]
    assert places == sorted(places)
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)
    assert len({text for _, text in axis.ticks()}) == len(places) <= 25


@given(st.lists(finite, min_size=1, max_size=8), st.booleans())
def test_every_value_lies_within_its_axis_in_order(values: list[float], log: bool) -> None:
    axis = value_axis(values, log)
    places = [p for v in sorted(values) if (p := axis.place(v)) is not None]
    assert len(places) == len(values)
    assert all(-1e-9 <= p <= 1 + 1e-9 for p in places)
    assert places == sorted(places)


@given(st.floats(1e-9, 1e6), st.floats(1.5, 1e9))
def test_ticks_of_a_log_axis_lie_within_it(low: float, ratio: float) -> None:
    check_ticks(LogAxis(low, low * ratio))
    check_ticks(ZeroAndLogAxis(LogAxis(low, low * ratio)))


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8))
def test_a_reverse_log_axis_holds_accuracies_up_to_one(values: list[float]) -> None:
    axis = reverse_log_axis(values)
    places = [axis.place(v) for v in sorted(values)]
    assert all(p is not None and -0.2 <= p <= 1.2 for p in places)
    assert all(0 <= place <= 1 for place, _ in axis.ticks())


def test_a_decade_takes_the_same_room_everywhere() -> None:
    axis = LogAxis(1e-4, 1.0)
    assert np.diff([axis.place(v) for v in (1e-4, 1e-3, 1e-2, 1e-1, 1.0)]) == pytest.approx(0.25)
    assert [text for _, text in axis.ticks()] == ["1e-4", "0.001", "0.01", "0.1", "1"]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_round_values_are_evenly_apart_and_few(low: float, span: float) -> None:
    values = round_values(low, low + span)
    assert 2 <= len(values) <= 12
    gaps = np.diff(values)
    assert gaps == pytest.approx(gaps[0], rel=1e-3)


def test_a_hyperparameter_is_drawn_on_its_own_scale() -> None:
    widths = hyperparameter_axis("powers_of_two", [16, 32, 64], [16, 64])
    assert [text for _, text in widths.ticks()] == ["16", "32", "64"]
    with_zero = hyperparameter_axis("log", [0.0, 1e-5, 1e-3], [1e-6, 1e-2])
    zero, least = with_zero.place(0.0), with_zero.place(1e-6)
    assert zero is not None
    assert least is not None
    assert 0 < zero < least
    choices = hyperparameter_axis("choice", ["sgd", "adamw", "sgd"], [])
    assert [text for _, text in choices.ticks()] == ["adamw", "sgd"]
    decades = hyperparameter_axis("", [1e-4, 1e-1], [])
    assert isinstance(decades, LogAxis)


@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=300), st.integers(4, 40))
def test_thinning_keeps_ends_and_extremes(values: list[float], points: int) -> None:
    ys = np.array(values)
    xs = np.arange(len(ys), dtype=float)
    thin_x, thin_y = thinned(xs, ys, points)
    sound = np.isfinite(ys)
    assert len(thin_x) <= max(points, 4)
    assert set(zip(thin_x, thin_y, strict=True)) <= set(zip(xs[sound], ys[sound], strict=True))
    if sound.any():
        assert thin_x[0] == xs[sound][0]
        assert thin_x[-1] == xs[sound][-1]
        assert thin_y.max() == ys[sound].max()
        assert thin_y.min() == ys[sound].min()


@given(st.integers(1, 40), st.integers(1, 200))
def test_smoothing_keeps_a_line_a_line(points: int, n: int) -> None:
    xs = np.arange(n, dtype=float)
    smooth_x, smooth_y = smoothed(xs, 3 * xs - 7, points)
    assert len(smooth_x) == min(points, n)
    np.testing.assert_allclose(smooth_y, 3 * smooth_x - 7, rtol=1e-9, atol=1e-9)


@given(st.dictionaries(st.integers(0, 99), st.floats(-1e9, 1e9) | st.integers(0, 5), max_size=40))
def test_colours_grow_with_the_value(values: dict[int, float]) -> None:
    colours = colouring("lr", values)
    ordered = sorted(values, key=lambda trial: values[trial])
    kinds = [colours.classes[trial] for trial in ordered]
    assert kinds == sorted(kinds)
    assert all(0 <= kind < CLASSES and colours.labels[kind] for kind in kinds)
    distinct = len(set(values.values()))
    assert len(set(kinds)) == (min(distinct, CLASSES))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.97123, "0.9712"),
        (3.2e-4, "3.2e-4"),
        (1797, "1,797"),
        (12345.6, "12,350"),
        (0.0, "0"),
        (-0.5, "-0.5"),
        (None, "–"),
        (float("nan"), "–"),
        (float("inf"), "∞"),
        (True, "yes"),
        ("sgd", "sgd"),
        (999.99, "1,000"),
        (1e-3, "0.001"),
    ],
)
def test_numbers_are_short(value: object, text: str) -> None:
    assert number(value) == text


def test_durations_have_units() -> None:
    assert [duration(s) for s in (0.84, 42, 200, 7500, None)] == ["0.8 s", "42 s", "3 min 20 s", "2 h 05 min", "–"]


def test_only_the_password_of_an_address_is_hidden() -> None:
    assert without_passwords("run t.py:task --db postgresql://me:pw@host:5432/x --budget 2m") == (
        "run t.py:task --db postgresql://me:***@host:5432/x --budget 2m"
    )
    assert without_passwords("--db sqlite:///x.db --seed 1") == "--db sqlite:///x.db --seed 1"
    assert "pw/1" not in without_passwords("postgresql://me:pw/1@host/x")


def test_ranges_kept_apart_per_optimizer_are_told_apart() -> None:
    space = {
        "lr[optimizer=sgd]": {"scale": "log", "low": 1e-3, "high": 1.0, "name": "lr", "when": {"optimizer": ["sgd"]}},
        "lr[optimizer=adamw]": {
            "scale": "log",
            "low": 1e-5,
            "high": 0.1,
            "name": "lr",
            "when": {"optimizer": ["adamw"]},
        },
    }
    assert box_of(space, "lr", "sgd") == Box("log", 1e-3, 1.0)
    assert box_of(space, "lr", "adamw") == Box("log", 1e-5, 0.1)
    assert box_of(space, "lr") == Box("log", 1e-5, 1.0)
    assert box_of(space, "momentum") is None


def test_trials_of_the_preparing_stages_never_compete() -> None:
    study = digits_study()
    flawless = dataclasses.replace(study.trials[0], objective=1.0)  # on twenty samples
    reading = read(dataclasses.replace(study, trials=(flawless, *study.trials[1:]), memos={}))
    assert reading.best is not None
    assert reading.best.stage >= 4
    assert flawless not in reading.searched


def test_the_best_trial_has_the_hyperparameters_that_the_result_names() -> None:
    study = digits_study()
    other = read(dataclasses.replace(study, memos={})).feasible[-1]
    reading = read(dataclasses.replace(study, memos={"result": {"best": {"hyperparameters": other.hyperparameters}}}))
    assert reading.best == other


def test_evidence_of_any_depth_is_laid_out() -> None:
    node = as_node({"losses": [0.1 * i for i in range(30)], "ladder": [{"lr": 0.1, "class": "flat"}], "ok": None})
    losses, ladder, missing = (value for _, value in node.pairs)
    assert losses.folded == "30 numbers from 0 to 2.9"
    assert ladder.columns == ("lr", "class")
    assert ladder.rows[0][0].text == "0.1"
    assert missing.text == "–"


def test_the_tuning_curve_is_drawn_of_the_first_round_and_not_of_a_few_trials() -> None:
    reading = read(digits_study())
    figure = tuning_curve(reading)
    assert figure is not None
    first = [t for t in reading.searched if t.stage == reading.searched[0].stage]
    assert figure.title.startswith(f"Half of the {len(first)} first trials")
    assert "values tried: " in figure.title
    assert tuning_curve(dataclasses.replace(reading, searched=reading.searched[:4])) is None
