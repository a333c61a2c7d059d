import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from goodfit.training.expected_loss import expected_loss, lowest_loss, recognise

N, C = 400, 10
LOGITS = torch.zeros(N, C)
CLASSES = torch.arange(N) % C
ONE = torch.zeros(N, 1)
BINARY = (torch.arange(N) % 4 == 0).float()[:, None]  # prevalence 1/4
NORMAL = torch.distributions.Normal(0.0, 1.0).icdf((torch.arange(N) + 0.5) / N)[:, None]
PRIOR = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))


def focal(prediction, target):
    """Focal loss with γ = 2."""
    chance = prediction.softmax(1)[range(N), target]
    return ((1 - chance) ** 2 * -chance.log()).mean()


@pytest.mark.parametrize(
    ("loss", "like", "target", "at_zero", "constant"),
    [
        (F.cross_entropy, LOGITS, CLASSES, math.log(10), math.log(10)),
        (nn.CrossEntropyLoss(weight=torch.arange(1.0, 11.0)), LOGITS, CLASSES, math.log(10), None),
        (nn.CrossEntropyLoss(label_smoothing=0.1), LOGITS, CLASSES, math.log(10), math.log(10)),
        (F.nll_loss, LOGITS, CLASSES, math.log(10), math.log(10)),
        (F.binary_cross_entropy_with_logits, ONE, BINARY, math.log(2), PRIOR),
        (nn.BCELoss(), ONE, BINARY, math.log(2), PRIOR),
        (nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0)), ONE, BINARY, math.log(2) * 1.5, None),
        (nn.MultiMarginLoss(), LOGITS, CLASSES, 0.9, 0.9),
        (F.mse_loss, ONE, NORMAL + 2, 5.0, 1.0),
        (nn.L1Loss(), ONE, NORMAL, 0.798, 0.798),
        (nn.SmoothL1Loss(), ONE, NORMAL, 0.424, 0.424),
        (nn.HuberLoss(), ONE, NORMAL, 0.424, 0.424),
        (F.poisson_nll_loss, ONE, torch.full((N, 1), 3.0), 1.0, 3 - 3 * math.log(3)),
        (lambda p, y: F.gaussian_nll_loss(p, y, torch.ones_like(p)), ONE, NORMAL, 0.5, 0.5),
        (focal, LOGITS, CLASSES, 0.81 * math.log(10), None),
    ],
)
def test_losses_start_where_the_recipe_s_table_says(loss, like, target, at_zero, constant):
    marks = expected_loss(loss, like, target)
    assert marks.at_zero == pytest.approx(at_zero, rel=0.01)
    if constant is not None:
        assert marks.constant == pytest.approx(constant, rel=0.01, abs=1e-3)
    assert not marks.sums
    assert not marks.broadcasts


def test_a_floor_is_what_free_outputs_reach():
    assert expected_loss(F.cross_entropy, LOGITS, CLASSES).floor == 0.0
    smoothed = expected_loss(nn.CrossEntropyLoss(label_smoothing=0.1), LOGITS, CLASSES).floor
    assert smoothed == pytest.approx(0.50, abs=0.005)  # recipe 2.2
    soft = torch.full((N, C), 0.1)
    assert expected_loss(F.cross_entropy, LOGITS, soft).floor == pytest.approx(math.log(10), abs=1e-3)


def test_a_softmax_within_a_custom_loss_is_seen_by_what_it_is_blind_to():
    marks = expected_loss(lambda p, y: F.cross_entropy(p, y.long()), LOGITS, CLASSES)
    assert marks.normalises
    assert marks.nats
    assert not expected_loss(F.mse_loss, LOGITS, torch.randn(N, C)).normalises


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_summed_loss_is_seen_and_told_per_sample(reduction):
    marks = expected_loss(nn.CrossEntropyLoss(reduction=reduction), LOGITS, CLASSES)
    assert marks.sums is (reduction == "sum")
    assert marks.at_zero == pytest.approx(math.log(10), rel=1e-4)


def test_a_broadcast_target_is_seen():
    assert expected_loss(F.mse_loss, ONE, NORMAL[:, 0]).broadcasts
    assert not expected_loss(F.mse_loss, ONE, NORMAL).broadcasts
    assert not expected_loss(lambda p, y: F.mse_loss(p.squeeze(1), y), ONE, NORMAL[:, 0]).broadcasts


def test_a_loss_without_a_bottom_has_no_floor():
    assert lowest_loss(lambda free: free.sum(), torch.zeros(4, 2), shared=False) is None


def test_losses_are_recognised_by_function_and_by_module():
    assert recognise(F.cross_entropy).name == recognise(nn.CrossEntropyLoss()).name == "cross-entropy"
    assert recognise(lambda p, y: p.sum()).name == "custom loss"
