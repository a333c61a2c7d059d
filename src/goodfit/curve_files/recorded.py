"""From a table of one run to `Curves`: which column is what, on which axis, in which unit."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from goodfit.curve_files.inferred import chance_of, samples_behind
from goodfit.curve_files.names import Quantity, Role, role_of
from goodfit.curve_files.table import Table
from goodfit.diagnosis.curves import Curves, Series
from goodfit.errors import CurvesError

MANY = 3  # a training loss with this many times validation's points is the minibatches'
SINGLE = 100  # points at successive steps that are single minibatches'
PERCENT = 1.5  # an accuracy above it is in per cent


@dataclasses.dataclass(frozen=True, slots=True)
class RecordedRun:
    """The curves of one training in a file, and how they were understood."""

    name: str  # "" where the file holds one run
    curves: Curves
    columns: Mapping[str, str]  # field of `Curves` -> the column it is from
    unread: tuple[str, ...]  # columns with numbers that were not understood


@dataclasses.dataclass(frozen=True, slots=True)
class _Column:
    name: str
    role: Role
    series: Series


def recorded_run(name: str, table: Table, classes: int | None = None) -> RecordedRun:
    """The curves in a table of one run.

    Args:
        name: of the run.
        table: wide: a column a series.
        classes: how many classes the targets have, where that is known.

    Raises:
        CurvesError: no column is a loss or a metric.
    """
    roles = {column: role_of(column) for column in table.numbers}
    steps, axis, per_epoch = _axis(table, roles)
    columns = [
        _Column(column, role, series)
        for column, role in roles.items()
        if role.quantity in (Quantity.LOSS, Quantity.METRIC, Quantity.LR, Quantity.GRAD_NORM)
        and not role.is_spread
        and len(series := _series(steps, table.numbers[column], table.overflowed.get(column))) > 0
    ]
    if not any(column.role.quantity in (Quantity.LOSS, Quantity.METRIC) for column in columns):
        for column, cells in table.texts.items():
            if role_of(column).quantity in (Quantity.LOSS, Quantity.METRIC):
                cell = next((cell for cell in cells if cell), "")
                raise CurvesError(f"has a column {column}, but it holds words, such as {cell[:40]!r}, and no numbers.")
        shown = ", ".join([*table.numbers, *table.texts][:12]) or "none"
        raise CurvesError(f"has no column that is a loss or a metric; its columns are: {shown}.")
    found = _losses(columns, axis) | _metrics(columns)
    for quantity, field in ((Quantity.LR, "lr"), (Quantity.GRAD_NORM, "grad_norm")):
        of_kind = [column for column in columns if column.role.quantity is quantity]
        if of_kind:
            found[field] = of_kind[0]
    used = {column.name for column in found.values()}
    unread = tuple(c for c, role in roles.items() if role.quantity is Quantity.OTHER and c not in used and c)
    series = {field: column.series for field, column in found.items()}
    facts = _metric_facts(found, series)
    curves = Curves(
        step_loss=series.get("step_loss"),
        train_loss=series.get("train_loss"),
        val_loss=series.get("val_loss"),
        train_metric=series.get("train_metric"),
        val_metric=series.get("val_metric"),
        lr=series.get("lr"),
        grad_norm=series.get("grad_norm"),
        axis=axis,
        steps_per_epoch=1.0 if axis == "epoch" else per_epoch,
        is_external=True,
        **facts,
    )
    curves = dataclasses.replace(curves, **chance_of(curves, classes))
    return RecordedRun(name, curves, {field: column.name for field, column in found.items()}, unread)


def _axis(table: Table, roles: Mapping[str, Role]) -> tuple[np.ndarray, str, float | None]:
    """Steps (float64 [rows]), what they count, and how many make an epoch, where that is known."""
    step = next(
        (c for c, r in roles.items() if r.quantity is Quantity.STEP and np.isfinite(table.numbers[c]).any()), None
    )
    epoch = next(
        (c for c, r in roles.items() if r.quantity is Quantity.EPOCH and np.isfinite(table.numbers[c]).any()), None
    )
    if step is not None and epoch is not None:
        steps, epochs = table.numbers[step], table.numbers[epoch]
        known = np.isfinite(steps) & np.isfinite(epochs)
        falls = (np.diff(steps[known]) < 0) & (np.diff(epochs[known]) > 0)
        if known.sum() >= 2 and falls.sum() >= 1 and (np.diff(epochs[known]) >= 0).all():
            # the step counts within the epoch
            size = float(np.nanmax(steps) - np.nanmin(steps) + _spacing(steps[known]))
            return (epochs - epochs[known][0]) * size + steps, "step", size
        return _filled(steps, epochs, known), "step", _per_epoch(steps[known], epochs[known])
    if step is not None:
        return table.numbers[step], "step", None
    if epoch is not None:
        return table.numbers[epoch], "epoch", 1.0
    unnamed = next(
        (c for c in table.numbers if not c or c.lower().startswith("unnamed") or c.lower() in ("index", "i", "x")), None
    )
    if unnamed is not None:
        return table.numbers[unnamed], "row", None
    return np.arange(1, table.rows + 1, dtype=np.float64), "row", None


def _filled(steps: np.ndarray, epochs: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Steps where only the epoch was written, by interpolation."""
    lacking = ~np.isfinite(steps) & np.isfinite(epochs)
    if not lacking.any() or known.sum() < 2:
        return steps
    order = np.argsort(epochs[known], kind="stable")
    out = steps.copy()
    out[lacking] = np.interp(epochs[lacking], epochs[known][order], steps[known][order])
    return out


