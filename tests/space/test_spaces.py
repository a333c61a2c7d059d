"""A space reads what users write, reports every fault at once, and keeps conditions."""

import json
import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.errors import SpaceError
from goodfit.space import (
    Space,
    check_scales,
    choice,
    findings_of_space,
    integer,
    linear,
    log,
    powers_of_two,
    reverse_log,
    when,
)

SPACE = Space(
    when(optimizer="sgd", momentum=reverse_log(0.5, 0.99)),
    when(optimizer="adamw", beta1=reverse_log(0.5, 0.98)),
    lr=log(1e-5, 1.0),
    weight_decay=log(1e-6, 1e-1, zero=0.25),
    width=powers_of_two(32, 512),
    optimizer=choice("sgd", "adamw"),
)


def test_the_rate_is_kept_per_optimizer():
    assert SPACE.keys == (
        "optimizer",
        "lr[optimizer=sgd]",
        "lr[optimizer=adamw]",
        "weight_decay",
        "width",
        "momentum[optimizer=sgd]",
        "beta1[optimizer=adamw]",
    )
    assert SPACE.names.count("lr") == 1
    assert SPACE["lr[optimizer=sgd]"].scale == SPACE["lr[optimizer=adamw]"].scale
    assert SPACE["lr[optimizer=sgd]"].name == "lr"


def test_a_range_given_for_one_optimizer_is_its_own():
    space = Space(
        when(optimizer="sgd", lr=log(1e-2, 1.0)), lr=log(1e-4, 1e-2), optimizer=choice("sgd", "adam", "rmsprop")
    )
    assert space["lr[optimizer=sgd]"].scale.high == 1.0
    assert space["lr[optimizer=adam]"].scale.high == space["lr[optimizer=rmsprop]"].scale.high == 1e-2


def test_a_single_optimizer_leaves_the_rate_alone():
    assert Space(lr=log(1e-4, 1e-1), optimizer=choice("sgd")).keys == ("lr", "optimizer")


@given(st.lists(st.floats(0, 1), min_size=7, max_size=7))
def test_a_point_has_its_active_names_and_finds_its_place_again(units):
    point = SPACE.from_units(units)
    SPACE.validate(point)
    assert SPACE.contains(point)
    assert ("momentum" in point) == (point["optimizer"] == "sgd")
    assert ("beta1" in point) == (point["optimizer"] == "adamw")
    again = SPACE.from_units({**dict.fromkeys(SPACE.keys, 0.5), **SPACE.to_units(point)})
    assert again.keys() == point.keys()
    for name, value in point.items():
        assert again[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-9))


def test_a_space_is_the_same_after_json_and_pickle():
    assert Space.from_json(json.loads(json.dumps(SPACE.as_json()))) == SPACE
    assert pickle.loads(pickle.dumps(SPACE)) == SPACE
    assert Space(lr=log(1e-4, 1e-1)).as_json() == {"lr": {"scale": "log", "low": 1e-4, "high": 1e-1}}


def test_all_faults_are_reported_at_once_with_their_names():
    with pytest.raises(SpaceError) as caught:
        Space(
            when(optimizer="sdg", dropout=linear(0, 0.5)),
            lr=log(1, 0.1),
            width=integer(5, 1),
            momentun=linear(0, 0.5),
            optimizer=choice("sgd", "adam"),
            batch_size=log(3, 30),
            depth=3,
        )
    message = str(caught.value)
    for words in (
        "lr: Log needs 0 < low < high, got low=1, high=0.1",
        "width: Integer needs",
        "momentun: did you mean 'momentum'?",
        "batch_size: a batch size is a whole number",
        "depth: a space holds scales",
        "Did you mean 'sgd'?",
    ):
        assert words in message


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Space(learning_rate=log(1e-4, 1)), "did you mean 'lr'"),
        (lambda: Space(Weight_Decay=log(1e-4, 1)), "did you mean 'weight_decay'"),
        (lambda: Space(optimiser=choice("sgd")), "did you mean 'optimizer'"),
        (lambda: Space(lr=linear(0, 1)), "lr: a learning rate is above 0"),
        (lambda: Space(momentum=linear(0, 1)), "momentum is at least 0 and below 1"),
        (lambda: Space(optimizer=integer(1, 2)), "needs a choice among names"),
        (lambda: Space(dropout=linear(0, 1.5)), "dropout"),
        (lambda: Space(when(optimizer="sgd"), optimizer=choice("sgd")), "lacks a scale"),
        (lambda: Space(when(momentum=reverse_log(0.5, 0.9))), "lacks a condition"),
        (lambda: Space(when(optimzer="sgd", a=linear(0, 1)), optimizer=choice("sgd")), "Did you mean 'optimizer'"),
        (lambda: Space(when(lr=0.1, a=linear(0, 1)), lr=log(1e-4, 1)), "a dense range"),
        (lambda: Space({"lr": 1}), "gf.when"),
        (
            lambda: Space(when(o="a", b=choice(1, 2)), when(b=1, o=choice("a", "c"))),
            "circle",
        ),
        (
            lambda: Space(when(o=("a", "b"), x=linear(0, 1)), when(o="b", x=linear(0, 2)), o=choice("a", "b")),
            "can hold at once",
        ),
    ],
)
def test_a_fault_is_one_clear_sentence(make, words):
    with pytest.raises(SpaceError, match=words):
        make()


