"""Mistakes of data, labels, lengths and the loss's arithmetic lead; what looks like them and is meant stays silent."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from loops import blobs, fit, leading, lines, net
from torch import nn

pytestmark = pytest.mark.slow


def adam(model, lr=5e-3):
    return torch.optim.Adam(model.parameters(), lr=lr)


class HandWrittenError(nn.Module):
    def forward(self, prediction, target):
        return (prediction - target).abs().mean()


def broadcast_in_a_criterion_of_ones_own():
    model, (x, y) = net(out=1), lines()
    fit(model, adam(model), x, y.squeeze(1), loss=HandWrittenError())


def broadcast_in_a_product():
    model, (x, y) = net(out=1), blobs(classes=2)
    weights = torch.linspace(0.5, 1.5, 256)

    def loss(p, t):
        each = F.binary_cross_entropy_with_logits(p, t[:, None].float(), reduction="none")
        return (weights[: len(t)] * each).mean()

    fit(model, adam(model), x, y, loss=loss)


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.put, self.head, self.dim = nn.Linear(4, 16), nn.Linear(16, 3), dim

    def forward(self, x):
        h = self.put(x)
        weights = torch.softmax(h @ h.transpose(1, 2) / 4, dim=self.dim)
        return self.head((weights @ h).amax(1))


def sequences(n=256):
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 3, (n,), generator=generator)
    x = torch.randn(n, 7, 4, generator=generator)
    x[:, 3] += 3 * F.one_hot(y, 4)
    return x, y


def attention_over_queries():
    model = Attention(dim=1)
    fit(model, adam(model), *sequences())


def attention_over_keys():
    model = Attention(dim=-1)
    fit(model, adam(model), *sequences(), epochs=8)


def maximised():
    model = net()
    fit(model, adam(model), *blobs(), loss=lambda p, t: -F.cross_entropy(p, t))


class Deaf(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = net()

    def forward(self, x):
        return self.body(0 * x)


def inputs_lost():
    model = Deaf()
    fit(model, adam(model), *blobs())


def labels_dealt_anew():
    model, (x, y) = net(), blobs(512)
    opt = adam(model)
    for _ in range(6):
        for rows, others in zip(torch.randperm(512).split(32), torch.randperm(512).split(32), strict=True):
            opt.zero_grad()
            F.cross_entropy(model(x[rows]), y[others]).backward()
            opt.step()


def labels_noisy_anew():
    model, (x, y) = net(), blobs(512)
    opt = adam(model)
    for _ in range(6):
        said = torch.where(torch.rand(512) < 0.3, torch.randint(0, 3, (512,)), y)
        fit(model, opt, x, said, epochs=1)


class Bags(nn.Module):
    """Takes all samples' words in one row, so that inputs cannot be held against labels one by one."""

    def __init__(self):
        super().__init__()
        self.bag, self.head = nn.EmbeddingBag(60, 16), nn.Linear(16, 3)

    def forward(self, words, starts):
        return self.head(self.bag(words, starts))


def labels_in_reverse():
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 3, (600,), generator=generator)
    words = 20 * y[:, None] + torch.randint(0, 20, (600, 5), generator=generator)
    model = Bags()
    opt = adam(model, 1e-2)
    for rows in torch.randperm(600).repeat(6).split(30):
        opt.zero_grad()
        F.cross_entropy(model(words[rows].flatten(), torch.arange(0, 150, 5)), y[rows].flip(0)).backward()
        opt.step()


def sorted_by_target():
    x, y = lines(512)
    order = y.flatten().argsort()
    model = net(out=1)
    opt = adam(model)
    for _ in range(4):
        for rows in order.split(32):
            opt.zero_grad()
            F.mse_loss(model(x[rows]), y[rows]).backward()
            opt.step()


def log_of_target_among_inputs():
    x, y = lines(512)
    model = net(7, 1)
    fit(model, adam(model), torch.cat([x, y.exp()], 1), y, loss=F.mse_loss)


def range_of_pixels_differs():
    x, y = blobs(512)
    x = ((x - x.amin(0)) / (x.amax(0) - x.amin(0))).clamp(0, 1)
    model = net()
    fit(model, adam(model), 2 * x[:400] - 1, y[:400], epochs=8)
    with torch.no_grad():
        F.cross_entropy(model(x[400:]), y[400:])


def one_pass():
    x, y = blobs(512)
    model = net()
    fit(model, adam(model, 3e-3), x, y, epochs=1)


def a_few_steps():
    x, y = blobs(128)
    model = net()
    fit(model, adam(model), x, y, epochs=1)


