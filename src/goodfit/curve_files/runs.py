"""Several trainings in one file, and a training that was taken up again."""

from __future__ import annotations

import itertools

import numpy as np

from goodfit.curve_files.names import Quantity, role_of
from goodfit.curve_files.table import Table

LEAST_ROWS = 3  # of a part that counts as a run of its own


def separated(table: Table) -> dict[str, Table]:
    """The runs in a table, by name; a lone run is named "".

    Told apart by a column that names the run, by columns named "run - val_loss" (Weights & Biases), or by steps that
    begin anew.
    """
    by_column = _by_run_column(table)
    if by_column is not None:
        return by_column
    by_prefix = _by_prefix(table)
    if by_prefix is not None:
        return by_prefix
    return _by_fresh_starts(table)


def _by_run_column(table: Table) -> dict[str, Table] | None:
    columns: dict[str, tuple[str, ...]] = {
        name: column for name, column in table.texts.items() if role_of(name).quantity is Quantity.RUN
    }
    columns |= {
        name: tuple("" if np.isnan(v) else f"{v:g}" for v in column)
        for name, column in table.numbers.items()
        if role_of(name).quantity is Quantity.RUN
    }
    for column in columns.values():
        names = list(dict.fromkeys(name for name in column if name))
        if not all(column):
            continue  # a seed or a configuration that was told once, at the head of the log
        if 2 <= len(names) <= max(table.rows // LEAST_ROWS, 1):
            return {name: table.where(np.array([each == name for each in column])) for name in names}
    return None


def _by_prefix(table: Table) -> dict[str, Table] | None:
    """W&B exports a chart as one column a run: "brisk-sun-7 - val_loss"."""
    shared, runs = {}, {}
    for name, column in table.numbers.items():
        run, separator, series = name.rpartition(" - ")
        if separator and role_of(series).quantity is not Quantity.OTHER:
            runs.setdefault(run.strip(), {})[series] = (column, table.overflowed[name])
        else:
            shared[name] = (column, table.overflowed[name])
    if not runs:
        return None
    single = len(runs) == 1
    return {
        "" if single else run: Table(
            {name: column for name, (column, _) in (shared | series).items()},
            {},
            {name: written for name, (_, written) in (shared | series).items()},
        )
        for run, series in runs.items()
    }


def _by_fresh_starts(table: Table) -> dict[str, Table]:
    """Steps that begin anew at the first one's value: logs of several runs, one after another."""
    axis = next((n for q in (Quantity.STEP, Quantity.EPOCH) for n in table.numbers if role_of(n).quantity is q), None)
    if axis is None:
        return {"": table}
    values = table.numbers[axis]
    if any(role_of(n).quantity is Quantity.EPOCH and n != axis and _grows(table.numbers[n]) for n in table.numbers):
        return {"": table}  # the step counts within the epoch
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 2 * LEAST_ROWS or len(np.unique(values[known])) == len(known):
        return {"": table}  # no step comes twice: one run, in whatever order
    first = values[known[0]]
    falls = known[1:][(values[known[1:]] <= first) & (values[known[1:]] < values[known[:-1]])]
    starts = [0, *falls.tolist(), table.rows]
    sizes = np.diff(starts)
    # rows in random order go back to the beginning, too, but not in long stretches that only grow
    grow = all(_grows(values[a:b]) for a, b in itertools.pairwise(starts))
    if len(sizes) < 2 or sizes.min() < LEAST_ROWS or not grow:
        return {"": table}
    index = np.arange(table.rows)
    return {f"part {i}": table.where(index[a:b]) for i, (a, b) in enumerate(itertools.pairwise(starts), start=1)}


def _grows(values: np.ndarray) -> bool:
    known = values[np.isfinite(values)]
    return len(known) > 1 and bool((np.diff(known) >= 0).all()) and known[-1] > known[0]
