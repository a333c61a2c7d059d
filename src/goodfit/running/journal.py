"""What a run writes down, and is taken up again from.

A run is replayed on resume: every plan and every stage's result that was recorded is taken from here instead of being
worked out again, works that ended are not trained again, and a work that was cut short goes on from its checkpoint.
So a resumed run walks the same path as an undisturbed one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from goodfit.clock import Clock
from goodfit.findings import Finding, plain
from goodfit.ledger.records import DecisionRecord, FindingRecord, MemoRecord, Record, Snapshot, TrialRecord
from goodfit.ledger.writer import Writer
from goodfit.running.outcome import Outcome
from goodfit.training.trial import Points, Status


class Journal:
    """The ledger's writer with what it held before this process began, and the run's time.

    Args:
        writer: of the run's study.
        clock: the run's.
        snapshot: what an earlier process left; None for a new run.
        began: the clock's reading when the run began; None: now.
    """

    def __init__(self, writer: Writer, clock: Clock, snapshot: Snapshot | None, began: float | None) -> None:
        self.writer = writer
        self._clock = clock
        self._snapshot = snapshot
        self._memos: dict[str, Any] = dict(snapshot.memos) if snapshot else {}
        self._told = {(d.stage, d.what) for d in snapshot.decisions} if snapshot else set()
        self._found = {(f.stage, f.trial, f.finding.kind) for f in snapshot.findings} if snapshot else set()
        self._earlier_seconds = float(self._memos.get("elapsed", 0.0))
        self._started = clock.now() if began is None else began
        self._saved_elapsed = -math.inf

    # -- time ----------------------------------------------------------------------------------------------------

    def elapsed(self) -> float:
        """Seconds of the run, those before an interruption included."""
        return self._earlier_seconds + self._clock.now() - self._started

    def save_elapsed(self, force: bool = False) -> None:
        """How long the run has been at work, for a later resume; about once a second."""
        now = self.elapsed()
        if force or now - self._saved_elapsed >= 1.0:
            self._saved_elapsed = now
            self.writer.add(MemoRecord(key="elapsed", value=now))

    # -- memos ---------------------------------------------------------------------------------------------------

    def __contains__(self, key: str) -> bool:
        return key in self._memos

    def __getitem__(self, key: str) -> Any:
        return self._memos[key]

    def decided(self, key: str, work_out: Callable[[], Any]) -> Any:
        """A plan's value (JSON): the recorded one, or a new one that is recorded before it is used."""
        if key not in self:
            self.put(key, plain(work_out()))
            self.writer.flush()
        return self[key]

    def note(self, key: str, value: Any) -> None:
        """A memo that goes with the next flush; the first one stays."""
        if key not in self:
            self.put(key, value)

    def put(self, key: str, value: Any) -> None:
        """A memo that goes with the next flush, in place of an earlier one."""
        self._memos[key] = value
        self.writer.add(MemoRecord(key=key, value=value))

    # -- records -------------------------------------------------------------------------------------------------

    def add(self, record: Record) -> None:
        """Any record, to be written with the next flush."""
        self.writer.add(record)

    def decision(self, stage: int, what: str, why: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """A line of the decision log; one that an earlier process wrote in this stage is not repeated."""
        if (stage, what) not in self._told:
            now = time.time()
            self.add(DecisionRecord(stage=stage, what=what, why=why, before=plain(before), after=plain(after), at=now))

    def trial_finding(self, stage: int, trial: int, finding: Finding) -> None:
        """A trial's own finding; one that an earlier process wrote in this stage is not repeated."""
        if (stage, trial, finding.kind) not in self._found:
            self.add(FindingRecord(stage=stage, finding=finding, trial=trial))

    # -- what an earlier process left ----------------------------------------------------------------------------

    def earlier_trials(self, stage: int) -> Iterator[TrialRecord]:
        """The trials of a stage that were recorded before an interruption."""
        for record in self._snapshot.trials if self._snapshot else ():
            if record.stage == stage:
                yield record

    def recall(self, outcome: Outcome) -> None:
        """Give a trial back what was told of it before an interruption: its curves, and how it ended."""
        if self._snapshot is None:
            return
        for series, curve in self._snapshot.curves.get(outcome.number, {}).items():
            outcome.add(Points(outcome.number, series, curve.steps, curve.values))
            if len(curve.steps):
                outcome.step = max(outcome.step, int(curve.steps[-1]))
        for record in self._snapshot.trials:
            if record.trial == outcome.number:
                outcome.started_at = record.started_at
            if record.trial == outcome.number and record.ended_at is not None:
                outcome.status, outcome.reason = Status(record.status), record.reason
                outcome.step = round(record.epochs * outcome.steps_per_epoch)

    def close(self) -> None:
        """Write what is left."""
        self.save_elapsed(force=True)
        self.writer.flush()
