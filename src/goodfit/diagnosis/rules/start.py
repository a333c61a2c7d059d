"""Rows 5 and 7: what the start of the curve says of the initialisation."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.curves import Curves, Series
from goodfit.diagnosis.levels import first_loss, last_step, level, place, span, training_loss
from goodfit.diagnosis.statistics import blocks, finite, mann_kendall, median_of_five, theil_sen
from goodfit.findings import Finding
from goodfit.settings.curves import CurveSettings


def plateau_at_start(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 5: flat for at least a tenth of the run, then a fall more than 10 times as steep.

    A rate that is warming up in that stretch explains it, and silences the rule.
    """
    losses = training_loss(curves, settings)
    steps = finite(curves.step_loss)
    if len(losses) < 30 and len(steps) >= 80:
        losses = blocks(steps, 40)
    if len(losses) < 2 * settings.points:
        return None
    scale = span(curves, settings)
    run = float(losses.steps[-1] - losses.steps[0])
    plateau = int((losses.steps <= losses.steps[0] + settings.plateau_share * run).sum())
    if plateau < 3:
        return None
    # as long as the loss stays within a hundredth of the span of its level at the start
    start = float(np.median(losses.values[:3]))
    left = np.flatnonzero(np.abs(losses.values - start) > settings.flat_fall * scale)
    end = int(left[0]) if len(left) else len(losses)
    if (
        end < max(plateau, 3)
        or end >= len(losses) - 2
        or losses.steps[end - 1] - losses.steps[0] < _least_steps(curves, settings)
    ):
        return None
    early = Series(losses.steps[:end], losses.values[:end])
    before = -theil_sen(early.steps, early.values)
    if mann_kendall(early.values) <= -settings.z_medium and before * run * 0.1 > settings.flat_fall * scale:
        return None
    width = max(4, len(losses) // 10)
    after = max(
        -theil_sen(losses.steps[i : i + width], losses.values[i : i + width])
        for i in range(end - 1, max(end, len(losses) - width + 1))
    )
    fall = start - float(losses.values[end:].min())
    if fall < settings.plateau_fall * scale or after < settings.plateau_slope * max(before, 1e-12):
        return None
    if _rate_warms_up(curves, float(losses.steps[end - 1])):
        return None
    lasted = float(losses.steps[end - 1] - losses.steps[0])
    return Finding(
        kind="bad-initialisation",
        message=(
            f"The loss stays at {start:.4g} for the first {lasted / run:.0%} of the run and then falls by {fall:.4g}, "
            f"{min(after / max(before, 1e-12), 1e4):.0f} times as steeply or more: it first has to leave a bad start."
        ),
        action="Check the initialisation (scale per layer, normalisation), or warm the learning rate up.",
        evidence={"plateau_share": lasted / run, "slope_before": -before, "slope_after": -after, "fall": fall},
        where=place(curves, losses.steps[end - 1]),
        confidence=0.7,
    )


def _least_steps(curves: Curves, settings: CurveSettings) -> float:
    """The shortest plateau, on the axis of the curves, which may count epochs."""
    counts_epochs = curves.steps_per_epoch is not None and curves.steps_per_epoch <= 1
    return 1.0 if counts_epochs else settings.plateau_steps


def _rate_warms_up(curves: Curves, until: float) -> bool:
    rates = finite(curves.lr)
    inside = rates.values[rates.steps <= until]
    return len(inside) >= 2 and bool(inside.max() > 1.5 * max(float(inside[0]), 0.0))


def hockey_stick(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 7, an annotation: the early fall is only the way to the best constant prediction."""
    if curves.chance_loss is None:
        return None
    start = first_loss(curves)
    gain = start - curves.chance_loss
    if not np.isfinite(gain) or gain <= max(settings.easy_nats, settings.easy_share * abs(start)):
        return None
    reached = _reached(curves, curves.chance_loss)
    stays = level(training_loss(curves, settings)) < curves.chance_loss + settings.flat_fall * span(curves, settings)
    if reached is None or not stays:
        return None
    step, is_fine = reached
    within = max(settings.easy_within * last_step(curves), float(settings.easy_steps))
    if step > within and is_fine:
        return None
    return Finding(
        kind="easy-gain-at-start",
        message=(
            f"The first {gain:.4g} of the fall, from {start:.4g} to the {curves.chance_loss:.4g} of the best constant "
            f"prediction, is made by {place(curves, step)}: only the output layer learning its bias and scale."
        ),
        action=(
            "Set the final bias to what a constant prediction needs (log prior, log odds or mean) and scale the final "
            "layer down; it is no reason to change the learning rate."
        ),
        evidence={"first_loss": start, "chance_loss": curves.chance_loss, "easy_gain": gain, "reached_at": step},
        where=place(curves, 0.0),
        confidence=0.9 if is_fine else 0.7,
    )


def _reached(curves: Curves, loss: float) -> tuple[float, bool] | None:
    """The step at which the training loss first got down to a loss, and whether it was recorded finely enough.

    Coarse points count only where the first one after the start is there already: nobody saw when.
    """
    steps, losses = finite(curves.step_loss), finite(curves.train_loss)
    if len(steps) >= 20:
        below = np.flatnonzero(median_of_five(steps.values) <= loss)
        return (float(steps.steps[below[0]]), True) if len(below) else None
    below = np.flatnonzero(losses.values <= loss)
    if not len(below) or below[0] > 1:
        return None if not len(below) else (float(losses.steps[below[0]]), True)
    return float(losses.steps[below[0]]), False
