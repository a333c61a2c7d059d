"""Points of a series: joined, cut into chunks, and as the JSON that a chunk holds.

JSON, so that anyone's SQL reads it; written by msgspec, ten times as fast as Python's own module. Both write the
shortest digits that read back as the same number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from goodfit.ledger.records import CurveRecord
from goodfit.ledger.schema import JsonText

# Ours: long enough that a row's own cost is small beside its points, short enough to read one in a blink.
CHUNK_POINTS = 2048


def checked(record: CurveRecord) -> CurveRecord:
    """The record with arrays of the promised types.

    Raises:
        ValueError: the three arrays differ in length or are not one-dimensional.
    """
    given = record.steps, record.epochs, record.values
    if all(map(_is_column, given, _COLUMNS)) and len({len(column) for column in given}) == 1:
        return record  # as an engine tells it
    steps, epochs, values = (
        np.asarray(record.steps).astype(np.int64, copy=False),
        np.asarray(record.epochs, dtype=np.float64),
        np.asarray(record.values, dtype=np.float64),
    )
    if not steps.shape == epochs.shape == values.shape == (steps.size,):
        raise ValueError(
            f"trial {record.trial}, series {record.series}: steps, epochs and values must be of one length, "
            f"got shapes {steps.shape}, {epochs.shape} and {values.shape}"
        )
    return CurveRecord(trial=record.trial, series=record.series, steps=steps, epochs=epochs, values=values)


_COLUMNS = (np.dtype(np.int64), np.dtype(np.float64), np.dtype(np.float64))


def _is_column(values: object, dtype: np.dtype) -> bool:
    return isinstance(values, np.ndarray) and values.dtype == dtype and values.ndim == 1


def joined(parts: Sequence[CurveRecord]) -> CurveRecord:
    """Parts of one series as one, steps growing; of points at the same step the one told last.

    Args:
        parts: at least one, all of the same trial and series, in the order of telling; steps in any order.
    """
    parts = [checked(part) for part in parts]
    first = parts[0]
    steps, epochs, values = first.steps, first.epochs, first.values
    if len(parts) > 1:
        steps = np.concatenate([part.steps for part in parts])
        epochs = np.concatenate([part.epochs for part in parts])
        values = np.concatenate([part.values for part in parts])
    if (steps[1:] > steps[:-1]).all():  # as they nearly always come
        if len(parts) == 1:
            return first
        return CurveRecord(trial=first.trial, series=first.series, steps=steps, epochs=epochs, values=values)
    # unique names the first place of each step: of the reversed array, so the last told.
    steps, places = np.unique(steps[::-1], return_index=True)
    last = len(values) - 1 - places
    return CurveRecord(trial=first.trial, series=first.series, steps=steps, epochs=epochs[last], values=values[last])


def chunks(series: CurveRecord, most: int = CHUNK_POINTS) -> Iterator[CurveRecord]:
    """A series with growing steps in pieces of at most `most` points; none for an empty one."""
    if 0 < len(series.steps) <= most:
        yield series
        return
    for start in range(0, len(series.steps), most):
        piece = slice(start, start + most)
        yield CurveRecord(
            trial=series.trial,
            series=series.series,
            steps=series.steps[piece],
            epochs=series.epochs[piece],
            values=series.values[piece],
        )


def as_points(chunk: CurveRecord) -> JsonText:
    """[[step, epoch, value], ...]; not-a-number and infinity are null."""
    points = zip(chunk.steps.tolist(), chunk.epochs.tolist(), chunk.values.tolist(), strict=True)
    return JsonText(msgspec.json.encode(list(points)).decode())


def from_points(trial: int, series: str, points: Sequence[Sequence[Any]]) -> CurveRecord:
    """The record that `as_points` wrote; None is not-a-number."""
    steps, epochs, values = zip(*points, strict=True) if points else ((), (), ())
    return CurveRecord(
        trial=trial,
        series=series,
        steps=np.array(steps, dtype=np.int64),
        epochs=np.array(epochs, dtype=np.float64),  # numpy reads None as nan
        values=np.array(values, dtype=np.float64),
    )
