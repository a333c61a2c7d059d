"""Rows about the loop: a verdict changes the next box or budget, and a range that misses is moved."""

from typing import Any

import pytest
import torch
from recipe_runs import SGD, SHORT, Recorded, box_of, digits, made, split, task
from sklearn.datasets import make_moons
from torch import Tensor, nn

import goodfit as gf
from goodfit.recipe.result import StageName

pytestmark = pytest.mark.slow


def acted(run: Recorded, kind: str) -> Any:
    """The decision of a finer round that a verdict led to."""
    found = [d for d in run.decisions(StageName.FINE) if d.why.startswith(f"{kind}:")]
    assert found, [stage.summary for stage in run.stages(StageName.CURVES)]
    return found[0]


def test_row_12_a_rate_range_thirty_times_too_low_is_moved_and_loses_nothing(tmp_path):
    whole = gf.Space(lr=gf.log(3e-3, 0.3), weight_decay=gf.log(1e-6, 1e-2, zero=0.25))
    cut = gf.Space(lr=gf.log(1e-4, 1e-2), weight_decay=gf.log(1e-6, 1e-2, zero=0.25))
    results = {}
    for name, space in (("whole", whole), ("cut", cut)):
        results[name] = made(tmp_path / name, task(space=space), trials=24, epochs=8)
    moved = results["cut"]
    assert moved.kinds() & {"best-on-border", "lr-too-low"}
    tops = [box_of(s.space, "lr")[1] for s in (moved.step(StageName.COARSE), *moved.stages(StageName.FINE))]
    assert max(tops) > 1e-2
    rates = [t.hyperparameters["lr"] for t in moved.trials(StageName.FINE)]
    assert max(rates) > 1e-2
    best = {name: run.result.best for name, run in results.items()}
    assert best["whole"] is not None
    assert best["cut"] is not None
    error = (0.97 * 0.03 / 359) ** 0.5  # of one accuracy on the test samples
    assert best["cut"].test["accuracy"] >= best["whole"].test["accuracy"] - 2 * 2**0.5 * error


def test_row_12_a_range_apart_from_what_trains_is_moved_with_a_warning(tmp_path):
    apart = gf.Space(lr=gf.log(1e-6, 1e-4), weight_decay=gf.log(1e-6, 1e-2, zero=0.25))
    run = made(tmp_path / "apart", task(space=apart), trials=8, epochs=4)
    assert run.kinds() & {"best-on-border", "lr-too-low"}
    low, _ = box_of(run.step(StageName.COARSE).space, "lr")
    assert low > 1e-4
    assert run.result.best is not None
    assert run.result.best.test["accuracy"] > 0.9


def test_row_35_and_36_curves_that_still_climb_lengthen_the_next_round(tmp_path):
    slow = gf.Space(lr=gf.log(1e-2, 2e-2, hard=True), weight_decay=gf.log(1e-6, 1e-2))
    start = {**SGD, "momentum": 0.0}
    settings = SHORT.replaced({"budget.fine_epochs": 3.0})
    run = made(tmp_path / "slow", task(space=slow, start=start), settings=settings, trials=8, epochs=None)
    decision = acted(run, "too-few-steps")
    assert decision.after["epochs"] > decision.before["epochs"]
    first, second = (run.trials(StageName.FINE, round_) for round_ in (1, 2))
    assert max(t.epochs for t in second) > max(t.epochs for t in first)
    assert "too-few-steps" in {f.finding.kind for f in run.ledger.findings}


def test_row_37_two_hundred_digits_and_a_big_net_are_overfitted_and_regularised(tmp_path):
    inputs, labels = digits()
    noisy = inputs + torch.randn(inputs.shape, generator=torch.Generator().manual_seed(3))
    space = gf.Space(lr=gf.log(3e-4, 1e-2), weight_decay=gf.log(1e-4, 1e-2, zero=0.25), dropout=gf.linear(0.0, 0.1))
    few = task(
        data=lambda: split(noisy, labels, train=200),
        space=space,
        start={"optimizer": "adamw", "batch_size": 20, "width": 512},
    )
    run = made(tmp_path / "few", few, trials=8, epochs=40)
    decision = acted(run, "overfitting")
    for name in ("weight_decay", "dropout"):
        before, after = (box_of(side["space"], name)[1] for side in (decision.before, decision.after))
        assert after > before


class Narrow(nn.Module):
    """One or two hidden units: nearly a line, where the border between the classes is a wave."""

    def __init__(self, hp: Any) -> None:
        super().__init__()
        self.hidden, self.last = nn.Linear(2, int(hp.width)), nn.Linear(int(hp.width), 2)
        with torch.no_grad():
            self.last.weight.mul_(0.1)
            self.last.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.hidden(x).tanh())


def test_row_38_a_net_too_small_grows(tmp_path):
    points, labels = make_moons(2000, noise=0.15, random_state=0)
    inputs = torch.tensor((points - points.mean(0)) / points.std(0), dtype=torch.float32)
    moons = split(inputs, torch.tensor(labels))
    space = gf.Space(lr=gf.log(1e-3, 1e-1), width=gf.integer(1, 2))
    small = task(model=Narrow, data=moons, space=space, start={"optimizer": "adamw", "batch_size": 32})
    run = made(tmp_path / "small", small, trials=8, epochs=30, force=True)
    decision = acted(run, "underfitting-capacity")
    assert box_of(decision.after["space"], "width")[1] > box_of(decision.before["space"], "width")[1]
    widths = [t.hyperparameters["width"] for t in run.trials(StageName.FINE, 2)]
    assert max(widths) > 2
