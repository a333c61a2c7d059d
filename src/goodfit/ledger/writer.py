"""Records collected and committed together, one transaction a reporting interval."""

from __future__ import annotations

from collections.abc import Iterator

from goodfit.clock import Clock, SystemClock
from goodfit.ledger.records import CurveRecord, MemoRecord, Record, StageRecord, TrialRecord
from goodfit.ledger.store import StudyWriter

# Ours: what a kill may cost at most, and how often the disk is waited for.
INTERVAL_SECONDS = 1.0
# Ours: many beats fit into a lease (`LEASE_SECONDS`), few into a minute of waiting.
HEARTBEAT_SECONDS = 10.0


class Writer:
    """What a driver writes through: it collects at every message and commits when an interval is over.

    What was added is certain once it was committed: after `flush`, or after a `tick` that returned True. All that is
    committed together is there together, whenever the process is killed. A failed commit keeps its records for the
    next one.

    Raises (flush, tick, set_status, close):
        FolderError: the ledger can't be written, or another process took the study over.
    """

    def __init__(
        self, study: StudyWriter, clock: Clock | None = None, interval_seconds: float = INTERVAL_SECONDS
    ) -> None:
        self._study = study
        self._clock = clock or SystemClock()
        self._interval = interval_seconds
        self._last = self._clock.now()
        self._collected: list[Record] = []

    @property
    def study(self) -> str:
        return self._study.study

    @property
    def attempt(self) -> int:
        return self._study.attempt

    def add(self, *records: Record) -> None:
        """Collect records for the next commit."""
        self._collected.extend(records)

    def tick(self) -> bool:
        """Commit what is collected, if the interval is over; after long silence say that this process lives.

        Returns:
            Whether all that was added is committed.
        """
        silent = self._clock.now() - self._last
        if silent >= (self._interval if self._collected else HEARTBEAT_SECONDS):
            self.flush()
        return not self._collected

    def flush(self) -> None:
        """Commit all that is collected, now."""
        if self._collected:
            self._study.append(merged(self._collected))
            self._collected = []
        else:
            self._study.heartbeat()
        self._last = self._clock.now()

    def set_status(self, status: str) -> None:
        """Commit what is collected, then the study's status."""
        self.flush()
        self._study.set_status(status)

    def close(self) -> None:
        """Commit what is collected and let the study go."""
        try:
            if self._collected:
                self.flush()
        finally:
            self._study.close()


def merged(records: list[Record]) -> Iterator[Record]:
    """The records that count: the last of a stage, a trial or a memo; all others, whose order is kept.

    Stages and trials come before what belongs to them. Parts of a curve are joined where they are written.
    """
    stages: dict[int, StageRecord] = {}
    trials: dict[int, TrialRecord] = {}
    memos: dict[str, MemoRecord] = {}
    curves: list[CurveRecord] = []
    others: list[Record] = []
    for record in records:
        match record:
            case StageRecord():
                stages[record.number] = record
            case TrialRecord():
                trials[record.trial] = record
            case MemoRecord():
                memos[record.key] = record
            case CurveRecord():
                curves.append(record)
            case _:
                others.append(record)
    yield from stages.values()
    yield from trials.values()
    yield from curves
    yield from others
    yield from memos.values()
