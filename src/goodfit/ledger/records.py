"""What the ledger keeps, as records: what writers append and what a snapshot gives back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from goodfit.findings import Finding
from goodfit.recipe.result import StageResult


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StudyRecord:
    """All trials towards one goal, and all that is needed to reproduce them. Times are seconds since 1970 (UTC)."""

    study: str  # unique in the ledger
    task: str
    seed: int
    objective: str  # "max val accuracy"
    command: str  # the command that reproduces it
    device: str
    versions: Mapping[str, str]  # goodfit, python, torch, numpy, platform
    fingerprint: str  # of the data
    source: str  # the task's source text; "" where there is none
    space: Mapping[str, Any]  # the starting space, as JSON
    settings: Mapping[str, Any]
    options: Mapping[str, Any]  # budget_seconds, trials, epochs, force, ...: what resume needs
    created_at: float
    status: str = "running"  # running | done | stopped | interrupted


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StageRecord:
    """A stage that has ended (or, with an empty verdict, one that is under way)."""

    number: int  # in order of starting; unique in its study
    stage: str  # StageName
    round: int
    verdict: str  # "" while it runs
    summary: str = ""
    findings: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    trials: int = 0
    epochs: float = 0.0
    seconds: float = 0.0
    space: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    started_at: float = 0.0
    ended_at: float | None = None


def ended_stage(number: int, result: StageResult, ended_at: float) -> StageRecord:
    """The record of a stage that has ended.

    Args:
        number: of the stage in its study.
        result: with its length in seconds filled in.
        ended_at: seconds since 1970.
    """
    document = result.as_json()
    return StageRecord(
        number=number,
        stage=result.stage,
        round=result.round,
        verdict=result.verdict,
        summary=result.summary,
        findings=tuple(document["findings"]),
        evidence=document["evidence"],
        trials=result.trials,
        epochs=result.epochs,
        seconds=result.seconds,
        space=document["space"],
        started_at=ended_at - result.seconds,
        ended_at=ended_at,
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """A trial as it stands; written again whenever it changes (the last one counts)."""

    trial: int  # number, unique in its study
    stage: int  # number of the stage that it belongs to
    hyperparameters: Mapping[str, Any]
    seed: int
    status: str  # training.trial.Status
    parent: int | None = None
    epochs: float = 0.0
    objective: float | None = None  # as the user names it: the accuracy itself, not its negative
    metrics: Mapping[str, float | None] = dataclasses.field(default_factory=dict)  # last evaluation, by series
    started_at: float | None = None
    ended_at: float | None = None
    engine: str = ""
    reason: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CurveRecord:
    """Part of one series of a trial; the same points written twice count once (the later value)."""

    trial: int
    series: str
    steps: np.ndarray  # int64 [n]
    epochs: np.ndarray  # float64 [n]
    values: np.ndarray  # float64 [n]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FindingRecord:
    stage: int
    finding: Finding
    trial: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """What was decided, on what evidence, and what it changed: a line of the decision log."""

    stage: int
    what: str  # one sentence: "lr's box moves up a decade"
    why: str  # one sentence with the evidence
    before: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # {"space": {...}, "epochs": 4, ...}
    after: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    at: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MemoRecord:
    """A plan or a result that a resumed run takes from here instead of working it out again."""

    key: str  # unique in its study
    value: Any  # JSON


Record = StageRecord | TrialRecord | CurveRecord | FindingRecord | DecisionRecord | MemoRecord


@dataclasses.dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A whole study, read at one moment."""

    study: StudyRecord
    stages: tuple[StageRecord, ...]  # by number
    trials: tuple[TrialRecord, ...]  # by number
    curves: Mapping[int, Mapping[str, CurveRecord]]  # trial -> series -> the whole series, steps growing
    findings: tuple[FindingRecord, ...]  # in order of writing
    decisions: tuple[DecisionRecord, ...]  # in order of writing
    memos: Mapping[str, Any]  # key -> value; "result" holds the result document of a run that has ended
