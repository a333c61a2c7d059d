"""TensorBoard's event files: which of them are one run, and the table of each run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from goodfit.curve_files.event_records import read_scalars
from goodfit.curve_files.names import Quantity, role_of
from goodfit.curve_files.table import Table, from_rows
from goodfit.errors import CurvesError

SPLIT_FOLDERS = frozenset({"train", "validation", "val", "valid", "eval", "test", "dev"})  # Keras writes one each
EVENTS = "tfevents"


def event_files(path: Path) -> list[Path]:
    """The file itself, or the event files below a folder, in the order in which they were begun."""
    if path.is_dir():
        return sorted(file for file in path.rglob(f"*{EVENTS}*") if file.is_file())
    return [path] if EVENTS in path.name else []


def read_events(path: Path) -> dict[str, Table]:
    """The scalars of an event file, or of every folder with event files below a folder, by run.

    Folders named train and validation beside each other are one run. A tag's last value at a step counts.

    Raises:
        CurvesError: a file is damaged, or there are no scalars in any.
    """
    root = path if path.is_dir() else path.parent
    runs: dict[str, dict[float, dict[str, Any]]] = {}
    for file in event_files(path):
        try:
            scalars = read_scalars(file.read_bytes())
        except ValueError as error:
            raise CurvesError(f"{file} cannot be read as TensorBoard's: {error}.") from error
        parts = file.parent.relative_to(root).parts
        split = next((part.lower() for part in parts if part.lower() in SPLIT_FOLDERS), "")
        run = "/".join(part for part in parts if part.lower() not in SPLIT_FOLDERS)
        # add_scalars writes each series into a folder of its own: loss_train, loss_val
        rows = runs.setdefault(run, {})
        for tag, step, value in scalars:
            name = f"{split}/{tag}" if split and not role_of(tag).split else tag
            rows.setdefault(step, {"step": step})[name] = value
    tables = {run: from_rows(rows[step] for step in sorted(rows)) for run, rows in _joined(runs).items() if rows}
    if not tables:
        raise CurvesError(f"{path} holds event files without scalars.")
    return tables


def _joined(runs: dict[str, dict[float, dict[str, Any]]]) -> dict[str, dict[float, dict[str, Any]]]:
    """One run of those that hold a lone tag: `add_scalars("loss", {"train": ..})` makes a run named loss_train."""
    single = {run: {tag for row in rows.values() for tag in row if tag != "step"} for run, rows in runs.items()}
    splits = {run: role_of(run) for run, tags in single.items() if run and len(tags) == 1}
    measured = {run for run, role in splits.items() if role.quantity in (Quantity.LOSS, Quantity.METRIC) and role.split}
    if len(measured) < 2:
        return runs
    rest = {run: rows for run, rows in runs.items() if run not in measured}
    merged = rest.setdefault("", {})
    for run in measured:
        for step, row in runs[run].items():
            value = next(v for tag, v in row.items() if tag != "step")
            merged.setdefault(step, {"step": step})[run] = value
    return rest
