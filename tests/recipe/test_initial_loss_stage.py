import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from gate_driver import problem_of
from gate_problems import (
    Attentive,
    ConvNet,
    Perceptron,
    Recurrent,
    diabetes,
    diabetes_problem,
    digits,
    digits_problem,
    table_problem,
)
from torch import nn

from goodfit.findings import Severity
from goodfit.recipe.initial_loss import judge_initial_loss
from goodfit.recipe.result import StageResult, Verdict
from goodfit.settings import Settings
from goodfit.training.measure.flow import measure_flow
from goodfit.training.measure.initial import measure_initial
from goodfit.training.problem import Loss, Problem

torch.set_num_threads(1)


def judged(problem: Problem, seed: int = 0, **given) -> StageResult:
    flow = measure_flow(problem, {}, seed)
    return judge_initial_loss(measure_initial(problem, {}, seed), Settings().initial_loss, flow=flow, **given)


def loud(result: StageResult) -> list[str]:
    return [finding.kind for finding in result.findings if finding.severity is not Severity.INFO]


@pytest.mark.parametrize("seed", [0, 100, 200])
@pytest.mark.parametrize("build", [Perceptron, ConvNet, Recurrent, Attentive])
def test_healthy_nets_start_at_log_c(build, seed):
    result = judged(digits_problem(build), seed)
    assert result.verdict is Verdict.PASS
    assert loud(result) == []
    assert result.evidence["expected_loss"] == pytest.approx(math.log(10), abs=1e-4)


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
@pytest.mark.parametrize("seed", [0, 100, 200])
def test_an_easy_task_is_not_too_good_by_luck(name, seed):
    result = judged(table_problem(name), seed)
    assert result.verdict is Verdict.PASS
    assert loud(result) == []


@pytest.mark.parametrize("loss", [F.mse_loss, nn.L1Loss(), nn.SmoothL1Loss(), nn.HuberLoss()])
def test_a_standardised_regression_passes(loss):
    result = judged(diabetes_problem(loss))
    assert result.verdict is Verdict.PASS
    assert loud(result) == []


@pytest.mark.parametrize("seed", [0, 100, 200])
def test_a_last_layer_ten_times_too_large_fails(seed):
    result = judged(digits_problem(lambda hp: Perceptron(hp, last_scale=10.0)), seed)
    assert result.verdict is Verdict.FAIL
    finding = next(f for f in result.findings if f.kind == "initial-loss-off")
    assert finding.evidence["logit_sd"] > 1.5
    assert finding.evidence["expected_loss"] == pytest.approx(2.303, abs=1e-3)


def test_logits_that_spread_by_one_are_a_warning():
    result = judged(digits_problem(lambda hp: Perceptron(hp, last_scale=4.7)))
    assert 0.8 < result.evidence["logit_sd"] < 1.2
    assert result.verdict in (Verdict.WARN, Verdict.FAIL)


def test_a_class_that_the_bias_favours_is_named():
    result = judged(digits_problem(lambda hp: Perceptron(hp, favoured=5.0)))
    assert result.verdict is Verdict.FAIL
    assert result.findings[0].evidence["favoured_class"] == 0
    assert result.evidence["class_deviation"] > 0.5


def test_a_summed_loss_fails_with_the_batch_size_as_its_ratio():
    result = judged(digits_problem(loss=nn.CrossEntropyLoss(reduction="sum")))
    assert result.verdict is Verdict.FAIL
    finding = result.findings[0]
    assert finding.evidence["reason"] == "sum"
    assert finding.evidence["ratio"] == pytest.approx(finding.evidence["batch_size"], rel=0.1)


def test_softmax_before_cross_entropy_is_told_though_the_loss_looks_right():
    result = judged(digits_problem(lambda hp: Perceptron(hp, end=nn.Softmax(dim=1))))
    assert result.verdict is Verdict.FAIL
    assert loud(result) == ["softmax-before-cross-entropy"]
    assert result.findings[0].evidence["floor"] == pytest.approx(1.46, abs=0.01)