def many_passes_for_nothing():
    x, y = blobs(512)
    model = net()
    opt = adam(model, 2e-2)
    for _ in range(60):
        fit(model, opt, x[:256], y[:256], epochs=1, batch=64)
        with torch.no_grad():
            (model(x[256:]).argmax(1) == y[256:]).float().mean()


def judged_on_eight():
    x, y = blobs(512)
    model = net()
    opt = adam(model, 1e-2)
    for _ in range(6):
        fit(model, opt, x[:400], y[:400], epochs=1)
        with torch.no_grad():
            (model(x[400:408]).argmax(1) == y[400:408]).float().mean()


def known_by_heart():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, 20, generator=generator)
    y = ((x[:, 0] + torch.randn(400, generator=generator)) > 0).long()
    model = nn.Sequential(nn.Linear(20, 256), nn.ReLU(), nn.Linear(256, 2))
    opt = adam(model)
    for _ in range(40):
        fit(model, opt, x[:100], y[:100], epochs=1, batch=25)
        model.eval()
        with torch.no_grad():
            F.cross_entropy(model(x[100:]), y[100:])
        model.train()


@pytest.mark.parametrize(
    ("kind", "work"),
    [
        ("shape-broadcast-in-loss", broadcast_in_a_criterion_of_ones_own),
        ("shape-broadcast-in-loss", broadcast_in_a_product),
        ("wrong-softmax-dim", attention_over_queries),
        ("pipeline-suspect", maximised),
        ("pipeline-suspect", inputs_lost),
        ("labels-misaligned", labels_dealt_anew),
        ("labels-misaligned", labels_in_reverse),
        ("no-shuffle", sorted_by_target),
        ("data-leakage", log_of_target_among_inputs),
        ("train-eval-preprocessing-mismatch", range_of_pixels_differs),
        ("too-many-steps", many_passes_for_nothing),
        ("noisy-validation", judged_on_eight),
        ("overfitting", known_by_heart),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_fault_is_the_first_finding(kind, work):
    first, findings = leading(work)
    assert first == kind, [(f.kind, str(f.severity), f.message) for f in findings]
    assert findings[0].severity != "info"


def test_a_training_that_ended_far_too_early_is_told_as_a_hint_with_its_experiment():
    first, findings = leading(one_pass)
    assert (first, str(findings[0].severity)) == ("too-few-steps", "info")
    assert findings[0].evidence["experiment"]["with"][0] < findings[0].evidence["experiment"]["without"]


def test_a_handful_of_steps_is_said_to_be_too_few_for_a_verdict():
    _, findings = leading(a_few_steps)
    assert "not-enough-points" in {finding.kind for finding in findings}
    assert all(finding.severity == "info" for finding in findings)


def pairs_on_purpose():
    model, (x, y) = net(out=1), lines()
    opt = adam(model)
    for rows in torch.randperm(256).repeat(8).split(32):
        score, goal = model(x[rows]).squeeze(1), y[rows].squeeze(1)
        above = (goal[:, None] > goal).float()
        opt.zero_grad()
        (above * (1 - (score[:, None] - score)).clamp_min(0)).mean().backward()
        opt.step()


def adversarial_examples():
    model, (x, y) = net(), blobs()
    opt = adam(model)
    for rows in torch.randperm(256).repeat(8).split(32):
        near = x[rows].clone().requires_grad_()
        (-F.cross_entropy(model(near), y[rows])).backward()
        opt.zero_grad()
        F.cross_entropy(model((near - 0.05 * near.grad.sign()).detach()), y[rows]).backward()
        opt.step()


def time_first():
    x, y = sequences(512)
    x = x.transpose(0, 1).contiguous()
    rnn, head = nn.GRU(4, 16), nn.Linear(16, 3)

    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = rnn, head

        def forward(self, s):
            return self.head(self.rnn(s)[1][-1])

    model = Last()
    opt = adam(model, 1e-2)
    for rows in torch.randperm(512).repeat(8).split(32):
        opt.zero_grad()
        F.cross_entropy(model(x[:, rows]), y[rows]).backward()
        opt.step()


@pytest.mark.parametrize(
    "work",
    [attention_over_keys, labels_noisy_anew, pairs_on_purpose, adversarial_examples, time_first],
    ids=lambda work: work.__name__,
)
def test_what_only_looks_like_a_mistake_gets_nothing_above_info(work):
    _, findings = leading(work)
    assert [(f.kind, f.message) for f in findings if f.severity != "info"] == []
