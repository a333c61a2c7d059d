"""Faults of gradient flow and numerics in loops of many styles, and the healthy loops that resemble them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from loops import blobs, fit, leading, lines, net
from torch import nn


def weights_by_hand(features: int = 6, out: int = 3) -> list[torch.Tensor]:
    return [
        (torch.randn(features, 16) / features**0.5).requires_grad_(),
        torch.zeros(16, requires_grad=True),
        (torch.randn(16, out) / 4).requires_grad_(),
        torch.zeros(out, requires_grad=True),
    ]


def by_hand(params, forward, held=None, steps: int = 60):
    x, y = blobs()
    opt = torch.optim.SGD(params if held is None else held, lr=0.1)
    for rows in torch.randint(0, len(x), (steps, 32)):
        loss = F.cross_entropy(forward(x[rows], *params), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()


def plain(x, w1, b1, w2, b2):
    return torch.relu(x @ w1 + b1) @ w2 + b2


def cut_by_hand():
    by_hand(weights_by_hand(), lambda x, w1, b1, w2, b2: torch.relu(x @ w1 + b1).data @ w2 + b2)


def half_held_by_hand():
    params = weights_by_hand()
    by_hand(params, plain, held=params[2:])


def all_zero_by_hand():
    by_hand([p.detach().zero_().requires_grad_() for p in weights_by_hand()], plain)


def linear_by_hand():
    by_hand(weights_by_hand(), lambda x, w1, b1, w2, b2: (x @ w1 + b1) @ w2 + b2)


def outputs_rebuilt():
    model, (x, y) = net(), blobs()
    fit(model, torch.optim.SGD(model.parameters(), 0.1), x, y,
        lambda out, t: F.cross_entropy(torch.tensor(out.tolist(), requires_grad=True), t))  # fmt: skip


def signs_between():
    class Signs(nn.Module):
        def forward(self, x):
            return torch.sign(x)

    x, y = blobs()
    model = nn.Sequential(nn.Linear(6, 16), Signs(), nn.Linear(16, 3))
    fit(model, torch.optim.SGD(model.parameters(), 0.1), x, y)


def logarithm_of_a_constant_zero():
    x, y = blobs()
    goal = F.one_hot(y, 3).float()
    model = net()
    fit(model, torch.optim.SGD(model.parameters(), 0.1), x, goal,
        lambda out, t: -(t * out.log_softmax(1) - t * t.log()).sum(1).mean())  # fmt: skip


def root_of_zero_late():
    """The distance of equal points has no derivative; such a pair comes at step 130 only."""
    x, y = lines()
    model = nn.Linear(6, 1)
    opt = torch.optim.SGD(model.parameters(), 0.01)
    for step in range(200):
        rows = torch.randint(0, len(x), (16,))
        out = model(x[rows])
        gap = (out - (out.detach() if step == 130 else y[rows])).square().sum(1).sqrt()
        opt.zero_grad()
        gap.mean().backward()
        opt.step()


class Recurrent(nn.Module):
    """Sums a sequence with a state that may be cut at every step, or where a piece begins."""

    def __init__(self, cut_every_step: bool):
        super().__init__()
        self.cell, self.out, self.cuts = nn.GRUCell(1, 12), nn.Linear(12, 1), cut_every_step

    def forward(self, x, state=None):
        state = torch.zeros(len(x), 12) if state is None else state.detach()
        for step in range(x.shape[1]):
            state = self.cell(x[:, step : step + 1], state.detach() if self.cuts else state)
        return self.out(state), state


def recur(model, *, carried: bool = False):
    opt, state = torch.optim.Adam(model.parameters(), 5e-3), None
    for _ in range(30):
        x = torch.randn(32, 6)
        out, state = model(x, state if carried else None)
        opt.zero_grad()
        F.mse_loss(out, x.sum(1, keepdim=True)).backward()
        opt.step()


def state_cut_at_every_step():
    recur(Recurrent(cut_every_step=True))


class Coder(nn.Module):
    """A variational autoencoder whose draw lets the gradient through, or does not."""

    def __init__(self, reparametrised: bool):
        super().__init__()
        self.encoder, self.decoder, self.reparametrised = nn.Linear(6, 8), net(4, 6), reparametrised

    def forward(self, x):
        mean, spread = self.encoder(x).chunk(2, 1)
        code = torch.distributions.Normal(mean, spread.exp())
        return self.decoder(code.rsample() if self.reparametrised else code.sample()), mean, spread


def encode(model):
    x, _ = blobs()
    opt = torch.optim.Adam(model.parameters(), 5e-3)
    for rows in torch.randint(0, len(x), (30, 32)):
        out, mean, spread = model(x[rows])
        opt.zero_grad()
        (F.mse_loss(out, x[rows]) + (mean.square() + (2 * spread).exp() - 2 * spread).mean()).backward()
        opt.step()


def draw_without_gradient():
    encode(Coder(reparametrised=False))


def updated_and_cut_by_hand():
    x, y = lines()
    w1, w2 = (torch.randn(6, 16) / 3).requires_grad_(), (torch.randn(16, 1) / 4).requires_grad_()
    for _ in range(60):
        loss = F.mse_loss(torch.tanh(x @ w1).detach() @ w2, y)
        loss.backward()
        with torch.no_grad():
            for w in (w1, w2):
                if w.grad is not None:
                    w -= 0.05 * w.grad
                    w.grad = None


def dead_by_hand():
    params = weights_by_hand()
    with torch.no_grad():
        params[1].fill_(-30.0)
    by_hand(params, plain, steps=100)


def rings(width: int, features: int = 2, epochs: int = 20):
    """Two rings, one within the other, for a network of one hidden layer."""
    x = torch.randn(400, features)
    model = nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.Linear(width, 2))
    fit(model, torch.optim.Adam(model.parameters(), 0.02), x, (x.norm(dim=1) > 1.2).long(), epochs=epochs)


def too_narrow():
    rings(width=1)


@pytest.mark.parametrize(
    ("kind", "work"),
    [
        ("dead-graph-detach", cut_by_hand),
        ("dead-graph-detach", outputs_rebuilt),
        ("dead-graph-detach", signs_between),
        ("dead-graph-detach", state_cut_at_every_step),
        ("dead-graph-detach", draw_without_gradient),
        ("dead-graph-detach", updated_and_cut_by_hand),
        ("parameters-not-in-optimizer", half_held_by_hand),
        ("bad-initialisation", all_zero_by_hand),
        ("missing-nonlinearity", linear_by_hand),
        ("numerical-nan", logarithm_of_a_constant_zero),
        ("numerical-nan", root_of_zero_late),
        ("underfitting-capacity", too_narrow),
        ("dead-relu", dead_by_hand),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_fault_is_the_first_finding(kind, work):
    first, findings = leading(work)
    assert first == kind, [(f.kind, f.message) for f in findings]


def sound_by_hand():
    by_hand(weights_by_hand(), plain)


def signs_passed_straight_through():
    class Signs(nn.Module):
        def forward(self, x):
            return x + (torch.sign(x) - x).detach()

    x, y = blobs()
    model = nn.Sequential(nn.Linear(6, 16), Signs(), nn.Linear(16, 3))
    fit(model, torch.optim.SGD(model.parameters(), 0.1), x, y)


def inputs_want_gradients():
    """A penalty on the derivative by the inputs, as physics-informed networks have it."""
    x, y = lines()
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))
    opt = torch.optim.Adam(model.parameters(), 0.01)
    points = x[:64].clone().requires_grad_()
    for _ in range(40):
        out = model(points)
        (slope,) = torch.autograd.grad(out.sum(), points, create_graph=True)
        opt.zero_grad()
        (F.mse_loss(out, y[:64]) + 0.01 * slope.square().mean()).backward()
        opt.step()


def logarithm_masked_out():
    x, y = blobs()
    goal = F.one_hot(y, 3).float()
    model = net()
    fit(model, torch.optim.SGD(model.parameters(), 0.1), x, goal,
        lambda out, t: -(t * out.log_softmax(1) - torch.where(t > 0, t * t.log(), t)).sum(1).mean())  # fmt: skip


def wide_enough():
    rings(width=32)


def narrow_on_purpose():
    """An autoencoder's code is narrow by design."""
    x = torch.randn(400, 8)
    model = nn.Sequential(nn.Linear(8, 2), nn.Tanh(), nn.Linear(2, 8))
    fit(model, torch.optim.Adam(model.parameters(), 0.02), x, x, F.mse_loss, epochs=15)


