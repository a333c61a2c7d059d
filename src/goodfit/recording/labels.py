"""How the labels of successive training batches go together: drawn at random, or sorted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from goodfit.recording.records import GoalOrder, LabelOrder, LossUse

_MOST_CLASSES = 200


def label_entropy(labels: list[tuple[LossUse, Any]]) -> float | None:
    """The entropy of the class labels that the first such loss was given, in nats; None where there were none.

    Source of the correction for few labels: Miller (1955), (classes - 1) / (2 labels).
    """
    first = next((use for use, _ in labels), None)
    if first is None:
        return None
    seen = np.concatenate([tensor.cpu().numpy().ravel() for use, tensor in labels if use is first])
    _, counts = np.unique(seen, return_counts=True)
    share = counts / counts.sum()
    entropy = -float((share * np.log(share)).sum()) + (len(counts) - 1) / (2 * len(seen))
    return min(entropy, math.log(len(counts)))


def goal_order(goals: list[tuple[LossUse, Any]]) -> GoalOrder | None:
    """How far the regression targets of one batch are alike, beside those of all; None for too few batches."""
    first = next((use for use, _ in goals), None)
    batches = [tensor.double().numpy() for use, tensor in goals if use is first and tensor.numel() >= 4]
    if len(batches) < 6:
        return None
    every = np.concatenate(batches)
    total = float(every.var())
    if not math.isfinite(total) or total <= 0:
        return None
    within = float(np.mean([batch.var(ddof=1) for batch in batches]))
    # sorted targets rise or fall along the batches of an epoch; a slow wave goes both ways
    means = np.array([batch.mean() for batch in batches])
    moves = np.diff(means)
    up = float(np.mean(moves > 0))
    return GoalOrder(batches=len(batches), within=within / total, one_way=max(up, 1 - up))


def label_order(labels: list[tuple[LossUse, Any]]) -> LabelOrder | None:
    """The table of batches by classes, told in few figures; None where there are no classes or too few batches."""
    if not labels:
        return None
    counts: dict[int, int] = {}
    for use, _ in labels:
        counts[id(use)] = counts.get(id(use), 0) + 1
    most = max(counts, key=lambda key: counts[key])
    batches = [tensor.cpu().numpy() for use, tensor in labels if id(use) == most and tensor.numel() >= 2]
    if len(batches) < 4:
        return None
    values = np.unique(np.concatenate(batches))
    if not 2 <= len(values) <= _MOST_CLASSES:
        return None
    table = np.array([[(batch == value).sum() for value in values] for batch in batches], dtype=np.float64)
    totals, sizes = table.sum(0), table.sum(1)
    share = totals / totals.sum()
    expected = sizes[:, None] * share[None, :]
    chi_square = float(((table - expected) ** 2 / expected).sum())
    generator = np.random.default_rng(0)
    drawn = [float(np.mean([generator.multinomial(int(n), share).max() / n for n in sizes])) for _ in range(5)]
    same = [float((batch[1:] == batch[:-1]).mean()) for batch in batches]
    return LabelOrder(
        batches=len(batches),
        classes=len(values),
        chi_square=chi_square,
        degrees=(len(batches) - 1) * (len(values) - 1),
        purity=float((table.max(1) / sizes).mean()),
        expected_purity=float(np.mean(drawn)),
        runs=float(np.mean(same)) / max(float((share**2).sum()), 1e-9),
    )
