"""The recipe's own checks on a recorded loop: what they give, what they find, and that the loop stays as it was."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from loops import blobs, fit, lines, net
from torch import Tensor, nn

import goodfit as gf
from goodfit.doctor.health import bill, health_line
from goodfit.doctor.page import page

torch.set_num_threads(1)


def watched(work, seconds: float = 30.0) -> gf.Watch:
    torch.manual_seed(0)
    with gf.watch(extra_seconds=seconds) as seen:
        work()
    assert seen.recording.faults == []
    return seen


def healthy() -> None:
    model = net()
    opt = torch.optim.Adam(model.parameters(), 1e-2)
    x, y = blobs(512)
    for _ in range(3):
        model.train()
        fit(model, opt, x[:400], y[:400], epochs=1)
        model.eval()
        with torch.no_grad():
            F.cross_entropy(model(x[400:]), y[400:])


def linear() -> None:
    model = nn.Linear(6, 1)
    fit(model, torch.optim.SGD(model.parameters(), 0.05), *lines(), loss=F.mse_loss)


def probabilities_and_their_loss() -> None:
    model = net(6, 3, nn.LogSoftmax(1))
    fit(model, torch.optim.SGD(model.parameters(), 0.1), *blobs(), loss=F.nll_loss)


class Deaf(nn.Module):
    """Its hidden units never fire, and its last bias cannot learn."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(6, 16), nn.Linear(16, 3)
        self.out.bias.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.relu(self.hidden(x) - 100))


class Knowing(nn.Module):
    """Gets at the labels beside its inputs."""

    labels: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.seen, self.known = nn.Linear(6, 3), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.seen(x) + self.known(F.one_hot(Knowing.labels[: len(x)], 3).float())


def knowing() -> None:
    model, (x, y) = Knowing(), blobs()
    Knowing.labels = y[:32]
    opt = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(20):
        opt.zero_grad()
        F.cross_entropy(model(x[:32]), y[:32]).backward()
        opt.step()


def deaf() -> None:
    model = Deaf()
    fit(model, torch.optim.SGD(model.parameters(), 0.05), *blobs())


@pytest.mark.parametrize("work", [healthy, linear, probabilities_and_their_loss])
def test_a_healthy_loop_learns_one_batch_by_heart_and_not_without_its_inputs(work):
    seen = watched(work)
    assert {str(f.severity) for f in seen.findings} == {"info"}
    checked = seen.recording.checked
    assert checked is not None
    assert checked.samples == 20
    assert checked.learned_steps is not None
    assert checked.learned_loss <= 0.1 * checked.first_loss
    assert checked.zeroed_loss >= 0.9 * checked.constant_loss


def test_the_expected_loss_is_that_of_outputs_that_say_nothing():
    for work in (healthy, probabilities_and_their_loss):
        seen = watched(work)
        assert seen.findings
        assert seen.recording.checked.expected_loss == pytest.approx(math.log(3), abs=1e-5)


def test_a_sample_that_cannot_be_learned_follows_from_a_known_cause():
    seen = watched(deaf)
    told = {f.kind: f for f in seen.findings}["cannot-overfit-sample"]
    assert seen.findings[0].kind in ("dead-relu", "pipeline-suspect")
    assert told.follows_from == seen.findings[0].kind
    assert told.evidence["lowest_loss"] == pytest.approx(told.evidence["first_loss"])
    assert told.evidence["floor"] == pytest.approx(0.0, abs=1e-3)
    assert seen.recording.checked.learned_steps is None


def test_targets_that_reach_the_network_beside_its_inputs_are_found():
    seen = watched(knowing)
    assert seen.findings[0].kind == "overfits-without-inputs"
    assert seen.findings[0].where.split(":")[0].endswith("test_doctor_checks.py")


def test_the_bill_of_health_has_every_part_with_its_figure():
    seen = watched(healthy)
    assert seen.findings
    told = dict(bill(seen.recording))
    assert list(told) == [
        "initial loss", "last loss", "overfit", "rate", "update/weight", "gradient flow", "dead units",
        "generalisation",
    ]  # fmt: skip
    assert "not seen" not in told.values()
    assert told["rate"] == "0.01 (Adam)"
    assert told["dead units"].endswith("%")
    assert told["generalisation"].startswith("held-out loss")
    assert "on 20 samples in" in told["overfit"]
    assert health_line(seen.recording).splitlines() == [health_line(seen.recording)]
    assert " ".join(seen.report().split()).endswith(health_line(seen.recording))


def test_what_could_not_be_checked_says_so():
    seen = watched(healthy, seconds=0.0)
    assert seen.findings
    assert seen.recording.checked is None
    assert dict(bill(seen.recording))["overfit"] == "not tried"
    empty = watched(lambda: None)
    assert {"not seen", "not tried"} <= set(dict(bill(empty.recording)).values())


def test_the_checks_leave_the_network_its_gradients_and_the_generator_as_they_were():
    kept: list[nn.Module] = []

    def work() -> None:
        kept.append(net())
        fit(kept[0], torch.optim.SGD(kept[0].parameters(), 0.1), *blobs())

    seen = watched(work)
    before, gradients = copy.deepcopy(kept[0].state_dict()), [p.grad.clone() for p in kept[0].parameters()]
    state = torch.get_rng_state()
    assert seen.findings
    assert all(torch.equal(value, before[name]) for name, value in kept[0].state_dict().items())
    assert all(torch.equal(p.grad, g) for p, g in zip(kept[0].parameters(), gradients, strict=True))
    assert torch.equal(torch.get_rng_state(), state)


def test_the_page_has_the_bill_and_a_histogram_for_each_nonlinearity():
    def work() -> None:
        model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 3))
        fit(model, torch.optim.SGD(model.parameters(), 0.1), *blobs())

    seen = watched(work)
    text = page("a loop", seen.findings, seen.recording)
    for part in ("Bill of health", "Update/weight ratios", "Gradient norms", "Gradients of the layers"):
        assert part in text
    for name, said in bill(seen.recording):
        assert f"<dt>{name}</dt><dd>{said}</dd>" in text
    assert text.count("Histogram of Sequential.") == len(seen.recording.activations) == 2
    assert "% of 16 units are dead" in text
    assert "% of the values are saturated" in text
    assert "http" not in text.replace("http://www.w3.org", "")


def test_a_closure_counts_one_step_and_tells_its_first_loss():
    x, y = blobs()

    def work() -> None:
        model = net()
        opt = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=6)

        def closure() -> Tensor:
            opt.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            return loss

        for _ in range(10):
            opt.step(closure)

    seen = watched(work)
    assert {str(f.severity) for f in seen.findings} == {"info"}
    assert seen.recording.steps == 10
    assert [step for step, _ in seen.recording.step_losses] == list(range(10))
    assert dict(bill(seen.recording))["rate"] == "0.5 (LBFGS)"


def test_compiled_parts_are_said_to_be_opaque():
    def work() -> None:
        model = torch.compile(net(), backend="eager")
        fit(model, torch.optim.SGD(model.parameters(), 0.1), *blobs())

    seen = watched(work)
    assert {str(f.severity) for f in seen.findings} == {"info"}
    assert "not looked into: a part compiled by torch.compile" in seen.report()
    assert "Not looked into: a part compiled by torch.compile" in page("a loop", seen.findings, seen.recording)
    assert dict(bill(seen.recording))["dead units"] == "not seen"
