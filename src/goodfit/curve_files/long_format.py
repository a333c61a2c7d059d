"""Tables with a row a value: step, series, value; or with a column that says which split a row is of."""

from __future__ import annotations

import numpy as np

from goodfit.curve_files.names import SPLITS, Quantity, role_of, words
from goodfit.curve_files.table import Table, from_rows

SERIES = frozenset(
    {"series", "tag", "metric", "name", "variable", "key", "tags", "metrics", "curve", "quantity", "measure"}
)
VALUES = frozenset({"value", "values", "val", "scalar", "y"})


def widened(table: Table) -> Table:
    """The same with a column a series; a table that is wide already comes back as it is."""
    series = next((name for name in table.texts if "".join(words(name)) in SERIES), None)
    value = next((name for name in table.numbers if "".join(words(name)) in VALUES), None)
    if series is not None and value is not None:
        return _pivoted(table, series, value)
    split = next((name for name, column in table.texts.items() if _names_splits(column)), None)
    return _by_split(table, split) if split is not None else table


def _names_splits(column: tuple[str, ...]) -> bool:
    known = {word.lower() for word in column if word}
    return bool(known) and known <= set(SPLITS)


def _keys(table: Table) -> list[str]:
    return [name for name in table.numbers if role_of(name).quantity in (Quantity.STEP, Quantity.EPOCH)]


def _pivoted(table: Table, series: str, value: str) -> Table:
    keys = _keys(table)
    runs = [name for name in table.texts if name != series and role_of(name).quantity is Quantity.RUN]
    splits = [name for name, column in table.texts.items() if name != series and _names_splits(column)]
    rows: dict[tuple[object, ...], dict[str, object]] = {}
    for i in range(table.rows):
        name = "/".join([*(table.texts[split][i] for split in splits), table.texts[series][i]])
        at = {key: float(table.numbers[key][i]) for key in keys} | {run: table.texts[run][i] for run in runs}
        place = tuple(map(repr, at.values()))
        row = rows.setdefault(place, dict(at))
        got = float(table.numbers[value][i])
        row[name] = got if np.isfinite(got) or table.overflowed[value][i] else None
    return from_rows(rows.values())


def _by_split(table: Table, split: str) -> Table:
    """epoch, phase, loss: each quantity becomes one column a split."""
    keys = _keys(table)
    rows: dict[tuple[object, ...], dict[str, object]] = {}
    for i in range(table.rows):
        at: dict[str, object] = {key: float(table.numbers[key][i]) for key in keys}
        at |= {name: column[i] for name, column in table.texts.items() if name != split}
        row = rows.setdefault(tuple(map(repr, at.values())) or (i,), dict(at))
        for name, column in table.numbers.items():
            if name not in keys and (np.isfinite(column[i]) or table.overflowed[name][i]):
                plain = role_of(name).quantity in (Quantity.LR, Quantity.TIME)
                row[name if plain else f"{table.texts[split][i]}/{name}"] = float(column[i])
    return from_rows(rows.values())
