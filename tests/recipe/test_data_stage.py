import dataclasses
import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from gate_driver import problem_of
from gate_problems import (
    Attentive,
    Perceptron,
    Recurrent,
    diabetes,
    diabetes_problem,
    digits,
    digits_problem,
    table,
    table_problem,
)
from torch import nn

from goodfit.findings import Severity
from goodfit.recipe.data import judge_data
from goodfit.recipe.result import StageResult, Verdict
from goodfit.settings import Settings
from goodfit.training.measure.data import measure_data
from goodfit.training.problem import Loss, Problem
from goodfit.training.splits import ResidentSplit

torch.set_num_threads(1)
FASHION = Path("/usr/share/datasets/fashion-mnist")


def judged(problem: Problem, seed: int = 0) -> StageResult:
    return judge_data(measure_data(problem, {}, seed), Settings().data)


def loud(result: StageResult) -> list[str]:
    return [finding.kind for finding in result.findings if finding.severity is not Severity.INFO]


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits"])
def test_the_data_of_scikit_learn_pass(name):
    result = judged(table_problem(name))
    assert result.verdict is Verdict.PASS
    assert loud(result) == []
    baselines = {one["name"]: one["value"] for one in result.evidence["baselines"]}
    assert baselines["linear"] > baselines["constant"] + 0.2


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
def test_a_class_that_one_column_separates_is_no_leak(name):
    inputs, target = table(name)
    for one in range(int(target.max()) + 1):
        problem = problem_of(
            inputs, (target == one).long(), lambda hp: Perceptron(hp, inputs=inputs.shape[1], outputs=2)
        )
        assert loud(judged(problem)) == []


def test_a_regression_passes_with_its_baselines():
    result = judged(diabetes_problem())
    assert result.verdict is Verdict.PASS
    linear = next(one for one in result.evidence["baselines"] if one["name"] == "linear")
    assert 0.3 < linear["value"] < 0.7
    assert linear["metric"] == "R2"


