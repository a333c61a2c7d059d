"""CSV and its kin: any delimiter, a header, missing cells."""

from __future__ import annotations

import csv

from goodfit.curve_files.table import Table, from_rows, number
from goodfit.errors import CurvesError

DELIMITERS = (",", "\t", ";", "|")


def read_delimited(text: str) -> Table:
    """The table of a text with a header line; its delimiter is found.

    Raises:
        CurvesError: there is no header of two names or more, or nothing below it.
    """
    lines = [line for line in text.splitlines() if line.strip(" \t,;|") and not _is_comment(line)]
    if not lines:
        raise CurvesError("holds no lines.")
    lines[0] = lines[0].lstrip("# \t")
    delimiter = _delimiter(lines)
    if delimiter is None:
        cells = [line.split() for line in lines]
    else:
        cells = [
            [cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
        ]
    header = [name.strip().lstrip("#").strip() for name in cells[0]]
    if len(header) < 2:
        raise CurvesError(
            "is no table: its first line has one column; a header such as epoch,train_loss,val_loss is needed."
        )
    if (
        delimiter is None
        and any(number(cell) is not None for cell in header)
        and not all(number(cell) is not None for cell in header)
    ):
        raise CurvesError(
            f"is no table: it begins with {_short(lines[0])!r}, where a header such as epoch,train_loss,val_loss is "
            "needed."
        )
    if all(number(cell) is not None for cell in header if cell):
        raise CurvesError(
            "has no header: its first line holds only numbers; name the columns, as in epoch,train_loss,val_loss."
        )
    names = _distinct(header)
    if len(cells) < 2:
        raise CurvesError("holds a header and no rows below it.")
    # a header that is repeated (a log that was appended to) is no row
    body = [row for row in cells[1:] if [cell.lower() for cell in row] != [name.lower() for name in cells[0]]]
    return from_rows(dict(zip(names, row, strict=False)) for row in body)


def _short(line: str) -> str:
    return line if len(line) <= 60 else f"{line[:57]}..."


def _is_comment(line: str) -> bool:
    """A line after # is a comment, unless it looks like a header that begins so (numpy's savetxt)."""
    if not line.lstrip().startswith("#"):
        return False
    names = line.lstrip("# \t").replace(",", " ").replace(";", " ").split()
    return len(names) < 2 or not any("loss" in name.lower() or "acc" in name.lower() for name in names)


def _delimiter(lines: list[str]) -> str | None:
    """The delimiter by which the header has most cells and the first rows about as many; None: blanks."""
    best, most = None, 1
    for delimiter in DELIMITERS:
        sizes = [len(row) for row in csv.reader(lines[:20], delimiter=delimiter)]
        if sizes[0] > most and (len(sizes) < 2 or max(sizes[1:]) >= sizes[0] - 1):
            best, most = delimiter, sizes[0]
    return best


def _distinct(names: list[str]) -> list[str]:
    """Names that occur twice get a number, so that no column hides another."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}.{seen[name] - 1}")
    return out
