"""Input columns that settle the target by themselves: the target among the inputs, or nearly."""

from __future__ import annotations

import dataclasses

import numpy as np

INDICATOR_R2 = 0.98  # squared correlation of a column with one class against the rest that makes it the indicator


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """How much of the target one input column settles."""

    column: int  # of the flattened input
    explained: float  # share of variance: r² for real targets, between classes for class targets
    next_explained: float  # the same of the next best column
    of_class: int | None = None  # the column is the indicator of this class


def telltale_columns(table: np.ndarray, labels: np.ndarray, *, classes: bool, most: int = 3) -> tuple[Column, ...]:
    """The columns that settle the target best, each with the share of variance it explains.

    For classes the share is the column's variance between classes (the correlation ratio η²): it is near 1 only where
    the column is a function of the class, so that a feature that merely separates classes well stays below. Where
    every class but one has a column of its own that is its indicator, these columns are listed instead.

    Args:
        table: inputs, float64 [n, columns].
        labels: class numbers or real targets, [n].
        classes: which of them.
        most: columns listed.
    """
    centred = table - table.mean(axis=0)
    total = (centred**2).sum(axis=0)
    varies = total > 1e-12 * np.maximum(1.0, (table**2).sum(axis=0))
    safe = np.where(varies, total, 1.0)
    if not classes:
        values = labels - labels.mean()
        spread = float((values**2).sum())
        explained = (centred.T @ values) ** 2 / (safe * spread) if spread > 0 else np.zeros(table.shape[1])
    else:
        numbers, where, counts = np.unique(labels, return_inverse=True, return_counts=True)
        if len(numbers) < 2 or counts.min() * 1.0 < 1 or len(numbers) > len(labels) // 3:
            return ()
        onehot = np.zeros((len(labels), len(numbers)))
        onehot[np.arange(len(labels)), where] = 1.0
        sums = onehot.T @ centred  # [classes, columns]
        explained = (sums**2 / counts[:, None]).sum(axis=0) / safe
        indicators = _indicators(onehot, sums, counts, np.where(varies, total, np.inf), len(labels))
        if len(numbers) > 2 and len(indicators) >= len(numbers) - 1:
            return tuple(Column(c, float(r2), 0.0, int(numbers[k])) for k, (c, r2) in sorted(indicators.items()))[:most]
    explained = np.where(varies, np.minimum(explained, 1.0), 0.0)
    order = np.argsort(-explained, kind="stable")
    return tuple(
        Column(int(c), float(explained[c]), float(explained[order[i + 1]]) if i + 1 < len(order) else 0.0)
        for i, c in enumerate(order[:most])
    )


def _indicators(
    onehot: np.ndarray, sums: np.ndarray, counts: np.ndarray, total: np.ndarray, n: int
) -> dict[int, tuple[int, float]]:
    """Per class the column that is its indicator: squared correlation of one against the rest is nearly 1."""
    r2 = sums**2 / (total[None, :] * (counts * (1 - counts / n))[:, None])
    best = r2.argmax(axis=1)
    return {k: (int(c), float(r2[k, c])) for k, c in enumerate(best) if r2[k, c] >= INDICATOR_R2}