@pytest.mark.skipif(not FASHION.exists(), reason="Fashion-MNIST is not installed here")
def test_fashion_mnist_passes():
    raw = gzip.decompress((FASHION / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((FASHION / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    inputs = torch.from_numpy(np.frombuffer(raw, np.uint8).reshape(-1, 1, 28, 28).astype(np.float32) / 255)
    target = torch.from_numpy(np.frombuffer(labels, np.uint8).astype(np.int64))
    build = lambda hp: nn.Sequential(nn.Flatten(), nn.Linear(784, 10))  # noqa: E731
    result = judged(problem_of(inputs, target, build))
    assert result.verdict is Verdict.PASS
    assert loud(result) == []


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("name", ["iris", "breast_cancer", "digits"])
def test_a_column_that_is_the_label_is_named(name, noise):
    inputs, target = table(name)
    column = target.float() * 2 - 1 + noise * torch.randn(len(target), generator=torch.Generator().manual_seed(0))
    wide = torch.cat([inputs[:, :3], column[:, None], inputs[:, 3:]], dim=1)
    problem = problem_of(wide, target, lambda hp: Perceptron(hp, inputs=wide.shape[1]))
    result = judged(problem)
    assert result.verdict is Verdict.FAIL
    leak = next(finding for finding in result.findings if finding.kind == "data-leakage")
    assert leak.evidence["column"] == 3
    assert leak.severity is Severity.ERROR


def test_one_column_for_each_class_is_a_leak():
    inputs, target = digits()
    wide = torch.cat([inputs, F.one_hot(target, 10).float()], dim=1)
    result = judged(problem_of(wide, target, lambda hp: Perceptron(hp, inputs=74)))
    assert result.verdict is Verdict.FAIL
    assert "data-leakage" in loud(result)


def test_a_column_that_is_a_regression_s_target_is_named():
    inputs, target = diabetes()
    wide = torch.cat([inputs, 3 * target + 1], dim=1)
    result = judged(problem_of(wide, target, lambda hp: Perceptron(hp, inputs=11, outputs=1), F.mse_loss))
    assert [f.evidence["column"] for f in result.findings if f.kind == "data-leakage"] == [10]


def test_the_last_value_of_a_smooth_series_is_no_leak():
    steps = torch.arange(2000) * 0.05
    series = torch.sin(steps) + 0.3 * torch.sin(0.37 * steps)
    windows = series.unfold(0, 21, 1)
    result = judged(
        problem_of(windows[:, :20], windows[:, 20:], lambda hp: Perceptron(hp, inputs=20, outputs=1), F.mse_loss)
    )
    assert "data-leakage" not in loud(result)


def test_validation_samples_in_the_training_split_are_a_leak():
    problem = digits_problem()
    x, y = problem.train.fetch(torch.arange(len(problem.train)))
    leaking = dataclasses.replace(problem, val=ResidentSplit((x[:100], y[:100])))
    result = judged(leaking)
    assert result.verdict is Verdict.FAIL
    assert result.findings[0].evidence["val_in_train"] == 100


def test_copies_that_a_random_split_put_on_both_sides_are_not_an_error():
    inputs, target = digits()
    coarse = (inputs[:, 20:23] > 0).float()
    result = judged(problem_of(coarse, target, lambda hp: Perceptron(hp, inputs=3)))
    leaks = [finding for finding in result.findings if finding.kind == "data-leakage"]
    assert [finding.severity for finding in leaks] == [Severity.INFO]


def test_inputs_in_the_hundreds_are_told_unless_the_model_scales_them():
    inputs, target = digits()
    raw = inputs * 300 + 500
    plain = judged(problem_of(raw, target, Perceptron))
    assert loud(plain) == ["unnormalised-inputs"]
    assert plain.verdict is Verdict.WARN
    scaled = judged(problem_of(raw, target, lambda hp: nn.Sequential(nn.BatchNorm1d(64), Perceptron(hp))))
    assert loud(scaled) == []


def test_unscaled_regression_targets_are_told():
    inputs, target = diabetes()
    problem = problem_of(inputs, target * 77 + 150, lambda hp: Perceptron(hp, inputs=10, outputs=1), F.mse_loss)
    assert loud(judged(problem)) == ["unnormalised-targets"]


@pytest.mark.parametrize(("share", "severity"), [(0.08, Severity.INFO), (0.02, Severity.WARNING)])
def test_uneven_classes_are_told_by_how_uneven_they_are(share, severity):
    generator = torch.Generator().manual_seed(0)
    target = (torch.rand(3000, generator=generator) < share).long()
    inputs = torch.randn(3000, 5, generator=generator) + target[:, None]
    problem = problem_of(inputs, target, lambda hp: Perceptron(hp, inputs=5, outputs=2))
    found = [f.severity for f in judged(problem).findings if f.kind == "class-imbalance"]
    assert found == [severity]
    weighted = dataclasses.replace(problem, loss=Loss(nn.CrossEntropyLoss(weight=torch.tensor([1.0, 20.0]))))
    assert loud(judged(weighted)) == []


class _MixedUp(nn.Module):
    """Takes the batch axis for time."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(64, 16)
        self.last = nn.Linear(16, 10)

    def forward(self, x):
        return self.last(self.gru(x)[0])


def test_samples_that_see_each_other_are_told():
    result = judged(digits_problem(lambda hp: _MixedUp()))
    assert result.verdict is Verdict.FAIL
    assert loud(result) == ["batch-dimension-mixup"]


@pytest.mark.parametrize("build", [Recurrent, Attentive])
def test_samples_of_sequence_models_do_not_see_each_other(build):
    assert loud(judged(digits_problem(build))) == []


class _Dict(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.last = nn.Embedding(17, 8), nn.Linear(8, 10)

    def forward(self, batch):
        return self.last((self.embed(batch["tokens"]) * batch["mask"][..., None]).mean(1))


def test_dictionaries_of_tokens_are_reported_and_skipped_with_a_reason():
    inputs, target = digits()
    tokens = ((inputs - inputs.min()) / (inputs.max() - inputs.min()) * 16).long()
    batch = ({"tokens": tokens, "mask": torch.ones(tokens.shape)}, target)
    split = ResidentSplit(batch)
    result = judged(Problem(lambda hp: _Dict(), Loss(F.cross_entropy), {}, split, ResidentSplit(batch)))
    assert {field["name"] for field in result.evidence["fields"]} == {"inputs.tokens", "inputs.mask", "target"}
    assert result.evidence["mixing"] == 0
    assert any("one tensor" in reason for reason in result.evidence["skipped"])


def test_values_that_are_not_finite_are_counted():
    inputs, target = digits()
    inputs[::100, 5] = torch.nan
    result = judged(problem_of(inputs, target, Perceptron))
    assert result.verdict is Verdict.FAIL
    finding = next(f for f in result.findings if f.kind == "numerical-nan")
    assert finding.evidence["not_finite"] > 0


class Reader(nn.Module):
    """Foretells the next of five tokens; `ahead` lets each place read the one after it."""

    def __init__(self, ahead: bool) -> None:
        super().__init__()
        self.embedding, self.output, self.ahead = nn.Embedding(5, 8), nn.Linear(8, 5), ahead

    def forward(self, tokens):
        hidden = self.embedding(tokens)
        if self.ahead:
            hidden = hidden + hidden.roll(-1, 1)
        return self.output(hidden.cumsum(1) if not self.ahead else hidden).mT


@pytest.mark.parametrize("ahead", [True, False])
def test_a_model_that_sees_the_token_it_foretells_is_told(ahead):
    tokens = torch.randint(5, (60, 13), generator=torch.Generator().manual_seed(0))
    problem = problem_of(tokens[:, :-1], tokens[:, 1:], lambda hp: Reader(ahead))
    result = judged(problem)
    assert ("data-leakage" in [f.kind for f in result.findings if f.severity is Severity.ERROR]) is ahead


def test_causality_is_not_asked_of_labels_for_whole_sequences():
    tokens = torch.randint(5, (60, 12), generator=torch.Generator().manual_seed(0))
    problem = problem_of(tokens, tokens.flip(1), lambda hp: Reader(True))
    result = judged(problem)
    assert result.evidence["foresight"] is None
