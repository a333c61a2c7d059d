import dataclasses
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from gate_driver import overfitted, problem_of
from gate_problems import (
    Attentive,
    ConvNet,
    Perceptron,
    Recurrent,
    Redrawn,
    diabetes_problem,
    digits_problem,
    table_problem,
)
from torch import nn

from goodfit.findings import Severity
from goodfit.recipe.result import StageResult, Verdict
from goodfit.training.problem import Loss

torch.set_num_threads(1)
ADAMW = {"optimizer": "adamw", "batch_size": 16}
SGD = {"optimizer": "sgd", "batch_size": 16}
SHORT: dict[str, Any] = {"passes": 25, "batches": 5}


def loud(result: StageResult) -> list[str]:
    return [finding.kind for finding in result.findings if finding.severity is not Severity.INFO]


@pytest.mark.parametrize("seed", [0, 100])
@pytest.mark.parametrize("hyperparameters", [ADAMW, SGD], ids=["adamw", "sgd"])
def test_a_healthy_perceptron_learns_its_sample_and_not_without_inputs(hyperparameters, seed):
    result, runs = overfitted(digits_problem(), hyperparameters, seed, **SHORT)
    assert result.verdict is Verdict.PASS
    assert loud(result) == []
    assert {run.key for run in runs} == {"sample", "zeroed", "batches"}
    assert result.next["lr"] in {run.lr for run in runs}


def test_a_healthy_regression_learns_its_sample():
    result, _ = overfitted(diabetes_problem(), ADAMW, **SHORT)
    assert result.verdict is Verdict.PASS
    assert loud(result) == []


def test_a_healthy_table_learns_its_sample():
    result, _ = overfitted(table_problem("iris"), ADAMW, **SHORT)
    assert result.verdict is Verdict.PASS


@pytest.mark.slow
@pytest.mark.parametrize("build", [ConvNet, Recurrent, Attentive])
def test_healthy_nets_of_other_kinds_learn_their_sample(build):
    result, _ = overfitted(digits_problem(build), ADAMW, **SHORT)
    assert result.verdict is Verdict.PASS
    assert loud(result) == []


def test_targets_drawn_anew_at_every_reading_fail_with_this_cause():
    problem = digits_problem()
    inputs, _ = problem.train.fetch(torch.arange(len(problem.train)))
    result, runs = overfitted(dataclasses.replace(problem, train=Redrawn(inputs)), ADAMW)
    assert result.verdict is Verdict.FAIL
    assert result.evidence["cause"] == "targets change between readings"
    assert "cannot-overfit-sample" in [finding.kind for finding in result.findings]
    assert {run.key for run in runs} == {"sample"}


def test_a_cut_graph_is_named_though_the_last_layer_learns_the_sample():
    result, _ = overfitted(digits_problem(lambda hp: Perceptron(hp, detached=True)), ADAMW, **SHORT)
    assert result.verdict is Verdict.FAIL
    assert loud(result) == ["dead-graph-detach"]
    assert "hidden.0.weight" in result.findings[0].evidence["without_gradient"]


def test_a_loss_without_a_graph_fails_before_any_training():
    problem = digits_problem()
    cut = dataclasses.replace(problem, loss=Loss(lambda prediction, y: F.cross_entropy(prediction.detach(), y)))
    result, runs = overfitted(cut, ADAMW)
    assert runs == []
    assert result.verdict is Verdict.FAIL
    assert result.evidence["cause"] == "dead-graph-detach"
    consequence = next(f for f in result.findings if f.kind == "cannot-overfit-sample")
    assert consequence.follows_from == "dead-graph-detach"


@pytest.mark.parametrize("seed", [0, 100])
def test_one_hidden_unit_is_scaled_up_where_the_space_allows_it(seed):
    result, _ = overfitted(digits_problem(), {**ADAMW, "width": 1}, seed, capacity={"width": 1}, steps=200, **SHORT)
    assert result.verdict is Verdict.WARN
    assert result.evidence["cause"] == "capacity"
    assert result.next["changes"]["width"] > 1
    assert "Scale up the network" in result.findings[-1].action


def test_one_hidden_unit_without_a_hyperparameter_of_size_fails():
    result, _ = overfitted(digits_problem(lambda hp: Perceptron(hp, width=1)), ADAMW, seed=100, steps=200)
    assert result.verdict is Verdict.FAIL
    assert result.evidence["cause"] == "capacity or conflicting labels"
    assert "Scale up the network" in result.findings[-1].action


def test_a_loss_of_ones_own_that_keeps_half_of_its_start_does_not_stop_the_recipe():
    def elbo(model, batch):
        """A variational autoencoder's: noise in the latent and its divergence put a floor under it."""
        mean, spread = model.encode(batch[0]).chunk(2, 1)
        drawn = model.decode(mean + torch.randn_like(mean) * (spread / 2).exp())
        left = F.binary_cross_entropy_with_logits(drawn, batch[0].clamp(0, 1), reduction="none").sum(1)
        return (left - 0.5 * (1 + spread - mean**2 - spread.exp()).sum(1)).mean()

    class Variational(nn.Module):
        def __init__(self, hp):
            super().__init__()
            self.encode = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8))
            self.decode = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 64))

    problem = digits_problem(Variational)
    flat = [
        type(split)((split.fetch(torch.arange(len(split)))[0].flatten(1),)) for split in (problem.train, problem.val)
    ]
    problem = dataclasses.replace(problem, loss=Loss(elbo, of_model=True), metrics={}, train=flat[0], val=flat[1])
    result, _ = overfitted(problem, ADAMW, steps=150)
    assert result.verdict is Verdict.WARN
    assert loud(result) == ["cannot-overfit-sample"]
    assert "how low it can get is not known" in result.findings[-1].message
    assert "its floor is unknown" in result.summary


