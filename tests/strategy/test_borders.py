"""A crowded border is seen; a flat space, a valley inside and the edge of stability are not taken for one."""

import math

import numpy as np
import pytest
from made_trials import decades, trials

from goodfit.space import PowersOfTwo, Space, choice, integer, linear, log, powers_of_two
from goodfit.strategy import Observation, extend_borders, read_borders


@pytest.mark.parametrize("dimensions", [2, 4, 8])
@pytest.mark.parametrize("n", [12, 40])
def test_a_flat_space_raises_no_alarm_in_95_of_100_rounds(dimensions, n):
    space = Space(**{f"x{i}": linear(-1.0, 1.0) for i in range(dimensions)})
    generator = np.random.default_rng(dimensions)
    rounds = 200
    alarms = 0
    for seed in range(rounds):
        places = generator.random((n, dimensions))
        flat = [Observation(i, space.from_units(list(u)), float(generator.normal())) for i, u in enumerate(places)]
        alarms += any(reading.flagged for reading in read_borders(space, flat, seed=seed))
    # set for 4 %: 200 rounds at 4 % exceed 16 alarms once in 100
    assert alarms <= 16


def test_levels_ties_and_choices_raise_no_alarm_either():
    space = Space(layers=integer(1, 3), width=powers_of_two(8, 64), kind=choice("a", "b"), lr=log(1e-3, 1))
    generator = np.random.default_rng(0)
    alarms = 0
    for seed in range(200):
        flat = trials(space, lambda hp: float(generator.integers(0, 4)), 30, seed)
        alarms += any(reading.flagged for reading in read_borders(space, flat, seed=seed))
    assert alarms <= 16


LECTURE = Space(lr=log(1e-6, 1e-3), reg=log(1e-5, 1e5))


def lecture_loss(best_lr):
    """Minus the accuracy of a small net: best at one rate, fading over a decade, killed by a penalty above 1."""

    def loss(hp):
        learns = math.exp(-((decades(hp["lr"]) - best_lr) ** 2) / 2)
        return -(0.1 + 0.42 * learns / (1 + math.exp(2 * (decades(hp["reg"]) - 0.5))))

    return loss


@pytest.mark.parametrize("best_lr", [-3.0, -2.7, -2.0])
def test_the_lectures_own_border_is_seen(best_lr):
    seeds = 60
    seen = 0
    for seed in range(seeds):
        found = trials(LECTURE, lecture_loss(best_lr), 100, seed, noise=0.02)
        (upper,) = [r for r in read_borders(LECTURE, found, seed=seed) if (r.key, r.side) == ("lr", "high")]
        seen += upper.flagged
        assert not upper.flagged or "B" in upper.signals or ("A" in upper.signals and "C" in upper.signals)
    assert seen / seeds >= 0.95


def test_the_finer_box_of_the_lecture_is_seen_too():
    finer = Space(lr=log(1e-4, 1e-3), reg=log(1e-4, 1.0))
    seen = 0
    for seed in range(60):
        found = trials(finer, lecture_loss(-2.7), 100, seed, noise=0.01)
        seen += "lr:high" in extend_borders(finer, found, seed=seed).moved
    assert seen / 60 >= 0.95


@pytest.mark.parametrize(("n", "power"), [(8, 0.5), (16, 0.6), (24, 0.8)])
def test_a_rate_range_far_too_low_is_seen_with_few_trials(n, power):
    space = Space(lr=log(1e-5, 3e-3), weight_decay=log(1e-6, 1e-2, zero=0.25))
    moved = sum(
        "lr:high" in extend_borders(space, trials(space, lambda hp: -decades(hp["lr"]) / 2, n, s, 0.1), seed=s).moved
        for s in range(60)
    )
    assert moved / 60 >= power


def test_a_valley_inside_the_box_flags_nothing():
    space = Space(lr=log(1e-5, 1.0), weight_decay=log(1e-6, 1e-1))
    flags = 0
    for seed in range(60):
        found = trials(space, lambda hp: (decades(hp["lr"]) + 2.5) ** 2, 40, seed, 0.1)
        flags += bool([m for m in extend_borders(space, found, seed=seed).moved if m.startswith("lr")])
    assert flags == 0


def test_an_extension_says_what_it_saw_and_moves_a_decade():
    found = trials(LECTURE, lecture_loss(-2.0), 100, noise=0.01)
    result = extend_borders(LECTURE, found)
    assert result.space["lr"].scale == LECTURE["lr"].scale.extended("high")
    assert result.space["lr"].scale.high == pytest.approx(1e-2)
    assert result.space["reg"] == LECTURE["reg"]
    (finding,) = result.findings
    assert finding.kind == "best-on-border"
    assert finding.severity == "warning"
    assert finding.evidence["side"] == "high"
    assert "0.001" in finding.message
    assert "0.01" in finding.message
    assert result.any_flag
    assert result.reasons == (finding.message,)


def test_a_border_is_moved_twice_in_a_round_at_most():
    found = trials(LECTURE, lecture_loss(-2.0), 100, noise=0.01)
    result = extend_borders(LECTURE, found, already={"lr:high": 2})
    assert result.moved == ()
    assert "next round" in result.reasons[0]


def test_where_stability_ends_the_range_stays():
    space = Space(lr=log(1e-5, 1.0), weight_decay=log(1e-6, 1e-1))

    def loss(hp):
        place = decades(hp["lr"])
        return None if place > -0.6 else -place

    found = trials(space, loss, 60, noise=0.05)
    result = extend_borders(space, found)
    assert "lr:high" not in result.moved
    near = trials(space, lambda hp: None if decades(hp["lr"]) > -0.25 else -decades(hp["lr"]), 200, noise=0.05)
    edge = extend_borders(space, near)
    assert "lr:high" not in edge.moved
    assert [f.kind for f in edge.findings] == ["learning-rate-at-edge"]
    assert "stability ends there" in edge.reasons[0]


def test_hard_scales_and_natural_limits_are_exempt():
    space = Space(
        lr=log(1e-5, 1e-3, hard=True),
        weight_decay=log(1e-6, 1e-1, zero=0.25),
        dropout=linear(0.0, 0.6),
        batch_size=powers_of_two(1, 64),
    )
    found = trials(
        space,
        lambda hp: hp["dropout"] - decades(hp["lr"]) + decades(hp["batch_size"]) + 10 * hp["weight_decay"],
        80,
    )
    looked_at = {(r.key, r.side) for r in read_borders(space, found)}
    assert looked_at == {("weight_decay", "high"), ("dropout", "high"), ("batch_size", "high")}
    assert extend_borders(space, found).moved == ()


def test_a_callers_limit_stops_the_extension():
    space = Space(batch_size=powers_of_two(8, 64), lr=log(1e-4, 1e-1))
    found = trials(space, lambda hp: -decades(hp["batch_size"]), 60, noise=0.01)
    assert extend_borders(space, found).space["batch_size"].scale == PowersOfTwo(8, 256)
    limited = extend_borders(space, found, limits={"batch_size": (1, 128)})
    assert limited.space["batch_size"].scale == PowersOfTwo(8, 128)
    assert extend_borders(space, found, limits={"batch_size": (1, 64)}).moved == ()


def test_too_few_trials_say_nothing():
    assert read_borders(LECTURE, trials(LECTURE, lecture_loss(-2), 5)) == ()
    assert read_borders(LECTURE, []) == ()
