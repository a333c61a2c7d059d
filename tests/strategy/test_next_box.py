"""The next box: golden cases, and the laws that hold for any trials."""

import json
import math
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_trials import decades, trials

from goodfit.settings import Settings
from goodfit.space import Log, Space, choice, integer, linear, log, powers_of_two, when
from goodfit.strategy import Observation, good_set, importances, next_box, next_space
from goodfit.strategy.good_set import gap_by_luck

SEARCH = Settings().search
RATE = Space(lr=log(1e-5, 1.0), dummy=linear(0.0, 1.0))


def valley(hp):
    return (decades(hp["lr"]) + 2.5) ** 2


def evenly(space, score, n):
    """n trials on even places of the first dimension, the others shuffled."""
    places = np.random.default_rng(0).random((n, len(space.dimensions)))
    places[:, 0] = (np.arange(n) + 0.5) / n
    points = [space.from_units(list(row)) for row in places]
    return [Observation(i, point, score(point)) for i, point in enumerate(points)]


def test_the_good_set_has_its_least_and_its_most():
    flat = [Observation(i, {"lr": 0.1}, score=float(i)) for i in range(30)]
    assert len(good_set(flat)) == 6
    assert len(good_set(flat, sigma=3.6)) == 8
    assert len(good_set(flat, sigma=100.0)) == 10
    assert len(good_set(flat, delta=7.0)) == 8
    assert len(good_set(flat[:5])) == 3
    assert len(good_set(flat[:2])) == 2
    assert good_set([]) == ()
    assert [o.number for o in good_set([*flat[:3], Observation(99, {}, None)])] == [0, 1, 2]


def test_a_valley_in_the_middle_gives_a_third_of_the_range_around_it():
    # 24 even places, the best at 12/24: good are the nearest fifth, centred at the valley; half-width 1/6 at least
    box = next_box(RATE, evenly(RATE, valley, 24))
    scale = box.space["lr"].scale
    assert decades(scale.high / scale.low) == pytest.approx(5 / 3, abs=0.05)
    assert decades(math.sqrt(scale.low * scale.high)) == pytest.approx(-2.5, abs=0.15)
    assert box.space["dummy"] == RATE["dummy"]
    assert "no measurable difference" in box.reason_of["dummy"]
    assert box.reason_of["lr"].startswith("lr goes from 1e-05 to 1 to ")
    assert [f.kind for f in box.findings] == ["insensitive"]
    assert box.boxes == (box.space,)
    assert sum(box.shares) + box.old_share == pytest.approx(1)


def test_a_best_trial_at_the_edge_keeps_the_third_next_to_it():
    box = next_box(RATE, evenly(RATE, lambda hp: -decades(hp["lr"]), 24))
    assert box.space["lr"].scale.high == 1.0
    assert decades(1 / box.space["lr"].scale.low) == pytest.approx(5 / 3, abs=0.1)


@given(st.integers(0, 10_000), st.integers(4, 40), st.floats(-6, 1), st.floats(0, 1))
@example(1058, 30, -4.0, 0.0)  # the good weight decays fall into two groups, and the best of all is 0
@settings(max_examples=40, deadline=None)
def test_a_box_lies_in_the_old_one_holds_the_best_and_keeps_a_third(seed, n, centre, noise):
    space = Space(
        when(optimizer="sgd", momentum=linear(0.0, 0.9)),
        lr=log(1e-5, 1.0),
        weight_decay=log(1e-6, 1e-1, zero=0.25),
        layers=integer(1, 6),
        optimizer=choice("sgd", "adamw", "adam"),
    )

    def score(hp):
        return None if hp["lr"] > 0.5 else (decades(hp["lr"]) - centre) ** 2 + hp["layers"]

    found = trials(space, score, n, seed, noise)
    box = next_box(space, found, seed=seed)
    feasible = [o for o in found if o.is_feasible]
    if feasible:
        assert box.space.contains(min(feasible, key=lambda o: o.score).hyperparameters)
    for dimension in box.space.dimensions:
        old = space[dimension.key].scale if dimension.key in space else None
        if isinstance(dimension.scale, Log):
            assert old.low <= dimension.scale.low < dimension.scale.high <= old.high
            if dimension.name == "lr":
                assert decades(dimension.scale.high / dimension.scale.low) >= 5 / 3 - 1e-6
    json.dumps(box.as_json())
    assert Space.from_json(box.space.as_json()) == box.space


