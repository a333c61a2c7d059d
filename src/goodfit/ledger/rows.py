"""Records as rows of the tables, and back."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping
from typing import Any

from goodfit.findings import Finding, Json, plain
from goodfit.ledger.points import as_points
from goodfit.ledger.records import (
    CurveRecord,
    DecisionRecord,
    FindingRecord,
    MemoRecord,
    StageRecord,
    StudyRecord,
    TrialRecord,
)
from goodfit.ledger.schema import dumps

Row = dict[str, Any]


def study_row(record: StudyRecord) -> Row:
    return _named(record) | {"seed": int(record.seed), "created_at": float(record.created_at)}


def stage_row(record: StageRecord) -> Row:
    return _named(record) | {
        "number": int(record.number),
        "round": int(record.round),
        "stage": str(record.stage),
        "findings": list(record.findings),
        "trials": int(record.trials),
        "epochs": real(record.epochs),
        "seconds": real(record.seconds),
        "started_at": real(record.started_at),
        "ended_at": real(record.ended_at),
    }


def trial_row(record: TrialRecord) -> Row:
    row = _named(record)
    return {name: row[name] for name in ("hyperparameters", "status", "metrics", "engine", "reason")} | {
        "number": int(record.trial),
        "stage_number": int(record.stage),
        "seed": int(record.seed),
        "parent": None if record.parent is None else int(record.parent),
        "epochs": real(record.epochs),
        "objective": real(record.objective),
        "started_at": real(record.started_at),
        "ended_at": real(record.ended_at),
    }


def chunk_row(chunk: CurveRecord) -> Row:
    """One chunk, with steps that grow and at least one point."""
    return {
        "number": int(chunk.trial),
        "series": chunk.series,
        "first_step": int(chunk.steps[0]),
        "last_step": int(chunk.steps[-1]),
        "points": as_points(chunk),
    }


def finding_row(record: FindingRecord) -> Row:
    place = {"stage_number": int(record.stage), "trial": None if record.trial is None else int(record.trial)}
    finding = record.finding.as_json()
    return {**place, "finding": finding, "digest": digest([*place.values(), finding])}


def decision_row(record: DecisionRecord) -> Row:
    content = {
        "stage_number": int(record.stage),
        "what": record.what,
        "why": record.why,
        "before": plain(record.before),
        "after": plain(record.after),
    }
    # When it was decided is no part of what was decided: a resumed run decides the same again, later.
    return {**content, "at": real(record.at), "digest": digest(list(content.values()))}


def memo_row(record: MemoRecord) -> Row:
    return {"key": record.key, "value": record.value}


def study_record(row: Mapping[str, Any]) -> StudyRecord:
    return StudyRecord(**_fields(StudyRecord, row))


def stage_record(row: Mapping[str, Any]) -> StageRecord:
    values = _fields(StageRecord, row)
    values["findings"] = tuple(values["findings"])
    for name in ("epochs", "seconds", "started_at"):
        values[name] = _or_nan(values[name])
    return StageRecord(**values)


def trial_record(row: Mapping[str, Any]) -> TrialRecord:
    values = _fields(TrialRecord, row, trial="number", stage="stage_number")
    values["epochs"] = _or_nan(values["epochs"])
    return TrialRecord(**values)


def finding_record(row: Mapping[str, Any]) -> FindingRecord:
    return FindingRecord(stage=row["stage_number"], finding=Finding.from_json(row["finding"]), trial=row["trial"])


def decision_record(row: Mapping[str, Any]) -> DecisionRecord:
    values = _fields(DecisionRecord, row, stage="stage_number")
    values["at"] = _or_nan(values["at"])
    return DecisionRecord(**values)


def digest(content: Json) -> str:
    """32 hexadecimal digits that tell JSON contents apart."""
    return hashlib.blake2b(dumps(content).encode(), digest_size=16).hexdigest()


def real(value: Any) -> float | None:
    """A number for a column; not-a-number and infinity are None."""
    return float(value) if value is not None and math.isfinite(value) else None


def _named(record: Any) -> Row:
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def _fields(kind: Any, row: Mapping[str, Any], **renamed: str) -> Row:
    """The row's values by the record's names; `renamed` gives the columns that are called otherwise."""
    return {field.name: row[renamed.get(field.name, field.name)] for field in dataclasses.fields(kind)}


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
