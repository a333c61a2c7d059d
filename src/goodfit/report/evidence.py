"""Any JSON value as a small tree that a template can lay out: pairs, tables, and long parts folded away."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.report.numbers import number

IN_LINE = 12  # plain values beside each other before a list is folded
ROWS_OPEN = 8  # of a table before it is folded
ROWS_SHOWN = 200
DEPTH = 6


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """One value. `kind` says which of the fields holds it."""

    kind: str  # text | pairs | table
    text: str = ""
    is_number: bool = False
    pairs: tuple[tuple[str, Node], ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Node, ...], ...] = ()
    folded: str = ""  # the line to show in its place until it is opened; "" for an open one


def as_node(value: Any, depth: int = 0) -> Node:
    """The tree of a JSON value; what is deeper than `DEPTH` or beyond `ROWS_SHOWN` is cut, and the text says so."""
    if isinstance(value, Mapping):
        if not value:
            return Node("text", "none")
        if depth >= DEPTH:
            return Node("text", f"… {len(value)} more")
        pairs = tuple((words(str(key)), as_node(item, depth + 1)) for key, item in list(value.items())[:ROWS_SHOWN])
        return Node("pairs", pairs=pairs, folded=f"{len(value)} values" if depth and len(value) > ROWS_OPEN else "")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _sequence(value, depth)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return Node(
        "text", number(value) if value is None or isinstance(value, (bool, int, float)) else str(value), is_number
    )


def words(key: str) -> str:
    """A key as people read it."""
    return key.replace("_", " ")


def _sequence(items: Sequence[Any], depth: int) -> Node:
    if not items:
        return Node("text", "none")
    if depth >= DEPTH:
        return Node("text", f"… {len(items)} more")
    if all(isinstance(item, Mapping) for item in items):
        return _table(items, depth)
    if any(isinstance(item, Mapping) or (isinstance(item, Sequence) and not isinstance(item, str)) for item in items):
        pairs = tuple((str(place), as_node(item, depth + 1)) for place, item in enumerate(items[:ROWS_SHOWN], start=1))
        return Node("pairs", pairs=pairs, folded=f"{len(items)} items")
    text = ", ".join(number(item) if not isinstance(item, str) else item for item in items[:ROWS_SHOWN])
    if len(items) > ROWS_SHOWN:
        text += f", … {len(items) - ROWS_SHOWN} more"
    return Node("text", text, folded=_span(items) if len(items) > IN_LINE else "")


def _table(items: Sequence[Mapping[str, Any]], depth: int) -> Node:
    columns = tuple(dict.fromkeys(str(key) for item in items for key in item))
    rows = tuple(tuple(as_node(item.get(key), depth + 2) for key in columns) for item in items[:ROWS_SHOWN])
    shown = f"{len(items)} rows" + (f", the first {ROWS_SHOWN} shown" if len(items) > ROWS_SHOWN else "")
    folded = shown if len(items) > ROWS_OPEN else ""
    return Node("table", columns=tuple(map(words, columns)), rows=rows, folded=folded)


def _span(items: Sequence[Any]) -> str:
    numbers = [v for v in items if isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v)]
    if len(numbers) < len(items):
        return f"{len(items)} values"
    return f"{len(items)} numbers from {number(min(numbers), 3)} to {number(max(numbers), 3)}"
