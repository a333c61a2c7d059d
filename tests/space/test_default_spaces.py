"""What is opened, over which ranges, at what number of trials."""

import doctest
import importlib
import pkgutil

import pytest

import goodfit.space
import goodfit.strategy
from goodfit.space import Log, PowersOfTwo, Space, integer, linear, log, reverse_log
from goodfit.space.defaults import default_space, open_at, usual_rates

ADAM = Space(
    lr=log(1e-4, 1e-1),
    weight_decay=log(1e-6, 1e-1, zero=0.25),
    beta1=reverse_log(0.5, 0.98),
    beta2=reverse_log(0.9, 0.9999),
    eps=log(1e-10, 1e-3),
    width=integer(16, 64),
    dropout=linear(0, 0.5),
)


@pytest.mark.parametrize(
    ("trials", "names"),
    [
        (1, {"lr", "weight_decay"}),
        (8, {"lr", "weight_decay"}),
        (12, {"lr", "weight_decay", "width"}),
        (20, {"lr", "weight_decay", "width", "dropout", "beta1"}),
        (24, {"lr", "weight_decay", "width", "dropout", "beta1"}),
        (28, {"lr", "weight_decay", "width", "dropout", "beta1", "eps"}),
        (50, {"lr", "weight_decay", "width", "dropout", "beta1", "eps", "beta2"}),
    ],
)
def test_more_trials_open_more_in_tuning_order(trials, names):
    assert set(open_at(ADAM, trials).names) == names


def test_the_default_space_knows_each_optimizers_ranges():
    space = default_space(("sgd", "adamw"), uses={"width": 100, "own": 3})
    assert space["lr[optimizer=sgd]"].scale == Log(1e-4, 1.0)
    assert space["lr[optimizer=adamw]"].scale == Log(1e-4, 1e-2)
    assert space["weight_decay[optimizer=adamw]"].scale == Log(1e-3, 1.0, zero=0.25)
    assert "momentum[optimizer=adamw]" not in space
    assert space["width"].scale == PowersOfTwo(16, 256)
    assert "own" not in space
    assert usual_rates("nobody knows").high / usual_rates("nobody knows").low > 1e6


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop", "adagrad", "lion", "nadam", "mine"])
def test_every_default_space_is_sound_and_small_at_few_trials(optimizer):
    space = default_space(optimizer, uses=("layers", "dropout", "batch_size", "width", "label_smoothing"))
    space.validate(space.middle())
    assert default_space(optimizer, trials=8).names == ("lr", "weight_decay")


@pytest.mark.parametrize("package", [goodfit.space, goodfit.strategy], ids=lambda package: package.__name__)
def test_the_examples_in_docstrings_run(package):
    attempted = 0
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        result = doctest.testmod(importlib.import_module(module.name))
        assert result.failed == 0, module.name
        attempted += result.attempted
    assert attempted > 5
