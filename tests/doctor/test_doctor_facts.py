"""Mistakes that are facts of the program are named first, and the tricky healthy loops beside them stay silent."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from loops import blobs, fit, leading, lines, net
from torch import nn


def sgd(model, lr=0.1, **more):
    return torch.optim.SGD(model.parameters(), lr=lr, **more)


def missing_zero_grad():
    model = net()
    fit(model, sgd(model), *blobs(), clear=False)


def cleared_between_backward_and_step():
    model, (x, y) = net(), blobs()
    opt = sgd(model)
    for rows in torch.arange(256).split(32):
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        opt.zero_grad()
        opt.step()


def no_step():
    model, (x, y) = net(), blobs()
    opt = sgd(model)
    for rows in torch.arange(256).split(32):
        opt.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()


def softmax_module():
    model = net(6, 3, nn.Softmax(dim=1))
    fit(model, sgd(model), *blobs())


def softmax_function():
    model = net()
    fit(model, sgd(model), *blobs(), loss=lambda p, y: F.cross_entropy(torch.softmax(p, 1), y))


def sigmoid_before_logits():
    model, (x, y) = net(6, 1, nn.Sigmoid()), blobs(classes=2)
    fit(model, sgd(model), x, y.float().unsqueeze(1), loss=F.binary_cross_entropy_with_logits)


def softmax_over_batch():
    model = net(6, 3, nn.Softmax(dim=0))
    fit(model, sgd(model), *blobs(), loss=lambda p, y: F.nll_loss(p.clamp_min(1e-6).log(), y))


def broadcast_loss():
    model, (x, y) = net(out=1), lines()
    fit(model, sgd(model, 0.01), x, y.squeeze(1), loss=nn.MSELoss())


def broadcast_by_hand():
    model, (x, y) = net(out=1), lines()
    fit(model, sgd(model, 0.01), x, y.squeeze(1), loss=lambda p, t: ((p - t) ** 2).mean())


class InAList(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(6, 16), nn.Linear(16, 16)]
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x).relu()
        return self.head(x)


def layers_in_a_list():
    model = InAList()
    fit(model, sgd(model), *blobs())


def optimiser_before_new_head():
    model = net()
    opt = sgd(model)
    model[2] = nn.Linear(16, 3)
    fit(model, opt, *blobs())


def frozen_random_layer():
    model = net()
    model[0].requires_grad_(False)
    fit(model, torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1), *blobs())


class Detaching(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(6, 16), nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.body(x).relu().detach())


def detached():
    model = Detaching()
    fit(model, sgd(model), *blobs())


def eval_after_validation():
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
    opt, (x, y) = sgd(model), blobs()
    model.train()
    for _ in range(4):
        fit(model, opt, x, y, epochs=1)
        model.eval()
        with torch.no_grad():
            F.cross_entropy(model(x[:64]), y[:64])


def train_mode_evaluation():
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
    opt, (x, y) = sgd(model), blobs()
    for _ in range(4):
        fit(model, opt, x[:192], y[:192], epochs=1)
        with torch.no_grad():
            (model(x[192:]).argmax(1) == y[192:]).float().mean()


def nll_on_logits():
    model = net()
    fit(model, sgd(model, 0.001), *blobs(), loss=F.nll_loss)


def relu_on_standardised_targets():
    model, (x, y) = net(6, 1, nn.ReLU()), lines()
    fit(model, sgd(model, 0.01), x, y, loss=F.mse_loss)


def softmax_over_one_unit():
    model, (x, y) = net(6, 1, nn.Softmax(dim=1)), blobs(classes=2)
    fit(model, sgd(model), x, y.float().unsqueeze(1), loss=F.binary_cross_entropy)


def squared_error_of_classes():
    model, (x, y) = net(6, 1), blobs(classes=5)
    fit(model, sgd(model, 0.01), x, y, loss=lambda p, t: F.mse_loss(p.squeeze(1), t.float()))


@pytest.mark.parametrize(
    ("kind", "work"),
    [
        ("missing-zero-grad", missing_zero_grad),
        ("optimizer-step-missing", cleared_between_backward_and_step),
        ("optimizer-step-missing", no_step),
        ("softmax-before-cross-entropy", softmax_module),
        ("softmax-before-cross-entropy", softmax_function),
        ("sigmoid-before-bce-with-logits", sigmoid_before_logits),
        ("wrong-softmax-dim", softmax_over_batch),
        ("shape-broadcast-in-loss", broadcast_loss),
        ("shape-broadcast-in-loss", broadcast_by_hand),
        ("parameters-not-in-optimizer", layers_in_a_list),
        ("parameters-not-in-optimizer", optimiser_before_new_head),
        ("frozen-parameters", frozen_random_layer),
        ("dead-graph-detach", detached),
        ("eval-mode-while-training", eval_after_validation),
        ("train-mode-while-evaluating", train_mode_evaluation),
        ("wrong-loss-for-task", nll_on_logits),
        ("wrong-loss-for-task", squared_error_of_classes),
        ("wrong-output-activation", relu_on_standardised_targets),
        ("wrong-output-activation", softmax_over_one_unit),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_mistake_is_the_first_finding(kind, work):
    first, findings = leading(work)
    assert first == kind, [(f.kind, f.message) for f in findings]
    assert findings[0].severity != "info"
    assert "test_doctor_facts.py:" in findings[0].where or "loops.py:" in findings[0].where


def accumulation():
    model, (x, y) = net(), blobs()
    opt = sgd(model)
    for i, rows in enumerate(torch.randperm(256).repeat(3).split(16)):
        (F.cross_entropy(model(x[rows]), y[rows]) / 4).backward()
        if i % 4 == 3:
            opt.step()
            opt.zero_grad()


def closures():
    model, (x, y) = net(), blobs()
    opt = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=5)

    def closure():
        opt.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss

    for _ in range(8):
        opt.step(closure)


def updates_by_hand():
    x, y = lines()
    w = torch.zeros(6, 1, requires_grad=True)
    for _ in range(40):
        ((x @ w - y) ** 2).mean().backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
            w.grad = None


def adversaries():
    generator, judge = net(4, 6), net(6, 1)
    g_opt, d_opt = (torch.optim.Adam(m.parameters(), 1e-3) for m in (generator, judge))
    x, _ = blobs()
    ones, zeros = torch.ones(32, 1), torch.zeros(32, 1)
    for rows in torch.randperm(256).repeat(4).split(32):
        d_opt.zero_grad()
        fake = generator(torch.randn(32, 4))
        real_loss = F.binary_cross_entropy_with_logits(judge(x[rows]), ones)
        (real_loss + F.binary_cross_entropy_with_logits(judge(fake.detach()), zeros)).backward()
        d_opt.step()
        g_opt.zero_grad()
        F.binary_cross_entropy_with_logits(judge(fake), ones).backward()
        g_opt.step()


def teacher_and_average():
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 3))
    average, (x, y) = copy.deepcopy(model).requires_grad_(False), blobs()
    opt = sgd(model)
    for rows in torch.randperm(256).repeat(6).split(32):
        model.train()
        opt.zero_grad()
        with torch.no_grad():
            soft = average.eval()(x[rows]).softmax(1)
        out = model(x[rows])
        (F.cross_entropy(out, y[rows]) + F.kl_div(out.log_softmax(1), soft, reduction="batchmean")).backward()
        opt.step()
        with torch.no_grad():
            for mine, theirs in zip(average.parameters(), model.parameters(), strict=True):
                mine.lerp_(theirs, 0.1)
    model.eval()
    with torch.no_grad():
        (model(x).argmax(1) == y).float().mean()


def backbone_trained_before():
    body, first = nn.Linear(6, 16), nn.Linear(16, 3)
    (x, y), (x2, y2) = blobs(), blobs(classes=2, seed=1)
    model = nn.Sequential(body, nn.ReLU(), first)
    fit(model, sgd(model), x, y)
    body.requires_grad_(False)
    tuned = nn.Sequential(body, nn.ReLU(), nn.Linear(16, 2))
    fit(tuned, torch.optim.SGD(tuned[2].parameters(), lr=0.1), x2, y2)


def frozen_batch_norm():
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    opt, (x, y) = sgd(model), blobs()
    model.train()
    model[1].eval()
    fit(model, opt, x, y)


def monte_carlo_dropout():
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
    opt, (x, y) = sgd(model), blobs()
    fit(model, opt, x[:192], y[:192])
    model.train()
    with torch.no_grad():
        torch.stack([model(x[192:]).softmax(1) for _ in range(10)]).mean(0)


def tied_weights():
    encoder, decoder = nn.Embedding(12, 16), nn.Linear(16, 12, bias=False)
    decoder.weight = encoder.weight
    model, x = nn.Sequential(encoder, nn.Tanh(), decoder), torch.randint(0, 12, (256,))
    fit(model, sgd(model), x, (x + 1) % 12)


def soft_targets():
    model, (x, y) = net(), blobs()
    fit(model, sgd(model), x, 0.9 * F.one_hot(y, 3).float() + 0.1 / 3)


def temporal_difference():
    model, (x, _) = net(out=2), blobs()
    opt = torch.optim.Adam(model.parameters(), 1e-3)
    for rows in torch.randperm(256).repeat(4).split(32):
        opt.zero_grad()
        with torch.no_grad():
            target = torch.randn(len(rows)) + 0.9 * model(x[rows].flip(0)).max(1).values
        F.smooth_l1_loss(model(x[rows]).gather(1, torch.zeros(len(rows), 1).long()).squeeze(1), target).backward()
        opt.step()


@pytest.mark.parametrize(
    "work",
    [
        accumulation,
        closures,
        updates_by_hand,
        adversaries,
        teacher_and_average,
        backbone_trained_before,
        frozen_batch_norm,
        monte_carlo_dropout,
        tied_weights,
        soft_targets,
        temporal_difference,
    ],
    ids=lambda work: work.__name__,
)
def test_a_tricky_healthy_loop_gets_nothing_above_info(work):
    _, findings = leading(work)
    assert [(f.kind, f.message) for f in findings if f.severity != "info"] == []
    assert "healthy" not in [f.kind for f in findings] or len(findings) == 1  # it says that no rule fired
