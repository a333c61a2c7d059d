"""Row 1: the loss is no longer finite, or went far above its start and stayed there."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.curves import Curves
from goodfit.diagnosis.levels import first_loss, place
from goodfit.diagnosis.statistics import finite
from goodfit.findings import Finding
from goodfit.settings.curves import CurveSettings

_ACTION = (
    "Put the top of the learning rate's range a factor 3 below the last stable rate; if it broke within the first "
    "100 steps try warm-up or clipping; with mixed precision look at the loss scaler first."
)


def exploded(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Non-finite losses that nothing finite follows, or losses that end above 3 times the first."""
    if curves.diverged_at is not None:
        reason = f": {curves.diverged_reason}" if curves.diverged_reason else ""
        at = place(curves, curves.diverged_at)
        return _finding(curves, curves.diverged_at, f"Training diverged at {at}{reason}.", {}, 1.0)
    step = _not_finite_from(curves)
    if step is not None:
        return _finding(curves, step, f"The loss is not finite from {place(curves, step)} on.", {}, 0.95)
    return _far_above_start(curves, settings)


def _not_finite_from(curves: Curves) -> int | None:
    """The first step of an end without finite losses, or of an infinite loss; None where there is neither.

    A nan may be a value that was not recorded. It marks an end when no loss at all is finite after it: for two points,
    or for one where all losses end so and none was nan before.
    """
    given = [s for s in (curves.step_loss, curves.train_loss, curves.val_loss) if s is not None and len(s)]
    training = [s for s in (curves.step_loss, curves.train_loss) if s is not None and len(s)]
    infinite = [float(s.steps[np.isinf(s.values)][0]) for s in training if np.isinf(s.values).any()]
    if infinite:
        return int(min(infinite))
    if not given:
        return None
    last_finite = max((float(s.steps[-1]) for s in map(finite, given) if len(s)), default=-np.inf)
    after = [float(step) for s in given for step in s.steps[s.steps > last_finite]]
    longest = max(int((s.steps > last_finite).sum()) for s in given)
    together = [s for s in given if np.isnan(s.values).sum() == (s.steps > last_finite).sum() == 1 and len(s) >= 3]
    alone = curves.is_external and len(together) == len(given) and len({float(s.steps[-1]) for s in given}) == 1
    return int(min(after)) if longest >= 2 or (after and alone) else None


def _far_above_start(curves: Curves, settings: CurveSettings) -> Finding | None:
    start = first_loss(curves)
    for series in (finite(curves.train_loss), finite(curves.step_loss)):
        if len(series) < 5 or not np.isfinite(start):
            continue
        limit = settings.explosion_factor * start
        if start <= 0:
            early = series.values[: max(5, len(series) // 10)]
            limit = start + settings.explosion_sigmas * max(float(np.std(early)), 1e-3 * (1 + abs(start)))
        end = float(np.median(series.values[-5:]))
        tail = series.values[-max(5, len(series) // 5) :]
        if end > limit and float(np.median(tail)) > limit:
            first = int(series.steps[np.argmax(series.values > limit)])
            message = (
                f"The training loss went from {start:.4g} at the start to {end:.4g} at the end, more than "
                f"{settings.explosion_factor:g} times as high, and did not come back; it first did so at "
                f"{place(curves, first)}."
            )
            return _finding(curves, first, message, {"first_loss": start, "last_loss": end, "limit": limit}, 0.95)
    return None


def _finding(curves: Curves, step: int, message: str, evidence: dict[str, float], confidence: float) -> Finding:
    return Finding(
        kind="diverged",
        message=message,
        action=_ACTION,
        evidence={"step": step, **evidence},
        where=place(curves, step),
        confidence=confidence,
    )
