"""Small real trainings with one planted condition each, kept raw: every minibatch and every evaluation.

`recorded_views.py` turns a raw training into tables as other tools log them; `measure_recorded.py` scores what goodfit
says of those. Plain PyTorch on purpose: the curves must not come from the engines of the project that is judged.

A `Condition` changes a task's own sensible training in one way. The kinds that are right for it are known from how it
was made, never from what the rules say. Some changes have no effect for a seed (a rate tenfold too high that training
survives): `Raw.facts` carries what shows that, and `measure_recorded.py` leaves such runs out by stated criteria.
"""

from __future__ import annotations

import dataclasses
import gzip
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F

FASHION = Path(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))
STDLIB = ("argparse.py", "ast.py", "calendar.py", "configparser.py", "csv.py", "difflib.py", "inspect.py", "tarfile.py")


@dataclasses.dataclass(frozen=True)
class Data:
    """A task's tensors: inputs standardised, targets classes (or standardised numbers where `classes` is 0)."""

    x: torch.Tensor
    y: torch.Tensor
    x_val: torch.Tensor
    y_val: torch.Tensor
    classes: int


@dataclasses.dataclass(frozen=True)
class Work:
    """A task with a training that a person would leave as it is."""

    name: str
    data: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray, int]]
    net: str = "mlp"  # mlp, cnn, chars, lines
    widths: tuple[int, ...] = (64,)
    optimizer: str = "adam"
    lr: float = 1e-3
    epochs: float = 20
    batch: int = 32
    long: float = 6.0  # times the epochs after which nothing has changed for most of the run
    linear_fits: bool = False  # a linear model does nearly as well, so underfitting by one can't be planted
    overfits_by: int = 100  # training samples that a wide net learns by heart without generalising well


@dataclasses.dataclass(frozen=True)
class Condition:
    """One change, and the kinds that are right for it; the first is the expected one."""

    name: str
    right: tuple[str, ...]
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Setup:
    """Everything that a training is made of."""

    work: Work
    times_lr: float = 1.0
    times_epochs: float = 1.0
    schedule: str = "constant"
    dropout: float = 0.0
    weight_decay: float = 0.0
    train_samples: int = 0
    val_samples: int = 0
    widths: tuple[int, ...] | None = None
    init: float = 1.0
    final: float = 1.0
    sigmoid: bool = False
    shuffled_labels: bool = False
    label_noise: float = 0.0
    reshuffle: bool = True
    ascend_from: float = 2.0  # share of the run after which the gradient's sign is flipped
    zero_inputs: bool = False
    keep_gradients: bool = False
    bad_batches: int = 0  # every so many steps a step is 40 times as large
    batch: int = 0


@dataclasses.dataclass
class Raw:
    """What was recorded: per minibatch, and per evaluation in eval mode on all of both splits."""

    steps: np.ndarray  # [steps, 3]: loss, metric, lr; the loss before the step, in train mode
    evaluations: np.ndarray  # [n, 5]: step, train loss, val loss, train metric, val metric
    per_epoch: int
    metric: str
    facts: dict[str, Any]


def _digits(rng):
    x, y = datasets.load_digits(return_X_y=True)
    return x / 8 - 1, y, 10


def _table(load, classes):
    def make(rng):
        x, y = load(return_X_y=True)
        return (x - x.mean(0)) / x.std(0), y, classes

    return make


def _blobs(rng):
    seed = int(rng.integers(1 << 30))
    x, y = datasets.make_classification(
        3000, 20, n_informative=8, n_redundant=2, n_classes=5, class_sep=1.4, random_state=seed
    )
    return (x - x.mean(0)) / x.std(0), y, 5


def _friedman(rng):
    x, y = datasets.make_friedman1(1500, noise=1.0, random_state=int(rng.integers(1 << 30)))
    return (x - x.mean(0)) / x.std(0), y, 0


def _moons(rng):
    x, y = datasets.make_moons(1500, noise=0.2, random_state=int(rng.integers(1 << 30)))
    return (x - x.mean(0)) / x.std(0), y, 2