def test_a_log_softmax_before_cross_entropy_is_harmless():
    result = judged(digits_problem(lambda hp: Perceptron(hp, end=nn.LogSoftmax(dim=1))))
    assert result.verdict is Verdict.PASS
    assert [str(f.severity) for f in result.findings if f.kind == "softmax-before-cross-entropy"] == ["info"]


def test_nll_wants_log_probabilities():
    fine = judged(digits_problem(lambda hp: Perceptron(hp, end=nn.LogSoftmax(dim=1)), F.nll_loss))
    assert fine.verdict is Verdict.PASS
    assert not fine.findings
    wrong = judged(digits_problem(loss=F.nll_loss))
    assert loud(wrong)[0] == "wrong-loss-for-task"
    assert wrong.verdict is Verdict.FAIL


@pytest.mark.parametrize("end", [None, nn.Sigmoid()])
def test_a_sigmoid_before_bce_with_logits_is_told(end):
    inputs, target = digits()
    build = lambda hp: Perceptron(hp, outputs=1, end=end)  # noqa: E731
    result = judged(problem_of(inputs, (target < 5).float()[:, None], build, F.binary_cross_entropy_with_logits))
    assert loud(result) == ([] if end is None else ["sigmoid-before-bce-with-logits"])
    assert result.evidence["expected_loss"] == pytest.approx(math.log(2), abs=1e-4)


def test_shapes_that_broadcast_are_told():
    inputs, target = diabetes()
    problem = problem_of(inputs, target[:, 0], lambda hp: Perceptron(hp, inputs=10, outputs=1), F.mse_loss)
    assert loud(judged(problem)) == ["shape-broadcast-in-loss"]


def test_a_relu_at_the_end_cannot_give_negative_targets():
    assert loud(judged(diabetes_problem(end=nn.ReLU()))) == ["wrong-output-activation"]


def test_a_leak_starts_too_good():
    inputs, target = digits()
    wide = torch.cat([inputs, F.one_hot(target, 10).float()], dim=1)

    def build(hp):
        layer = nn.Linear(74, 10)
        with torch.no_grad():
            layer.weight.mul_(0.1)[:, 64:] += 3 * torch.eye(10)
        return layer

    result = judged(problem_of(wide, target, build))
    assert result.verdict is Verdict.FAIL
    assert loud(result) == ["initial-loss-too-good"]


def test_uneven_classes_start_at_log_c_with_an_easy_gain():
    inputs, target = digits()
    result = judged(problem_of(inputs, (target == 3).long(), lambda hp: Perceptron(hp, outputs=2)))
    assert result.verdict is Verdict.PASS
    assert [f.kind for f in result.findings] == ["easy-gain-at-start"]
    prior = float((target == 3).double().mean())
    entropy = -prior * math.log(prior) - (1 - prior) * math.log(1 - prior)
    assert result.evidence["constant_loss"] == pytest.approx(entropy, abs=0.03)


def test_a_bias_at_the_class_prior_passes_as_well():
    inputs, target = digits()

    def build(hp):
        model = Perceptron(hp, outputs=2, last_scale=0.1)
        with torch.no_grad():
            model.last.bias.copy_(torch.tensor([0.9, 0.1]).log())
        return model

    result = judged(problem_of(inputs, (target == 3).long(), build))
    assert result.verdict is Verdict.PASS
    assert not result.findings


def test_a_loss_of_model_and_batch_has_no_expectation_unless_it_is_given():
    problem = dataclasses.replace(
        digits_problem(), loss=Loss(lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]), of_model=True)
    )
    assert judged(problem).verdict is Verdict.SKIP
    assert judged(problem, expected=math.log(10)).verdict is Verdict.PASS
    assert judged(problem, expected=0.5).verdict is Verdict.FAIL


def test_a_first_loss_that_is_not_finite_fails_and_names_the_layer():
    class Broken(Perceptron):
        def forward(self, x):
            return super().forward(x) / 0.0

    result = judged(digits_problem(Broken))
    assert result.verdict is Verdict.FAIL
    assert loud(result) == ["numerical-nan"]
