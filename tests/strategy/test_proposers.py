"""Random draws have the distributions that the recipe asks for; a grid has every cell; nothing is tried twice."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.errors import SettingsError
from goodfit.space import Space, choice, integer, linear, log, powers_of_two, reverse_log, when
from goodfit.strategy import (
    PROPOSERS,
    Grid,
    Observation,
    Random,
    findings_of_grid,
    grid_levels,
    grid_price,
    make_proposer,
    propose_in_boxes,
    random_against_grid,
)

BOTH = Space(lr=log(1e-4, 1e-1), weight_decay=log(1e-4, 1e-1))


def tried(points, first=0):
    return [Observation(i, point, score=0.0) for i, point in enumerate(points, start=first)]


def ks_p(units):
    """P of the Kolmogorov-Smirnov distance to the uniform distribution, by its asymptotic series."""
    x = np.sort(units)
    n = len(x)
    distance = max(np.max(np.arange(1, n + 1) / n - x), np.max(x - np.arange(n) / n))
    t = (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n)) * distance
    return 2 * sum((-1) ** (k - 1) * math.exp(-2 * k * k * t * t) for k in range(1, 101))


def chi_square_p(counts):
    """P of even counts over three or five levels: the closed form for an even number of degrees of freedom."""
    expected = sum(counts) / len(counts)
    x = sum((count - expected) ** 2 / expected for count in counts)
    half = (len(counts) - 1) // 2
    return math.exp(-x / 2) * sum((x / 2) ** k / math.factorial(k) for k in range(half))


@pytest.mark.parametrize("seed", range(5))
def test_rates_and_decays_are_even_over_their_logarithm(seed):
    points = Random(BOTH, seed).propose((), 1000)
    for name in ("lr", "weight_decay"):
        assert ks_p([(math.log10(point[name]) + 4) / 3 for point in points]) > 0.01
    assert ks_p([(math.log10(points[i]["lr"]) + 4) / 3 for i in range(0, 1000, 2)]) > 0.01
    places = np.array([[math.log10(point[name]) for name in ("lr", "weight_decay")] for point in points])
    assert abs(np.corrcoef(places.T)[0, 1]) < 0.1


def test_each_decade_gets_a_quarter_of_the_draws():
    rates = [point["lr"] for point in Random(Space(lr=log(1e-4, 1.0)), seed=0).propose((), 1000)]
    for decade in range(-4, 0):
        assert sum(10.0**decade <= rate < 10.0 ** (decade + 1) for rate in rates) / 1000 == pytest.approx(
            0.25, abs=0.04
        )


def test_whole_numbers_are_even_with_both_ends():
    space = Space(layers=integer(2, 4), beta=reverse_log(0.9, 0.999), x=linear(0, 1))
    layers = [point["layers"] for point in Random(space, seed=1).propose((), 900)]
    assert set(layers) == {2, 3, 4}
    assert chi_square_p([layers.count(value) for value in (2, 3, 4)]) > 0.05


def test_powers_of_two_are_all_reached():
    space = Space(batch_size=powers_of_two(1, 32), x=linear(0, 1))
    assert {point["batch_size"] for point in Random(space, seed=0).propose((), 200)} == {1, 2, 4, 8, 16, 32}


def test_a_share_of_the_draws_is_exactly_zero():
    space = Space(weight_decay=log(1e-6, 1e-2, zero=0.25), x=linear(0, 1))
    zeros = sum(point["weight_decay"] == 0 for point in Random(space, seed=0).propose((), 1000))
    assert zeros / 1000 == pytest.approx(0.25, abs=0.04)


@given(st.integers(0, 2**40), st.integers(0, 500), st.lists(st.integers(1, 5), min_size=1, max_size=4))
@settings(max_examples=30)
def test_the_trials_do_not_depend_on_how_they_are_asked_for(seed, first, portions):
    proposer = Random(BOTH, seed, first)
    together = proposer.propose((), sum(portions))
    history = []
    for portion in portions:
        history += tried(proposer.propose(history, portion))
    assert [o.hyperparameters for o in history] == list(together)
    assert together[-1] == proposer.at(first + sum(portions) - 1)


def test_another_dimension_leaves_the_first_ones_draws_alone():
    wider = Space(lr=log(1e-4, 1e-1), weight_decay=log(1e-4, 1e-1), dropout=linear(0, 1))
    assert Random(BOTH, 3).at(7)["lr"] == Random(wider, 3).at(7)["lr"]


def test_a_countable_space_is_tried_to_its_last_point_and_no_further():
    space = Space(when(kind="a", n=integer(1, 4)), kind=choice("a", "b"), depth=integer(1, 3))
    points = Random(space, 0).propose((), 100)
    assert len(points) == space.size == 15
    assert len({tuple(sorted(point.items())) for point in points}) == 15
    assert Random(space, 0).propose(tried(points), 5) == ()
    assert len(Random(space, 0).propose(tried(points[:9]), 100)) == 6


def test_the_seeds_grid_has_sixteen_cells_in_ratios_of_ten():
    grid = Grid(BOTH, levels=4)
    assert len(grid.points) == 16
    rates = sorted({point["lr"] for point in grid.points})
    assert [b / a for a, b in itertools.pairwise(rates)] == pytest.approx([10, 10, 10], rel=1e-12)
    first = grid.propose((), 10)
    assert first + grid.propose(tried(first), 10) == grid.points


def test_the_price_of_a_grid_is_what_it_runs():
    price = grid_price(BOTH, 4, epochs=5, seconds_per_epoch=2.0)
    assert (price.trials, price.epochs, price.seconds) == (len(Grid(BOTH, 4).points), 80, 160)
    assert grid_price(BOTH, 4, 5, 2.0, at_once=8).seconds == 20
    assert "16 cells" in str(price)
    assert grid_price(BOTH, {"lr": 4, "weight_decay": 2}, 1).trials == 8


def test_a_grid_is_warned_of_from_three_hyperparameters_on():
    assert findings_of_grid(Space(lr=log(1e-4, 1)), 9) == ()
    assert findings_of_grid(BOTH, 3) == ()
    (finding,) = findings_of_grid(Space(lr=log(1e-4, 1), weight_decay=log(1e-4, 1), dropout=linear(0, 1)), 3)
    assert finding.kind == "grid-is-wasteful"
    assert finding.severity == "warning"
    assert finding.evidence["trials"] == 27
    assert finding.evidence["chance_grid"] == pytest.approx(0.3)
    assert finding.evidence["chance_random"] == pytest.approx(0.94, abs=0.005)


def test_random_tries_nine_values_where_a_grid_tries_three():
    assert grid_levels(BOTH, 9) == 3
    assert grid_levels(Space(a=choice(1, 2)), 100) == 2

    def scored(points):
        return [Observation(i, p, score=abs(math.log10(p["lr"]) + 2.2)) for i, p in enumerate(points)]

    seen = random_against_grid(scored(Random(BOTH, 0).propose((), 9)), scored(Grid(BOTH, 3).points))
    assert seen.values_random == {"lr": 9, "weight_decay": 9}
    assert seen.values_grid == {"lr": 3, "weight_decay": 3}
    assert len(seen.best_so_far_random) == 9
    assert all(a >= b for a, b in itertools.pairwise(seen.best_so_far_grid))
    assert any("lr: 9 against 3" in reason for reason in seen.reasons)


def test_draws_from_boxes_keep_their_shares_and_their_order():
    low, high, old = Space(lr=log(1e-4, 1e-3)), Space(lr=log(1e-2, 1e-1)), Space(lr=log(1e-1, 1.0))
    arguments = ([low, high], [0.5, 0.35], old)
    points = propose_in_boxes(*arguments, 100, seed=0)
    inside = [sum(space.contains(point) for point in points) for space in (low, high, old)]
    assert inside == [50, 35, 15]
    assert points[40:60] == propose_in_boxes(*arguments, 20, seed=0, first=40)
    assert propose_in_boxes(*arguments, 100, seed=0, history=tried(points[:30]))[:70] == points[30:100]


def test_boxes_of_few_points_run_out():
    space = Space(layers=integer(1, 3))
    assert sorted(p["layers"] for p in propose_in_boxes([space], [0.85], space, 10, seed=0)) == [1, 2, 3]


@pytest.mark.parametrize("name", PROPOSERS)
def test_every_proposer_is_made_by_its_name_and_proposes_nothing_twice(name):
    assert PROPOSERS[name][2]
    points = make_proposer(name, BOTH, seed=0, levels=3, trials=20).propose((), 8)
    assert len({tuple(sorted(point.items())) for point in points}) == 8
    assert all(BOTH.contains(point) for point in points)
    again = make_proposer(name, BOTH, seed=0, levels=3, trials=20)
    assert points[3:] == again.propose(tried(points[:3]), 5)


def test_an_unknown_name_is_refused_with_those_that_are():
    with pytest.raises(SettingsError, match="random, sobol, halton, grid"):
        make_proposer("sobl", BOTH)
