"""Coarse to fine as a proposer: rounds that wait for each other, boxes that follow what worked, old trials kept."""

import math

import pytest

from goodfit.space import Space, choice, linear, log, powers_of_two
from goodfit.strategy import CoarseToFine, Observation, Random, Sobol
from goodfit.strategy.coarse_to_fine import round_sizes
from goodfit.training.seeds import PROPOSAL, mixed

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


MANY = Space(
    lr=log(1e-2, 1e-1),
    **{f"x{i}": linear(0.0, 1.0, hard=True) for i in range(6)},
    width=powers_of_two(16, 64),
)


def slope(point):
    """Better down to a rate of 1e-3, a decade below the box, and up to a width of 256, four times its widest."""
    rest = sum((point[f"x{i}"] - 0.5) ** 2 for i in range(6))
    return abs(math.log10(point["lr"]) + 3) + 0.3 * abs(math.log2(point["width"]) - 8) + rest


def test_a_first_box_that_missed_is_left_before_its_coarse_round_has_ended():
    proposer = CoarseToFine(MANY, 1, 100)
    found = []
    for _ in range(2):
        points = proposer.propose(found, 100)
        found += [Observation(len(found) + i, p, slope(p)) for i, p in enumerate(points)]
    first, second = proposer.rounds(found)[:2]
    assert first.is_coarse
    assert second.is_coarse
    assert (first.trials, second.trials) == (20, 10)
    assert "lr:low" in second.moved.extended.moved
    assert not any(MANY.contains(o.hyperparameters) for o in found[20:])  # the others go where nothing was tried
    assert second.space["x0"].scale == MANY["x0"].scale  # nothing is narrowed before the round has ended


def test_where_no_border_moves_the_coarse_round_goes_on_as_one():
    inside = Space(lr=log(1e-5, 1e-1), dropout=linear(0.0, 0.6))

    def valley(point):
        return (math.log10(point["lr"]) + 3) ** 2 + (point["dropout"] - 0.3) ** 2

    proposer = CoarseToFine(inside, 0, 100)
    found = []
    while len(found) < 30:
        points = proposer.propose(found, 30 - len(found))
        found += [Observation(len(found) + i, p, valley(p)) for i, p in enumerate(points)]
    evenly = Sobol(inside, mixed(0, PROPOSAL, 1)).propose((), 30)
    assert [o.hyperparameters for o in found] == list(evenly)


def test_two_ranges_that_both_missed_are_moved_as_far_as_they_must():
    proposer = CoarseToFine(MANY, 0, 100)
    found = []
    while len(found) < 100:
        points = proposer.propose(found, 100 - len(found))
        found += [Observation(len(found) + i, p, slope(p)) for i, p in enumerate(points)]
    best = min(found, key=lambda o: o.score).hyperparameters
    assert best["lr"] < 3e-3
    assert best["width"] >= 128


def test_an_end_that_was_moved_out_stays_for_another_round():
    proposer = CoarseToFine(MANY, 1, 100)
    found = []
    while len(found) < 38:
        points = proposer.propose(found, 38 - len(found))
        found += [Observation(len(found) + i, p, slope(p)) for i, p in enumerate(points)]
    coarse, fine = proposer.rounds(found)[1:3]
    assert "lr:low" in coarse.moved.extended.moved
    assert fine.space["lr"].scale.low <= coarse.space["lr"].scale.low