def _fashion(samples):
    def make(rng):
        images = np.frombuffer(gzip.decompress((FASHION / "train-images-idx3-ubyte.gz").read_bytes())[16:], np.uint8)
        labels = np.frombuffer(gzip.decompress((FASHION / "train-labels-idx1-ubyte.gz").read_bytes())[8:], np.uint8)
        chosen = rng.choice(60000, samples, replace=False)
        pooled = images.reshape(-1, 14, 2, 14, 2)[chosen].mean((2, 4)).reshape(samples, 196)
        return (pooled / 255 - 0.29) / 0.35, labels[chosen].astype(int), 10

    return make


def _characters(length, samples):
    """Windows of characters of Python's own standard library, and the character that follows."""

    def make(rng):
        text = "".join((Path(os.__file__).parent / name).read_text() for name in STDLIB)
        codes = np.frombuffer(text.encode("ascii", "replace"), np.uint8) % 128
        starts = rng.choice(len(codes) - length - 1, samples, replace=False)
        windows = codes[starts[:, None] + np.arange(length)]
        return windows.astype(float), codes[starts + length].astype(int), 128

    return make


def _lines(rng):
    """Lines of code as counts of characters, and the file that they are from."""
    xs, ys = [], []
    for label, name in enumerate(STDLIB[:6]):
        lines = [line for line in (Path(os.__file__).parent / name).read_text().split("\n") if len(line.strip()) > 12]
        for line in rng.choice(lines, 400):
            xs.append(np.bincount(np.frombuffer(line.encode("ascii", "replace"), np.uint8) % 128, minlength=128))
            ys.append(label)
    x = np.sqrt(np.array(xs, float))
    return (x - x.mean(0)) / (x.std(0) + 0.1), np.array(ys), 6


WORKS: tuple[Work, ...] = (
    Work("digits", _digits, epochs=15),
    Work("digits-momentum", _digits, optimizer="momentum", lr=0.02, epochs=15),
    Work("digits-sgd", _digits, optimizer="sgd", lr=0.1, epochs=25, widths=(128,)),
    Work("digits-cnn", _digits, net="cnn", widths=(8, 16), lr=3e-3, epochs=8, batch=64, long=4),
    Work("wine", _table(datasets.load_wine, 3), widths=(16,), lr=3e-3, epochs=30, batch=16, linear_fits=True),
    Work(
        "cancer",
        _table(datasets.load_breast_cancer, 2),
        widths=(16,),
        lr=1e-3,
        epochs=15,
        batch=16,
        linear_fits=True,
        overfits_by=40,
    ),
    Work("diabetes", _table(datasets.load_diabetes, 0), widths=(16,), lr=1e-3, epochs=30, batch=16, linear_fits=True),
    Work("friedman", _friedman, widths=(64,), lr=3e-3, epochs=40),
    Work("friedman-momentum", _friedman, optimizer="momentum", widths=(64,), lr=0.02, epochs=30),
    Work("blobs", _blobs, lr=2e-3, epochs=15, widths=(32,)),
    Work("moons", _moons, widths=(32,), lr=5e-3, epochs=20, overfits_by=30),
    Work("fashion", _fashion(4000), widths=(128,), lr=1e-3, epochs=8, batch=64, long=3, overfits_by=300),
    Work(
        "fashion-momentum",
        _fashion(4000),
        optimizer="momentum",
        widths=(128, 64),
        lr=0.02,
        epochs=10,
        batch=64,
        long=3,
        overfits_by=300,
    ),
    Work(
        "fashion-cnn", _fashion(2500), net="cnn", widths=(8, 16), lr=3e-3, epochs=10, batch=64, long=3, overfits_by=200
    ),
    Work("chars", _characters(12, 12000), net="chars", widths=(128,), lr=1e-3, epochs=5, batch=64, overfits_by=800),
    Work("lines", _lines, widths=(64,), lr=1e-3, epochs=6, batch=32, overfits_by=150, long=3),
)

