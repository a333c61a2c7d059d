"""Data, gradients, schedules and rates: each planted fault leads, and remedies were tried on copies."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from loops import blobs, fit, leading, lines, net
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

pytestmark = pytest.mark.slow


def sgd(model, lr=0.1, **more):
    return torch.optim.SGD(model.parameters(), lr=lr, **more)


def by_loader(model, opt, loader, loss=F.cross_entropy, epochs=6, schedule=None, each_batch=False):
    for _ in range(epochs):
        for x, y in loader:
            opt.zero_grad()
            loss(model(x), y).backward()
            opt.step()
            if schedule is not None and each_batch:
                schedule.step()
        if schedule is not None and not each_batch:
            schedule.step()


def sorted_by_class():
    x, y = blobs(512, classes=4)
    order = y.argsort()
    model = net(out=4)
    by_loader(model, sgd(model), DataLoader(TensorDataset(x[order], y[order]), 32))


def target_among_inputs():
    x, y = lines(512)
    model = net(7, 1)
    fit(model, sgd(model, 0.01), torch.cat([x, y], 1), y, loss=F.mse_loss)


def overlapping_splits():
    x, y = blobs(512)
    model = net()
    fit(model, sgd(model), x[:400], y[:400])
    with torch.no_grad():
        F.cross_entropy(model(x[300:]), y[300:])


def scaled_in_training_only():
    x, y = blobs(512)
    x = 40 + 12 * x
    scaled = (x - x.mean(0)) / x.std(0)
    model = net()
    fit(model, sgd(model), scaled[:400], y[:400])
    with torch.no_grad():
        F.cross_entropy(model(x[400:]), y[400:])


def raw_columns():
    x, y = blobs(512)
    model = net()
    fit(model, sgd(model, 0.01), 300 + x * torch.tensor([1.0, 50.0, 400.0, 1.0, 20.0, 3.0]), y)


def raw_targets():
    x, y = lines(512)
    model = net(out=1)
    fit(model, torch.optim.Adam(model.parameters(), 1e-3), x, 20_000 + 5_000 * y, loss=F.mse_loss)


def constant_weights():
    model = net()
    for module in model:
        if isinstance(module, nn.Linear):
            nn.init.constant_(module.weight, 0.1)
            nn.init.zeros_(module.bias)
    fit(model, sgd(model), *blobs())


def dead_units():
    model = net()
    nn.init.constant_(model[0].bias, -20.0)
    fit(model, sgd(model), *blobs())


def saturated_units():
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    with torch.no_grad():
        model[0].weight.mul_(60)
    fit(model, sgd(model, 0.01), *blobs())


def vanishing():
    layers = [layer for _ in range(8) for layer in (nn.Linear(16, 16), nn.Sigmoid())]
    model = nn.Sequential(nn.Linear(6, 16), nn.Sigmoid(), *layers, nn.Linear(16, 3))
    fit(model, sgd(model), *blobs(), epochs=6)


def two_linear_layers():
    model = nn.Sequential(nn.Linear(6, 32), nn.Dropout(0.1), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3))
    fit(model, sgd(model), *blobs())


def log_of_zero():
    model, (x, y) = net(6, 3, nn.Softmax(dim=1)), blobs()
    with torch.no_grad():
        model[2].weight.mul_(400)
    fit(model, sgd(model, 1e-3), x, y, loss=lambda p, t: -torch.log(p)[torch.arange(len(t)), t].mean())


def missing_values():
    x, y = blobs()
    x[100, 2] = math.nan
    model = net()
    fit(model, sgd(model), x, y)


def rate_too_high():
    model = net()
    fit(model, sgd(model, 30.0, momentum=0.9), *blobs(512), epochs=6)


def rate_too_low():
    model = net()
    fit(model, sgd(model, 1e-6), *blobs(512), epochs=8)


def decayed_each_batch():
    x, y = blobs(512)
    model = net()
    opt = sgd(model)
    schedule = torch.optim.lr_scheduler.StepLR(opt, 3, gamma=0.1)
    by_loader(model, opt, DataLoader(TensorDataset(x, y), 32, shuffle=True), schedule=schedule, each_batch=True)


def schedule_never_stepped():
    x, y = blobs(512)
    model = net()
    opt = sgd(model)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 6)
    by_loader(model, opt, DataLoader(TensorDataset(x, y), 32, shuffle=True))
    assert schedule.last_epoch == 0


class TimeFirst(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.GRU(5, 16), nn.Linear(16, 2)  # batch_first forgotten

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


def batch_taken_for_time():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(320, 7, 5, generator=generator)
    y = (x[:, -1, 0] > 0).long()
    model = TimeFirst()
    fit(model, torch.optim.Adam(model.parameters(), 1e-2), x, y)


def labels_shifted():
    x, y = blobs(512, classes=3)
    x, y = x[:-1], y[1:]
    model = net()
    by_loader(model, sgd(model), DataLoader(TensorDataset(x[:400], y[:400]), 32, shuffle=True))
    with torch.no_grad():
        (model(x[400:]).argmax(1) == y[400:]).float().mean()


def uneven_classes():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1024, 6, generator=generator)
    y = ((x[:, 0] + 1.5 * torch.randn(1024, generator=generator)) > 3).long()
    model = net(out=2)
    fit(model, sgd(model, 0.02), x, y)


def too_strong_decay():
    model = net()
    fit(model, sgd(model, 0.1, weight_decay=1.0), *blobs(512), epochs=6)


@pytest.mark.parametrize(
    ("kind", "work"),
    [
        ("no-shuffle", sorted_by_class),
        ("data-leakage", target_among_inputs),
        ("data-leakage", overlapping_splits),
        ("train-eval-preprocessing-mismatch", scaled_in_training_only),
        ("unnormalised-inputs", raw_columns),
        ("unnormalised-targets", raw_targets),
        ("bad-initialisation", constant_weights),
        ("dead-relu", dead_units),
        ("saturated-activation", saturated_units),
        ("vanishing-gradient", vanishing),
        ("missing-nonlinearity", two_linear_layers),
        ("numerical-nan", log_of_zero),
        ("numerical-nan", missing_values),
        ("lr-too-high", rate_too_high),
        ("lr-too-low", rate_too_low),
        ("lr-schedule-wrong", decayed_each_batch),
        ("lr-schedule-wrong", schedule_never_stepped),
        ("batch-dimension-mixup", batch_taken_for_time),
        ("labels-misaligned", labels_shifted),
        ("class-imbalance", uneven_classes),
        ("excess-regularisation", too_strong_decay),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_fault_is_the_first_finding(kind, work):
    first, findings = leading(work)
    assert first == kind, [(f.kind, str(f.severity), f.message, f.evidence.get("experiment")) for f in findings]
    assert findings[0].severity != "info"


def test_a_remedy_that_was_tried_carries_both_figures():
    _, findings = leading(rate_too_low)
    experiment = findings[0].evidence["experiment"]
    assert experiment["seeds"] == len(experiment["with"]) == 3
    assert max(experiment["with"]) < experiment["without"]
