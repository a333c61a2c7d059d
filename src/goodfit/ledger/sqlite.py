"""Ledgers in SQLite: a file, or memory; opened safely, and refused in one sentence where they can't be.

Durability: write-ahead log with `synchronous=FULL`. A commit then outlives a killed process and a loss of power;
`NORMAL` would save one wait for the disk a commit, about once a second here, and give up the latter.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.pool import QueuePool, StaticPool

from goodfit.errors import FolderError
from goodfit.ledger import schema
from goodfit.ledger.sentences import as_sentences
from goodfit.ledger.sql import WRITES, SqlStore

# Ours: others hold the write lock for milliseconds; a shell with an open transaction, for as long as it likes.
BUSY_SECONDS = 30.0


def open_sqlite(place: str, *, create: bool, wall: Callable[[], float] = time.time) -> SqlStore:
    """The ledger in a file, or in memory for "memory:NAME".

    Args:
        place: the file's path. A named memory ledger lives while someone in this process has it open; its users
            must take turns (SQLite's shared memory knows no waiting), so it is for short-lived work and tests.
        create: whether to make it where there is none; else it is opened for reading only.
        wall: seconds since 1970, for heartbeats.

    Raises:
        FolderError: it can't be opened, is something else, is damaged, or is of a newer goodfit.
    """
    in_memory = place.startswith("memory:")
    address = _memory_address(place) if in_memory else _file_address(Path(place), create=create)
    where = f"ledger {place}"
    engine = _engine(address, reads_only=not create)
    store = SqlStore(engine, where, wall)
    try:
        with as_sentences(where, "opened"):
            _check(engine, where, create=create)
    except BaseException:
        store.close()
        raise
    return store


def _memory_address(place: str) -> str:
    name = place.partition(":")[2]
    return f"file:goodfit-{name.encode().hex()}?mode=memory&cache=shared"


def _file_address(path: Path, *, create: bool) -> str:
    if path.is_dir():
        raise FolderError(f"{path} is a folder; a ledger is a file, such as {path / 'ledger.db'}.")
    if not create and not path.exists():
        raise FolderError(f"There is no ledger at {path}; give the folder of a run.")
    if not path.absolute().parent.is_dir():
        raise FolderError(f"The ledger {path} can't be made: there is no folder {path.absolute().parent}.")
    address = path.absolute().as_uri()
    if create:
        return f"{address}?mode=rwc"
    if os.access(path, os.W_OK) and os.access(path.absolute().parent, os.W_OK):
        return f"{address}?mode=rw"  # SQLite then tidies up its log after us; query_only keeps the content
    # On a read-only disk there is no room for SQLite's own files, and no one who could change what we read.
    log = path.with_name(path.name + "-wal")
    return f"{address}?mode=ro" if log.exists() else f"{address}?mode=ro&immutable=1"


def _engine(address: str, *, reads_only: bool) -> Engine:
    in_memory = "mode=memory" in address

    def connect() -> sqlite3.Connection:
        # isolation_level None: the driver begins no transactions of its own; the listener below does.
        return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=StaticPool if in_memory else QueuePool,
        json_serializer=schema.dumps,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        if not reads_only and not in_memory:
            _write_ahead(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        if reads_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes the lock at once: one that first read and then wrote could be refused without a wait.
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn the write-ahead log on; it stays off where a file system can't do it."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            # SQLite does not wait for its turn here, and two processes may make the same ledger at once.
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _check(engine: Engine, where: str, *, create: bool) -> None:
    """Make the tables where the file is empty; refuse what is no ledger of ours."""
    with engine.begin() as connection:
        tables = inspect(connection).get_table_names()
    if not tables and create:
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            tables = inspect(connection).get_table_names()  # another process may have been faster
            if not tables:
                from goodfit.ledger.versions import goodfit_version

                schema.metadata.create_all(connection)
                for statement in schema.views("sqlite"):
                    connection.exec_driver_sql(statement)
                connection.execute(
                    schema.ledger.insert(), {"version": schema.VERSION, "created_by": f"goodfit {goodfit_version()}"}
                )
                return
    if not tables:
        raise FolderError(f"The {where} is empty: no run has written to it.")
    if schema.ledger.name not in tables:
        raise FolderError(f"The {where} is a database of something else than goodfit; choose another place.")
    with engine.begin() as connection:
        row = connection.execute(select(schema.ledger)).mappings().first()
    if row is None or row["version"] != schema.VERSION:
        found = "no version" if row is None else f"version {row['version']}, written by {row['created_by']}"
        raise FolderError(
            f"The {where} has {found}, and this goodfit reads version {schema.VERSION}; "
            "use the goodfit that wrote it, or choose another place."
        )