def _spacing(steps: np.ndarray) -> float:
    apart = np.diff(np.unique(steps))
    return float(np.median(apart)) if len(apart) else 1.0


def _per_epoch(steps: np.ndarray, epochs: np.ndarray) -> float | None:
    """Steps in an epoch, by how far the steps advance from one epoch's first row to the next's."""
    if len(steps) < 2 or np.ptp(epochs) <= 0:
        return None
    starts = np.array([steps[epochs == e].min() for e in np.unique(epochs)])
    ratios = np.diff(starts) / np.diff(np.unique(epochs))
    size = float(np.median(ratios))
    return size if size > 0 else None


def _series(steps: np.ndarray, values: np.ndarray, written: np.ndarray | None) -> Series:
    """The points of a column in the order of their steps; of a step that occurs twice the later row counts.

    A restart from a checkpoint repeats steps; what was trained on after it is the training that went on.
    """
    recorded = np.isfinite(steps) & (
        ~np.isnan(values) | (written if written is not None else np.zeros(len(values), bool))
    )
    at, kept = steps[recorded], values[recorded]
    order = np.argsort(at, kind="stable")
    at, kept = at[order], kept[order]
    last = np.append(at[1:] != at[:-1], True) if len(at) else np.zeros(0, bool)
    return Series(at[last], kept[last])


def _losses(columns: list[_Column], axis: str) -> dict[str, _Column]:
    """Training and validation loss; of several losses the plain one, else the first that both splits have."""
    losses = [column for column in columns if column.role.quantity is Quantity.LOSS]
    if not losses:  # a squared error or a perplexity serves as the loss
        losses = [
            c
            for c in columns
            if c.role.quantity is Quantity.METRIC and not c.role.maximise and not c.role.is_error_rate
        ]
        losses = [c if "perplexity" not in c.role.name and "ppl" not in c.role.name else _logged(c) for c in losses]
    by_name: dict[str, list[_Column]] = {}
    for column in losses:
        by_name.setdefault(column.role.name, []).append(column)
    if not by_name:
        return {}

    def rank(name: str) -> tuple[bool, int]:
        return (name != "", -len({c.role.split for c in by_name[name]}))

    chosen = by_name[min(by_name, key=rank)]
    held = _held_out(chosen)
    rest = [c for c in chosen if c.role.split in ("", "train")]
    named = [c for c in rest if c.role.split == "train"]
    # Hugging Face ends with one train_loss, the mean of all; the curve is `loss`
    longest = max((len(c.series) for c in rest), default=0)
    train = named if any(2 * len(c.series) >= longest for c in named) else [c for c in rest if c not in named]
    found: dict[str, _Column] = {}
    if held is not None:
        found["val_loss"] = held
    by_step = next((c for c in train if c.role.grain == "step"), None)
    by_epoch = next((c for c in train if c.role.grain == "epoch"), None)
    plain = next((c for c in train if not c.role.grain), None)
    main = by_epoch or plain or by_step
    if main is None:
        return found
    if by_step is not None and main is not by_step:
        found["step_loss"] = by_step
    points = len(held.series) if held is not None else 0
    each_step = (len(main.series) >= MANY * points and len(main.series) >= 40) if points else _is_each_step(main, axis)
    if "step_loss" not in found and each_step:
        found["step_loss"] = main
    else:
        found["train_loss"] = main
    return found


