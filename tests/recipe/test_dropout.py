import numpy as np
import pytest

from goodfit.recipe.decide import Position, Roles, act
from goodfit.recipe.dropout import dropout_not_working
from goodfit.settings import Settings
from goodfit.space import Space, linear, powers_of_two
from goodfit.strategy.observation import Observation

SETTINGS = Settings().search


def trials(helps: float, count: int = 24, seed: int = 0) -> list[Observation]:
    """Errors of trials over dropout in [0, 0.5]; `helps` is what a rate of 0.5 takes off the error."""
    draw = np.random.default_rng(seed)
    rates = np.linspace(0, 0.5, count)
    scores = 0.2 - helps * rates / 0.5 + draw.normal(0, 0.005, count)
    return [
        Observation(i, {"dropout": float(r), "lr": 0.1}, float(s))
        for i, (r, s) in enumerate(zip(rates, scores, strict=True))
    ]


def told(observations, gap=0.2, noise=0.005):
    return dropout_not_working(observations, ("dropout",), gap, noise, SETTINGS, "stage coarse")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("helps", [-0.1, -0.03])
def test_dropout_that_does_not_help_an_overfitting_net_asks_for_a_wider_one(helps, seed):
    finding = told(trials(helps, seed=seed))
    assert finding is not None
    assert finding.evidence["best_with"] > finding.evidence["best_without"]
    space = Space(dropout=linear(0.0, 0.5), width=powers_of_two(8, 32))
    change = act(finding, Position(space, 5.0, 12), Roles(capacity=("width",), dropout=("dropout",)))
    assert change.position.space["width"].scale.as_json()["high"] == 64
    assert change.position.space["dropout"] == space["dropout"]  # tried again, not given up


@pytest.mark.parametrize("seed", range(5))
def test_dropout_that_helps_or_is_not_needed_is_left_alone(seed):
    assert told(trials(0.1, seed=seed)) is None
    assert told(trials(-0.1, seed=seed), gap=0.03) is None
    assert told(trials(-0.1, seed=seed), gap=None) is None


def test_few_trials_say_nothing_and_infeasible_ones_do_not_count():
    assert told(trials(-0.1, count=5)) is None
    lost = [Observation(100 + i, {"dropout": 0.0}, None, "diverged") for i in range(9)]
    few = [o for o in trials(-0.1) if o.hyperparameters["dropout"] > 0.1]
    assert told([*few, *lost]) is None


def test_a_space_without_size_keeps_its_box():
    finding = told(trials(-0.1))
    space = Space(dropout=linear(0.0, 0.5))
    assert act(finding, Position(space, 5.0, 12), Roles(dropout=("dropout",))).what == ""