LOW, HIGH = ("lr-too-low",), ("lr-too-high", "diverged", "loss-spikes")
CONDITIONS: tuple[Condition, ...] = (
    Condition("healthy", ("healthy",)),
    Condition("healthy-cosine", ("healthy",), {"times_lr": 1.5, "schedule": "cosine"}),
    Condition("healthy-dropout", ("healthy",), {"dropout": 0.2, "times_epochs": 1.2}),
    Condition("healthy-steps", ("healthy",), {"schedule": "steps"}),
    Condition("healthy-warmup", ("healthy",), {"schedule": "warmup"}),
    Condition("healthy-decay", ("healthy",), {"weight_decay": 0.01}),
    Condition("healthy-large-batch", ("healthy",), {"batch": 128, "times_lr": 2.5, "times_epochs": 1.6}),
    Condition("low30", (*LOW, "too-few-steps"), {"times_lr": 1 / 30}),
    Condition("low100", LOW, {"times_lr": 1 / 100}),
    Condition("low1000", LOW, {"times_lr": 1 / 1000}),
    Condition("high30", HIGH, {"times_lr": 30.0}),
    Condition("high100", HIGH, {"times_lr": 100.0}),
    Condition("high1000", HIGH, {"times_lr": 1000.0}),
    Condition("overfit", ("overfitting",), {"train_samples": -1, "widths": (256, 256), "times_epochs": 8.0}),
    Condition("overfit-all", ("overfitting",), {"widths": (512,), "times_epochs": 5.0}),
    Condition("linear", ("underfitting-capacity",), {"widths": (), "times_lr": 3.0, "times_epochs": 1.5}),
    Condition("narrow", ("underfitting-capacity",), {"widths": (2,), "times_lr": 3.0, "times_epochs": 2.0}),
    Condition("short", ("too-few-steps",), {"times_epochs": 0.2}),
    Condition("long", ("too-many-steps", "overfitting"), {"times_epochs": 0.0}),
    Condition("early-decay", ("lr-schedule-wrong",), {"schedule": "early", "times_lr": 0.5}),
    Condition("exponential", ("lr-schedule-wrong", "lr-too-low"), {"schedule": "exponential"}),
    Condition("spikes", ("loss-spikes", "lr-too-high"), {"bad_batches": 150, "times_epochs": 1.5}),
    Condition(
        "saturated", ("bad-initialisation", "lr-too-low", "pipeline-suspect"), {"sigmoid": True, "widths": (64, 64, 64)}
    ),
    Condition(
        "tiny-init", ("bad-initialisation", "pipeline-suspect", "lr-too-low"), {"init": 0.1, "widths": (64, 64, 64)}
    ),
    Condition("final30", ("easy-gain-at-start", "bad-initialisation", "diverged"), {"final": 30.0}),
    Condition("noisy", ("noisy-validation",), {"val_samples": 24, "times_lr": 1.5, "times_epochs": 2.0}),
    Condition(
        "shuffled",
        ("pipeline-suspect", "overfitting"),
        {"shuffled_labels": True, "widths": (256,), "times_epochs": 1.5},
    ),
    Condition("ascent", ("pipeline-suspect", "diverged"), {"ascend_from": 0.35, "times_lr": 0.3}),
    Condition("same-order", ("pipeline-suspect",), {"reshuffle": False, "batch": 16}),
    Condition("zeroed", ("pipeline-suspect", "underfitting-capacity"), {"zero_inputs": True}),
    Condition("label-noise", ("pipeline-suspect", "excess-regularisation"), {"label_noise": 0.4, "widths": (32,)}),
    Condition("no-clear", (*HIGH, "pipeline-suspect"), {"keep_gradients": True}),
    Condition("decayed", ("excess-regularisation", "underfitting-capacity"), {"weight_decay": 0.5}),
    Condition("dropped", ("excess-regularisation", "underfitting-capacity"), {"dropout": 0.85}),
)


