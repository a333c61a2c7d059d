"""Planted faults end in the verdict that names them; healthy tasks in none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from small_runs import digits, kinds, small
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

import goodfit as gf
from goodfit.demos.digits import load

RATE_ONLY = gf.Space(lr=gf.log(1e-4, 1e-1), weight_decay=gf.log(1e-3, 1.0, zero=0.25))
START = {"optimizer": "adamw", "batch_size": 32}


def checked(task: gf.Task, out: Path) -> gf.Result:
    """Steps 1 to 3 with their own settings, so that verdicts are those that users get."""
    return gf.check(task, out=out, trials=4, epochs=4, workers=0)


def plain(hp: gf.Hyperparameters) -> nn.Module:
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def scaled(hp: gf.Hyperparameters) -> nn.Module:
    model = plain(hp)
    with torch.no_grad():
        model[-1].weight.mul_(10)
    return model


class Detached(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(64, 32)
        self.outer = nn.Linear(32, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.outer(self.inner(inputs).relu().detach())


class Redrawn(Dataset):
    """Labels drawn anew whenever a sample is read."""

    def __init__(self) -> None:
        self.inputs, self.target = load().train

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.inputs[index], torch.randint(0, 10, ())


def with_label_column() -> gf.Data:
    def add(pair: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return torch.cat([pair[0], pair[1][:, None].float()], 1), pair[1]

    data = load()
    return gf.Data(train=add(data.train), val=add(data.val), test=add(data.test))


def redrawn() -> gf.Data:
    data = load()
    return gf.Data(train=Redrawn(), val=data.val, test=data.test)


def fixed(**changes: Any) -> gf.Task:
    return digits(**({"model": plain, "space": RATE_ONLY, "start": START} | changes))


FAULTS: dict[str, tuple[Callable[[], gf.Task], set[str]]] = {
    "final layer times ten": (lambda: fixed(model=scaled), {"initial-loss-off"}),
    "detached graph": (lambda: fixed(model=lambda hp: Detached()), {"dead-graph-detach"}),
    "one column is the label": (
        lambda: fixed(
            model=lambda hp: nn.Sequential(nn.Linear(65, 32), nn.ReLU(), nn.Linear(32, 10)), data=with_label_column
        ),
        {"data-leakage", "initial-loss-too-good"},
    ),
    "one hidden unit": (
        lambda: fixed(model=lambda hp: nn.Sequential(nn.Linear(64, 1), nn.ReLU(), nn.Linear(1, 10))),
        {"cannot-overfit-sample"},
    ),
    "rates far too high": (
        lambda: fixed(space=gf.Space(lr=gf.log(30.0, 3000.0, hard=True))),
        {"lr-too-high", "no-stable-learning-rate"},
    ),
    "rates far too low": (
        lambda: fixed(space=gf.Space(lr=gf.log(1e-9, 1e-7))),
        {"lr-too-low"},
    ),
    "softmax in the model": (
        lambda: fixed(model=lambda hp: nn.Sequential(plain(hp), nn.Softmax(1))),
        {"softmax-before-cross-entropy"},
    ),
    "softmax over the batch": (
        lambda: fixed(model=lambda hp: nn.Sequential(plain(hp), nn.LogSoftmax(0)), loss=F.nll_loss),
        {"wrong-softmax-dim"},
    ),
    "linear after linear": (
        lambda: fixed(model=lambda hp: nn.Sequential(nn.Linear(64, 32), nn.Linear(32, 32), nn.Linear(32, 10))),
        {"missing-nonlinearity"},
    ),
    "a column against a row": (
        lambda: fixed(
            model=lambda hp: nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1)),
            loss=lambda prediction, target: ((prediction - target.float() / 9) ** 2).mean(),
            metrics={},
            objective="min val loss",
        ),
        {"shape-broadcast-in-loss"},
    ),
    "labels redrawn each step": (lambda: fixed(data=redrawn), {"labels-misaligned"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS, ids=lambda name: name.replace(" ", "-"))
def test_a_planted_fault_is_named(tmp_path: Path, name: str):
    make, expected = FAULTS[name]
    result = checked(make(), tmp_path / "run")
    assert expected & set(kinds(result, above_info=True)), [(f.kind, f.message) for f in result.findings]


class Augmented(Dataset):
    """Inputs with fresh noise whenever they are read; the label stays."""

    def __init__(self) -> None:
        self.inputs, self.target = load().train

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.inputs[index] + 0.05 * torch.randn(64), self.target[index]


HEALTHY: dict[str, Callable[[], gf.Task]] = {
    "plain": fixed,
    "sgd": lambda: fixed(start={"optimizer": "sgd", "batch_size": 32}),
    "without a space": lambda: fixed(space=None),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HEALTHY, ids=lambda name: name.replace(" ", "-"))
def test_a_healthy_task_gets_no_finding_above_info(tmp_path: Path, name: str):
    result = checked(HEALTHY[name](), tmp_path / "run")
    assert result.status == "done"
    assert kinds(result, above_info=True) == [], [(f.kind, f.message) for f in result.findings]


# -- tasks of other kinds -------------------------------------------------------------------------------------------


def as_dicts() -> gf.Data:
    data = load()
    return gf.Data(
        **{name: dict(zip(("pixels", "digit"), getattr(data, name), strict=True)) for name in ("train", "val", "test")}
    )


def as_sets() -> gf.Data:
    data = load()
    return gf.Data(train=DataLoader(TensorDataset(*data.train), batch_size=64), val=TensorDataset(*data.val))


def without_val() -> gf.Data:
    data = load()
    return gf.Data(train=data.train, test=data.test)


def augmented() -> gf.Data:
    data = load()
    return gf.Data(train=Augmented(), val=data.val)


def regression() -> gf.Task:
    def line() -> gf.Data:
        x = torch.randn(600, 5, generator=torch.Generator().manual_seed(0))
        y = (x @ torch.arange(1.0, 6.0) + 0.1 * x[:, 0] ** 2)[:, None]
        return gf.Data(train=(x[:400], y[:400]), val=(x[400:500], y[400:500]), test=(x[500:], y[500:]))

    return fixed(
        name="line",
        model=lambda hp: nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1)),
        data=line,
        loss=F.mse_loss,
        metrics={},
        objective="min val loss",
    )


class Branching(nn.Module):
    """What it computes depends on the numbers themselves: no batch of trials can do that at once."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(64, 16), nn.Linear(16, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.inner(inputs)
        hidden = hidden.relu() if hidden.sum() > 0 else hidden.tanh()
        return self.outer(hidden)


