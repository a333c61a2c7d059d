"""Quasi-random points: the same however they are asked for, and more even than independent ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.space import Space, choice, integer, linear, log, logit, powers_of_two, reverse_log, when
from goodfit.strategy import Halton, Observation, Random, Sobol

EVERY_SCALE = Space(
    when(optimizer="sgd", momentum=reverse_log(0.5, 0.99)),
    lr=log(1e-5, 1e-1),
    weight_decay=log(1e-6, 1e-2, zero=0.25),
    dropout=linear(0.0, 0.6),
    keep=logit(0.01, 0.99),
    layers=integer(1, 4),
    width=powers_of_two(16, 128),
    optimizer=choice("sgd", "adamw"),
)


@pytest.mark.parametrize("kind", [Sobol, Halton])
@given(seed=st.integers(0, 2**40), portions=st.lists(st.integers(1, 9), min_size=1, max_size=5))
@settings(max_examples=15, deadline=None)
def test_configuration_i_depends_on_the_seed_and_on_i_alone(kind, seed, portions):
    history = []
    proposer = kind(EVERY_SCALE, seed)
    for portion in portions:
        points = kind(EVERY_SCALE, seed).propose(history, portion)
        history += [Observation(len(history) + i, p, None, "running") for i, p in enumerate(points)]
    assert [o.hyperparameters for o in history] == [proposer.at(i) for i in range(sum(portions))]
    assert all(EVERY_SCALE.contains(o.hyperparameters) for o in history)


@pytest.mark.parametrize("kind", [Sobol, Halton])
def test_points_are_more_even_than_independent_draws(kind):
    space = Space(a=linear(0, 1), b=linear(0, 1))

    def emptiest(points):
        """The most that any of 16 columns or rows lacks of its share."""
        places = np.array([[p["a"], p["b"]] for p in points])
        counts = [np.bincount((16 * column).astype(int).clip(0, 15), minlength=16) for column in places.T]
        return max(len(points) / 16 - c.min() for c in counts)

    for seed in range(5):
        ours = emptiest(kind(space, seed).propose((), 64))
        assert ours <= 2
        assert ours < emptiest(Random(space, seed).propose((), 64))


def test_seeds_and_kinds_differ():
    firsts = {kind(EVERY_SCALE, seed).at(0)["lr"] for kind in (Sobol, Halton) for seed in range(3)}
    assert len(firsts) == 6


def test_a_countable_space_is_tried_to_its_last_point():
    space = Space(layers=integer(1, 3), kind=choice("a", "b"))
    assert len(Sobol(space, 0).propose((), 100)) == 6
