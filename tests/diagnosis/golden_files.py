"""Reading and writing golden curves: a table as design.md 2.5 has it, and beside it what is known of the training."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from goodfit.diagnosis.curves import Curves, Series

COLUMNS = {  # of the table, by the field of Curves
    "step_loss": "step_loss",
    "train_loss": "train_loss",
    "val_loss": "val_loss",
    "train_metric": "train_{metric}",
    "val_metric": "val_{metric}",
    "lr": "lr",
}


def write_curves(path: Path, curves: Curves) -> None:
    """The series as CSV, empty where missing, and all else known as JSON beside it."""
    columns = {c.format(metric=curves.metric or "metric"): getattr(curves, f) for f, c in COLUMNS.items()}
    columns |= {f"update_ratio/{name}": series for name, series in curves.update_ratios.items()}
    columns = {name: series for name, series in columns.items() if series is not None}
    rows: dict[float, dict[str, str]] = {}
    for name, series in columns.items():
        for step, value in zip(series.steps, series.values, strict=True):
            rows.setdefault(float(step), {})[name] = f"{value:.6g}"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["step", *columns], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({"step": f"{step:g}", **rows[step]} for step in sorted(rows))
    series_names = {*COLUMNS, "update_ratios", "val_metric_averaged", "grad_norm"}
    facts = {f.name: getattr(curves, f.name) for f in dataclasses.fields(Curves) if f.name not in series_names}
    blank = {f.name: f.default for f in dataclasses.fields(Curves)}
    known = {name: value for name, value in facts.items() if value != blank[name]}
    path.with_suffix(".json").write_text(json.dumps(known, indent=1) + "\n")


def read_curves(path: Path) -> Curves:
    """What `write_curves` wrote; empty cells are points that are not there."""
    facts_file = path.with_suffix(".json")
    facts = json.loads(facts_file.read_text()) if facts_file.exists() else {}
    with path.open(newline="") as file:
        table = list(csv.DictReader(file))

    def series(column: str) -> Series | None:
        points = [(float(row["step"]), float(row[column])) for row in table if row.get(column)]
        if not points:
            return None
        steps, values = zip(*points, strict=True)
        return Series(np.array(steps), np.array(values))

    metric = facts.get("metric", "metric")
    found: dict[str, Any] = {field: series(column.format(metric=metric)) for field, column in COLUMNS.items()}
    names = [name for name in (table[0] if table else {}) if name.startswith("update_ratio/")]
    ratios = {name.removeprefix("update_ratio/"): series(name) for name in names}
    return Curves(**found, update_ratios={n: s for n, s in ratios.items() if s is not None}, **facts)


def thinned(curves: Curves, rows: int = 240) -> Curves:
    """The curves with no more than `rows` minibatch losses and rates, so that golden files stay small."""

    def thin(series: Series | None) -> Series | None:
        if series is None or len(series) <= rows:
            return series
        kept = np.arange(0, len(series), math.ceil(len(series) / rows))
        return Series(series.steps[kept], series.values[kept])

    return dataclasses.replace(curves, step_loss=thin(curves.step_loss), lr=thin(curves.lr))
