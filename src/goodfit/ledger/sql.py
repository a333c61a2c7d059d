"""The store seam on SQL: reading whole studies, and writing to one under its lease."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, Table, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from goodfit.errors import FolderError
from goodfit.ledger import rows, schema
from goodfit.ledger.lease import LEASE_SECONDS, Holder
from goodfit.ledger.points import chunks, from_points, joined
from goodfit.ledger.records import (
    CurveRecord,
    DecisionRecord,
    FindingRecord,
    MemoRecord,
    Record,
    Snapshot,
    StageRecord,
    StudyRecord,
    TrialRecord,
)

WRITES = "goodfit_writes"  # the execution option of a transaction that will write
_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

# Where a record of a kind goes, and what it replaces there (nothing where it is told twice: the first stays).
_TABLES: Mapping[type, tuple[Table, Callable[[Any], rows.Row], tuple[str, ...], bool]] = {
    StageRecord: (schema.stage, rows.stage_row, ("number",), True),
    TrialRecord: (schema.trial, rows.trial_row, ("number",), True),
    MemoRecord: (schema.memo, rows.memo_row, ("key",), True),
    FindingRecord: (schema.finding, rows.finding_row, ("digest",), False),
    DecisionRecord: (schema.decision, rows.decision_row, ("digest",), False),
}


class SqlStore:
    """A ledger behind an engine. `goodfit.ledger.store.Store` says what the methods do."""

    def __init__(self, engine: Engine, where: str, wall: Callable[[], float]) -> None:
        self._engine = engine
        self._writing = engine.execution_options(**{WRITES: True})
        self._where = where
        self._wall = wall

    def studies(self) -> tuple[StudyRecord, ...]:
        with self._reading() as connection:
            found = connection.execute(select(schema.study).order_by(schema.study.c.id)).mappings()
            return tuple(rows.study_record(row) for row in found)

    def read(self, study: str) -> Snapshot:
        with self._reading() as connection:
            row = self._study(connection, study)

            def of(table: Table, *order: str) -> Iterable[Mapping[str, Any]]:
                mine = select(table).where(table.c.study_id == row["id"])
                return connection.execute(mine.order_by(*(table.c[name] for name in order))).mappings()

            return Snapshot(
                study=rows.study_record(row),
                stages=tuple(rows.stage_record(found) for found in of(schema.stage, "number")),
                trials=tuple(rows.trial_record(found) for found in of(schema.trial, "number")),
                curves=_curves(of(schema.chunk, "number", "series", "first_step")),
                findings=tuple(rows.finding_record(found) for found in of(schema.finding, "sequence")),
                decisions=tuple(rows.decision_record(found) for found in of(schema.decision, "sequence")),
                memos={found["key"]: found["value"] for found in of(schema.memo, "sequence")},
            )

    def memos(self, study: str) -> Mapping[str, Any]:
        with self._reading() as connection:
            row = self._study(connection, study)
            mine = select(schema.memo).where(schema.memo.c.study_id == row["id"]).order_by(schema.memo.c.sequence)
            return {found["key"]: found["value"] for found in connection.execute(mine).mappings()}

    def begin(self, study: StudyRecord) -> SqlStudyWriter:
        holder = Holder.this_process()
        with as_sentences(self._where, "written"), self._writing.begin() as connection:
            if connection.execute(select(schema.study.c.id).where(schema.study.c.study == study.study)).first():
                raise FolderError(
                    f"The {self._where} already holds a study named {study.study!r}; "
                    "go on with it by --resume, or choose another place."
                )
            adding = schema.study.insert().returning(schema.study.c.id)
            study_id = connection.execute(adding, rows.study_row(study)).scalar_one()
            connection.execute(
                schema.lease.insert(),
                {**_lease(holder, self._wall()), "study_id": study_id, "attempt": 1, "sequence": 0},
            )
        return SqlStudyWriter(self._writing, self._where, self._wall, study.study, study_id, 1, holder, {})

    def resume(self, study: str) -> SqlStudyWriter:
        holder = Holder.this_process()
        with as_sentences(self._where, "written"), self._writing.begin() as connection:
            study_id = self._study(connection, study)["id"]
            mine = schema.lease.c.study_id == study_id
            held = connection.execute(select(schema.lease).where(mine)).mappings().one()
            self._refuse_if_alive(study, held)
            attempt = held["attempt"] + 1
            connection.execute(update(schema.lease).where(mine), {**_lease(holder, self._wall()), "attempt": attempt})
            connection.execute(update(schema.study).where(schema.study.c.id == study_id), {"status": "running"})
            ends = _last_steps(connection, study_id)
        return SqlStudyWriter(self._writing, self._where, self._wall, study, study_id, attempt, holder, ends)

    def close(self) -> None:
        self._engine.dispose()

    @contextlib.contextmanager
    def _reading(self) -> Generator[Connection]:
        """One transaction: everything read in it is of one moment."""
        try:
            with as_sentences(self._where, "read"), self._engine.begin() as connection:
                yield connection
        except ValueError as error:  # text that is no JSON, a kind of finding that is not in the vocabulary
            raise FolderError(
                f"The {self._where} can't be read: it is damaged, or a newer goodfit wrote to it ({error})."
            ) from error

    def _study(self, connection: Connection, study: str) -> Mapping[str, Any]:
        row = connection.execute(select(schema.study).where(schema.study.c.study == study)).mappings().first()
        if row is None:
            names = connection.execute(select(schema.study.c.study).order_by(schema.study.c.id)).scalars().all()
            there = f"it has {', '.join(map(repr, names))}" if names else "it has none"
            raise FolderError(f"The {self._where} has no study named {study!r}; {there}.")
        return row

    def _refuse_if_alive(self, study: str, held: Mapping[str, Any]) -> None:
        if held["writer"] is None:
            return
        silent = self._wall() - held["heartbeat_at"]
        last = Holder(writer=held["writer"], host=held["host"], pid=held["pid"], born=held["born"])
        if silent > LEASE_SECONDS or last.is_known_dead():
            return
        raise FolderError(
            f"The study {study!r} in the {self._where} is being written by process {held['pid']} on "
            f"{held['host'].split()[0]}, heard of {max(silent, 0.0):.0f} s ago; wait for it, or end it, and try again "
            f"(a process that has died unseen is given up after {LEASE_SECONDS:.0f} s)."
        )


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
        last_steps: dict[tuple[int, str], int],
    ) -> None:
        self.study = study
        self.attempt = attempt
        self._writing = writing
        self._where = where
        self._wall = wall
        self._study_id = study_id
        self._holder = holder
        self._last_steps = last_steps  # of each series; no one else writes, so this stays true
        self._insert = _INSERT[writing.dialect.name]

    def append(self, records: Iterable[Record]) -> int:
        numbered = list(records)
        last_steps: dict[tuple[int, str], int] = {}
        with self._transaction(len(numbered)) as (connection, sequence):
            first = sequence - len(numbered) + 1
            by_kind: dict[type, list[tuple[int, Any]]] = {}
            for number, record in enumerate(numbered, start=first):
                by_kind.setdefault(type(record), []).append((number, record))
            for kind, told in by_kind.items():
                if kind is CurveRecord:
                    last_steps = self._write_curves(connection, told)
                else:
                    self._write(connection, kind, told)
        self._last_steps |= last_steps  # only now: the transaction may have failed
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

    def _write_curves(self, connection: Connection, told: list[tuple[int, CurveRecord]]) -> dict[tuple[int, str], int]:
        """Insert new chunks; where points were told before, join the new ones with the old chunks they fall into.

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
            end = self._last_steps.get(place)
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


