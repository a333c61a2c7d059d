"""Small real trainings with a planted condition: the corpus behind the golden curves and the measured rates.

Plain PyTorch on purpose: the curves must not come from the engines of the project that is judged by them. A `Planted`
names a condition, the verdicts that are right for it, and how to train it for a seed.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F

from goodfit.diagnosis.curves import Curves, Series

LOW = ("lr-too-low",)
HIGH = ("lr-too-high", "diverged", "loss-spikes")
OVER = ("overfitting",)
UNDER = ("underfitting-capacity",)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One training. Rates are multiples of `rate`, which is sensible for the task and the optimiser."""

    task: str = "digits"
    widths: tuple[int, ...] = (64,)
    optimizer: str = "adam"
    rate: float = 1e-3
    times: float = 1.0  # the planted factor on the rate
    epochs: float = 20.0
    batch: int = 32
    train_samples: int = 0  # 0: all
    dropout: float = 0.0
    weight_decay: float = 0.0
    schedule: str = (
        "constant"  # cosine, early (cut to nothing at a sixth), steps (cut by ten at half and three quarters)
    )
    final_layer: float = 1.0  # factor on the last layer's initial weights
    init: float = 1.0  # factor on the hidden layers' initial weights
    shuffled_labels: bool = False
    reshuffle: bool = True
    evaluations: int = 24


@dataclasses.dataclass(frozen=True)
class Planted:
    """A condition and the kinds that are right for it; the first is the expected one."""

    name: str
    right: tuple[str, ...]
    recipe: Recipe
    times_stable: float | None = None  # the rate as a multiple of the largest stable one, found by training


