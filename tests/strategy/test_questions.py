"""Questions: nuisances tuned for each value with equal trials, values judged by their best, caveats listed."""

import math

import numpy as np
import pytest

from goodfit.errors import SpaceError
from goodfit.space import Space, choice, integer, linear, log, when
from goodfit.strategy import Observation
from goodfit.strategy.isolation import answer
from goodfit.strategy.questions import ON, InTurns, ask, pair_up

SPACE = Space(
    when(optimizer="sgd", momentum=linear(0.5, 0.99)),
    lr=log(1e-4, 1.0),
    dropout=linear(0.0, 0.6),
    optimizer=choice("sgd", "adamw"),
)


def asked(question, gap=0.0, n=25, seed=0, noise=0.01):
    """Optimizers of unequal best rates, each with its own best of 0, adamw worse by `gap`."""
    generator = np.random.default_rng(seed)
    found = []
    for i, point in enumerate(InTurns(question, seed).propose((), n * len(question.values))):
        place = (math.log10(point["lr"]) + 4) / 4
        best = 0.7 if point.get("optimizer", "sgd") == "sgd" else 0.4
        score = (place - best) ** 2 + gap * (point.get("optimizer") == "adamw")
        found.append(Observation(i, point, None if place > best + 0.25 else score + noise * generator.normal()))
    return found


def test_every_value_has_equal_trials_at_the_same_places():
    question = ask(SPACE, "optimizer", fixed={"dropout": 0.1})
    slices = pair_up(question, asked(question, n=10))
    assert {value: len(trials) for value, trials in slices.items()} == {"sgd": 10, "adamw": 10}
    for one, other in zip(*slices.values(), strict=True):
        assert one.hyperparameters["lr"] == other.hyperparameters["lr"]
        assert "momentum" in one.hyperparameters
        assert "momentum" not in other.hyperparameters
    assert len({o.hyperparameters["lr"] for o in slices["sgd"]}) == 10


def test_two_equal_optimizers_are_called_equal_and_a_worse_one_worse():
    question = ask(SPACE, "optimizer", fixed={"dropout": 0.1})
    called = [len(answer(question, asked(question, 0.0, seed=s), seed=s).worse) for s in range(40)]
    assert sum(called) <= 5  # 5 % of 40, and chance: more than 5 happen once in 70
    worse = [answer(question, asked(question, 0.1, seed=s), seed=s).worse for s in range(10)]
    assert worse.count(("adamw",)) >= 9


def test_a_shared_rate_would_have_called_the_other_one_best():
    question = ask(SPACE, "optimizer", fixed={"dropout": 0.1})
    found = asked(question, 0.03, n=40)
    shared = [o for o in found if 0.35 < (math.log10(o.hyperparameters["lr"]) + 4) / 4 < 0.45 and o.score is not None]
    means = {v: np.mean([o.score for o in shared if o.hyperparameters["optimizer"] == v]) for v in question.values}
    assert means["adamw"] < means["sgd"]
    assert answer(question, found).best.value == "sgd"


def test_the_answer_says_what_stayed_fixed_and_what_was_tuned():
    question = ask(SPACE, "optimizer", fixed={"dropout": 0.1})
    told = answer(question, asked(question, 0.1))
    assert told.caveats == ("Fixed in all trials: dropout = 0.1.", "Tuned anew for each value: lr, momentum.")
    assert told.sentence.startswith("optimizer = sgd is best over 25 trials each: ")
    assert told.as_json()["worse"] == ["adamw"]
    assert told.best.low <= told.best.level <= told.best.high


def test_a_range_that_begins_at_zero_is_asked_whether_it_helps():
    question = ask(SPACE.fixed({"optimizer": "sgd"}), "dropout")
    assert question.goal == "Does dropout help?"
    assert question.values == (0.0, ON)
    off, on = (question.at(i, seed=0) for i in (0, 1))
    assert off["dropout"] == 0.0
    assert on["dropout"] > 0
    assert off["lr"] == on["lr"]


def test_a_harmful_one_is_said_to_harm():
    question = ask(SPACE.fixed({"optimizer": "sgd"}), "dropout")
    trials = [
        Observation(o.number, o.hyperparameters, None if o.score is None else o.score + o.hyperparameters["dropout"])
        for o in asked(question, n=30)
    ]
    told = answer(question, trials)
    assert told.best.value == 0.0
    assert told.is_told_apart
    assert "does not help, it harms" in told.sentence


def test_a_value_that_never_trains_is_worse():
    question = ask(SPACE, "optimizer", fixed={"dropout": 0.1})
    trials = [
        Observation(o.number, o.hyperparameters, None if o.hyperparameters["optimizer"] == "adamw" else o.number / 100)
        for o in asked(question, n=12)
    ]
    told = answer(question, trials)
    assert told.worse == ("adamw",)
    assert told.slices[1].level is None


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("width", None, "no hyperparameter 'width'"),
        ("optimizer", ["sgd"], "two values"),
        ("optimizer", ["sgd", "lion"], "'lion' is not within"),
        ("momentum", None, "depends on optimizer"),
    ],
)
def test_what_cannot_be_asked_is_said(name, values, says):
    with pytest.raises(SpaceError, match=says):
        ask(SPACE, name, values)


def test_an_ordered_range_is_asked_at_a_few_levels():
    assert ask(Space(lr=log(1e-4, 1.0), layers=integer(1, 7)), "layers").values == (1, 3, 5, 7)
