"""Rows of the first steps: gates that stop, causes told apart, and a user's task left as it was."""

import dataclasses
import itertools
import math
from typing import Any

import pytest
import torch
from recipe_runs import SGD, SHORT, Perceptron, digits, made, split, task
from torch import nn
from torch.nn import functional as F

import goodfit as gf
from goodfit.recipe.result import StageName


def scaled(hp: Any) -> Perceptron:
    """The last layer ten times too large."""
    return Perceptron(hp, last_scale=10.0)


def checked(tmp_path: Any, **changes: Any) -> gf.Result:
    return gf.check(task(**changes), out=tmp_path / "check", workers=0, epochs=5, settings=SHORT)


def steps(result: gf.Result) -> list[str]:
    return [step["step"] for step in result.document["steps"]]


def step(result: gf.Result, name: StageName) -> dict[str, Any]:
    return next(s for s in result.document["steps"] if s["step"] == name)


def test_row_20_and_22_a_last_layer_ten_times_too_large_stops_the_run_with_the_reason(tmp_path):
    run = made(tmp_path / "run", task(model=scaled))
    assert run.result.status == "stopped"
    assert steps(run.result)[-1] == StageName.INITIAL_LOSS
    assert run.step(StageName.INITIAL_LOSS).verdict == "fail"
    assert "initial-loss-off" in run.kinds()
    assert run.ledger.trials == ()
    assert run.result.best is None
    assert run.ledger.study.status == "stopped"


@pytest.mark.slow
def test_row_22_force_goes_on_past_a_failed_gate(tmp_path):
    result = gf.check(task(model=scaled), out=tmp_path / "forced", workers=0, epochs=5, settings=SHORT, force=True)
    assert step(result, StageName.INITIAL_LOSS)["verdict"] == "fail"
    assert steps(result)[-1] == StageName.LEARNING_RATE


def test_row_25_the_users_task_is_as_it_was_after_the_first_steps(tmp_path):
    built: list[tuple[Perceptron, float]] = []

    def build(hp: Any) -> Perceptron:
        model = Perceptron(hp)
        built.append((model, model.dropout.p))
        return model

    inputs, labels = digits()
    before = inputs.clone(), labels.clone(), torch.is_grad_enabled(), torch.get_default_dtype()
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    data = split(inputs, labels)
    checked(tmp_path, model=build, data=lambda: data, loss=loss, start={**SGD, "dropout": 0.3})
    assert torch.equal(before[0], inputs)
    assert torch.equal(before[1], labels)
    assert before[2:] == (torch.is_grad_enabled(), torch.get_default_dtype())
    assert loss.label_smoothing == 0.1
    assert len(built) > 3
    for model, p in built:
        assert model.dropout.p == p == 0.3


@pytest.mark.slow
@pytest.mark.parametrize(
    "dropout",
    [0.0, 0.3],
)
def test_row_25_the_users_generator_is_left_alone(tmp_path, dropout):
    before = torch.get_rng_state()
    checked(tmp_path, start={**SGD, "dropout": dropout})
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lr", "kind"), [((1e-9, 1e-7), "lr-too-low"), ((30.0, 1000.0), "lr-too-high")], ids=["too low", "too high"]
)
def test_row_26_rates_that_do_nothing_and_rates_that_break_are_told_apart(tmp_path, lr, kind):
    space = gf.Space(lr=gf.log(*lr), weight_decay=gf.log(1e-6, 1e-2, zero=0.25))
    result = checked(tmp_path, space=space)
    loud = {f.kind for f in result.findings if f.severity != "info"}
    assert loud == {kind}
    assert result.status == "done"


def faint(hp: Any) -> nn.Module:
    """Five layers whose weights have a standard deviation of 1e-4: nothing comes through."""
    layers: list[nn.Module] = []
    for width_in, width_out in itertools.pairwise((64, 32, 32, 32, 32, 10)):
        linear = nn.Linear(width_in, width_out)
        nn.init.normal_(linear.weight, std=1e-4)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.slow
def test_row_26_and_49_a_bad_start_is_told_from_a_wrong_rate(tmp_path):
    result = checked(tmp_path, model=faint)
    kinds = {f.kind for f in result.findings if f.severity != "info"}
    assert kinds & {"bad-initialisation", "cannot-overfit-sample", "vanishing-gradient"}
    assert not kinds & {"lr-too-low", "lr-too-high"}
    assert "initial" in " ".join(f.message + f.action for f in result.findings)