def data_of(task: str, seed: int) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Inputs (standardised), targets, and the number of classes (0: regression, standardised targets)."""
    rng = np.random.default_rng(seed)
    classes = 0
    if task in ("digits", "parity", "rare"):
        x, y = datasets.load_digits(return_X_y=True)
        x, classes = x / 16.0, 10
        if task == "parity":
            y, classes = y % 2, 2
        if task == "rare":  # one in ten
            y, classes = (y == 8).astype(int), 2
    elif task == "wine":
        (x, y), classes = datasets.load_wine(return_X_y=True), 3
    elif task == "cancer":
        (x, y), classes = datasets.load_breast_cancer(return_X_y=True), 2
    elif task == "moons":
        (x, y), classes = datasets.make_moons(1500, noise=0.15, random_state=seed), 2
    elif task == "circles":
        (x, y), classes = datasets.make_circles(1500, noise=0.08, factor=0.5, random_state=seed), 2
    elif task == "blobs":
        (x, y), classes = (
            datasets.make_classification(
                3000, 20, n_informative=8, n_redundant=2, n_classes=5, class_sep=1.5, random_state=seed
            ),
            5,
        )
    elif task == "diabetes":
        x, y = datasets.load_diabetes(return_X_y=True)
    elif task == "friedman":
        x, y = datasets.make_friedman1(1500, noise=1.0, random_state=seed)
    elif task == "waves":
        x = rng.uniform(-3, 3, (1500, 1))
        y = np.sin(2.5 * x[:, 0]) + 0.1 * rng.normal(size=1500)
    else:
        raise ValueError(f"no task named {task!r}")
    x = (x - x.mean(0)) / (x.std(0) + 1e-8) if task not in ("digits", "parity", "rare") else x - x.mean(0)
    if not classes:
        y = (y - y.mean()) / y.std()
    order = rng.permutation(len(x))
    target = torch.tensor(y[order], dtype=torch.long if classes else torch.float32)
    return torch.tensor(x[order], dtype=torch.float32), target, classes


def network(recipe: Recipe, inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in recipe.widths:
        linear = nn.Linear(inputs, width)
        linear.weight.data *= recipe.init
        layers += [linear, nn.ReLU()]
        if recipe.dropout:
            layers.append(nn.Dropout(recipe.dropout))
        inputs = width
    last = nn.Linear(inputs, outputs)
    last.weight.data *= recipe.final_layer
    return nn.Sequential(*layers, last)


def _optimizer(recipe: Recipe, net: nn.Module, lr: float) -> torch.optim.Optimizer:
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(net.parameters(), lr=lr, weight_decay=recipe.weight_decay)
    if recipe.optimizer == "momentum":
        return torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9, weight_decay=recipe.weight_decay)
    return torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=recipe.weight_decay)


def _share_of_rate(schedule: str, progress: float) -> float:
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress))
    if schedule == "early":
        return 1.0 if progress < 1 / 6 else 1e-3
    if schedule == "steps":
        return 1.0 if progress < 0.5 else 0.1 if progress < 0.75 else 0.01
    return 1.0


def train(recipe: Recipe, seed: int, *, max_steps: int | None = None) -> tuple[Curves, dict[str, Any]]:
    """The curves of one training, and the facts that are known of it beside its curves."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    x, y, classes = data_of(recipe.task, seed)
    held = max(len(x) // 5, 50)
    x_val, y_val, x_train, y_train = x[:held], y[:held], x[held:], y[held:]
    if recipe.train_samples:
        x_train, y_train = x_train[: recipe.train_samples], y_train[: recipe.train_samples]
    if recipe.shuffled_labels:
        y_train = y_train[torch.randperm(len(y_train))]
    net = network(recipe, x.shape[1], classes or 1)

    def loss_of(outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(outputs, target) if classes else F.mse_loss(outputs[:, 0], target)

    def metric_of(outputs: torch.Tensor, target: torch.Tensor) -> float:
        if classes:
            return (outputs.argmax(1) == target).double().mean().item()
        return 1 - ((outputs[:, 0] - target) ** 2).mean().item() / target.var(unbiased=False).item()

    lr = recipe.rate * recipe.times
    optimizer = _optimizer(recipe, net, lr)
    batch = min(recipe.batch, len(x_train))
    per_epoch = len(x_train) // batch
    steps = max(round(recipe.epochs * per_epoch), 8)
    shown = sorted({round(i * steps / (recipe.evaluations - 1)) for i in range(recipe.evaluations)})
    subset = min(len(x_train), held)
    rows: dict[str, list[tuple[int, float]]] = {
        name: [] for name in ("train_loss", "val_loss", "train_metric", "val_metric", "step_loss", "lr")
    }
    ratios: list[tuple[int, float]] = []
    diverged_at = None

    def evaluate(step: int) -> None:
        net.eval()
        with torch.no_grad():
            for split, inputs, target in (("train", x_train[:subset], y_train[:subset]), ("val", x_val, y_val)):
                outputs = net(inputs)
                rows[f"{split}_loss"].append((step, loss_of(outputs, target).item()))
                rows[f"{split}_metric"].append((step, metric_of(outputs, target)))
        net.train()

    evaluate(0)
    order = torch.randperm(len(x_train))
    for step in range(min(steps, max_steps or steps)):
        place = step % per_epoch
        if place == 0 and recipe.reshuffle:
            order = torch.randperm(len(x_train))
        chosen = order[place * batch : (place + 1) * batch]
        for group in optimizer.param_groups:
            group["lr"] = lr * _share_of_rate(recipe.schedule, step / steps)
        loss = loss_of(net(x_train[chosen]), y_train[chosen])
        if not math.isfinite(loss.item()):
            diverged_at = step
            break
        optimizer.zero_grad()
        loss.backward()
        probing = step % max(steps // 20, 1) == 0
        before = [p.detach().clone() for p in net.parameters() if p.ndim > 1] if probing else []
        optimizer.step()
        rows["step_loss"].append((step, loss.item()))
        rows["lr"].append((step, optimizer.param_groups[0]["lr"]))
        if probing:
            after = [p.detach() for p in net.parameters() if p.ndim > 1]
            moved = [((a - b).norm() / b.norm()).item() for a, b in zip(after, before, strict=True)]
            ratios.append((step, float(np.median(moved))))
        if step + 1 in shown:
            evaluate(step + 1)
    if classes:
        shares = np.bincount(y_train.numpy(), minlength=classes) / len(y_train)
        chance = float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())
        reference = {"chance_loss": chance, "uniform_loss": math.log(classes), "chance_metric": float(shares.max())}
    else:
        reference = {"chance_loss": float(y_train.var(unbiased=False)), "chance_metric": 0.0}
    facts: dict[str, Any] = {
        "metric": "accuracy" if classes else "r2",
        "steps_per_epoch": float(per_epoch),
        "train_samples": subset,
        "val_samples": held,
        "best_metric": 1.0,
        "regularised": recipe.dropout > 0,
        "diverged_at": diverged_at,
        "diverged_reason": "the loss was not finite" if diverged_at is not None else "",
        **reference,
    }
    if not classes:
        del facts["best_metric"]  # noise keeps R2 from 1, and nobody knows by how much
    series: dict[str, Any] = {name: _series(points) for name, points in rows.items() if points}
    update_ratios = {"weights": _series(ratios)} if ratios else {}
    return Curves(**series, update_ratios=update_ratios, **facts), facts


def _series(points: list[tuple[int, float]]) -> Series:
    steps, values = zip(*points, strict=True)
    return Series(np.array(steps, float), np.array(values, float))


@functools.cache
def largest_stable(recipe: Recipe) -> float:
    """The largest of a ladder of rates at which 150 steps end below their start and within a third of their span."""
    stable = recipe.rate
    for rung in range(1, 16):
        lr = recipe.rate * 1.5**rung
        curves, facts = train(dataclasses.replace(recipe, rate=lr, evaluations=4), 1000, max_steps=150)
        losses = curves.step_loss.values if curves.step_loss else np.array([])
        if facts["diverged_at"] is not None or len(losses) < 100:
            break
        if losses.max() > 3 * losses[0] or np.median(losses[-30:]) > losses[0]:
            break
        stable = lr
    return stable


def make(planted: Planted, seed: int) -> tuple[Curves, dict[str, Any]]:
    """The curves of a planted condition for a seed."""
    recipe = planted.recipe
    if planted.times_stable is not None:
        recipe = dataclasses.replace(recipe, rate=largest_stable(recipe), times=planted.times_stable)
    return train(recipe, seed)


def without(curves: Curves, *names: str) -> Curves:
    """The curves as another tool may have recorded them: without some of what is known."""
    blank: Mapping[str, Any] = {f.name: f.default for f in dataclasses.fields(Curves)} | {"update_ratios": {}}
    return dataclasses.replace(curves, **{name: blank[name] for name in names})


SGD = Recipe(optimizer="sgd", rate=0.1)
MOMENTUM = Recipe(optimizer="momentum", rate=0.02)
ADAM = Recipe()


def _like(base: Recipe, **changes: Any) -> Recipe:
    return dataclasses.replace(base, **changes)


PLANTED: tuple[Planted, ...] = (
    Planted("low30-sgd", LOW, _like(SGD, times=1 / 30)),
    Planted("low30-momentum", LOW, _like(MOMENTUM, times=1 / 30)),
    Planted("low30-adam", LOW, _like(ADAM, times=1 / 30)),
    Planted("low30-adam-blobs", LOW, _like(ADAM, task="blobs", times=1 / 30, epochs=10)),
    Planted("low30-adam-friedman", LOW, _like(ADAM, task="friedman", times=1 / 30, epochs=8, rate=3e-3)),
    Planted("low1000-sgd", LOW, _like(SGD, times=1e-3)),
    Planted("low1000-adam", LOW, _like(ADAM, times=1e-3)),
    Planted("low1000-adam-friedman", LOW, _like(ADAM, task="friedman", times=1e-3)),
    Planted("high3-sgd", HIGH, SGD, times_stable=3),
    Planted("high3-sgd-deep", HIGH, _like(SGD, widths=(64, 64, 64)), times_stable=3),
    Planted("high3-adam", HIGH, ADAM, times_stable=3),
    Planted("high3-momentum-blobs", HIGH, _like(MOMENTUM, task="blobs", epochs=10), times_stable=3),
    Planted("high3-sgd-friedman", HIGH, _like(SGD, task="friedman"), times_stable=3),
    Planted("high100-sgd", HIGH, _like(SGD, times=100)),
    Planted("high100-momentum", HIGH, _like(MOMENTUM, times=100)),
    Planted("high100-adam", HIGH, _like(ADAM, times=300)),
    Planted("high100-adam-deep", HIGH, _like(ADAM, times=100, widths=(64, 64, 64))),
    Planted("high100-adam-friedman", HIGH, _like(ADAM, task="friedman", times=300)),
    Planted("overfit-digits", OVER, _like(ADAM, train_samples=40, widths=(256, 256), epochs=150, batch=20)),
    Planted("overfit-blobs", OVER, _like(ADAM, task="blobs", train_samples=150, widths=(256,), epochs=80, batch=30)),
    Planted("overfit-diabetes", OVER, _like(ADAM, task="diabetes", train_samples=150, widths=(256, 256), epochs=60)),
    Planted("overfit-friedman", OVER, _like(ADAM, task="friedman", train_samples=80, widths=(256, 256), epochs=150)),
    Planted("linear-moons", UNDER, _like(ADAM, task="moons", widths=(), rate=1e-2)),
    Planted("linear-circles", (*UNDER, "pipeline-suspect"), _like(ADAM, task="circles", widths=(), rate=1e-2)),
    Planted("linear-parity", UNDER, _like(ADAM, task="parity", widths=(), rate=1e-2, epochs=30)),
    Planted("linear-waves", (*UNDER, "pipeline-suspect"), _like(ADAM, task="waves", widths=(), rate=1e-2)),
    Planted("linear-friedman", UNDER, _like(ADAM, task="friedman", widths=(), rate=1e-2, epochs=30)),
    Planted("narrow-digits", UNDER, _like(ADAM, widths=(2,), rate=1e-2, epochs=40)),
    Planted("short-adam", ("too-few-steps",), _like(ADAM, epochs=2)),
    Planted("short-momentum", ("too-few-steps",), _like(MOMENTUM, epochs=2)),
    Planted("short-blobs", ("too-few-steps",), _like(ADAM, task="blobs", epochs=3)),
    Planted("short-friedman", ("too-few-steps",), _like(ADAM, task="friedman", epochs=4)),
    Planted("long-adam", ("too-many-steps",), _like(ADAM, rate=3e-3, epochs=120)),
    Planted("long-momentum", ("too-many-steps",), _like(MOMENTUM, rate=0.05, epochs=100)),
    Planted("long-wine", ("too-many-steps",), _like(ADAM, task="wine", rate=3e-3, epochs=200)),
    Planted("long-waves", ("too-many-steps",), _like(ADAM, task="waves", rate=1e-2, widths=(64, 64), epochs=150)),
    Planted("early-decay-adam", ("lr-schedule-wrong",), _like(ADAM, rate=5e-4, schedule="early", epochs=12)),
    Planted("early-decay-momentum", ("lr-schedule-wrong",), _like(MOMENTUM, rate=0.01, schedule="early", epochs=10)),
    Planted("early-decay-friedman", ("lr-schedule-wrong",), _like(ADAM, task="friedman", schedule="early", epochs=20)),
    Planted("final20-adam", ("easy-gain-at-start",), _like(ADAM, final_layer=20.0, epochs=15)),
    Planted("final20-sgd", ("easy-gain-at-start",), _like(SGD, rate=0.05, final_layer=20.0, epochs=20)),
    Planted("rare-class", ("easy-gain-at-start",), _like(ADAM, task="rare", rate=3e-3, epochs=20)),
    Planted(
        "shuffled-labels-long", ("pipeline-suspect", *OVER), _like(ADAM, shuffled_labels=True, widths=(256,), epochs=40)
    ),
    Planted(
        "shuffled-labels-short",
        ("pipeline-suspect", "labels-misaligned", *OVER),
        _like(ADAM, shuffled_labels=True, epochs=8),
    ),
    Planted("same-order", ("pipeline-suspect",), _like(ADAM, reshuffle=False, batch=16, epochs=12)),
    Planted(
        "tiny-init", ("bad-initialisation", "pipeline-suspect"), _like(SGD, widths=(64, 64, 64), init=0.1, epochs=20)
    ),
)


def healthy() -> Iterator[Planted]:
    """Trainings that a person would leave as they are: sensible rate, size and length."""
    bases: list[tuple[str, Recipe]] = [
        ("digits-adam", _like(ADAM, epochs=15)),
        ("digits-adam-cosine", _like(ADAM, rate=2e-3, epochs=12, schedule="cosine")),
        ("digits-adam-deep", _like(ADAM, widths=(64, 64), epochs=10)),
        ("digits-adam-dropout", _like(ADAM, widths=(128,), dropout=0.3, epochs=15)),
        ("digits-adam-wd", _like(ADAM, weight_decay=0.1, epochs=15)),
        ("digits-momentum", _like(MOMENTUM, epochs=15)),
        ("digits-momentum-steps", _like(MOMENTUM, rate=0.03, schedule="steps", epochs=15)),
        ("digits-sgd", _like(SGD, rate=0.1, epochs=25)),
        ("digits-sgd-wide", _like(SGD, rate=0.1, widths=(256,), epochs=25, batch=16)),
        ("digits-big-batch", _like(ADAM, rate=3e-3, batch=256, epochs=40)),
        ("parity-adam", _like(ADAM, task="parity", rate=2e-3, epochs=20)),
        ("blobs-adam", _like(ADAM, task="blobs", widths=(32,), rate=2e-3, epochs=15)),
        ("blobs-momentum-cosine", _like(MOMENTUM, task="blobs", rate=0.02, schedule="cosine", epochs=15)),
        ("moons-adam", _like(ADAM, task="moons", widths=(32,), rate=5e-3, epochs=15)),
        ("circles-adam", _like(ADAM, task="circles", widths=(32,), rate=5e-3, epochs=12)),
        ("wine-adam", _like(ADAM, task="wine", widths=(16,), rate=2e-3, epochs=25, batch=16)),
        ("cancer-adam", _like(ADAM, task="cancer", widths=(16,), rate=1e-3, epochs=15, batch=16)),
        ("diabetes-adam", _like(ADAM, task="diabetes", widths=(16,), rate=1e-3, epochs=25, batch=16)),
        ("diabetes-adam-cosine", _like(ADAM, task="diabetes", widths=(16,), rate=2e-3, epochs=20, schedule="cosine")),
        ("friedman-adam", _like(ADAM, task="friedman", widths=(64,), rate=5e-3, epochs=25)),
        ("friedman-momentum", _like(MOMENTUM, task="friedman", widths=(64,), rate=0.02, epochs=25)),
        ("waves-adam", _like(ADAM, task="waves", widths=(64, 64), rate=3e-3, epochs=12)),
        ("digits-few-points", _like(ADAM, epochs=15, evaluations=12)),
        ("digits-many-points", _like(ADAM, epochs=15, evaluations=120)),
    ]
    for name, recipe in bases:
        yield Planted(f"healthy-{name}", ("healthy",), recipe)


def build(planted: Planted, seed: int, on_made: Callable[[Curves], None] | None = None) -> Curves:
    """The curves alone."""
    curves, _ = make(planted, seed)
    if on_made is not None:
        on_made(curves)
    return curves