def test_the_rates_of_two_optimizers_shrink_around_their_own_best():
    space = Space(lr=log(1e-5, 1.0), optimizer=choice("sgd", "adamw"))
    best = {"sgd": -1.0, "adamw": -3.0}
    box = next_box(space, trials(space, lambda hp: abs(decades(hp["lr"]) - best[hp["optimizer"]]), 60, noise=0.02))
    for name, centre in best.items():
        scale = box.space[f"lr[optimizer={name}]"].scale
        assert decades(scale.low) < centre < decades(scale.high)
        assert decades(scale.high / scale.low) < 3
    assert box.space["optimizer"] == space["optimizer"]


def test_a_hopeless_choice_is_dropped_with_what_depends_on_it():
    space = Space(lr=log(1e-5, 1.0), optimizer=choice("sgd", "adamw", "adam"))
    found = trials(space, lambda hp: 10.0 * (hp["optimizer"] == "sgd") + valley(hp), 60, noise=0.1)
    box = next_box(space, found)
    assert box.space["optimizer"].scale.values == ("adamw", "adam")
    assert "lr[optimizer=sgd]" not in box.space


def test_two_valleys_keep_two_boxes_for_another_round():
    space = Space(lr=log(1e-5, 1.0))
    found = trials(space, lambda hp: min(abs(decades(hp["lr"]) + 1), abs(decades(hp["lr"]) + 4)), 40)
    box = next_box(space, found)
    low, high = (part["lr"].scale for part in box.boxes)
    assert decades(low.low) < -4 < decades(low.high) < decades(high.low) < -1 < decades(high.high)
    assert (box.space["lr"].scale.low, box.space["lr"].scale.high) == (low.low, high.high)
    assert sum(box.shares) == pytest.approx(0.85)
    assert "two groups" in box.reason_of["lr"]


def test_two_groups_that_luck_explains_are_no_two_valleys():
    space = Space(lr=log(1e-5, 1.0), width=linear(2.0, 8.0))
    found = [next_box(space, trials(space, lambda hp: 0.0, 40, noise=1.0, seed=seed)) for seed in range(60)]
    assert sum(len(box.boxes) > 1 for box in found) <= 3


@pytest.mark.parametrize(("good", "between"), [(4, 6), (8, 12), (12, 12), (20, 8)])
def test_the_chance_of_a_gap_by_luck_bounds_what_shuffling_gives(good, between):
    draws = np.random.default_rng(0)
    gaps = [np.diff(np.sort(draws.permutation(40)[:good])).max() - 1 for _ in range(4000)]
    share = float(np.mean(np.array(gaps) >= between))
    assert share <= gap_by_luck(40, good, between) + 0.02
    assert gap_by_luck(40, good, between) <= 2 * share + 0.02


@pytest.mark.parametrize(("name", "decades_least"), [("lr", 0.3), ("weight_decay", 1.0)])
def test_a_box_stops_shrinking_at_its_least_width(name, decades_least):
    space = Space(**{name: log(1e-4, 1.0)})
    middle = -2.0
    for turn in range(8):
        found = trials(space, lambda hp: (decades(hp[name]) - middle) ** 2, 24, turn)
        box = next_box(space, found)
        assert box.space[name].scale.low >= space[name].scale.low
        space = box.space
    width = decades(space[name].scale.high / space[name].scale.low)
    assert width == pytest.approx(decades_least, rel=0.02)
    assert box.at_least_width == (name,)
    assert box.is_at_least_width


def test_whole_numbers_shrink_to_two_neighbours():
    space = Space(width=powers_of_two(8, 512), dummy=linear(0.0, 1.0))
    for turn in range(4):
        space = next_box(space, trials(space, lambda hp: abs(decades(hp["width"] / 64)), 60, turn, 0.01)).space
    assert space["width"].scale.levels == 2
    assert space["width"].scale.contains(64)


def test_zero_stays_where_it_does_well_and_goes_where_it_does_not():
    space = Space(weight_decay=log(1e-6, 1e-1, zero=0.25), lr=log(1e-3, 1e-1))

    def needed(hp):
        return 3.0 if hp["weight_decay"] == 0 else (decades(hp["weight_decay"]) + 2) ** 2

    def harmful(hp):
        return hp["weight_decay"] * 10

    kept = next_box(space, trials(space, harmful, 60, noise=0.01)).space["weight_decay"].scale
    gone = next_box(space, trials(space, needed, 60, noise=0.01)).space["weight_decay"].scale
    assert kept.zero == 0.25
    assert gone.zero == 0.0
    assert decades(gone.low) < -2 < decades(gone.high)


