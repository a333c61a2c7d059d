"""Whether trials get better towards an end of a range: seen among many effects, rarely where there is none."""

import dataclasses

import pytest
from made_trials import decades, trials

from goodfit.settings.search import SearchSettings
from goodfit.space import Space, choice, integer, linear, log, when
from goodfit.strategy.extending import extend_borders
from goodfit.strategy.model import Model
from goodfit.strategy.slopes import read_first_round, read_slopes
from goodfit.strategy.trends import trend_tests

FEW = SearchSettings(border_permutations=300)
SPACE = Space(
    lr=log(1e-2, 1e-1),
    **{f"x{i}": linear(0.0, 1.0) for i in range(5)},
    layers=integer(1, 4),
    kind=choice("a", "b", "c"),
)


def many_effects(hp):
    """Six effects, of which the rate's leads out of the box."""
    return (
        2 * decades(hp["lr"]) + 2 * abs(hp["x0"] - 0.5) + hp["x1"] ** 2 + 0.5 * (hp["kind"] == "b") + 0.1 * hp["layers"]
    )


def test_flat_rounds_rarely_show_a_trend():
    flat = [trials(SPACE, lambda hp: 0.0, 20, seed=s, noise=1.0) for s in range(100)]
    alarms = sum(min(trend_tests(SPACE, found, FEW, seed=s).values()) <= 0.02 for s, found in enumerate(flat))
    assert alarms <= 6  # P(more | 2 %) is below 1 %


@pytest.mark.parametrize("seed", range(3))
def test_a_trend_is_seen_beside_others_where_the_best_trials_lie_anywhere(seed):
    found = trials(SPACE, many_effects, 40, seed=seed, noise=0.05)
    p = trend_tests(SPACE, found, FEW, seed=seed)
    assert p["lr", "low"] < 0.01
    assert p["lr", "high"] == 1.0


def test_a_trend_that_turns_inside_moves_nothing():
    space = Space(lr=log(1e-4, 1e-1), x=linear(0.0, 1.0, hard=True))
    found = trials(space, lambda hp: (decades(hp["lr"]) + 2.2) ** 2 + (hp["x"] - 0.5) ** 2, 40, noise=0.02)
    assert trend_tests(space, found, FEW)["lr", "high"] < 0.01  # most of the range does lead up
    readings = read_first_round(Model(space, found), space, found, FEW)
    assert not any(r.flagged for r in readings)


def test_a_stability_limit_before_the_end_is_no_border():
    space = Space(lr=log(1e-4, 1e-1), x=linear(0.0, 1.0, hard=True))

    def loss(hp):
        return None if hp["lr"] > 3e-2 else -decades(hp["lr"]) + hp["x"]

    found = trials(space, loss, 40, noise=0.02)
    readings = read_first_round(Model(space, found), space, found, FEW)
    assert extend_borders(space, found, FEW, readings=readings).moved == ()


def test_what_only_good_trials_show_is_seen_among_them():
    space = Space(lr=log(1e-5, 1e-1, hard=True), width=integer(1, 3))

    def loss(hp):  # the width makes a hundredth of what the rate makes
        return (decades(hp["lr"]) + 3) ** 2 * 10 + 0.1 * (3 - hp["width"])

    found = trials(space, loss, 60, noise=0.02)
    better = sorted(found, key=lambda o: o.score)[:30]
    alone = read_slopes(Model(space, found), space, found, FEW)
    both = read_slopes(Model(space, found), space, found, FEW, better=Model(space, better))
    upper = [next(r for r in seen if r.side == "high") for seen in (alone, both)]
    assert upper[1].p < upper[0].p
    assert upper[1].flagged


def test_what_is_not_always_there_is_tested_where_it_is():
    space = Space(
        when(optimizer="sgd", momentum=linear(0.1, 0.6)), lr=log(1e-4, 1e-1), optimizer=choice("sgd", "adamw")
    )
    found = trials(space, lambda hp: -2 * hp.get("momentum", 0.4), 40, noise=0.05)
    p = trend_tests(space, found, FEW)
    key = next(d.key for d in space.dimensions if d.name == "momentum")
    assert p[key, "high"] < 0.02
    assert all(value > 0.02 for side, value in p.items() if side != (key, "high"))


def test_the_sentence_of_a_trend_does_not_say_crowded():
    found = trials(SPACE, many_effects, 30, seed=0, noise=0.05)
    (lower,) = [r for r in read_first_round(Model(SPACE, found), SPACE, found, FEW) if (r.key, r.side) == ("lr", "low")]
    trend_only = [dataclasses.replace(lower, best_is_near=False, crowded=False)]
    result = extend_borders(SPACE, found, FEW, readings=trend_only, steps={"lr:low": 2})
    assert result.space["lr"].scale.low == pytest.approx(1e-4)  # two decades at once
    assert result.findings[0].message.startswith("Trials get better towards the lower end of lr, 0.01 (p = 0.0")
    assert "not seen to turn before it; the range now reaches to 0.0001" in result.findings[0].message