def noise_to_fit():
    """Labels that are right nine times in ten: no network does better on samples that it has not seen."""
    x = torch.randn(400, 2)
    y = torch.where(torch.rand(400) < 0.85, (x[:, 0] > 0).long(), torch.randint(0, 2, (400,)))
    model = nn.Linear(2, 2)
    fit(model, torch.optim.Adam(model.parameters(), 0.02), x, y, epochs=15)


def state_carried_over():
    """Truncated backpropagation: the state goes from one piece into the next, cut once in between."""
    recur(Recurrent(cut_every_step=False), carried=True)


def draw_with_gradient():
    encode(Coder(reparametrised=True))


def quantised():
    """Vector quantisation: codes and encoder learn by cut targets, the decoder's gradient passes straight through."""

    class Quantised(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.codes, self.decoder = nn.Linear(6, 4), nn.Embedding(16, 4), net(4, 6)

        def forward(self, x):
            z = self.encoder(x)
            q = self.codes(torch.cdist(z, self.codes.weight).argmin(1))
            extra = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
            return self.decoder(z + (q - z).detach()), extra

    x, _ = blobs()
    model = Quantised()
    opt = torch.optim.Adam(model.parameters(), 5e-3)
    for rows in torch.randint(0, len(x), (30, 32)):
        out, extra = model(x[rows])
        opt.zero_grad()
        (F.mse_loss(out, x[rows]) + extra).backward()
        opt.step()


def probed():
    """A head on cut features beside the one that trains them."""

    class Probed(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head, self.probe = nn.Linear(6, 16), nn.Linear(16, 6), nn.Linear(16, 3)

        def forward(self, x):
            z = torch.relu(self.body(x))
            return self.head(z), self.probe(z.detach())

    x, y = blobs()
    model = Probed()
    opt = torch.optim.Adam(model.parameters(), 5e-3)
    for rows in torch.randint(0, len(x), (30, 32)):
        out, classes = model(x[rows])
        opt.zero_grad()
        (F.mse_loss(out, x[rows]) + F.cross_entropy(classes, y[rows])).backward()
        opt.step()


def actions_drawn():
    """A policy whose draws decide what it sees next, trained by their log-probabilities."""

    class Agent(nn.Module):
        def __init__(self):
            super().__init__()
            self.policy = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))

        def forward(self, x):
            total, reward = 0.0, 0.0
            for _ in range(4):
                drawn = torch.distributions.Normal(self.policy(x), 0.5)
                action = drawn.sample()
                total = total + drawn.log_prob(action).sum(1)
                x = torch.cat([x[:, :1] + 0.3 * action, x[:, 1:]], 1)
                reward = reward - (x[:, 0] - x[:, 1]).square()
            return total, reward

    agent = Agent()
    opt = torch.optim.Adam(agent.parameters(), 5e-3)
    for _ in range(30):
        total, reward = agent(torch.randn(64, 2))
        opt.zero_grad()
        (-total * (reward - reward.mean())).mean().backward()
        opt.step()


@pytest.mark.parametrize(
    "work",
    [
        sound_by_hand,
        signs_passed_straight_through,
        inputs_want_gradients,
        logarithm_masked_out,
        wide_enough,
        narrow_on_purpose,
        noise_to_fit,
        state_carried_over,
        draw_with_gradient,
        quantised,
        probed,
        actions_drawn,
    ],
    ids=lambda work: work.__name__,
)
def test_a_healthy_loop_that_resembles_one_gets_no_alarm(work):
    _, findings = leading(work)
    alarms = [(f.kind, f.message) for f in findings if f.severity != "info"]
    assert alarms == []


def test_the_message_names_the_tensor_as_the_script_does():
    def work():
        first, offset, second, last = weights_by_hand()
        by_hand([first, offset, second, last], plain, held=[second, last])

    _, findings = leading(work)
    assert "params[0]" in findings[0].message or "w1" in findings[0].message or "first" in findings[0].message


def test_the_line_of_the_operation_is_named():
    _, findings = leading(logarithm_of_a_constant_zero)
    assert "logarithm" in findings[0].message
    assert findings[0].where.startswith("tests/doctor/test_doctor_flow.py:")
