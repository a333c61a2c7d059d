"""JSON and JSON lines: records, a history of lists, a trainer's state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from goodfit.curve_files.table import Table, from_columns, from_rows
from goodfit.errors import CurvesError

HISTORIES = (
    "log_history",
    "history",
    "history_dict",
    "logs",
    "metrics",
    "curves",
    "records",
    "data",
    "scalars",
    "results",
)


def read_json(text: str) -> dict[str, Table]:
    """The tables of a JSON document, by run ("" where there is but one).

    Raises:
        CurvesError: it is no JSON, or nothing in it is a curve.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as fault:
        raise CurvesError(f"is no JSON: {fault.msg} in line {fault.lineno}, column {fault.colno}.") from fault
    tables = tables_of(document)
    if not tables:
        raise CurvesError("is JSON, but holds neither a list of records nor lists of numbers by name.")
    return tables


def read_json_lines(text: str) -> Table:
    """The table of one JSON object a line.

    Raises:
        CurvesError: a line is no JSON object; the last line may be cut short, as by a killed training.
    """
    lines = [(place, line) for place, line in enumerate(text.splitlines(), start=1) if line.strip()]
    rows = []
    for place, line in lines:
        try:
            row = json.loads(line)
        except json.JSONDecodeError as fault:
            if place == lines[-1][0] and rows:
                break
            raise CurvesError(f"is no JSON in line {place}: {fault.msg}.") from fault
        if not isinstance(row, Mapping):
            raise CurvesError(f"holds a {type(row).__name__} in line {place}, where JSON lines has an object a line.")
        rows.append(_flat(row))
    return from_rows(rows)


def tables_of(document: Any) -> dict[str, Table]:
    """Every run found in a document."""
    if isinstance(document, list):
        if document and all(isinstance(row, Mapping) for row in document):
            return {"": from_rows(_flat(row) for row in document)}
        # TensorBoard's own export: [wall time, step, value] triples
        if document and all(isinstance(row, list) and len(row) == 3 for row in document):
            return {"": from_rows({"step": row[1], "loss": row[2]} for row in document)}
        return {}
    if not isinstance(document, Mapping):
        return {}
    if series := _series(document):
        return {"": from_rows(series)}
    columns = _lists(document)
    if columns:
        return {"": from_columns(columns)}
    for name in HISTORIES:
        if name in document and (inner := tables_of(document[name])):
            return inner
    by_run = {
        str(name): table for name, part in document.items() if (found := tables_of(part)) for table in found.values()
    }
    if len(by_run) == 1:
        return {"": next(iter(by_run.values()))}
    records = [part for part in document.values() if isinstance(part, Mapping)]
    if records and not by_run and all(str(name).isdigit() for name in document):  # {"0": {...}, "1": {...}}
        return {"": from_rows({"epoch": int(name), **_flat(part)} for name, part in document.items())}
    return by_run


def _series(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of {"loss": {"steps": [1, 2], "values": [0.9, 0.7]}, ...}, as Sacred's file storage keeps them."""
    rows: dict[Any, dict[str, Any]] = {}
    for name, part in document.items():
        if not isinstance(part, Mapping):
            return []
        steps = next((part[key] for key in ("steps", "step", "x") if key in part), None)
        values = next((part[key] for key in ("values", "value", "y") if key in part), None)
        if not isinstance(steps, list) or not isinstance(values, list) or len(steps) != len(values):
            return []
        for step, value in zip(steps, values, strict=True):
            if isinstance(step, (list, Mapping)):
                return []
            rows.setdefault(step, {"step": step})[name] = value
    return list(rows.values())


def _lists(document: Mapping[str, Any], prefix: str = "") -> dict[str, list[Any]]:
    """Lists of plain values by name, of nested objects too: {"train": {"loss": [..]}} is train/loss."""
    found: dict[str, list[Any]] = {}
    for name, part in document.items():
        if isinstance(part, list) and len(part) > 0 and all(not isinstance(v, (list, Mapping)) for v in part):
            found[f"{prefix}{name}"] = part
        elif isinstance(part, Mapping):
            # {"loss": {"0": 1.2, "1": 1.1}}: a column of a data frame
            if (
                part
                and all(str(key).isdigit() for key in part)
                and not any(isinstance(v, (list, Mapping)) for v in part.values())
            ):
                found[f"{prefix}{name}"] = [part[key] for key in sorted(part, key=int)]
            elif str(name) in HISTORIES or str(name).lower() in ("train", "val", "valid", "validation", "eval", "test"):
                found |= _lists(part, "" if str(name) in HISTORIES else f"{prefix}{name}/")
    return found


def _flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects as one level: {"train": {"loss": 1}} is {"train/loss": 1}."""
    out: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            out |= _flat(value, f"{prefix}{name}/")
        elif not isinstance(value, list):
            out[f"{prefix}{name}"] = value
    return out
