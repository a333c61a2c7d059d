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


@pytest.mark.parametrize(
    ("kind", "work"),
    [
        ("dead-graph-detach", cut_by_hand),
        ("dead-graph-detach", outputs_rebuilt),
        ("dead-graph-detach", signs_between),
        ("parameters-not-in-optimizer", half_held_by_hand),
        ("bad-initialisation", all_zero_by_hand),
        ("missing-nonlinearity", linear_by_hand),
        ("numerical-nan", logarithm_of_a_constant_zero),
        ("numerical-nan", root_of_zero_late),
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


@pytest.mark.parametrize(
    "work",
    [sound_by_hand, signs_passed_straight_through, inputs_want_gradients, logarithm_masked_out],
    ids=lambda work: work.__name__,
)
def test_a_healthy_loop_that_resembles_one_gets_no_alarm(work):
    _, findings = leading(work)
    assert [(f.kind, f.message) for f in findings if f.severity != "info"] == []


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
