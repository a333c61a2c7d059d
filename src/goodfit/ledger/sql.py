"""The store seam on SQL: reading whole studies, and becoming the writer of one."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, Table, select, update

from goodfit.errors import FolderError
from goodfit.ledger import rows, schema
from goodfit.ledger.lease import LEASE_SECONDS, Holder
from goodfit.ledger.points import from_points
from goodfit.ledger.records import CurveRecord, Snapshot, StudyRecord
from goodfit.ledger.sentences import as_sentences
from goodfit.ledger.sql_writer import SqlStudyWriter

WRITES = "goodfit_writes"  # the execution option of a transaction that will write


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
        return SqlStudyWriter(self._writing, self._where, self._wall, study.study, study_id, 1, holder)

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
        return SqlStudyWriter(self._writing, self._where, self._wall, study, study_id, attempt, holder)

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


def _lease(holder: Holder, now: float) -> rows.Row:
    return {
        "writer": holder.writer,
        "host": holder.host,
        "pid": holder.pid,
        "born": holder.born,
        "heartbeat_at": now,
    }


def _curves(found: Iterable[Mapping[str, Any]]) -> dict[int, dict[str, CurveRecord]]:
    """Chunks, by trial, series and step, as whole series."""
    curves: dict[int, dict[str, CurveRecord]] = {}
    for (trial, series), parts in itertools.groupby(found, key=lambda row: (row["number"], row["series"])):
        points = [point for part in parts for point in part["points"]]
        curves.setdefault(trial, {})[series] = from_points(trial, series, points)
    return curves