def test_a_ridge_is_noted():
    space = Space(lr=log(1e-5, 1.0), weight_decay=log(1e-6, 1e-1))
    found = trials(space, lambda hp: (decades(hp["lr"]) + decades(hp["weight_decay"]) + 6) ** 2, 80)
    box = next_box(space, found)
    (pair,) = box.correlations
    assert {pair.first, pair.second} == {"lr", "weight_decay"}
    assert pair.rho < -0.5
    assert any("go together" in reason for reason in box.reasons)


def test_few_trials_change_nothing_and_say_so():
    box = next_box(RATE, trials(RATE, valley, 3))
    assert box.space == RATE
    assert [f.kind for f in box.findings] == ["too-few-trials"]
    assert next_box(RATE, []).space == RATE


def test_many_infeasible_trials_are_told():
    found = trials(RATE, lambda hp: None if decades(hp["lr"]) > -4 else 1.0, 20)
    kinds = [f.kind for f in next_box(RATE, found).findings]
    assert kinds == ["many-infeasible-trials", "too-few-trials"]
    (first, _) = next_box(RATE, found).findings
    assert "highest learning rates" in first.action


def test_the_rate_is_ranked_first_and_a_dummys_interval_covers_zero():
    first = covered = measured = 0
    for seed in range(40):
        rate, dummy = importances(RATE, trials(RATE, valley, 20, seed, noise=0.3), seed=seed)
        first += rate.share > dummy.share
        measured += rate.low > 0
        covered += dummy.low <= 0 <= dummy.high
    assert first == 40
    assert measured >= 38
    assert covered >= 32  # a 90 % interval: fewer than 32 of 40 once in 70


def test_a_flat_dimension_is_taken_for_one_that_matters_one_time_in_ten():
    space = Space(**{f"x{i}": linear(0.0, 1.0) for i in range(4)})
    wrong = sum(
        importance.matters(SEARCH)
        for seed in range(50)
        for importance in importances(space, trials(space, lambda hp: (hp["x0"] - 0.4) ** 2, 24, seed, 0.1), seed=seed)[
            1:
        ]
    )
    assert wrong <= 25  # of 150


def test_importance_is_quick():
    space = Space(**{f"x{i}": linear(0.0, 1.0) for i in range(4)})
    found = trials(space, lambda hp: hp["x0"], 100)
    importances(space, found)
    start = time.perf_counter()
    importances(space, found)
    assert time.perf_counter() - start < 1.0  # 0.02 s on an idle core; the machine is shared


def test_the_next_space_narrows_and_moves_the_crowded_end():
    space = Space(lr=log(1e-5, 1e-2), weight_decay=log(1e-6, 1e-1))
    step = next_space(space, trials(space, lambda hp: (decades(hp["lr"]) + 1.5) ** 2, 40, noise=0.05))
    scale = step.space["lr"].scale
    assert scale.high == pytest.approx(0.1)
    assert scale.low > 1e-4
    assert step.extended.moved == ("lr:high",)
    assert step.boxes == (step.space,)
    assert step.findings[0].kind == "best-on-border"
    assert step.before == space.as_json()
    assert step.after == step.space.as_json()
    assert all(isinstance(reason, str) and reason.endswith(".") for reason in step.reasons)


def test_the_same_trials_give_the_same_decision():
    found = trials(RATE, valley, 20, noise=0.2)
    assert next_space(RATE, found, seed=4) == next_space(RATE, list(found), seed=4)


def test_a_hyperparameter_of_which_one_value_was_tried_is_not_called_insensitive():
    space = Space(lr=log(1e-4, 1e-1), width=powers_of_two(32, 256))
    draw = np.random.default_rng(0)
    rates = 10 ** draw.uniform(-4, -1, 24)
    trials = [
        Observation(i, {"lr": float(lr), "width": 256}, float(abs(np.log10(lr) + 2.5) + draw.normal(0, 0.01)))
        for i, lr in enumerate(rates)
    ]
    found = next_box(space, trials)
    assert "insensitive" not in [f.kind for f in found.findings if f.evidence.get("hyperparameter") == "width"]
