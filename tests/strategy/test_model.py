"""What the model of all trials is asked for: the next trials to pick, and whether a border is one."""

import math

import numpy as np
import pytest
from made_trials import decades, trials

from goodfit.settings.search import SearchSettings
from goodfit.space import Space, choice, linear, log, when
from goodfit.strategy import Observation
from goodfit.strategy.candidates import candidate_points, hull_of
from goodfit.strategy.model import Model, can_model, levelled
from goodfit.strategy.promising import most_promising
from goodfit.strategy.proposers import point_key
from goodfit.strategy.slopes import read_slopes

SPACE = Space(lr=log(1e-4, 1.0), reg=linear(0.0, 1.0), kind=choice("a", "b"))


def valley(hp):
    return (decades(hp["lr"]) + 2) ** 2 + (hp["reg"] - 0.3) ** 2 + 0.5 * (hp["kind"] == "b")


def test_the_picks_lie_in_the_valley_and_differ():
    history = trials(SPACE, valley, 40, seed=1, noise=0.01)
    points = candidate_points([SPACE], [1.0], SPACE, history, SearchSettings(candidates=200), seed=0)
    picks = [points[i] for i in most_promising(Model(SPACE, history), points, 6)]
    assert len({point_key(p) for p in picks}) == 6
    assert np.mean([valley(p) for p in picks]) < 0.25 * np.mean([valley(p) for p in points])
    assert sum(p["kind"] == "a" for p in picks) >= 5


def test_candidates_are_new_within_the_hull_and_the_same_for_a_seed():
    history = trials(SPACE, valley, 20)
    small = SPACE.replace({"lr": log(1e-3, 1e-2)})
    one, two = (candidate_points([small], [0.5], SPACE, history, SearchSettings(), seed=4) for _ in range(2))
    assert one == two
    tried = {point_key(o.hyperparameters) for o in history}
    assert all(SPACE.contains(point) and point_key(point) not in tried for point in one)


def test_a_hull_holds_boxes_that_were_narrowed_and_extended():
    narrow = SPACE.replace({"lr": log(1e-3, 10.0), "kind": choice("a")})
    hull = hull_of([SPACE, narrow])
    assert hull["lr"].scale == log(1e-4, 10.0)
    assert hull["kind"].scale == choice("a", "b")


def test_exploded_scores_and_infeasible_trials_do_not_drown_the_rest():
    values = levelled([0.1, 0.2, 0.3, 1e12, None])
    assert values[3] == values[4]
    assert values[4] - values[2] < values[2] - values[0]
    assert values[0] < values[1] < values[2]


def test_conditional_hyperparameters_are_modelled_beside_others():
    space = Space(when(optimizer="sgd", momentum=linear(0.0, 0.9)), lr=log(1e-4, 1.0), optimizer=choice("sgd", "adamw"))
    history = trials(space, lambda hp: abs(decades(hp["lr"]) + 2) + 0.3 * (hp["optimizer"] == "sgd"), 30, seed=2)
    points = candidate_points([space], [1.0], space, history, SearchSettings(candidates=150), seed=0)
    picks = [points[i] for i in most_promising(Model(space, history), points, 5)]
    assert sum(p["optimizer"] == "adamw" for p in picks) >= 4


@pytest.mark.parametrize(("best", "flagged"), [(0.5, True), (-2.0, False)])
def test_the_model_sees_a_border_where_trials_were_crowded_by_the_search(best, flagged):
    def loss(hp):
        return (decades(hp["lr"]) - best) ** 2 + (hp["reg"] - 0.3) ** 2

    space = Space(lr=log(1e-4, 1e-1), reg=linear(0.0, 1.0, hard=True))
    history = trials(space, loss, 16, seed=3, noise=0.05)
    # then the search sends eight more to the top of the rate, as a model would
    crowded = trials(space.replace({"lr": log(3e-2, 1e-1)}), loss, 8, seed=5, noise=0.05)
    history += [Observation(16 + i, o.hyperparameters, o.score) for i, o in enumerate(crowded)]
    readings = read_slopes(Model(space, history), space, history)
    assert [f"{r.key}:{r.side}" for r in readings if r.flagged] == (["lr:high"] if flagged else [])


def test_no_difference_is_no_model():
    same = [Observation(i, {"x": i}, 1.0) for i in range(20)]
    assert not can_model(same, 12)
    assert not can_model([*same[:5], Observation(5, {"x": 5}, math.pi)], 12)
    assert can_model([*same, Observation(20, {"x": 20}, 2.0)], 12)
