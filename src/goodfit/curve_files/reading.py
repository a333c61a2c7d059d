"""A file, a folder or columns in memory in; the runs that they hold out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from goodfit.curve_files.delimited import read_delimited
from goodfit.curve_files.json_files import read_json, read_json_lines
from goodfit.curve_files.long_format import widened
from goodfit.curve_files.recorded import RecordedRun, recorded_run
from goodfit.curve_files.runs import separated
from goodfit.curve_files.table import Table, from_columns, from_rows
from goodfit.curve_files.tensorboard import event_files, read_events
from goodfit.errors import CurvesError

STANDARD_INPUT = "-"
LOGS = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson"})
LARGEST_BYTES = 1 << 30


def read_file(path: str, classes: int | None = None) -> list[RecordedRun]:
    """The runs in a file of curves, in its order.

    Args:
        path: CSV, TSV, JSON, JSON lines; a TensorBoard event file or a folder of them; a folder with one log in it,
            as Lightning and Hugging Face leave it; "-" for standard input.
        classes: how many classes the targets have, where that is known.

    Raises:
        CurvesError: it cannot be read, or holds no curves. One sentence.
    """
    if path == STANDARD_INPUT:
        return _runs(_tables(sys.stdin.read(), "", "Standard input"), classes, "Standard input")
    file = Path(path).expanduser()
    try:
        if event_files(file):
            return _runs(read_events(file), classes, str(file))
        if file.is_dir():
            return read_file(str(_log_in(file)), classes)
        if file.stat().st_size > LARGEST_BYTES:
            raise CurvesError(f"{path} is larger than a gigabyte; give the curves alone.")
        raw = file.read_bytes()
    except OSError as error:
        raise CurvesError(f"{path} cannot be read: {error.strerror or error}.") from error
    return _runs(_tables(_decoded(raw, path), file.suffix.lower(), path), classes, path)


def _log_in(folder: Path) -> Path:
    """The only log in a folder that holds no event files.

    Raises:
        CurvesError: there is none, or more than one.
    """
    logs = sorted(file for file in folder.iterdir() if file.is_file() and file.suffix.lower() in LOGS)
    curves = [file for file in logs if file.name in ("metrics.csv", "metrics.json", "trainer_state.json")] or logs
    if len(curves) == 1:
        return curves[0]
    if not curves:
        raise CurvesError(f"{folder} is a folder without TensorBoard event files and without a CSV or JSON log in it.")
    names = ", ".join(file.name for file in curves[:5])
    raise CurvesError(f"{folder} holds {len(curves)} logs ({names}{' ...' * (len(curves) > 5)}); name one of them.")


def read_columns(columns: Any, classes: int | None = None) -> list[RecordedRun]:
    """The runs in columns: a mapping of names to values, a data frame, a list of records, a Keras History.

    Raises:
        CurvesError: they are none of these, or no curves are among them.
    """
    columns = getattr(columns, "history", columns) if not hasattr(columns, "columns") else columns
    if hasattr(columns, "to_dict") and hasattr(columns, "columns"):
        index = getattr(columns, "index", None)
        named = getattr(index, "name", None)
        table = {str(name): list(columns[name]) for name in columns.columns}
        if named and str(named) not in table and index is not None:
            table = {str(named): list(index), **table}
        return _runs({"": from_columns(table)}, classes, "The data frame")
    if isinstance(columns, Mapping):
        if not columns:
            raise CurvesError("The mapping of columns is empty.")
        lists = {str(name): _listed(name, values) for name, values in columns.items()}
        return _runs({"": from_columns(lists)}, classes, "The mapping")
    if isinstance(columns, (list, tuple)) and columns and all(isinstance(row, Mapping) for row in columns):
        return _runs({"": from_rows(columns)}, classes, "The list of records")
    raise CurvesError(
        f"gf.diagnose reads a path, a mapping of columns, a data frame or a list of records, "
        f"not {type(columns).__name__}."
    )


def _listed(name: Any, values: Any) -> list[Any]:
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise CurvesError(f"The column {name!r} holds {type(values).__name__}, not a list of values.")
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _decoded(raw: bytes, path: str) -> str:
    if not raw.strip():
        raise CurvesError(f"{path} is empty.")
    for encoding in ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "latin-1"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise CurvesError(f"{path} is no text: diagnose reads CSV, TSV, JSON, JSON lines and TensorBoard event files.")


def _tables(text: str, suffix: str, what: str) -> dict[str, Table]:
    """The tables of a text, by its suffix or, where that says nothing, by how it begins."""
    start = text.lstrip()[:1]
    try:
        if not start:
            raise CurvesError("is empty.")
        if suffix in (".jsonl", ".ndjson"):
            return {"": read_json_lines(text)}
        if start == "{" and _is_json_lines(text):
            return {"": read_json_lines(text)}
        if suffix == ".json" or start in "[{":
            return read_json(text)
        return {"": read_delimited(text)}
    except CurvesError as error:
        raise CurvesError(f"{what} {error}") from error


def _is_json_lines(text: str) -> bool:
    lines = [line.strip() for line in text.strip().splitlines()[:2]]
    return len(lines) == 2 and all(line.startswith("{") and line.endswith("}") for line in lines)


def _runs(tables: Mapping[str, Table], classes: int | None, what: str) -> list[RecordedRun]:
    parts: dict[str, Table] = {}
    for name, table in tables.items():
        for part, each in separated(widened(table)).items():
            parts[" ".join(filter(None, (name, part)))] = each
    runs, faults = [], []
    for name, table in parts.items():
        try:
            runs.append(recorded_run(name, table, classes))
        except CurvesError as error:
            faults.append(str(error))
    if not runs:
        raise CurvesError(f"{what} {faults[0] if faults else 'holds no curves.'}")
    return runs