@contextlib.contextmanager
def as_sentences(where: str, what: str) -> Generator[None]:
    """What a database says when it can't, as one sentence."""
    try:
        yield
    except DBAPIError as error:
        said = str(error.orig)
        raise FolderError(f"The {where} can't be {what}: {_next_move(said)}") from error
    except OverflowError as error:  # a whole number that no database holds, such as a user's seed
        raise FolderError(f"The {where} can't be {what}: a number in it is 2^63 or more.") from error


def _next_move(said: str) -> str:
    if "not a database" in said:
        return "it is no SQLite file; choose another place."
    if "malformed" in said or "decode" in said:
        return f"it is damaged ({said}); sqlite3's .recover may save a part of it."
    if "locked" in said or "busy" in said:
        return f"another process holds it ({said}); let that one end its transaction, then --resume."
    if "full" in said:
        return f"{said}; free some space, then --resume."
    return f"{said}."


def _lease(holder: Holder, now: float) -> rows.Row:
    return {
        "writer": holder.writer,
        "host": holder.host,
        "pid": holder.pid,
        "born": holder.born,
        "heartbeat_at": now,
    }


def _last_steps(connection: Connection, study_id: int) -> dict[tuple[int, str], int]:
    chunk = schema.chunk.c
    ends = (
        select(chunk.number, chunk.series, func.max(chunk.last_step))
        .where(chunk.study_id == study_id)
        .group_by(chunk.number, chunk.series)
    )
    return {(number, series): last for number, series, last in connection.execute(ends)}


def _curves(found: Iterable[Mapping[str, Any]]) -> dict[int, dict[str, CurveRecord]]:
    """Chunks, by trial, series and step, as whole series."""
    curves: dict[int, dict[str, CurveRecord]] = {}
    for (trial, series), parts in itertools.groupby(found, key=lambda row: (row["number"], row["series"])):
        points = [point for part in parts for point in part["points"]]
        curves.setdefault(trial, {})[series] = from_points(trial, series, points)
    return curves
