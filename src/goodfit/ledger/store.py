"""The seam of the ledger: reading, and writing to one study at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from goodfit.errors import FolderError
from goodfit.ledger.records import Record, Snapshot, StudyRecord


class Reader(Protocol):
    """What everyone may do with a ledger, also while it is being written.

    Raises (every method):
        FolderError: the ledger can't be read, is not one, or has no such study.
    """

    def studies(self) -> tuple[StudyRecord, ...]:
        """All studies, in order of their beginning."""
        ...

    def read(self, study: str) -> Snapshot:
        """The whole study as it was at one moment."""
        ...

    def memos(self, study: str) -> Mapping[str, Any]:
        """The study's memos alone: what a resumed run begins with."""
        ...

    def close(self) -> None: ...


class StudyWriter(Protocol):
    """The one who may write to a study, until `close` or until another takes over after its death.

    Raises (every method but close):
        FolderError: the ledger can't be written, or the study was taken over by another process.
    """

    study: str
    attempt: int  # 1 for the first, one more for each that went on with the study

    def append(self, records: Iterable[Record]) -> int:
        """Commit the records together (all or none), in order; also a heartbeat.

        Returns:
            The sequence number of the last record of the study. When this returns, the records outlive a kill of the
            process.
        """
        ...

    def set_status(self, status: str) -> None:
        """The study's status: running, done, stopped or interrupted."""
        ...

    def heartbeat(self) -> None:
        """Say that this writer lives. A writer that is silent for `LEASE_SECONDS` may be taken over."""
        ...

    def close(self) -> None:
        """Let the study go, for others to go on with. What was committed stays; the status is not touched."""
        ...


class Store(Reader, Protocol):
    """A ledger that can be written: several studies, each with one writer at a time."""

    def begin(self, study: StudyRecord) -> StudyWriter:
        """Record a new study and become its writer.

        Raises:
            FolderError: the ledger has a study of this name already.
        """
        ...

    def resume(self, study: str) -> StudyWriter:
        """Become the writer of a study that is there, as its next attempt; its status is running again.

        Raises:
            FolderError: there is no such study, or a living process writes to it.
        """
        ...


def open_ledger(place: str | Path) -> Store:
    """The ledger at a place, made if there is none.

    Args:
        place: a file's path, or a URL: "sqlite:///path/to/ledger.db", or "memory:NAME" for one that lives in this
            process for as long as someone has it open.

    Raises:
        FolderError: the file can't be opened, is something else, is damaged, or is of a newer goodfit; or the URL
            is of a database that goodfit keeps no ledgers in.
    """
    from goodfit.ledger.sqlite import open_sqlite

    return open_sqlite(_sqlite_file(place), create=True)


def read_ledger(place: str | Path) -> Reader:
    """The ledger at a place, for reading only; nothing is made or changed.

    Raises:
        FolderError: as `open_ledger`, or there is none.
    """
    from goodfit.ledger.sqlite import open_sqlite

    return open_sqlite(_sqlite_file(place), create=False)


def _sqlite_file(place: str | Path) -> str:
    """A path, or "memory:NAME"."""
    text = str(place)
    if isinstance(place, Path) or text.startswith("memory:") or "://" not in text:
        return text
    scheme, _, rest = text.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return rest[1:]  # SQLAlchemy's form: three slashes and a path, four for an absolute one
    if scheme == "sqlite":
        raise FolderError(f"{text} names no file; write sqlite:///path/to/ledger.db, or memory:NAME for one in memory.")
    raise FolderError(
        f"goodfit keeps its ledger in SQLite files and can't use a {scheme}:// database; "
        "give a path, or leave --db out for ledger.db in the run's folder."
    )
