"""Starts that hold a training back, and last activations that targets do not fit, lead; what is usual stays silent."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from loops import blobs, fit, leading, lines, net
from torch import nn

pytestmark = pytest.mark.slow


def adam(model, lr=5e-3):
    return torch.optim.Adam(model.parameters(), lr=lr)


def huge_recurrent_weights():
    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = nn.GRU(2, 16, batch_first=True), nn.Linear(16, 3)
            for weight in self.rnn.parameters():
                nn.init.normal_(weight, std=5.0)

        def forward(self, x):
            return self.head(self.rnn(x)[1][0])

    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 3, (320,), generator=generator)
    t = torch.arange(10) + 6 * torch.rand(320, 1, generator=generator)
    x = torch.sin(t * (0.5 + 0.6 * y[:, None]))[:, :, None].repeat(1, 1, 2)
    model = Reader()
    fit(model, adam(model, 1e-2), x, y, epochs=25)


def deep(last=nn.Tanh, depth=6):
    layers = [nn.Linear(6, 24), last()]
    for _ in range(depth):
        layers += [nn.Linear(24, 24), last()]
    return nn.Sequential(*layers, nn.Linear(24, 3))


def tiny_weights():
    model = deep()
    for p in model.parameters():
        nn.init.normal_(p, std=1e-3) if p.ndim > 1 else nn.init.zeros_(p)
    fit(model, torch.optim.SGD(model.parameters(), lr=0.1), *blobs(), epochs=8)


def usual_weights_of_many_kinds():
    model = deep(depth=2)
    for k, p in enumerate(p for p in model.parameters() if p.ndim > 1):
        (nn.init.orthogonal_, nn.init.kaiming_normal_, nn.init.xavier_uniform_, nn.init.trunc_normal_)[k](p)
    fit(model, adam(model), *blobs(), epochs=8)


def a_last_layer_of_zeros():
    model = net()
    nn.init.zeros_(model[-1].weight)
    fit(model, adam(model), *blobs(), epochs=8)


class Factors(nn.Module):
    def __init__(self, *, spread):
        super().__init__()
        self.left, self.right = nn.Embedding(20, 4), nn.Embedding(20, 4)
        for table in (self.left, self.right):
            nn.init.normal_(table.weight, std=spread)

    def forward(self, pairs):
        return (self.left(pairs[:, 0]) * self.right(pairs[:, 1])).sum(1)


def factorised(model):
    generator = torch.Generator().manual_seed(0)
    pairs = torch.randint(0, 20, (512, 2), generator=generator)
    a, b = torch.randn(2, 20, 2, generator=generator)
    fit(model, adam(model, 1e-2), pairs, (a[pairs[:, 0]] * b[pairs[:, 1]]).sum(1), loss=F.mse_loss, epochs=12)


def factors_of_zero():
    factorised(Factors(spread=0.0))


def small_factors():
    factorised(Factors(spread=0.2))


def low_rank_beside_a_frozen_layer():
    """One of two factors starts at 0, as adapters do: the other one's gradient is 0 at the first step alone."""

    class Adapted(nn.Module):
        def __init__(self):
            super().__init__()
            self.base = nn.Linear(6, 3)
            self.base.requires_grad_(False)
            self.base.load_state_dict(nn.Linear(6, 3).state_dict())
            self.down, self.up = nn.Parameter(torch.randn(6, 2) / 6**0.5), nn.Parameter(torch.zeros(2, 3))

        def forward(self, x):
            return self.base(x) + x @ self.down @ self.up

    model = Adapted()
    fit(model, torch.optim.Adam([model.down, model.up], lr=2e-2), *blobs(), epochs=8)


def sigmoids_without_end():
    model = deep(nn.Sigmoid, depth=7)
    fit(model, torch.optim.SGD(model.parameters(), lr=0.05), *blobs(), epochs=10)


def counts(n=320):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 6, generator=generator)
    return x, torch.poisson(torch.exp(1.5 + 0.5 * x[:, :1]), generator=generator)


def log_rates_behind_a_sigmoid():
    model = net(6, 1, nn.Sigmoid())
    fit(model, adam(model), *counts(), loss=F.poisson_nll_loss, epochs=8)


def log_rates():
    model = net(6, 1)
    fit(model, adam(model), *counts(), loss=F.poisson_nll_loss, epochs=8)


def rates_behind_a_softplus():
    model = net(6, 1, nn.Softplus())
    fit(model, adam(model), *counts(), loss=lambda p, t: F.poisson_nll_loss(p, t, log_input=False), epochs=8)


def tags(n=320):
    x, y = blobs(n)
    return x, torch.stack([y == 0, y != 1, x[:, 0] > 0], dim=1).float()


def softmax_over_tags():
    model = net(6, 3, nn.Softmax(dim=1))
    fit(model, adam(model), *tags(), loss=F.binary_cross_entropy, epochs=8)


def sigmoid_over_tags():
    model = net(6, 3, nn.Sigmoid())
    fit(model, adam(model), *tags(), loss=F.binary_cross_entropy, epochs=8)


def logits_behind_a_tanh():
    model = net(6, 3, nn.Tanh())
    fit(model, adam(model), *tags(), loss=F.binary_cross_entropy_with_logits, epochs=8)


class MeanAndSpread(nn.Module):
    def __init__(self, *bounded):
        super().__init__()
        self.body, self.bounded = net(6, 8), nn.Sequential(*bounded)
        self.mean, self.spread = nn.Linear(8, 1), nn.Linear(8, 1)

    def forward(self, x):
        h = torch.tanh(self.body(x))
        return F.softplus(self.spread(h)) + 1e-2, self.bounded(self.mean(h))


def by_hand(told, goal):
    spread, mean = told
    return (torch.log(spread) + 0.5 * ((goal - mean) / spread) ** 2).mean()


def a_second_output_behind_relu():
    model = MeanAndSpread(nn.ReLU())
    fit(model, adam(model), *lines(), loss=by_hand, epochs=8)


def a_second_output():
    model = MeanAndSpread()
    fit(model, adam(model), *lines(), loss=by_hand, epochs=8)


@pytest.mark.parametrize(
    ("work", "kind"),
    [
        (huge_recurrent_weights, "bad-initialisation"),
        (tiny_weights, "bad-initialisation"),
        (factors_of_zero, "bad-initialisation"),
        (sigmoids_without_end, "vanishing-gradient"),
        (log_rates_behind_a_sigmoid, "wrong-output-activation"),
        (softmax_over_tags, "wrong-output-activation"),
        (logits_behind_a_tanh, "wrong-output-activation"),
        (a_second_output_behind_relu, "wrong-output-activation"),
    ],
)
def test_the_mistake_leads(work, kind):
    assert leading(work)[0] == kind


@pytest.mark.parametrize(
    "work",
    [
        usual_weights_of_many_kinds,
        a_last_layer_of_zeros,
        small_factors,
        low_rank_beside_a_frozen_layer,
        log_rates,
        rates_behind_a_softplus,
        sigmoid_over_tags,
        a_second_output,
    ],
)
def test_what_looks_like_it_stays_silent(work):
    told = [f for f in leading(work)[1] if f.severity != "info"]
    assert told == []
