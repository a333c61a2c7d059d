"""Points of a series: joined, cut into chunks, and as the JSON that a chunk holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from goodfit.ledger.records import CurveRecord

# Ours: long enough that a row's own cost is small beside its points, short enough to read one in a blink.
CHUNK_POINTS = 2048


def checked(record: CurveRecord) -> CurveRecord:
    """The record with arrays of the promised types.

    Raises:
        ValueError: the three arrays differ in length or are not one-dimensional.
    """
    steps, epochs, values = (
        np.asarray(record.steps).astype(np.int64),
        np.asarray(record.epochs, dtype=np.float64),
        np.asarray(record.values, dtype=np.float64),
    )
    if not steps.shape == epochs.shape == values.shape == (steps.size,):
        raise ValueError(
            f"trial {record.trial}, series {record.series}: steps, epochs and values must be of one length, "
            f"got shapes {steps.shape}, {epochs.shape} and {values.shape}"
        )
    return CurveRecord(trial=record.trial, series=record.series, steps=steps, epochs=epochs, values=values)


def joined(parts: Sequence[CurveRecord]) -> CurveRecord:
    """Parts of one series as one, steps growing; of points at the same step the one told last.

    Args:
        parts: at least one, all of the same trial and series, in the order of telling; steps in any order.
    """
    parts = [checked(part) for part in parts]
    first = parts[0]
    if len(parts) == 1 and bool(np.all(np.diff(first.steps) > 0)):
        return first
    steps = np.concatenate([part.steps for part in parts])
    epochs = np.concatenate([part.epochs for part in parts])
    values = np.concatenate([part.values for part in parts])
    # unique names the first place of each step: of the reversed array, so the last told.
    steps, places = np.unique(steps[::-1], return_index=True)
    last = len(values) - 1 - places
    return CurveRecord(trial=first.trial, series=first.series, steps=steps, epochs=epochs[last], values=values[last])


def chunks(series: CurveRecord, most: int = CHUNK_POINTS) -> Iterator[CurveRecord]:
    """A series with growing steps in pieces of at most `most` points; none for an empty one."""
    for start in range(0, len(series.steps), most):
        piece = slice(start, start + most)
        yield CurveRecord(
            trial=series.trial,
            series=series.series,
            steps=series.steps[piece],
            epochs=series.epochs[piece],
            values=series.values[piece],
        )


def as_points(chunk: CurveRecord) -> list[list[Any]]:
    """[[step, epoch, value], ...]; not-a-number and infinity are None."""
    return [
        [step, epoch, value]
        for step, epoch, value in zip(
            chunk.steps.tolist(), _finite_or_none(chunk.epochs), _finite_or_none(chunk.values), strict=True
        )
    ]


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


def _finite_or_none(values: np.ndarray) -> list[float | None]:
    finite = np.isfinite(values)
    if finite.all():
        return values.tolist()
    return [value if good else None for value, good in zip(values.tolist(), finite.tolist(), strict=True)]
