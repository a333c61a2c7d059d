"""Records collected and committed together, one transaction a reporting interval."""

from __future__ import annotations

from collections.abc import Iterator

from goodfit.clock import Clock, SystemClock
from goodfit.ledger.points import joined
from goodfit.ledger.records import CurveRecord, MemoRecord, Record, StageRecord, TrialRecord
from goodfit.ledger.store import StudyWriter

# Ours: what a kill may cost at most, and how often the disk is waited for.
INTERVAL_SECONDS = 1.0


class BufferedWriter:
    """What a driver writes through: cheap to call at every message, commits when an interval is over.

    What `write` was given is certain only once it was committed: after `flush`, or after a `write` or `beat` that
    returned True. A failed commit keeps the records for the next one.
    """

    def __init__(self, writer: StudyWriter, clock: Clock | None = None, interval_seconds: float = INTERVAL_SECONDS):
        self._writer = writer
        self._clock = clock or SystemClock()
        self._interval = interval_seconds
        self._last = self._clock.now()
        self._collected: list[Record] = []

    @property
    def study(self) -> str:
        return self._writer.study

    @property
    def attempt(self) -> int:
        return self._writer.attempt

    def write(self, *records: Record) -> bool:
        """Collect records; commit all that is collected if the interval is over.

        Returns:
            Whether it was committed.

        Raises:
            FolderError: as `StudyWriter.append`.
        """
        self._collected.extend(records)
        return self.beat()

    def beat(self) -> bool:
        """Commit (or, with nothing to commit, say that this process lives) if the interval is over."""
        if self._clock.now() - self._last < self._interval:
            return False
        self.flush()
        return True

    def flush(self) -> None:
        """Commit all that is collected, now."""
        if self._collected:
            self._writer.append(merged(self._collected))
            self._collected = []
        else:
            self._writer.heartbeat()
        self._last = self._clock.now()

    def set_status(self, status: str) -> None:
        """Commit what is collected, then the study's status."""
        self.flush()
        self._writer.set_status(status)

    def close(self) -> None:
        """Commit what is collected and let the study go."""
        try:
            if self._collected:
                self.flush()
        finally:
            self._writer.close()


def merged(records: list[Record]) -> Iterator[Record]:
    """The records that count: the last of a stage, a trial or a memo; curves of a series as one; all others.

    Stages and trials come before what belongs to them; findings and decisions keep their order.
    """
    stages: dict[int, StageRecord] = {}
    trials: dict[int, TrialRecord] = {}
    memos: dict[str, MemoRecord] = {}
    curves: dict[tuple[int, str], list[CurveRecord]] = {}
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
                curves.setdefault((record.trial, record.series), []).append(record)
            case _:
                others.append(record)
    yield from stages.values()
    yield from trials.values()
    yield from (joined(parts) for parts in curves.values())
    yield from others
    yield from memos.values()