@pytest.mark.parametrize("name", ["beta", "width", "layers", "gamma", "heads", "l1", "steps", "alpha", "momenta_lag"])
def test_names_of_the_models_own_are_left_alone(name):
    assert Space(**{name: linear(0, 1)}).names == (name,)


def test_conditions_on_several_values_and_namesakes():
    space = Space(
        when(kind=("a", "b"), rate=linear(0, 1)),
        rate=linear(5, 6),
        kind=choice("a", "b", "c"),
    )
    assert space.from_units([0.1] + [0.5] * 2)["rate"] == 0.5
    assert space.from_units([0.9] + [0.5] * 2)["rate"] == 5.5


def test_what_can_no_longer_be_chosen_goes_with_its_dimensions():
    narrowed = SPACE.replace({"optimizer": choice("adamw")})
    assert "momentum[optimizer=sgd]" not in narrowed
    assert "lr[optimizer=sgd]" not in narrowed
    assert "lr[optimizer=adamw]" in narrowed


def test_fixing_a_parent_decides_what_depends_on_it():
    fixed = SPACE.fixed({"optimizer": "adamw"})
    assert set(fixed.keys) == {"lr", "weight_decay", "width", "beta1"}
    assert SPACE.only(("lr",)).keys == ("lr",)
    assert SPACE.only(("lr",), {"optimizer": "adamw"}).names == ("lr",)


def test_validation_names_each_fault():
    with pytest.raises(SpaceError, match=r"weight_decay: a value is missing") as caught:
        SPACE.validate({"optimizer": "sgd", "lr": 7.0, "width": 64, "momentum": 0.9})
    assert "lr[optimizer=sgd]: 7.0 is not within" in str(caught.value)
    SPACE.validate({**SPACE.middle(), "own": 3})


def test_the_size_counts_points_under_conditions():
    space = Space(when(kind="a", n=integer(1, 3)), when(kind="b", m=integer(1, 5)), kind=choice("a", "b", "c"))
    assert space.size == 3 + 5 + 1
    assert len(list(space.points())) == 9
    assert SPACE.size == float("inf")


def test_a_linear_scale_over_decades_of_what_multiplies_is_told():
    space = Space(
        lr=linear(1e-4, 1.0),
        weight_decay=linear(0, 0.1),
        beta2=linear(0.9, 0.9999),
        dropout=linear(0, 0.6),
        width=integer(8, 512),
    )
    findings = check_scales(space)
    assert [f.kind for f in findings] == ["wrong-scale"] * 3
    assert findings[0].evidence["share_in_one_decade"] == pytest.approx(0.9, abs=0.001)
    assert "gf.log(0.0001, 1)" in findings[0].action
    assert "gf.reverse_log(0.9, 0.9999)" in findings[2].action
    assert findings_of_space(Space(lr=linear(0.1, 0.9), momentum=linear(0.5, 0.9))) == ()


def test_the_search_needs_no_torch():
    code = "import sys, goodfit.space, goodfit.space.defaults, goodfit.strategy; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
