"""Rows about what is searched: which hyperparameters open, one study over a net's shape, workers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from recipe_runs import SGD, StopAfter, digits, made, split, task
from torch import Tensor, nn

import goodfit as gf
from goodfit.recipe.result import StageName
from goodfit.space.defaults import default_space


def test_row_13_and_17_eight_trials_open_the_rate_and_decay_alone():
    names = set(default_space("adamw", trials=8).names)
    assert "lr" in names
    assert names <= {"lr", "weight_decay"}
    assert {"beta2", "eps"}.isdisjoint(default_space("adamw", trials=24).names)


class Conv(nn.Module):
    """A small net whose kernel, stride, width and depth are hyperparameters."""

    def __init__(self, hp: Any) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for layer in range(int(hp.depth)):
            stride = int(hp.stride) if layer == 0 else 1
            layers += [nn.Conv2d(channels, int(hp.width), int(hp.kernel), stride, int(hp.kernel) // 2), nn.ReLU()]
            channels = int(hp.width)
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x.view(-1, 1, 8, 8))


@pytest.mark.slow
def test_row_16_and_57_one_study_over_a_nets_shape_and_optimizer_completes(tmp_path: Path):
    space = gf.Space(
        gf.when(optimizer="sgd", momentum=gf.choice(0.0, 0.9)),
        lr=gf.log(1e-4, 1.0),
        optimizer=gf.choice("sgd", "adamw"),
        kernel=gf.choice(3, 5),
        stride=gf.choice(1, 2),
        width=gf.powers_of_two(4, 16),
        depth=gf.integer(1, 3),
        batch_size=gf.powers_of_two(16, 64),
    )
    start = {"optimizer": "adamw", "kernel": 3, "stride": 1, "width": 8, "depth": 2, "batch_size": 32}
    a_task = task(model=Conv, space=space, start=start)
    run = made(tmp_path / "shape", a_task, trials=16, epochs=4, watcher=StopAfter(StageName.COARSE))
    trials = run.trials(StageName.COARSE)
    assert len(trials) == 16
    assert {t.status for t in trials} <= {"done", "diverged"}
    assert sum(t.status == "done" for t in trials) >= 8
    tried = {name: {t.hyperparameters[name] for t in trials} for name in start}
    assert tried["kernel"] == {3, 5}
    assert tried["stride"] == {1, 2}
    assert tried["optimizer"] == {"sgd", "adamw"}
    assert tried["depth"] == {1, 2, 3}
    assert all(value & (value - 1) == 0 for value in tried["width"] | tried["batch_size"])
    searched = run.step(StageName.COARSE).space
    ranges = [value for key, value in searched.items() if "lr" in key]
    assert len(ranges) == 2, "each optimizer has its own range of rates"
    assert (ranges[0]["low"], ranges[0]["high"]) != (ranges[1]["low"], ranges[1]["high"])


@pytest.mark.slow
def test_row_59_one_worker_and_several_train_the_same_trials_to_the_same_values(tmp_path: Path):
    inputs, labels = digits()
    runs = []
    for workers in (1, 4):
        a_task = task(data=split(inputs, labels), start=SGD)
        run = made(
            tmp_path / str(workers), a_task, workers=workers, trials=8, epochs=4, watcher=StopAfter(StageName.COARSE)
        )
        runs.append(run.trials(StageName.COARSE))
    one, four = runs
    assert [t.hyperparameters for t in one] == [t.hyperparameters for t in four]
    assert [t.seed for t in one] == [t.seed for t in four]
    losses = [torch.tensor([t.metrics["val_loss"] for t in trials]) for trials in runs]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-4, atol=1e-5)  # an engine apart: float32 rounding
