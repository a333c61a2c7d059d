"""Which of the states that a training left on its way was best on validation samples, in retrospect. Pure.

Source: the Tuning Playbook, retrospective selection of checkpoints; recipe 4.8 (keep the best checkpoint always).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

WINDOW = 3  # evaluations behind each point of the smoothed curve, so that a lucky one is not taken for the best


def smoothed(values: Sequence[float]) -> np.ndarray:
    """Each value's mean with its neighbours: float64 [n]; the ends have one neighbour."""
    found = np.asarray(values, dtype=np.float64)
    half = WINDOW // 2
    return np.array([found[max(i - half, 0) : i + half + 1].mean() for i in range(len(found))])


def best_kept_step(curves: Sequence[tuple[Sequence[int], Sequence[float]]], kept: Sequence[int]) -> int | None:
    """The kept step at which the smoothed validation curve, averaged over trainings, was lowest.

    Args:
        curves: steps and scores (lower is better) of each training, the same steps in all.
        kept: steps whose states were kept; the end is not among them.

    Returns:
        None where the end is no worse than all of them, or where nothing can be said.
    """
    if not kept or not curves or len({tuple(steps) for steps, _ in curves}) > 1 or len(curves[0][0]) < WINDOW:
        return None
    steps = np.asarray(curves[0][0], dtype=np.float64)
    mean = smoothed(np.mean([scores for _, scores in curves], axis=0).tolist())
    at = np.interp(np.asarray(kept, dtype=np.float64), steps, mean)
    best = int(np.argmin(at))
    return int(kept[best]) if at[best] < mean[-1] else None