def split(work: Work, setup: Setup, seed: int) -> Data:
    rng = np.random.default_rng(1000 + seed)
    x, y, classes = work.data(rng)
    if not classes:
        y = (y - y.mean()) / y.std()
    order = rng.permutation(len(x))
    x, y = x[order], y[order]
    held = min(max(len(x) // 5, 50), 1000)
    x_val, y_val, x, y = x[:held], y[:held], x[held:], y[held:]
    wanted = work.overfits_by if setup.train_samples < 0 else setup.train_samples
    if wanted:
        x, y = x[:wanted], y[:wanted]
    if setup.val_samples:
        x_val, y_val = x_val[: setup.val_samples], y_val[: setup.val_samples]
    if setup.shuffled_labels:
        y = rng.permutation(y)
    if setup.label_noise:
        wrong = rng.random(len(y)) < setup.label_noise
        y = np.where(wrong, rng.permutation(y), y)
    kind = torch.long if classes else torch.float32
    if setup.zero_inputs:
        x, x_val = x * 0, x_val * 0
    return Data(
        torch.tensor(x, dtype=torch.float32),
        torch.tensor(y, dtype=kind),
        torch.tensor(x_val, dtype=torch.float32),
        torch.tensor(y_val, dtype=kind),
        classes,
    )


def network(setup: Setup, data: Data) -> nn.Module:
    work, widths = setup.work, setup.work.widths if setup.widths is None else setup.widths
    outputs = data.classes or 1
    activation = nn.Sigmoid if setup.sigmoid else nn.ReLU
    layers: list[nn.Module] = []
    size = data.x.shape[1]
    if work.net == "chars":
        layers += [_Embedded(128, 16), nn.Flatten()]
        size *= 16
    if work.net == "cnn" and setup.widths is None:
        side, channels = math.isqrt(size), 1
        layers.append(nn.Unflatten(1, (1, side, side)))
        for width in widths:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
            channels, side = width, side // 2
        layers.append(nn.Flatten())
        size = channels * side * side
        if setup.dropout:
            layers.append(nn.Dropout(setup.dropout))
    else:
        for width in widths:
            linear = nn.Linear(size, width)
            linear.weight.data *= setup.init
            layers += [linear, activation()]
            if setup.dropout:
                layers.append(nn.Dropout(setup.dropout))
            size = width
    last = nn.Linear(size, outputs)
    last.weight.data *= setup.final
    return nn.Sequential(*layers, last)


class _Embedded(nn.Module):
    def __init__(self, count: int, size: int) -> None:
        super().__init__()
        self.table = nn.Embedding(count, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.table(x.long())


def share_of_rate(schedule: str, progress: float, step: int) -> float:
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress))
    if schedule == "early":
        return 1.0 if progress < 1 / 8 else 1e-3
    if schedule == "steps":
        return 1.0 if progress < 0.6 else 0.1 if progress < 0.85 else 0.01
    if schedule == "warmup":
        return min(progress / 0.05, 1.0) * 0.5 * (1 + math.cos(math.pi * progress))
    if schedule == "exponential":  # meant per epoch, stepped per batch
        return 0.95**step
    return 1.0


def train(setup: Setup, seed: int, stop_after: int = 20000) -> Raw:
    """Train once and keep everything."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    work = setup.work
    data = split(work, setup, seed)
    net = network(setup, data)
    lr = work.lr * setup.times_lr
    if work.optimizer == "adam":
        optimizer: torch.optim.Optimizer = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=setup.weight_decay)
    else:
        momentum = 0.9 if work.optimizer == "momentum" else 0.0
        optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum, weight_decay=setup.weight_decay)
    batch = min(setup.batch or work.batch, max(len(data.x) // 2, 1))
    per_epoch = len(data.x) // batch
    epochs = max(work.epochs * (setup.times_epochs or work.long), 1)
    total = min(max(round(epochs * per_epoch), 8), stop_after)
    every = max(per_epoch, round(total / 120)) if total > 10 * per_epoch else max(total // 12, 1)

    def loss_of(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(out, target) if data.classes else F.mse_loss(out[:, 0], target)

    def metric_of(out: torch.Tensor, target: torch.Tensor) -> float:
        if data.classes:
            return (out.argmax(1) == target).double().mean().item()
        return 1 - ((out[:, 0] - target) ** 2).mean().item() / max(target.var(unbiased=False).item(), 1e-9)

    rows, evaluations = [], []

    def evaluate(step: int) -> None:
        net.eval()
        with torch.no_grad():
            train_out, val_out = net(data.x[:2000]), net(data.x_val)
            evaluations.append(
                [
                    step,
                    loss_of(train_out, data.y[:2000]).item(),
                    loss_of(val_out, data.y_val).item(),
                    metric_of(train_out, data.y[:2000]),
                    metric_of(val_out, data.y_val),
                ]
            )
        net.train()

    evaluate(0)
    order = torch.randperm(len(data.x))
    bad = 0
    for step in range(total):
        place = step % per_epoch
        if place == 0 and setup.reshuffle:
            order = torch.randperm(len(data.x))
        chosen = order[place * batch : (place + 1) * batch]
        rate = lr * share_of_rate(setup.schedule, step / total, step)
        if setup.bad_batches and step % setup.bad_batches == setup.bad_batches - 1:
            rate *= 40.0
        for group in optimizer.param_groups:
            group["lr"] = rate
        out = net(data.x[chosen])
        loss = loss_of(out, data.y[chosen])
        rows.append([loss.item(), metric_of(out.detach(), data.y[chosen]), rate])
        if not math.isfinite(rows[-1][0]):
            bad += 1
        if not setup.keep_gradients:
            optimizer.zero_grad()
        (-loss if step >= setup.ascend_from * total else loss).backward()
        optimizer.step()
        if (step + 1) % every == 0 or step + 1 == total:
            evaluate(step + 1)
    shares = np.bincount(data.y.numpy(), minlength=data.classes) / len(data.y) if data.classes else np.ones(1)
    facts = {
        "classes": data.classes,
        "chance_loss": float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())
        if data.classes
        else float(data.y.var(unbiased=False)),
        "chance_metric": float(shares.max()) if data.classes else 0.0,
        "train_samples": min(len(data.x), 2000),
        "val_samples": len(data.x_val),
        "dropout": setup.dropout,
        "batch": batch,
        "bad": bad,
    }
    return Raw(np.array(rows), np.array(evaluations), per_epoch, "accuracy" if data.classes else "r2", facts)


OPEN = ("digits", "digits-sgd", "wine", "diabetes", "friedman-momentum", "blobs", "fashion", "chars")


def half_of(work: Work) -> str:
    """Whole tasks are kept apart while rules change: "open" ones may be looked at, "kept" ones are only scored."""
    return "open" if work.name in OPEN else "kept"


def planned(seed: int, works: tuple[Work, ...] = WORKS) -> list[tuple[Work, Condition, Setup]]:
    """Every condition that makes sense for every task."""
    plan = []
    for work in works:
        for condition in CONDITIONS:
            sgd = work.optimizer != "adam"
            if condition.name in ("linear",) and (work.linear_fits or work.net != "mlp" or work.name == "lines"):
                continue
            if condition.name == "narrow" and work.name in ("wine", "cancer", "diabetes", "moons", "friedman"):
                continue
            if condition.name in ("shuffled", "final30", "zeroed") and work.name == "moons":
                continue
            if condition.name == "decayed" and not sgd:
                condition = dataclasses.replace(condition, changes={"weight_decay": 50.0})
            if condition.name in ("dropped", "healthy-dropout") and work.name in ("wine", "cancer", "diabetes"):
                continue
            if condition.name == "high1000" and sgd:
                continue
            if condition.name == "low1000" and sgd:
                continue
            if condition.name in ("saturated", "tiny-init") and (work.net == "cnn" or not sgd):
                continue
            if condition.name == "same-order" and work.name in ("chars", "lines", "wine"):
                continue
            plan.append((work, condition, Setup(work, **condition.changes)))
    return plan


def save(raw: Raw, path: Path) -> None:
    np.savez_compressed(
        path,
        steps=raw.steps.astype(np.float32),
        evaluations=raw.evaluations,
        per_epoch=raw.per_epoch,
        metric=raw.metric,
        facts=np.array(repr(raw.facts)),
    )


def load(path: Path) -> Raw:
    import ast

    with np.load(path) as kept:
        return Raw(
            kept["steps"].astype(float),
            kept["evaluations"],
            int(kept["per_epoch"]),
            str(kept["metric"]),
            ast.literal_eval(str(kept["facts"]).replace("nan", "None")),
        )


def main() -> None:
    import argparse
    import time

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--only", default="", help="part of a name")
    parser.add_argument("--half", choices=("", "open", "kept"), default="", help="one half of the tasks")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for seed in map(int, given.seeds.split(",")):
        for work, condition, setup in planned(seed):
            path = given.folder / f"{work.name}.{condition.name}.{seed}.npz"
            if path.exists() or given.only not in path.name or given.half not in ("", half_of(work)):
                continue
            began = time.process_time()
            save(train(setup, seed), path)
            print(f"{path.name} {time.process_time() - began:.1f} s", flush=True)


if __name__ == "__main__":
    main()