KINDS: dict[str, Callable[[], gf.Task]] = {
    "dict batches": lambda: fixed(
        data=as_dicts,
        loss=gf.model_loss(lambda model, batch: F.cross_entropy(model(batch["pixels"]), batch["digit"])),
        metrics={},
        objective="min val loss",
    ),
    "single tensors": lambda: fixed(
        model=lambda hp: nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 64)),
        data=lambda: gf.Data(train=load().train[0], val=load().val[0], test=load().test[0]),
        loss=gf.model_loss(lambda model, batch: F.mse_loss(model(batch), batch)),
        metrics={},
        objective="min val loss",
    ),
    "sets and loaders": lambda: fixed(data=as_sets, start={"optimizer": "adamw"}),
    "no val": lambda: fixed(data=without_val),
    "augmented": lambda: fixed(data=augmented),
    "regression": regression,
    "not batchable": lambda: fixed(model=lambda hp: Branching()),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS, ids=lambda name: name.replace(" ", "-"))
def test_a_task_of_any_kind_runs_to_its_end(tmp_path: Path, name: str):
    task = KINDS[name]()
    result = gf.run(task, out=tmp_path / "run", trials=4, epochs=2, workers=0, settings=small(), force=True)
    assert result.status == "done", [(s["step"], s["summary"]) for s in result.document["steps"]]
    assert result.best.val["loss"] == result.best.val["loss"]
    assert ("not-batchable" in kinds(result)) == (name == "not batchable")
    assert bool(result.best.test) == (name not in ("sets and loaders", "augmented"))
    if name == "sets and loaders":
        assert result.best.hyperparameters["batch_size"] == 64
