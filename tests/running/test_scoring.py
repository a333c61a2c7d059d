"""Values of samples or parts: their mean is the metric of all, and they tell its error, whatever metric it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import goodfit as gf
from goodfit.running.scoring import PARTS, scored_answers
from goodfit.training.problem import Loss, Problem
from goodfit.training.splits import ResidentSplit

GENERATOR = torch.Generator().manual_seed(0)
TARGET = (torch.rand(400, generator=GENERATOR) < 0.1).float()
LOGITS = TARGET - 0.7 + 0.6 * torch.randn(400, generator=GENERATOR)


def balanced(logits, target):
    positive = target > 0.5
    return 0.5 * ((logits > 0)[positive].float().mean() + (logits <= 0)[~positive].float().mean())


def f1(logits, target):
    guess, positive = logits > 0, target > 0.5
    return 2 * (guess & positive).sum() / (guess.sum() + positive.sum())


def r2(prediction, target):
    return 1 - ((prediction - target) ** 2).mean() / target.var(unbiased=False)


def scored(**metrics):
    split = ResidentSplit((LOGITS[:, None], TARGET))
    problem = Problem(lambda hp: nn.Linear(1, 1), Loss(F.binary_cross_entropy_with_logits), metrics, split, split)
    return scored_answers(problem, LOGITS, TARGET).values


@pytest.mark.parametrize("metric", [balanced, f1, r2])
def test_a_metric_that_is_no_mean_over_samples_is_that_of_all_with_its_error(metric):
    values = scored(metric=metric)["metric"]
    assert len(values) == PARTS
    assert values.mean() == pytest.approx(float(metric(LOGITS, TARGET)), abs=1e-6)
    error = values.std(ddof=1) / np.sqrt(PARTS)
    drawn = [float(metric(LOGITS[i], TARGET[i])) for i in torch.randint(400, (300, 400), generator=GENERATOR)]
    assert error == pytest.approx(float(np.std(drawn)), rel=0.4)  # the bootstrap's


def test_perfect_predictions_get_as_many_values_as_others():
    split = ResidentSplit((LOGITS[:, None], TARGET))
    problem = Problem(lambda hp: nn.Linear(1, 1), Loss(F.binary_cross_entropy_with_logits), {"m": f1}, split, split)
    values = scored_answers(problem, 2 * TARGET - 1, TARGET).values["m"]
    assert values.tolist() == pytest.approx([1.0] * PARTS)


def test_a_mean_over_samples_stays_a_value_a_sample():
    values = scored(accuracy=gf.accuracy)
    assert len(values["accuracy"]) == len(values["loss"]) == 400
    assert set(values["accuracy"].tolist()) <= {0.0, 1.0}
