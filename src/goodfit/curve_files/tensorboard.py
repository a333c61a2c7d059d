"""TensorBoard's event files, read by the library `tensorboard` (an extra)."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from goodfit.curve_files.names import Quantity, role_of
from goodfit.curve_files.table import Table, from_rows
from goodfit.errors import CurvesError

SPLIT_FOLDERS = frozenset({"train", "validation", "val", "valid", "eval", "test", "dev"})  # Keras writes one each


def read_events(path: Path) -> dict[str, Table]:
    """The scalars of an event file, or of every folder with event files below a folder, by run.

    Folders named train and validation beside each other are one run. A tag's last value at a step counts.

    Raises:
        CurvesError: `tensorboard` is not installed, or there are no event files, or no scalars in them.
    """
    try:
        accumulators = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    except ImportError as error:
        raise CurvesError(
            f"{path} is TensorBoard's: reading it needs the library tensorboard; install it by "
            "pip install 'goodfit[tensorboard]'."
        ) from error
    files = sorted(path.rglob("*tfevents*")) if path.is_dir() else [path]
    files = [file for file in files if file.is_file()]
    if not files:
        raise CurvesError(f"{path} is a folder without TensorBoard event files.")
    root = path if path.is_dir() else path.parent
    runs: dict[str, dict[float, dict[str, Any]]] = {}
    for source in dict.fromkeys(file.parent if path.is_dir() else file for file in files):
        accumulator = accumulators.EventAccumulator(str(source), size_guidance={"scalars": 0, "tensors": 0})
        try:
            accumulator.Reload()
        except Exception as error:  # its readers raise many kinds for a damaged file
            raise CurvesError(f"{source} cannot be read as TensorBoard's: {error}.") from error
        folder = source if source.is_dir() else source.parent
        parts = folder.relative_to(root).parts
        split = next((part.lower() for part in parts if part.lower() in SPLIT_FOLDERS), "")
        run = "/".join(part for part in parts if part.lower() not in SPLIT_FOLDERS)
        # add_scalars writes each series into a folder of its own: loss_train, loss_val
        rows = runs.setdefault(run, {})
        for tag, points in _scalars(accumulator).items():
            name = f"{split}/{tag}" if split and not role_of(tag).split else tag
            for step, value in points:
                rows.setdefault(step, {"step": step})[name] = value
    tables = {run: from_rows(rows[step] for step in sorted(rows)) for run, rows in _joined(runs).items() if rows}
    if not tables:
        raise CurvesError(f"{path} holds event files without scalars.")
    return tables


def _scalars(accumulator: Any) -> dict[str, list[tuple[float, float]]]:
    """Values by tag: plain scalars, and the scalar tensors that TensorFlow 2 writes."""
    tags = accumulator.Tags()
    found = {tag: [(float(e.step), float(e.value)) for e in accumulator.Scalars(tag)] for tag in tags["scalars"]}
    if tags.get("tensors"):
        tensor_util = importlib.import_module("tensorboard.util.tensor_util")

        for tag in tags["tensors"]:
            events = accumulator.Tensors(tag)
            arrays = [(float(e.step), np.asarray(tensor_util.make_ndarray(e.tensor_proto))) for e in events]
            if arrays and all(a.size == 1 and np.issubdtype(a.dtype, np.number) for _, a in arrays):
                found[tag] = [(step, float(a.reshape(()))) for step, a in arrays]
    return found


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
