"""The search's books: every trial with what was told of it, in memory and in the ledger."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from goodfit.execution.functions import Reported, Returned
from goodfit.findings import plain
from goodfit.ledger.records import CurveRecord, Snapshot, TrialRecord
from goodfit.ledger.writer import Writer
from goodfit.space.levels import frozen_value
from goodfit.strategy.halving import Course, comparable
from goodfit.strategy.observation import Observation
from goodfit.training.trial import Status

ENDED = (Status.DONE, Status.STOPPED, Status.DIVERGED, Status.FAILED)


@dataclasses.dataclass(frozen=True, slots=True)
class Goal:
    """What is optimised."""

    maximise: bool
    metric: str  # a name that was reported, or "value" for what the objective returns

    def score(self, value: float) -> float:
        """The value as the search reads it: lower is better."""
        return -value if self.maximise else value

    def natural(self, score: float) -> float:
        return -score if self.maximise else score

    def __str__(self) -> str:
        return f"{'max' if self.maximise else 'min'} {self.metric}"

    def compared(self, metrics: Mapping[str, float]) -> str:
        """The name of the reported metric by which trials are compared while they run.

        It is the goal's own where it was reported, else the first; but a loss is not compared where more is better.
        """
        if self.metric in metrics:
            return self.metric
        if self.maximise:
            return next(
                (n for n in metrics if not any(word in n.lower() for word in ("loss", "err"))), next(iter(metrics))
            )
        return next(iter(metrics))


@dataclasses.dataclass(slots=True)
class Entry:
    """A trial in the books."""

    number: int
    hyperparameters: Mapping[str, Any]
    seed: int
    stage: int
    status: Status = Status.QUEUED
    value: float | None = None  # of the goal, as the user names it
    reason: str = ""
    trace: str = ""
    started_at: float | None = None  # seconds since 1970
    ended_at: float | None = None
    reports: dict[int, Reported] = dataclasses.field(default_factory=dict)  # by their number; told twice counts once
    is_told_to_stop: bool = False
    stop_reason: str = ""

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def epochs(self) -> float:
        return self.reports[max(self.reports)].epoch if self.reports else 0.0

    def last_metrics(self) -> dict[str, float | None]:
        if not self.reports:
            return {}
        return {k: v if math.isfinite(v) else None for k, v in self.reports[max(self.reports)].metrics.items()}


class Books:
    """All trials of a search, by number; what changes is written to the ledger with the next commit."""

    def __init__(self, goal: Goal, writer: Writer, engine: str) -> None:
        self.goal = goal
        self.entries: dict[int, Entry] = {}
        self._writer = writer
        self._engine = engine

    @property
    def running(self) -> list[Entry]:
        return [e for e in self.entries.values() if e.status in (Status.QUEUED, Status.RUNNING)]

    @property
    def ended(self) -> list[Entry]:
        return [e for e in self.entries.values() if e.has_ended]

    def open(self, number: int, hyperparameters: Mapping[str, Any], seed: int, stage: int) -> Entry:
        """A new trial, queued."""
        entry = Entry(number, dict(hyperparameters), seed, stage)
        self.entries[number] = entry
        self._writer.add(self._record(entry))
        return entry

    def begin(self, entry: Entry) -> None:
        """The trial runs (again, where an interruption cut it short: what it told before is told anew)."""
        entry.status, entry.started_at = Status.RUNNING, time.time()
        entry.reports.clear()
        self._writer.add(self._record(entry))

    def report(self, report: Reported) -> Entry:
        """Take in what a trial told."""
        entry = self.entries[report.trial]
        entry.reports[report.number] = report
        for name, value in report.metrics.items():
            self._writer.add(
                CurveRecord(
                    trial=report.trial,
                    series=name,
                    steps=np.array([report.number]),
                    epochs=np.array([report.epoch]),
                    values=np.array([value]),
                )
            )
        return entry

    def end(self, returned: Returned) -> Entry:
        """Take in how a trial ended."""
        entry = self.entries[returned.trial]
        entry.status, entry.reason, entry.trace = returned.status, returned.reason, returned.trace
        value = returned.value
        if value is None and entry.status in (Status.DONE, Status.STOPPED):
            value = self._last_compared(entry)
            if value is None and entry.status is Status.DONE:
                entry.status = Status.FAILED
                entry.reason = "The objective returned nothing and reported nothing; return a number."
        if value is not None and not math.isfinite(value):
            entry.status, entry.reason, value = Status.DIVERGED, entry.reason or f"Its last value was {value}.", None
        if entry.is_told_to_stop and entry.status is Status.DONE:
            entry.status, entry.reason = Status.STOPPED, entry.stop_reason
        if entry.stop_reason and entry.status is Status.STOPPED and not entry.reason:
            entry.reason = entry.stop_reason
        entry.value = value if entry.status in (Status.DONE, Status.STOPPED) else None
        entry.ended_at = time.time() if entry.has_ended else None
        self._writer.add(self._record(entry))
        return entry

    def take_up(self, snapshot: Snapshot) -> None:
        """All trials that an earlier process left; those that had not ended are queued again."""
        for record in snapshot.trials:
            point = {name: frozen_value(value) for name, value in record.hyperparameters.items()}
            entry = Entry(record.trial, point, record.seed, record.stage)
            entry.started_at = record.started_at
            self.entries[record.trial] = entry
            if record.ended_at is None or Status(record.status) not in ENDED:
                continue
            entry.status, entry.value, entry.reason = Status(record.status), record.objective, record.reason
            entry.ended_at = record.ended_at
            told: dict[int, tuple[float, dict[str, float]]] = {}
            for name, curve in snapshot.curves.get(record.trial, {}).items():
                for step, epoch, value in zip(curve.steps, curve.epochs, curve.values, strict=True):
                    told.setdefault(int(step), (float(epoch), {}))[1][name] = float(value)
            entry.reports = {n: Reported(record.trial, n, epoch, values) for n, (epoch, values) in told.items()}

    def observation(self, entry: Entry) -> Observation:
        """The trial as the strategy sees it."""
        return Observation(
            number=entry.number,
            hyperparameters=entry.hyperparameters,
            score=None if entry.value is None else self.goal.score(entry.value),
            status=str(entry.status),
            epochs=entry.epochs,
            seed=entry.seed,
        )

    def history(self) -> tuple[Observation, ...]:
        """Every trial so far, in order."""
        return tuple(self.observation(self.entries[number]) for number in sorted(self.entries))

    def comparable_history(self, longest: float | None) -> tuple[Observation, ...]:
        """The same, those that were ended early with the scores that they were heading for."""
        history = self.history()
        if longest is None or not any(o.status == "stopped" for o in history):
            return history
        return comparable(history, [self.course(e) for e in self.entries.values() if e.reports], longest)

    def course(self, entry: Entry) -> Course:
        """The trial as early ends see it."""
        reports = [entry.reports[number] for number in sorted(entry.reports)]
        scores = [self.goal.score(r.metrics[self.goal.compared(r.metrics)]) for r in reports]
        return Course(
            number=entry.number,
            epochs=tuple(r.epoch for r in reports),
            scores=tuple(scores),
            has_ended=entry.status is Status.DONE,
            is_broken=entry.status in (Status.DIVERGED, Status.FAILED),
        )

    def best(self) -> Entry | None:
        """The best trial that went to its end; of those that were ended early only where there is no other."""
        scored = [e for e in self.entries.values() if e.value is not None]
        whole = [e for e in scored if e.status is Status.DONE]
        return min(whole or scored, key=lambda e: (self.goal.score(e.value or 0.0), e.number), default=None)

    def total_epochs(self, entries: Sequence[Entry] | None = None) -> float:
        return sum(e.epochs for e in (self.entries.values() if entries is None else entries))

    def _last_compared(self, entry: Entry) -> float | None:
        if not entry.reports:
            return None
        metrics = entry.reports[max(entry.reports)].metrics
        return metrics[self.goal.compared(metrics)]

    def _record(self, entry: Entry) -> TrialRecord:
        return TrialRecord(
            trial=entry.number,
            stage=entry.stage,
            hyperparameters=plain(entry.hyperparameters),
            seed=entry.seed,
            status=str(entry.status),
            epochs=entry.epochs,
            objective=entry.value,
            metrics=entry.last_metrics(),
            started_at=entry.started_at,
            ended_at=entry.ended_at,
            engine=self._engine,
            reason=entry.reason,
        )
