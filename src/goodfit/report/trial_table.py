"""The table of all trials, best first, with those that diverged or failed and why."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from goodfit.ledger.records import TrialRecord
from goodfit.report.numbers import MISSING, duration, number
from goodfit.report.reading import Reading


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    text: str
    key: str  # what a click sorts by: a number, or text; "" sorts last
    is_number: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    trial: int
    cells: tuple[Cell, ...]
    is_best: bool
    is_bad: bool
    competes: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    columns: tuple[tuple[str, bool], ...]  # name, whether it holds numbers
    rows: tuple[Row, ...]


def trial_table(reading: Reading) -> Table:
    """Competing trials best first, then those without a result, then those of the preparing stages."""
    feasible = reading.feasible
    ranks = {trial.trial: rank for rank, trial in enumerate(feasible, start=1)}
    competing = {trial.trial for trial in reading.searched}
    rest = [t for t in reading.searched if t.trial not in ranks]
    preparing = [t for t in reading.snapshot.trials if t.trial not in competing]
    ordered = [*feasible, *rest, *preparing]
    names = list(dict.fromkeys([*reading.tuned, *(n for t in ordered for n in t.hyperparameters)]))
    metrics = _metrics(reading, ordered)
    columns = (
        "rank",
        "trial",
        "stage",
        "status",
        reading.objective,
        *metrics,
        *names,
        "seed",
        "epochs",
        "time",
        "reason",
    )
    rows = []
    for trial in ordered:
        took = None if trial.started_at is None or trial.ended_at is None else trial.ended_at - trial.started_at
        cells = (
            _cell(ranks.get(trial.trial)),
            _cell(trial.trial),
            Cell(reading.stage_label(trial.stage), str(trial.stage), is_number=False),
            Cell(trial.status, trial.status, is_number=False),
            *(_measured(value) for value in (trial.objective, *(trial.metrics.get(name) for name in metrics))),
            *(_cell(trial.hyperparameters.get(name), 3) for name in names),
            _cell(trial.seed),
            _cell(trial.epochs, 3),
            Cell(duration(took), "" if took is None else f"{took:.6g}"),
            Cell(trial.reason, trial.reason, is_number=False),
        )
        is_bad = trial.status in ("diverged", "failed")
        rows.append(Row(trial.trial, cells, trial == reading.best, is_bad, trial.trial in competing))
    words = [name.replace("_", " ") for name in columns]
    numeric = [bool(rows) and all(row.cells[i].is_number for row in rows) for i in range(len(columns))]
    return Table(tuple(zip(words, numeric, strict=True)), tuple(rows))


def _metrics(reading: Reading, trials: list[TrialRecord]) -> list[str]:
    """Last evaluations that are not the objective itself, validation first."""
    names = {name for trial in trials for name in trial.metrics if name != reading.series}
    return sorted(names, key=lambda name: (not name.startswith("val_"), name))


def _measured(value: float | None) -> Cell:
    """Four decimals for what is of order one, so that the points stand below each other."""
    cell = _cell(value)
    is_plain = value is not None and 1e-3 <= abs(value) < 100
    return dataclasses.replace(cell, text=f"{value:.4f}") if is_plain else cell


def _cell(value: Any, digits: int = 4) -> Cell:
    if value is None:
        return Cell(MISSING, "")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return Cell(number(value) if isinstance(value, (bool, str)) else str(value), str(value), is_number=False)
    # whole numbers that are names, such as a seed, take no thousands' comma
    text = str(value) if isinstance(value, int) else number(value, digits)
    return Cell(text, f"{float(value):.9g}" if math.isfinite(value) else "")
