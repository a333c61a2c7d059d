"""Coarse to fine as a proposer: rounds that wait for each other, boxes that follow what worked, old trials kept."""

import math

import pytest

from goodfit.space import Space, choice, linear, log
from goodfit.strategy import CoarseToFine, Observation, Random
from goodfit.strategy.coarse_to_fine import round_sizes

SPACE = Space(lr=log(1e-5, 1e-3), dropout=linear(0.0, 0.6), kind=choice("a", "b"))


def loss(point):
    """Best at lr 0.01, a decade outside the box."""
    return (math.log10(point["lr"]) + 2) ** 2 + (point["dropout"] - 0.2) ** 2 + 0.1 * (point["kind"] == "b")


def searched(proposer, trials, portion=4):
    history = []
    while len(history) < trials:
        points = proposer.propose(history, min(portion, trials - len(history)))
        assert points
        history += [Observation(len(history) + i, p, loss(p)) for i, p in enumerate(points)]
    return history


@pytest.mark.parametrize("trials", [1, 7, 15, 16, 30, 100, 1000])
def test_the_rounds_have_all_trials_and_none_is_tiny(trials):
    sizes = round_sizes(trials)
    assert sum(sizes) == trials
    assert len(sizes) == 1 or min(sizes) >= 8


@pytest.mark.parametrize("seed", range(3))
def test_an_optimum_outside_the_first_box_is_reached(seed):
    found = searched(CoarseToFine(SPACE, seed, 100), 100)
    assert min(o.score for o in found) < 0.05
    at_random = searched(Random(SPACE, seed), 100)
    assert min(o.score for o in at_random) > 0.9


def test_the_trials_do_not_depend_on_how_many_are_asked_for_at_once():
    one = searched(CoarseToFine(SPACE, 0, 40), 40, portion=1)
    many = searched(CoarseToFine(SPACE, 0, 40), 40, portion=7)
    assert [o.hyperparameters for o in one] == [o.hyperparameters for o in many]


def test_a_round_waits_for_the_trials_before_it():
    proposer = CoarseToFine(SPACE, 0, 30)
    points = proposer.propose((), 30)
    assert len(points) == proposer.sizes[0] == 9
    running = [Observation(i, p, None, "running") for i, p in enumerate(points)]
    assert proposer.propose(running, 4) == ()
    ended = [Observation(o.number, o.hyperparameters, loss(o.hyperparameters)) for o in running]
    assert proposer.propose([*ended[:-1], running[-1]], 4) == ()
    assert len(proposer.propose(ended, 30)) == proposer.sizes[1]
    rounds = proposer.rounds(ended)
    assert [r.number for r in rounds] == [1, 2]
    assert rounds[1].moved is not None
    assert rounds[1].space["lr"].scale.high > 1e-3  # the crowded border was moved out


def test_whoever_asks_for_more_than_was_planned_gets_more():
    proposer = CoarseToFine(SPACE, 0, 16)
    assert len(searched(proposer, 24)) == 24


def test_infeasible_trials_are_counted_and_do_not_stop_the_rounds():
    proposer = CoarseToFine(SPACE, 0, 30)
    points = proposer.propose((), 12)
    broken = [Observation(i, p, None, "diverged") for i, p in enumerate(points)]
    assert len(proposer.propose(broken, 4)) == 4
