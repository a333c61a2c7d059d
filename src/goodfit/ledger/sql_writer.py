"""Writing to one study on SQL, under its lease: batches of records, each in one transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, Table, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from goodfit.errors import FolderError
from goodfit.ledger import rows, schema
from goodfit.ledger.lease import Holder
from goodfit.ledger.points import chunks, from_points, joined
from goodfit.ledger.records import (
    CurveRecord,
    DecisionRecord,
    FindingRecord,
    MemoRecord,
    Record,
    StageRecord,
    TrialRecord,
)
from goodfit.ledger.sentences import as_sentences

_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

# Where a record of a kind goes, and what it replaces there (nothing where it is told twice: the first stays).
_TABLES: Mapping[type, tuple[Table, Callable[[Any], rows.Row], tuple[str, ...], bool]] = {
    StageRecord: (schema.stage, rows.stage_row, ("number",), True),
    TrialRecord: (schema.trial, rows.trial_row, ("number",), True),
    MemoRecord: (schema.memo, rows.memo_row, ("key",), True),
    FindingRecord: (schema.finding, rows.finding_row, ("digest",), False),
    DecisionRecord: (schema.decision, rows.decision_row, ("digest",), False),
}


class SqlStudyWriter:
    """The writer of one study. `goodfit.ledger.store.StudyWriter` says what the methods do."""

    def __init__(
        self,
        writing: Engine,
        where: str,
        wall: Callable[[], float],
        study: str,
        study_id: int,
        attempt: int,
        holder: Holder,
    ) -> None:
        self.study = study
        self.attempt = attempt
        self._writing = writing
        self._where = where
        self._wall = wall
        self._study_id = study_id
        self._holder = holder
        # Of each series; no one else writes, so this stays true. None: to be looked up.
        self._last_steps: dict[tuple[int, str], int] | None = None
        self._insert = _INSERT[writing.dialect.name]

    def append(self, records: Iterable[Record]) -> int:
        numbered = list(records)
        try:
            with self._transaction(len(numbered)) as (connection, sequence):
                known = self._last_steps
                if known is None:
                    known = _last_steps(connection, self._study_id)
                first = sequence - len(numbered) + 1
                by_kind: dict[type, list[tuple[int, Any]]] = {}
                for number, record in enumerate(numbered, start=first):
                    by_kind.setdefault(type(record), []).append((number, record))
                for kind, told in by_kind.items():
                    if kind is CurveRecord:
                        known = known | self._write_curves(connection, told, known)
                    else:
                        self._write(connection, kind, told)
            self._last_steps = known
        except BaseException:
            self._last_steps = None  # Ctrl-C may come just before a commit or just after it
            raise
        return sequence

    def set_status(self, status: str) -> None:
        with self._transaction(0) as (connection, _):
            mine = schema.study.c.id == self._study_id
            connection.execute(update(schema.study).where(mine), {"status": str(status)})

    def heartbeat(self) -> None:
        with self._transaction(0):
            pass

    def close(self) -> None:
        # A lease that can't be given back is no loss: it ends with this process.
        with contextlib.suppress(SQLAlchemyError), self._writing.begin() as connection:
            connection.execute(update(schema.lease).where(self._is_mine()), {"writer": None})

    @contextlib.contextmanager
    def _transaction(self, records: int) -> Generator[tuple[Connection, int]]:
        """A transaction that holds only while the lease is ours, and the last of so many new sequence numbers."""
        with as_sentences(self._where, "written"), self._writing.begin() as connection:
            beat = (
                update(schema.lease)
                .where(self._is_mine())
                .values(heartbeat_at=self._wall(), sequence=schema.lease.c.sequence + records)
            )
            if connection.execute(beat).rowcount != 1:
                raise FolderError(
                    f"The study {self.study!r} in the {self._where} was taken over by another process or closed, "
                    "so this one has stopped writing to it."
                )
            yield connection, connection.execute(select(schema.lease.c.sequence).where(self._is_mine())).scalar_one()

    def _is_mine(self) -> Any:
        return (schema.lease.c.study_id == self._study_id) & (schema.lease.c.writer == self._holder.writer)

    def _written(self, sequence: int) -> rows.Row:
        return {"study_id": self._study_id, "sequence": sequence, "attempt": self.attempt}

    def _write(self, connection: Connection, kind: type, told: list[tuple[int, Any]]) -> None:
        table, as_row, key, replaces = _TABLES[kind]
        by_key: dict[tuple[Any, ...], rows.Row] = {}
        for sequence, record in told:
            row = as_row(record) | self._written(sequence)
            place = tuple(row[name] for name in key)
            if replaces or place not in by_key:
                by_key[place] = row
        statement = self._insert(table)
        unique = ["study_id", *key]
        if replaces:
            changed = {column.name: statement.excluded[column.name] for column in table.c if column.name not in unique}
            statement = statement.on_conflict_do_update(index_elements=unique, set_=changed)
        else:
            statement = statement.on_conflict_do_nothing(index_elements=unique)
        connection.execute(statement, list(by_key.values()))

    def _write_curves(
        self, connection: Connection, told: list[tuple[int, CurveRecord]], known: Mapping[tuple[int, str], int]
    ) -> dict[tuple[int, str], int]:
        """Insert new chunks; where points were told before, join the new ones with the old chunks they fall into.

        Args:
            known: the last step of each series so far.

        Returns:
            The last step of each series written to.
        """
        by_series: dict[tuple[int, str], list[CurveRecord]] = {}
        for _, record in told:
            by_series.setdefault((int(record.trial), record.series), []).append(record)
        written = self._written(told[-1][0])
        inserts: list[rows.Row] = []
        ends: dict[tuple[int, str], int] = {}
        for place, parts in by_series.items():
            series = joined(parts)
            if not len(series.steps):
                continue
            end = known.get(place)
            if end is not None and series.steps[0] <= end:
                series = self._joined_with_old(connection, place, series)
                ends[place] = max(end, int(series.steps[-1]))
            else:
                ends[place] = int(series.steps[-1])
            inserts += [rows.chunk_row(chunk) | written for chunk in chunks(series)]
        if inserts:
            connection.execute(schema.chunk.insert(), inserts)
        return ends

    def _joined_with_old(self, connection: Connection, place: tuple[int, str], new: CurveRecord) -> CurveRecord:
        """The new points with those of the chunks that they overlap; these chunks are deleted."""
        chunk = schema.chunk.c
        overlapped = (
            (chunk.study_id == self._study_id)
            & (chunk.number == place[0])
            & (chunk.series == place[1])
            & (chunk.first_step <= int(new.steps[-1]))
            & (chunk.last_step >= int(new.steps[0]))
        )
        old = connection.execute(select(chunk.points).where(overlapped).order_by(chunk.first_step)).scalars().all()
        connection.execute(schema.chunk.delete().where(overlapped))
        return joined([*(from_points(*place, points) for points in old), new])


def _last_steps(connection: Connection, study_id: int) -> dict[tuple[int, str], int]:
    chunk = schema.chunk.c
    ends = (
        select(chunk.number, chunk.series, func.max(chunk.last_step))
        .where(chunk.study_id == study_id)
        .group_by(chunk.number, chunk.series)
    )
    return {(number, series): last for number, series, last in connection.execute(ends)}