def test_row_49_a_huge_start_is_found(tmp_path):
    class Loud(Perceptron):
        def __init__(self, hp: Any) -> None:
            super().__init__(hp)
            with torch.no_grad():
                for parameter in self.parameters():
                    parameter.mul_(30.0)

    result = checked(tmp_path, model=Loud)
    assert result.status == "stopped"
    assert {f.kind for f in result.findings if f.severity != "info"} & {"bad-initialisation", "initial-loss-off"}


def losses_at(lr: float, seed: int, steps: int = 400) -> list[float]:
    """Plain PyTorch at a constant rate: the loss of every step."""
    inputs, labels = digits()
    inputs, labels = inputs[718:], labels[718:]
    torch.manual_seed(seed)
    model = Perceptron(gf.Hyperparameters({}))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, weight_decay=1e-5)
    losses = []
    for _ in range(steps):
        chosen = torch.randint(len(inputs), (32,))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs[chosen]), labels[chosen])
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def is_unstable(losses: list[float]) -> bool:
    """Not finite, above three times the start, or thrown back up by a quarter of what was gained."""
    if not all(math.isfinite(loss) for loss in losses):
        return True
    values = torch.tensor(losses).unfold(0, 20, 5).mean(1)
    start, least = losses[0], torch.cummin(values, 0).values
    back = (values - least)[1:] / (start - least[1:]).clamp(min=1e-3)
    return bool(values.max() > 3 * start or (back > 0.25).any())


@pytest.mark.slow
def test_row_30_the_largest_stable_rate_is_stable_and_a_rate_above_it_is_not(tmp_path):
    result = checked(tmp_path)
    largest = step(result, StageName.LEARNING_RATE)["evidence"]["lr_max"]
    assert sum(is_unstable(losses_at(largest, seed)) for seed in range(3)) == 0
    assert sum(is_unstable(losses_at(3.2 * largest, seed)) for seed in range(3)) >= 2


@pytest.mark.slow
def test_row_28_the_rate_is_within_ten_of_the_best_in_the_long_run(tmp_path):
    chosen = step(checked(tmp_path), StageName.LEARNING_RATE)["evidence"]["lr_star"]
    inputs, labels = digits()
    ends: dict[float, float] = {}
    for rung in range(-8, 1):
        lr = 10 ** (rung / 2)
        ends[lr] = sum(_long_run_loss(lr, seed, inputs, labels) for seed in range(2)) / 2
    best = min(ends, key=lambda lr: ends[lr])
    assert best / 10 <= chosen <= best * 10


def _long_run_loss(lr: float, seed: int, inputs: torch.Tensor, labels: torch.Tensor) -> float:
    """The validation loss after 20 epochs at a constant rate; infinite where it broke."""
    torch.manual_seed(seed)
    model = Perceptron(gf.Hyperparameters({}))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    train, val = slice(718, None), slice(359, 718)
    for _ in range(20 * 33):
        chosen = 718 + torch.randint(len(inputs[train]), (32,))
        optimizer.zero_grad()
        F.cross_entropy(model(inputs[chosen]), labels[chosen]).backward()
        optimizer.step()
    with torch.no_grad():
        loss = float(F.cross_entropy(model(inputs[val]), labels[val]))
    return loss if math.isfinite(loss) else math.inf


@pytest.mark.slow
def test_row_43_a_mended_start_leaves_no_easy_gain(tmp_path):
    broken = checked(tmp_path / "broken", model=scaled)
    mended = checked(tmp_path / "mended")
    easy = {}
    for name, result in (("broken", broken), ("mended", mended)):
        evidence = step(result, StageName.INITIAL_LOSS)["evidence"]
        easy[name] = (evidence["initial_loss"] - evidence["constant_loss"]) / evidence["initial_loss"]
    assert easy["broken"] > 0.05
    assert easy["mended"] < 0.05


@pytest.mark.slow
def test_row_18_other_data_are_refused_on_resume(tmp_path):
    first = made(tmp_path / "run", only_checks=True)
    assert first.result.status == "done"
    inputs, labels = digits()
    other = dataclasses.replace(first_task := task(), data=lambda: split(inputs + 0.01, labels))
    assert first_task.name == other.name
    with pytest.raises(gf.DataError, match="data"):
        made(tmp_path / "run", other, resume=True, only_checks=True)
