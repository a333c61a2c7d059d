"""A table of numbers: what every format is brought to before its columns are understood."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

MISSING = frozenset({"", "-", "--", "na", "n/a", "none", "null", "nil", "missing", "?", "."})
# a number as its library shows it: tensor(0.5, device='cuda:0'), np.float64(0.5), array(0.5, dtype=float32)
WRAPPED = re.compile(r"(?:tensor|array|(?:np|numpy)\.\w+)\(\[?([^(),\[\]]*)\]?(?:,.*)?\)")


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """Columns of one length, in the order of the file."""

    numbers: Mapping[str, np.ndarray]  # float64 [rows]; nan: missing or not a number
    texts: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)  # columns that hold words
    overflowed: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)  # bool [rows]: "nan" was written

    @property
    def rows(self) -> int:
        for column in (*self.numbers.values(), *self.texts.values()):
            return len(column)
        return 0

    def where(self, kept: np.ndarray) -> Table:
        """The rows that are kept (bool [rows], or indices in the order wanted)."""
        chosen = np.flatnonzero(kept) if kept.dtype == bool else kept
        return Table(
            {name: column[chosen] for name, column in self.numbers.items()},
            {name: tuple(column[i] for i in chosen) for name, column in self.texts.items()},
            {name: column[chosen] for name, column in self.overflowed.items()},
        )


def from_rows(rows: Iterable[Mapping[str, Any]]) -> Table:
    """A table of records, which may each lack some keys; numbers may be written as text."""
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return from_columns({name: [row.get(name) for row in rows] for name in names})


def from_columns(columns: Mapping[str, Sequence[Any]]) -> Table:
    """A table of columns of values of any kind; shorter columns are filled up with missing values."""
    longest = max((len(column) for column in columns.values()), default=0)
    numbers: dict[str, np.ndarray] = {}
    texts: dict[str, tuple[str, ...]] = {}
    overflowed: dict[str, np.ndarray] = {}
    for name, column in columns.items():
        values = [*column, *[None] * (longest - len(column))]
        read = [number(value) for value in values]
        words = [value for value, got in zip(values, read, strict=True) if got is None and not is_missing(value)]
        known = sum(got is not None for got in read)
        if words and known <= len(words):
            texts[name] = tuple("" if is_missing(value) else str(value).strip() for value in values)
            continue
        numbers[name] = np.array([math.nan if got is None else got for got in read], dtype=np.float64)
        overflowed[name] = np.array([got is not None and math.isnan(got) for got in read])
    return Table(numbers, texts, overflowed)


def number(value: Any) -> float | None:
    """A value as a number: 0.5, "0.5", "50%", "1e-3", "nan", "0,5"; None where it is none.

    A lone nan that was written counts as a number: a loss that is nan is not a loss that is missing.
    """
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return _read(value.strip())
    if hasattr(value, "item"):
        try:
            value = value.item()
        except (TypeError, ValueError, RuntimeError):
            return None
    return float(value) if isinstance(value, (int, float)) else None


def is_missing(value: Any) -> bool:
    """Whether nothing was recorded there."""
    return value is None or (isinstance(value, str) and value.strip().lower() in MISSING)


def _read(text: str) -> float | None:
    if text.lower() in MISSING:
        return None
    for form in (text, text.replace("_", ""), text.removesuffix("%").strip()):
        try:
            return float(form)
        except ValueError:
            continue
    if text.count(",") == 1 and "." not in text and text.replace(",", "").lstrip("+-").isdigit():
        return float(text.replace(",", "."))
    wrapped = WRAPPED.fullmatch(text)
    return _read(wrapped[1]) if wrapped else None
