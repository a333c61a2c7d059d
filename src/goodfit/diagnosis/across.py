"""What the curves of several trials say together."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from goodfit.diagnosis.curves import Curves
from goodfit.diagnosis.reading import Reading
from goodfit.diagnosis.statistics import finite, median_of_five
from goodfit.findings import Finding
from goodfit.settings.curves import CurveSettings


@dataclasses.dataclass(frozen=True, slots=True)
class ReadTrial:
    """A trial as a comparison needs it."""

    number: int
    lr: float
    score: float | None  # lower is better; None: diverged or failed
    reading: Reading


def hobbled_selection(trials: Sequence[ReadTrial], settings: CurveSettings) -> Finding | None:
    """Whether the best trial won because it trained badly: it has the lowest rate, and faster ones overfit.

    A rate too low to overfit with is a poor regulariser: regularise, then compare again. Needs 3 trials with a score;
    most of those at twice the best one's rate and above must overfit.

    Source: recipe section 5, last note [PB Examining the training curves].
    """
    scored = [t for t in trials if t.score is not None and math.isfinite(t.score) and t.lr > 0]
    if len(scored) < 3:
        return None
    best = min(scored, key=lambda t: t.score if t.score is not None else math.inf)
    faster = [t for t in scored if t.lr >= settings.hobbled_factor * best.lr]
    if best.lr > min(t.lr for t in scored) or len(faster) < 2 or _overfits(best):
        return None
    overfitting = [t for t in faster if _overfits(t)]
    if 2 * len(overfitting) <= len(faster):
        return None
    return Finding(
        kind="overfitting",
        message=(
            f"The best trial ({best.number}, learning rate {best.lr:.3g}) has the lowest rate of all, and "
            f"{len(overfitting)} of {len(faster)} faster trials overfit: it may have won only because it trained less."
        ),
        action="Add regularisation (weight decay times 10, dropout) and compare the learning rates again.",
        evidence={
            "reason": "selection favours hobbled training",
            "best": best.number,
            "best_lr": best.lr,
            "overfitting": [t.number for t in overfitting],
            "faster": len(faster),
        },
        where=f"trial {best.number}",
        confidence=0.9 if len(overfitting) == len(faster) and len(faster) >= 3 else 0.7,
    )


def _overfits(trial: ReadTrial) -> bool:
    return any(f.kind == "overfitting" and f.severity == "warning" for f in trial.reading.findings)


@dataclasses.dataclass(frozen=True, slots=True)
class BestSteps:
    """Where in their runs trials had their best checkpoint."""

    positions: np.ndarray  # float64 [trials], 0 to 1: share of each run
    counts: np.ndarray  # int64 [bins]
    edges: np.ndarray  # float64 [bins + 1], 0 to 1
    upper_quartile: float  # nan without trials
    says: str  # "longer", "shorter" or "as it is"


def best_step_histogram(trials: Sequence[Curves], settings: CurveSettings, bins: int = 10) -> BestSteps:
    """The histogram of best-checkpoint positions, and what it says of the length of training.

    "longer" where the top quarter of the positions lies beyond three quarters of the run (recipe 5, row 11);
    "shorter" where it lies within the first quarter (row 15). Trials without a validation curve do not count. The
    metric decides where there is one, else the loss; both smoothed by a median of 5 where there are 20 points.
    """
    positions = np.array([p for p in map(_best_position, trials) if p is not None])
    counts, edges = np.histogram(positions, bins=bins, range=(0.0, 1.0))
    if not len(positions):
        return BestSteps(positions, counts, edges, math.nan, "as it is")
    upper = float(np.quantile(positions, 0.75))
    says = "longer" if upper > settings.late_best else "shorter" if upper <= settings.saturated else "as it is"
    return BestSteps(positions, counts, edges, upper, says)


def _best_position(curves: Curves) -> float | None:
    series, sign = finite(curves.val_metric), 1.0 if curves.maximise else -1.0
    if len(series) < 2:
        series, sign = finite(curves.val_loss), -1.0
    if len(series) < 2 or series.steps[-1] <= 0:
        return None
    values = sign * (median_of_five(series.values) if len(series) >= 20 else series.values)
    return float(series.steps[int(np.argmax(values))] / series.steps[-1])
