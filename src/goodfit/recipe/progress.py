"""What a run tells whoever watches it: a terminal, a log, a notebook. Watching changes nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

from goodfit.findings import Finding
from goodfit.recipe.result import StageName, StageResult


@dataclasses.dataclass(frozen=True, slots=True)
class PlannedStage:
    """A line of the plan that is shown before anything is spent."""

    stage: StageName
    seconds: float | None  # None: a run planned in trials and epochs
    about: str  # "24 trials × 4 epochs"


@dataclasses.dataclass(frozen=True, slots=True)
class RunStarted:
    task: str
    out: str
    device: str
    seed: int
    budget_seconds: float | None
    resumed: bool
    plan: tuple[PlannedStage, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class StageStarted:
    stage: StageName
    round: int
    about: str  # "24 trials × 4 epochs over lr, weight_decay"


@dataclasses.dataclass(frozen=True, slots=True)
class StageProgress:
    """Sent several times a second at most."""

    stage: StageName
    done: float  # share of the stage's work, 0 to 1
    trials_running: int
    trials_done: int
    trials_diverged: int
    trials_total: int
    best: Mapping[str, Any] | None  # {"trial": 7, "val_accuracy": 0.97, "hyperparameters": {...}} over the run so far
    elapsed_seconds: float  # of the run
    seconds_left: float | None  # of the run, by the plan
    live_curve: tuple[float, ...] = ()  # the best trial's validation objective so far, for a sparkline


@dataclasses.dataclass(frozen=True, slots=True)
class StageEnded:
    result: StageResult


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    finding: Finding


@dataclasses.dataclass(frozen=True, slots=True)
class Decided:
    what: str
    why: str


@dataclasses.dataclass(frozen=True, slots=True)
class RunEnded:
    document: Mapping[str, Any]  # result.json
    out: str


ProgressEvent = RunStarted | StageStarted | StageProgress | StageEnded | Found | Decided | RunEnded


class Watcher(Protocol):
    def see(self, event: ProgressEvent) -> None: ...


class Unwatched:
    """A watcher that looks away."""

    def see(self, event: ProgressEvent) -> None:
        pass