def _is_each_step(column: _Column, axis: str) -> bool:
    """Whether a training loss with no validation beside it was recorded at every step."""
    return axis == "step" and len(column.series) >= SINGLE and _spacing(column.series.steps) <= 1


def _logged(column: _Column) -> _Column:
    with np.errstate(all="ignore"):
        values = np.log(column.series.values)
    return dataclasses.replace(column, series=Series(column.series.steps, values))


def _held_out(columns: list[_Column]) -> _Column | None:
    for split in ("val", "test"):
        of_split = [c for c in columns if c.role.split == split]
        if of_split:
            return max(of_split, key=lambda c: (c.role.grain != "step", len(c.series)))
    return None


def _metrics(columns: list[_Column]) -> dict[str, _Column]:
    """The metric that says most: an accuracy if there is one, else the first that validation has."""
    metrics = [column for column in columns if column.role.quantity is Quantity.METRIC]
    by_name: dict[str, list[_Column]] = {}
    for column in metrics:
        by_name.setdefault(column.role.name, []).append(column)
    if not by_name:
        return {}

    def rank(name: str) -> tuple[bool, bool, bool, int]:
        splits = {c.role.split for c in by_name[name]}
        return (
            name != "accuracy",
            "accuracy" not in name and name != "error",
            not splits & {"val", "test"},
            -len(splits),
        )

    chosen = by_name[min(by_name, key=rank)]
    found: dict[str, _Column] = {}
    held = _held_out(chosen)
    train = next((c for c in chosen if c.role.split == "train" and c.role.grain != "step"), None)
    train = train or next((c for c in chosen if c.role.split == "train"), None)
    bare = next((c for c in chosen if c.role.split == ""), None)
    if bare is not None and held is not None and train is None:
        train = bare
    elif bare is not None and held is None:
        # beside train_loss and val_loss an unnamed accuracy is validation's (fastai); beside loss it is training's
        splits = {c.role.split for c in columns if c.role.quantity is Quantity.LOSS}
        if "train" in splits and splits & {"val", "test"}:
            held = bare
        else:
            train = train or bare
    if train is not None:
        found["train_metric"] = train
    if held is not None:
        found["val_metric"] = held
    return found


def _metric_facts(found: dict[str, _Column], series: dict[str, Series]) -> dict[str, Any]:
    """Unit and direction of the metric; shares are brought to 0 to 1, error rates to accuracies, in place."""
    fields = [field for field in ("train_metric", "val_metric") if field in series]
    if not fields:
        return {}
    role = found[fields[-1]].role
    values = np.concatenate([series[field].values for field in fields])
    values = values[np.isfinite(values)]
    facts: dict[str, Any] = {"metric": role.name, "maximise": role.maximise}
    if not len(values):
        return facts
    is_rate = role.is_share or (role.is_error_rate and _is_error_rate(found, values))
    if not is_rate:
        return facts
    top = float(values.max())
    per_cent = 100.0 if PERCENT < top <= 100 + 1e-9 else 1.0
    if not -1e-9 <= float(values.min()) <= top / per_cent <= 1 + 1e-9 and top / per_cent > 1 + 1e-9:
        return facts  # named so, but no share
    for field in fields:
        shares = series[field].values / per_cent
        series[field] = Series(series[field].steps, 1 - shares if role.is_error_rate else shares)
    facts |= {"metric": "accuracy" if role.is_error_rate else role.name, "maximise": True, "best_metric": 1.0}
    for split, field in (("train_samples", "train_metric"), ("val_samples", "val_metric")):
        if field in series:
            facts[split] = samples_behind(series[field].values)
    return facts


def _is_error_rate(found: dict[str, _Column], values: np.ndarray) -> bool:
    """Whether an "error" is a share of wrong answers: within 0 and 1 or 0 and 100, beside a loss of its own."""
    return "val_loss" in found or "train_loss" in found or "step_loss" in found


def describe(value: float) -> str:
    """A place on an axis: whole numbers without a point."""
    return f"{value:.0f}" if math.isclose(value, round(value), abs_tol=1e-9) else f"{value:.2f}"
