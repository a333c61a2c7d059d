"""Real runs on the digits of scikit-learn, small enough for tests, and what their ledgers tell."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

import goodfit as gf
from goodfit.ledger.records import DecisionRecord, Snapshot, StageRecord, TrialRecord
from goodfit.ledger.store import read_ledger
from goodfit.recipe.progress import ProgressEvent, StageEnded
from goodfit.recipe.result import StageName
from goodfit.settings import Settings

# Gates and final training cut short where a test does not look at them.
SHORT = Settings().replaced(
    {
        "learning_rate.confirm_steps": 100,
        "budget.final_seeds": 2,
        "budget.repeat_top": 2,
        "budget.repeat_seeds": 2,
        "budget.peak_factors": (1.0, 2.0),
    }
)


def digits(samples: int | None = None, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The digits, standardised by the mean and sd of all pixels, in a fixed shuffled order."""
    images, labels = load_digits(return_X_y=True)
    inputs = torch.tensor(images / 16.0 - 0.3053, dtype=torch.float32) / 0.3761
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))[:samples]
    return inputs[order], torch.tensor(labels)[order]


def split(inputs: Tensor, labels: Tensor, train: int | None = None) -> gf.Data:
    """A fifth for the test, a fifth for validation; `train` samples of the rest."""
    fifth = len(inputs) // 5
    test, val, rest = slice(0, fifth), slice(fifth, 2 * fifth), slice(2 * fifth, None)
    return gf.Data(
        train=(inputs[rest][:train], labels[rest][:train]),
        val=(inputs[val], labels[val]),
        test=(inputs[test], labels[test]),
    )


class Perceptron(nn.Module):
    """64 inputs, one hidden layer, ten classes. Reads `width` and `dropout` where they are given."""

    def __init__(self, hp: Any, last_scale: float = 1.0) -> None:
        super().__init__()
        width = int(hp.get("width", 32))
        self.hidden = nn.Linear(64, width)
        self.dropout = nn.Dropout(float(hp.get("dropout", 0.0)))
        self.last = nn.Linear(width, 10)
        with torch.no_grad():
            self.last.weight.mul_(last_scale)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.dropout(self.hidden(x).relu()))


def with_dummy(hp: Any) -> nn.Module:
    """A perceptron that reads a hyperparameter and does nothing with it."""
    assert 0 <= hp.dummy <= 1
    return Perceptron(hp)


RATE_AND_DECAY = gf.Space(lr=gf.log(1e-4, 1.0), weight_decay=gf.log(1e-6, 1e-2, zero=0.25))
SGD = {"optimizer": "sgd", "momentum": 0.9, "batch_size": 32}


def task(**changes: Any) -> gf.Task:
    """The digits with a small perceptron, searched over lr and weight decay under SGD."""
    return gf.Task(
        **{
            "name": "digits",
            "model": Perceptron,
            "data": lambda: split(*digits()),
            "loss": F.cross_entropy,
            "metrics": {"accuracy": gf.accuracy},
            "objective": "max val accuracy",
            "space": RATE_AND_DECAY,
            "start": SGD,
            **changes,
        }
    )


class StopAfter:
    """A watcher that ends the run as Ctrl-C does, when a stage has ended."""

    def __init__(self, stage: StageName) -> None:
        self.stage = stage
        self.seen: list[ProgressEvent] = []

    def see(self, event: ProgressEvent) -> None:
        self.seen.append(event)
        if isinstance(event, StageEnded) and event.result.stage is self.stage:
            signal.raise_signal(signal.SIGINT)


class Recorded:
    """A run that was made, with its ledger."""

    def __init__(self, result: gf.Result) -> None:
        self.result = result
        ledger = read_ledger(result.out / "ledger.db")
        try:
            self.ledger: Snapshot = ledger.read(ledger.studies()[-1].study)
        finally:
            ledger.close()

    @property
    def folder(self) -> Path:
        return self.result.out

    @property
    def report(self) -> str:
        return (self.folder / "report.html").read_text()

    def stages(self, stage: StageName) -> list[StageRecord]:
        return [record for record in self.ledger.stages if record.stage == stage]

    def step(self, stage: StageName) -> StageRecord:
        """The first record of a stage."""
        return self.stages(stage)[0]

    def trials(self, stage: StageName, round_: int | None = None) -> list[TrialRecord]:
        numbers = {s.number for s in self.stages(stage) if round_ in (None, s.round)}
        return [trial for trial in self.ledger.trials if trial.stage in numbers]

    def decisions(self, stage: StageName) -> list[DecisionRecord]:
        numbers = {s.number for s in self.stages(stage)}
        return [decision for decision in self.ledger.decisions if decision.stage in numbers]

    def values(self, trial: TrialRecord, series: str) -> list[float]:
        curve = self.ledger.curves[trial.trial].get(series)
        return [] if curve is None else curve.values.tolist()

    def kinds(self) -> set[str]:
        """The kinds of all findings of the run's result."""
        return {finding.kind for finding in self.result.findings}


def made(out: Path, a_task: gf.Task | None = None, settings: Settings = SHORT, **options: Any) -> Recorded:
    """A run in this process, planned in trials and epochs unless told otherwise."""
    plan: Mapping[str, Any] = {"workers": 0, "trials": 8, "epochs": 6}
    if "budget" in options:
        plan = {"workers": 0}
    return Recorded(gf.run(a_task or task(), out=out, settings=settings, **{**plan, **options}))


def box_of(space: Mapping[str, Any], name: str) -> tuple[float, float]:
    """The ends of a hyperparameter's range in a space as JSON."""
    return float(space[name]["low"]), float(space[name]["high"])


def sentences(decisions: Sequence[DecisionRecord]) -> str:
    return "\n".join(f"{d.what} {d.why}" for d in decisions)
