"""Step 7: each verdict's action, and when the loop ends."""

from __future__ import annotations

import dataclasses

import pytest

from goodfit.findings import KINDS, Finding
from goodfit.recipe.decide import ACTIONS, Position, Roles, Standing, act, read_decision, stop_reason
from goodfit.recipe.result import StageName, Verdict
from goodfit.settings.search import SearchSettings
from goodfit.space import Space, integer, linear, log, powers_of_two

ROLES = Roles(capacity=("width", "layers"), dropout=("dropout",))


def position() -> Position:
    space = Space(
        lr=log(1e-4, 1e-1),
        weight_decay=log(1e-4, 1e-1, zero=0.25),
        dropout=linear(0.0, 0.3),
        width=powers_of_two(32, 128),
        layers=integer(1, 3),
    )
    return Position(space, epochs=10.0, trials=12)


def verdict(kind: str) -> Finding:
    return Finding(kind=kind, message="m", action="a")


def scale(at: Position, key: str) -> dict:
    return at.space[key].scale.as_json()


def test_every_verdict_of_the_table_is_in_the_vocabulary():
    assert set(ACTIONS) <= set(KINDS)


def test_every_kind_that_section_5_maps_to_has_an_action():
    by_row = {
        1: ["diverged"],
        2: ["pipeline-suspect"],
        3: ["lr-too-low"],
        4: ["lr-too-low", "lr-too-high"],
        5: ["bad-initialisation"],
        6: ["lr-too-high", "loss-spikes"],
        7: ["easy-gain-at-start"],
        8: ["lr-schedule-wrong"],
        9: ["overfitting"],
        10: ["overfitting"],
        11: ["too-few-steps"],
        12: ["lr-too-low"],
        13: ["lr-too-high"],
        14: ["underfitting-capacity"],
        15: ["too-many-steps"],
        16: ["noisy-validation"],
        17: ["healthy"],
    }
    assert {kind for kinds in by_row.values() for kind in kinds} <= set(ACTIONS)


@pytest.mark.parametrize("kind", ["diverged", "lr-too-high", "loss-spikes"])
def test_a_rate_too_high_lowers_the_top_of_its_box_by_three(kind):
    change = act(verdict(kind), position(), ROLES)
    assert scale(change.position, "lr")["high"] == pytest.approx(1e-1 / 3)
    assert scale(change.position, "lr")["low"] == 1e-4
    assert "0.1" in change.what


def test_a_rate_too_low_moves_its_box_up():
    change = act(verdict("lr-too-low"), position(), ROLES)
    assert scale(change.position, "lr")["high"] == pytest.approx(1.0)
    assert scale(change.position, "lr")["low"] > 1e-4


def test_overfitting_raises_weight_decay_and_dropout():
    change = act(verdict("overfitting"), position(), ROLES)
    assert scale(change.position, "weight_decay")["high"] == pytest.approx(1.0)
    assert scale(change.position, "weight_decay")["low"] > 1e-4
    assert scale(change.position, "dropout")["high"] >= 0.6
    assert scale(change.position, "width") == scale(position(), "width")


def test_a_model_too_small_grows_and_is_less_regularised():
    change = act(verdict("underfitting-capacity"), position(), ROLES)
    assert scale(change.position, "width")["high"] == 256
    assert scale(change.position, "layers")["high"] == 4
    assert scale(change.position, "weight_decay")["high"] < 1e-1
    assert scale(change.position, "dropout")["high"] < 0.3


def test_too_few_steps_doubles_the_epochs_and_too_many_halves_them():
    assert act(verdict("too-few-steps"), position(), ROLES).position.epochs == 20
    shorter = act(verdict("too-many-steps"), position(), ROLES).position
    assert (shorter.epochs, shorter.trials) == (5, 18)


def test_a_healthy_curve_changes_nothing():
    change = act(verdict("healthy"), position(), ROLES)
    assert change.position == position()
    assert change.what == ""


def test_a_scale_that_the_user_holds_fast_is_never_moved():
    held = position()
    held = dataclasses.replace(held, space=held.space.replace({"lr": log(1e-4, 1e-1, hard=True)}))
    for kind in ("lr-too-high", "lr-too-low"):
        assert act(verdict(kind), held, ROLES).position == held


STANDING = Standing(
    round=2,
    best_scores=(-0.95, -0.97, -0.971),
    sigma=0.01,
    repeats=3,
    delta=0.005,
    border_flagged=False,
    at_floor=True,
    verdict="healthy",
    seconds_left=100.0,
    seconds_for_round=10.0,
    most_rounds=5,
)
CONVERGED = dataclasses.replace(STANDING, best_scores=(-0.97, -0.97, -0.971))


def test_the_loop_ends_when_all_four_conditions_hold():
    stop = stop_reason(CONVERGED, SearchSettings())
    assert stop is not None
    assert stop.by == "converged"


@pytest.mark.parametrize(
    "change",
    [
        {"best_scores": (-0.9, -0.95, -0.971)},
        {"border_flagged": True},
        {"at_floor": False},
        {"verdict": "too-few-steps"},
        {"best_scores": (-0.97, -0.971)},
    ],
    ids=["still gaining", "a border is crowded", "the box can shrink", "an unsettled curve", "one round only"],
)
def test_the_loop_goes_on_when_one_of_them_fails(change):
    assert stop_reason(dataclasses.replace(CONVERGED, **change), SearchSettings()) is None


def test_the_loop_ends_when_no_round_fits_before_the_final_share():
    stop = stop_reason(dataclasses.replace(STANDING, seconds_left=5.0), SearchSettings())
    assert stop is not None
    assert stop.by == "budget"
    assert "5 s are left" in stop.reason


def test_the_loop_ends_when_a_round_can_afford_too_short_trials_only():
    stop = stop_reason(dataclasses.replace(STANDING, round_epochs=1.4), SearchSettings())
    assert stop is not None
    assert stop.by == "budget"
    assert "1.4 epochs" in stop.reason


def test_the_loop_ends_after_the_planned_rounds():
    stop = stop_reason(dataclasses.replace(STANDING, round=5), SearchSettings())
    assert stop is not None
    assert stop.by == "rounds"


def test_a_pipeline_fault_ends_the_loop_with_a_warning():
    standing = dataclasses.replace(STANDING, verdict="pipeline-suspect")
    stop = stop_reason(standing, SearchSettings())
    assert stop is not None
    result = read_decision(standing, stop, (), position())
    assert (result.stage, result.verdict) == (StageName.DECIDE, Verdict.WARN)


def test_the_decision_says_what_the_next_round_changes():
    result = read_decision(STANDING, None, ["Epochs go from 10 to 20."], position())
    assert "Epochs go from 10 to 20." in result.summary
    assert result.evidence["stopped_by"] is None
