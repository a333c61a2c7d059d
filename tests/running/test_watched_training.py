"""The doctor's rules on a task: faults that no gate looks for are named at the recipe's door, healthy tasks are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from small_runs import digits
from torch import Tensor, nn

import goodfit as gf
from goodfit.demos.digits import load
from goodfit.findings import Finding, Severity
from goodfit.opened import open_task
from goodfit.running.watched import mistakes
from goodfit.settings import Settings
from goodfit.task_file import load_task

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
START: dict[str, Any] = {"optimizer": "adamw", "batch_size": 32}


def seen_of(task: gf.Task) -> list[Finding]:
    """What the rules say of the task within `goodfit check`."""
    settings = Settings()
    problem = open_task(task, torch.device("cpu")).problem
    start = {**START, **({} if task.space is None else task.space.middle()), **task.start}
    return mistakes(problem, start, 0, settings, steps=settings.initial_loss.watched_steps, where="the stage")


def loud(findings: list[Finding]) -> list[str]:
    return [finding.kind for finding in findings if finding.severity is not Severity.INFO]


def fixed(build: Callable[[], nn.Module], **changes: Any) -> gf.Task:
    return digits(**({"model": lambda hp: build(), "space": None, "start": START} | changes))


def model_loss(function: Callable[[nn.Module, Any], Tensor]) -> dict[str, Any]:
    return {"loss": gf.model_loss(function), "metrics": {}, "objective": "min val loss"}


class EvalWithin(nn.Module):
    """Puts itself into eval mode whenever it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 10))

    def forward(self, inputs: Tensor) -> Tensor:
        self.eval()
        return self.layers(inputs)


class AlwaysDropping(nn.Module):
    """Its dropout does not know of modes."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(64, 32), nn.Linear(32, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.outer(F.dropout(self.inner(inputs).relu(), 0.3))


class Attending(nn.Module):
    """Its attention weights compete over the samples of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.score, self.value, self.outer = nn.Linear(64, 16), nn.Linear(64, 16), nn.Linear(16, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.outer(self.score(inputs).softmax(dim=0) * self.value(inputs).relu())


class PlainList(nn.Module):
    """Half of its layers are in a list that registers nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = [nn.Linear(64, 32), nn.Linear(32, 32)]
        self.outer = nn.Linear(32, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        for layer in self.hidden:
            inputs = layer(inputs).relu()
        return self.outer(inputs)


def frozen() -> nn.Module:
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    model[0].requires_grad_(False)
    return model


def softmaxed() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10), nn.Softmax(dim=1))


def one_output() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))


def as_numbers() -> gf.Data:
    data = load()
    return gf.Data(**{name: (data.__dict__[name][0], data.__dict__[name][1] / 10.0) for name in ("train", "val")})


FAULTS: dict[str, tuple[Callable[[], gf.Task], str]] = {
    "softmax within a loss of the model": (
        lambda: fixed(softmaxed, **model_loss(lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]))),
        "softmax-before-cross-entropy",
    ),
    "no nonlinearity": (
        lambda: fixed(lambda: nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))),
        "missing-nonlinearity",
    ),
    "softmax over the batch": (lambda: fixed(Attending), "wrong-softmax-dim"),
    "eval mode within": (lambda: fixed(EvalWithin), "eval-mode-while-training"),
    "dropout always on": (lambda: fixed(AlwaysDropping), "train-mode-while-evaluating"),
    "layers in a list": (lambda: fixed(PlainList), "parameters-not-in-optimizer"),
    "frozen at random": (lambda: fixed(frozen), "frozen-parameters"),
    "shapes meet in a loss of the model": (
        lambda: fixed(
            one_output,
            data=as_numbers,
            **model_loss(lambda model, batch: F.mse_loss(model(batch[0]), batch[1])),
        ),
        "shape-broadcast-in-loss",
    ),
    "negative log-likelihood of raw outputs": (
        lambda: fixed(
            lambda: nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
            **model_loss(lambda model, batch: F.nll_loss(model(batch[0]), batch[1])),
        ),
        "wrong-loss-for-task",
    ),
}


@pytest.mark.parametrize("name", FAULTS, ids=lambda name: name.replace(" ", "-"))
def test_a_fault_that_only_the_rules_see_is_named(name: str):
    make, kind = FAULTS[name]
    found = seen_of(make())
    assert loud(found)[:1] == [kind], [(f.kind, f.message) for f in found]


def test_a_finding_names_the_users_line_or_the_stage():
    own = seen_of(FAULTS["softmax over the batch"][0]())[0]
    assert own.where.split(":")[0].endswith("test_watched_training.py")
    nobody = seen_of(FAULTS["no nonlinearity"][0]())[0]
    assert nobody.where == "the stage"


class Bottled(nn.Module):
    """A low-rank bottleneck, a head that shares weights with the embedding of its codes, dropout by mode, BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(64, 8, bias=False), nn.Linear(8, 64)
        self.norm, self.hidden, self.outer = nn.BatchNorm1d(64), nn.Linear(64, 32), nn.Linear(32, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        seen = self.norm(inputs + self.up(self.down(inputs)))
        return self.outer(F.dropout(F.gelu(self.hidden(seen)), 0.2, self.training))


HEALTHY: dict[str, Callable[[], gf.Task]] = {
    "the demo": lambda: load_task("goodfit.demos.digits:task"),
    "the other demo": lambda: load_task("goodfit.demos.diabetes:task"),
    "a bottleneck": lambda: fixed(Bottled),
    "one linear layer": lambda: fixed(lambda: nn.Linear(64, 10)),
    "a deep net of tanh": lambda: fixed(
        lambda: nn.Sequential(
            nn.Linear(64, 32),
            *(m for _ in range(4) for m in (nn.Tanh(), nn.Linear(32, 32))),
            nn.Tanh(),
            nn.Linear(32, 10),
        )
    ),
    "log-softmax and its loss": lambda: fixed(
        lambda: nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10), nn.LogSoftmax(dim=1)), loss=F.nll_loss
    ),
    "sgd": lambda: fixed(
        lambda: nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)), start=START | {"optimizer": "sgd"}
    ),
}


@pytest.mark.parametrize("name", HEALTHY, ids=lambda name: name.replace(" ", "-"))
def test_a_healthy_task_raises_no_alarm(name: str):
    found = seen_of(HEALTHY[name]())
    assert loud(found) == [], [(f.kind, f.message) for f in found]


@pytest.mark.slow
@pytest.mark.parametrize(
    "spec",
    [
        "char_lm.py:gru",
        "char_lm.py:transformer",
        "diabetes_regression.py",
        "digits_mlp.py",
        "fashion_mlp.py",
        "fashion_cnn.py",
    ],
)
def test_no_example_raises_an_alarm(spec: str):
    if spec.startswith("fashion") and not Path("/usr/share/datasets/fashion-mnist").is_dir():
        pytest.skip("Fashion-MNIST is not on this machine: apt-get install dataset-fashion-mnist")
    found = seen_of(load_task(str(EXAMPLES / spec)))
    assert loud(found) == [], [(f.kind, f.message) for f in found]


def test_recording_leaves_the_users_random_numbers_and_hooks_alone():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    backward, step = torch.autograd.backward, torch.optim.AdamW.step
    seen_of(HEALTHY["a bottleneck"]())
    assert torch.equal(torch.rand(4), expected)
    assert torch.autograd.backward is backward
    assert torch.optim.AdamW.step is step