@pytest.mark.parametrize("hyperparameters", [ADAMW, SGD], ids=["adamw", "sgd"])
def test_a_tiny_initialisation_is_cured_by_the_usual_one(hyperparameters):
    build = lambda hp: Perceptron(hp, layers=6, init_sd=1e-4)  # noqa: E731
    result, _ = overfitted(digits_problem(build), hyperparameters, steps=200)
    assert result.verdict is Verdict.FAIL
    assert result.evidence["cause"] == "reinitialise"
    assert loud(result) == ["cannot-overfit-sample", "bad-initialisation"]
    experiment = result.findings[0].evidence["experiment"]
    assert experiment["with"] < 0.1 * experiment["without"]


def test_a_target_that_reaches_the_model_past_its_inputs_is_told():
    def leaking(model, batch):
        return F.cross_entropy(model(batch[0]) * 0.5 + model.last.bias.sum() * F.one_hot(batch[1], 10), batch[1])

    problem = dataclasses.replace(digits_problem(), loss=Loss(leaking, of_model=True), metrics={})
    result, _ = overfitted(problem, ADAMW, **SHORT)
    assert result.verdict is Verdict.FAIL
    assert loud(result) == ["overfits-without-inputs"]


def test_a_loss_of_model_and_batch_is_judged_by_its_fall_alone():
    honest = Loss(lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]), of_model=True)
    result, _ = overfitted(dataclasses.replace(digits_problem(), loss=honest, metrics={}), ADAMW, **SHORT)
    assert result.verdict is Verdict.PASS
    assert loud(result) == []
    assert "floor is unknown" in result.summary


class Square(torch.autograd.Function):
    """x², with its derivative times `factor`."""

    factor = 1.0

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return 2 * x * gradient * Square.factor


class Rounded(torch.autograd.Function):
    """Rounding with the gradient passed straight through: different from the function's own on purpose."""

    @staticmethod
    def forward(ctx, x):
        return (4 * x).round() / 4

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class Handmade(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function, self.first, self.last = function, nn.Linear(64, 32), nn.Linear(32, 10)

    def forward(self, x):
        return self.last(self.function.apply(self.first(x)))


@pytest.mark.parametrize(("function", "factor", "is_wrong"), [(Square, 1.0, 0), (Square, 1.5, 1), (Rounded, 1.0, 0)])
def test_a_gradient_written_by_hand_is_compared_with_differences(function, factor, is_wrong, monkeypatch):
    monkeypatch.setattr(Square, "factor", factor)
    result, _ = overfitted(digits_problem(lambda hp: Handmade(function)), ADAMW, **SHORT)
    assert [f.evidence["reason"] for f in result.findings if f.kind == "pipeline-suspect"] == is_wrong * [
        "wrong gradient"
    ]


@pytest.mark.parametrize(("momentum", "is_told"), [(1e-4, True), (0.1, False)])
def test_statistics_that_do_not_settle_are_told_by_eval_mode(momentum, is_told):
    def build(hp):
        hidden, norm = nn.Linear(64, 32), nn.BatchNorm1d(32, momentum=momentum)
        nn.init.constant_(hidden.bias, 1000.0)  # far from what the running mean begins with
        return nn.Sequential(hidden, norm, nn.ReLU(), nn.Linear(32, 10))

    result, runs = overfitted(digits_problem(build), ADAMW, **SHORT)
    assert "eval-mode" in {run.key for run in runs}
    told = [f for f in result.findings if f.evidence.get("cause") == "eval mode"]
    assert [f.severity for f in told] == is_told * [Severity.WARNING]
    assert all(f.evidence["accuracy_in_eval_mode"] < 0.9 for f in told)


def test_one_layer_more_is_tried_where_no_width_helps():
    """Without a hidden layer no width is there to raise: the net is the linear one that cannot tell these apart."""
    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]) - 0.5
    grid = (corners.repeat(10, 1) + 0.02 * torch.randn(40, 2, generator=torch.Generator().manual_seed(0))) * 2
    labels = torch.tensor([0, 1, 1, 0]).repeat(10)
    build = lambda hp: Perceptron(hp, inputs=2, outputs=2, layers=int(hp["layers"]))  # noqa: E731
    problem = problem_of(grid, labels, build)
    result, runs = overfitted(problem, {**ADAMW, "layers": 0, "width": 32}, capacity={"layers": 0, "width": 32})
    assert result.evidence["cause"] == "capacity"
    assert result.next["changes"] == {"layers": 1}
    assert "deepen" in {run.key for run in runs}
