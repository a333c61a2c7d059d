"""Real runs made as small as the recipe allows, and what two of them are compared by."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

import goodfit as gf
from goodfit.best import load_best
from goodfit.demos.digits import load
from goodfit.ledger.records import Snapshot
from goodfit.ledger.store import read_ledger
from goodfit.recipe.progress import ProgressEvent, StageProgress, StageStarted
from goodfit.settings import Settings

SMALL: dict[str, Any] = {
    "overfit.steps": 120,
    "overfit.passes": 20,
    "learning_rate.steps": 60,
    "learning_rate.confirm_steps": 80,
    "learning_rate.confirm_seeds": 2,
    "budget.fine_trials_least": 2,
    "budget.repeat_top": 2,
    "budget.repeat_seeds": 2,
    "budget.most_rounds": 1,
    "budget.peak_factors": (1.0,),
    "budget.final_seeds": 2,
}


def small(**changes: Any) -> Settings:
    """Settings of a run that takes seconds; changes are named group__name."""
    return Settings().replaced(SMALL | {name.replace("__", "."): value for name, value in changes.items()})


def build(hp: gf.Hyperparameters) -> nn.Module:
    return nn.Sequential(nn.Linear(64, hp.width), nn.ReLU(), nn.Dropout(hp.dropout), nn.Linear(hp.width, 10))


def digits(**changes: Any) -> gf.Task:
    """The digits with a perceptron of one hidden layer."""
    given: dict[str, Any] = {
        "name": "digits",
        "model": build,
        "data": load,
        "loss": F.cross_entropy,
        "metrics": {"accuracy": gf.accuracy},
        "objective": "max val accuracy",
        "space": gf.Space(lr=gf.log(1e-4, 1e-1), dropout=gf.linear(0.0, 0.5), width=gf.powers_of_two(16, 32)),
        "start": {"optimizer": "adamw", "batch_size": 32, "width": 32, "dropout": 0.0},
    }
    return gf.Task(**(given | changes))


def small_run(task: gf.Task, out: Path, **options: Any) -> gf.Result:
    """The whole recipe in seconds, in this process."""
    given: dict[str, Any] = {"trials": 4, "epochs": 2, "workers": 0, "settings": small()}
    return gf.run(task, out=out, **(given | options))


def kinds(result: gf.Result, *, above_info: bool = False) -> list[str]:
    return [f.kind for f in result.findings if not above_info or f.severity.value != "info"]


def without_seconds(document: Any) -> Any:
    """A document but for how long things took."""
    if isinstance(document, Mapping):
        return {key: without_seconds(value) for key, value in document.items() if key != "seconds"}
    if isinstance(document, (list, tuple)):
        return [without_seconds(value) for value in document]
    return document


def snapshot(out: Path) -> Snapshot:
    """What a run's ledger holds."""
    ledger = read_ledger(out / "ledger.db")
    try:
        return ledger.read(ledger.studies()[-1].study)
    finally:
        ledger.close()


def trials_of(out: Path) -> dict[int, tuple[Any, ...]]:
    """Every trial of a ledger with its end, but for times."""
    return {
        t.trial: (t.stage, dict(t.hyperparameters), t.seed, t.status, t.parent, t.epochs, t.objective, dict(t.metrics))
        for t in snapshot(out).trials
    }


def curves_of(out: Path) -> dict[tuple[int, str], tuple[list[int], list[float]]]:
    """Every curve of a ledger."""
    return {
        (trial, series): (curve.steps.tolist(), [repr(v) for v in curve.values.tolist()])
        for trial, all_series in snapshot(out).curves.items()
        for series, curve in all_series.items()
    }


def best_weights(out: Path) -> dict[str, torch.Tensor]:
    return dict(load_best(out).state_dict())


class CutShort:
    """A watcher that sends this process a Ctrl-C when a stage begins, or at its n-th sign of progress."""

    def __init__(self, stage: str, progress: int | None = None) -> None:
        self.stage, self.progress = stage, progress
        self.is_sent = False
        self._seen = 0

    def see(self, event: ProgressEvent) -> None:
        if self.is_sent:
            return
        if isinstance(event, StageStarted) and event.stage == self.stage and self.progress is None:
            self._send()
        if isinstance(event, StageProgress) and event.stage == self.stage and self.progress is not None:
            self._seen += 1
            if self._seen >= self.progress:
                self._send()

    def _send(self) -> None:
        self.is_sent = True
        os.kill(os.getpid(), signal.SIGINT)
