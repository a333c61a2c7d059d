"""The ledger's tables and its two stable views, in terms that SQLite and PostgreSQL share.

Tables have singular names and are ours to change (with `VERSION`); the views `trials` and `curves` have plural names
and stay as they are for anyone's SQL. `docs/ledger.md` describes both.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

from goodfit.findings import plain

VERSION = 1  # of the tables; a ledger of a newer one is refused

# SQLite numbers rows by itself only where the key is exactly INTEGER.
_Key = BigInteger().with_variant(Integer, "sqlite")


class Words(TypeDecorator[str]):
    """Text that can always be stored: half a surrogate pair (from a file's name, say) is written as its escape."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else str(value).encode("utf-8", "backslashreplace").decode("utf-8")


class JsonText(str):
    """A value for a JSON column that is JSON already."""

    __slots__ = ()


def dumps(value: Any) -> str:
    """A value as JSON text; not-a-number and infinity are null, other libraries' numbers are plain ones."""
    if isinstance(value, JsonText):
        return value
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))  # the fast way, right for most
    except (TypeError, ValueError):
        return json.dumps(plain(value), allow_nan=False, separators=(",", ":"))


metadata = MetaData()

ledger = Table(  # one row; its presence says that the file is a ledger
    "goodfit_ledger",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("created_by", Words, nullable=False),  # "goodfit 0.1.0"
)

study = Table(
    "study",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("study", Words, nullable=False, unique=True),
    Column("task", Words, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("objective", Words, nullable=False),
    Column("command", Words, nullable=False),
    Column("device", Words, nullable=False),
    Column("versions", JSON, nullable=False),
    Column("fingerprint", Words, nullable=False),
    Column("source", Words, nullable=False),
    Column("space", JSON, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("options", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("status", Words, nullable=False),
)

lease = Table(  # who writes to a study; `goodfit.ledger.lease` says when it is free
    "lease",
    metadata,
    Column("study_id", ForeignKey("study.id"), primary_key=True),
    Column("writer", Words),  # None: released
    Column("host", Words, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("born", Words, nullable=False),  # when that process started, as its machine tells it; "" if it does not
    Column("attempt", Integer, nullable=False),
    Column("heartbeat_at", Float, nullable=False),
    Column("sequence", BigInteger, nullable=False),  # the last number given to a record of the study
)


def _written() -> list[Column[Any]]:
    """What every record carries: its study, its place in the order of writing, and which attempt wrote it."""
    return [
        Column("study_id", ForeignKey("study.id"), nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("attempt", Integer, nullable=False),
    ]


stage = Table(
    "stage",
    metadata,
    *_written(),
    Column("number", Integer, nullable=False),
    Column("stage", Words, nullable=False),
    Column("round", Integer, nullable=False),
    Column("verdict", Words, nullable=False),
    Column("summary", Words, nullable=False),
    Column("findings", JSON, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("trials", Integer, nullable=False),
    Column("epochs", Float),
    Column("seconds", Float),
    Column("space", JSON, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
    Index("stage_number", "study_id", "number", unique=True),
)

trial = Table(
    "trial",
    metadata,
    *_written(),
    Column("number", Integer, nullable=False),
    Column("stage_number", Integer, nullable=False),
    Column("hyperparameters", JSON, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("status", Words, nullable=False),
    Column("parent", Integer),
    Column("epochs", Float),
    Column("objective", Float),
    Column("metrics", JSON, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("engine", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Index("trial_number", "study_id", "number", unique=True),
)

chunk = Table(  # part of a series; the chunks of one series never overlap in steps
    "chunk",
    metadata,
    *_written(),
    Column("number", Integer, nullable=False),  # the trial's
    Column("series", Words, nullable=False),
    Column("first_step", BigInteger, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("points", JSON, nullable=False),  # [[step, epoch, value], ...], steps growing
    Index("chunk_place", "study_id", "number", "series", "first_step", unique=True),
)

finding = Table(
    "finding",
    metadata,
    *_written(),
    Column("stage_number", Integer, nullable=False),
    Column("trial", Integer),
    Column("finding", JSON, nullable=False),  # design.md 2.4
    Column("digest", Words, nullable=False),  # the same finding told again counts once
    Index("finding_once", "study_id", "digest", unique=True),
)

decision = Table(
    "decision",
    metadata,
    *_written(),
    Column("stage_number", Integer, nullable=False),
    Column("what", Words, nullable=False),
    Column("why", Words, nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    Column("at", Float),
    Column("digest", Words, nullable=False),
    Index("decision_once", "study_id", "digest", unique=True),
)

memo = Table(
    "memo",
    metadata,
    *_written(),
    Column("key", Words, nullable=False),
    Column("value", JSON, nullable=False),
    Index("memo_key", "study_id", "key", unique=True),
)

# A trial's key for anyone's SQL: text, unique in the ledger.
_TRIALS = """
CREATE VIEW trials AS
SELECT study.study || '/' || trial.number AS trial,
       study.study AS study,
       stage.stage AS stage,
       trial.number AS number,
       CASE WHEN trial.parent IS NULL THEN NULL ELSE study.study || '/' || trial.parent END AS parent,
       trial.hyperparameters AS hyperparameters,
       trial.seed AS seed,
       trial.status AS status,
       trial.epochs AS epochs,
       trial.objective AS objective,
       trial.started_at AS started_at,
       trial.ended_at AS ended_at,
       trial.engine AS engine
FROM trial
JOIN study ON study.id = trial.study_id
LEFT JOIN stage ON stage.study_id = trial.study_id AND stage.number = trial.stage_number
"""

_CURVES_SQLITE = """
CREATE VIEW curves AS
SELECT study.study || '/' || chunk.number AS trial,
       CAST(json_extract(point.value, '$[0]') AS INTEGER) AS step,
       json_extract(point.value, '$[1]') AS epoch,
       chunk.series AS series,
       json_extract(point.value, '$[2]') AS value
FROM chunk
JOIN study ON study.id = chunk.study_id
JOIN json_each(chunk.points) AS point
"""


def views(dialect: str) -> tuple[str, ...]:
    """The statements that create the views.

    Raises:
        KeyError: the database is not one that goodfit keeps ledgers in.
    """
    return (_TRIALS, {"sqlite": _CURVES_SQLITE}[dialect])
