"""Rows 13, 14 and 16: the curves have levelled off, at a poor value or in noise."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.curves import Curves
from goodfit.diagnosis.levels import (
    fit,
    gap,
    jitter,
    last_step,
    level,
    loss_delta,
    loss_gap,
    median_ratio,
    metric_delta,
    rate_is_gone,
    span,
    sure,
    training_loss,
    training_trend,
    trend,
)
from goodfit.diagnosis.statistics import finite, noise
from goodfit.findings import Finding, Severity
from goodfit.settings.curves import CurveSettings


def plateau_of_high_rate(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 13: flat over the last 40 %, not fitted, and the steps are large or averaged weights are clearly better."""
    attained = fit(curves, settings)
    losses = training_loss(curves, settings)
    flat = training_trend(curves, settings, settings.plateau_tail)
    if attained is None or attained.share >= settings.fitted or len(losses) < settings.points:
        return None
    if flat.z <= -settings.z_medium and -flat.projection > loss_delta(curves, settings):
        return None
    signals = []
    ratio = _late_ratio(curves)
    # large steps alone are no fault while a small weight is all that is needed: the loss must also jitter
    shake = jitter(finite(curves.train_loss)) if curves.train_loss is not None else 0.0
    if ratio is not None and ratio > settings.ratio_high and shake > settings.flat_fall * span(curves, settings):
        signals.append(f"a step still changes the weights by {ratio:.1%}")
    lead = _averaged_lead(curves, settings)
    if lead is not None:
        signals.append(f"averaged weights are better by {lead:.3g}")
    if not signals:
        return None
    return Finding(
        kind="lr-too-high",
        message=(
            f"The training loss has been flat at {level(losses):.4g} for the last {settings.plateau_tail:.0%} of the "
            f"run with {1 - attained.share:.0%} of the fit missing, and {' and '.join(signals)}: the rate is too high "
            "to get further down."
        ),
        action="Lower the learning rate, or let it decay from here on.",
        evidence={
            "shape": "plateau",
            "level": level(losses),
            "fit": attained.share,
            "z": flat.z,
            **({"update_ratio": ratio} if ratio is not None else {}),
            **({"averaged_lead": lead} if lead is not None else {}),
        },
        confidence=0.9 if len(signals) > 1 else 0.7,
    )


def _late_ratio(curves: Curves) -> float | None:
    late = [float(np.median(s.values[len(s) // 2 :])) for s in map(finite, curves.update_ratios.values()) if len(s)]
    return float(np.median(late)) if late else None


def _averaged_lead(curves: Curves, settings: CurveSettings) -> float | None:
    """By how much the averaged weights beat the raw ones over the last half; None where they do not surely."""
    raw, averaged = finite(curves.val_metric), finite(curves.val_metric_averaged)
    if len(raw) < settings.points or len(averaged) < settings.points:
        return None
    sign = 1.0 if curves.maximise else -1.0
    late = averaged.steps >= 0.5 * averaged.steps[-1]
    leads = sign * (averaged.values[late] - np.interp(averaged.steps[late], raw.steps, raw.values))
    lead = float(leads.mean())
    beyond = settings.averaged_sigmas * max(jitter(raw), 1e-12)
    return lead if lead > beyond and lead > metric_delta(curves, settings) else None


def underfitting(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 14: both splits have levelled off together at a poor value.

    Noise in the targets is a floor, too, and nobody knows it: only a fit far below what can be attained is a warning.
    """
    attained, seen = fit(curves, settings), gap(curves, settings)
    losses = training_loss(curves, settings)
    if attained is None or len(losses) < settings.points:
        return None
    if attained.share + attained.standard_error >= settings.underfit:
        return None
    if _still_moves(curves, settings) or rate_is_gone(curves, settings):
        return None
    if seen is not None:
        # where hardly anything was learned, a share of it is uncertain
        errors = settings.gap_small_errors if attained.share >= settings.slow_fit else settings.standard_errors
        if seen.share >= settings.gap_small and seen.share >= errors * seen.standard_error:
            return None
    if seen is None and len(finite(curves.val_loss)) + len(finite(curves.val_metric)) > 0 and attained.share > 0.1:
        return None
    by_loss = loss_gap(curves, settings)
    if by_loss is not None and by_loss.share > max(
        settings.gap_small, settings.standard_errors * by_loss.standard_error
    ):
        return None  # the metric may hide what the losses show
    ratio = median_ratio(curves)
    sure_below = settings.underfit_sure if attained.is_attainable_known else settings.underfit_unknown
    doubtful = attained.share >= sure_below
    note = ", unless noise in the targets is the floor" if doubtful else ""
    regularised = " Some regularisation is on: try less of it first." if curves.regularised else ""
    both = f" with a gap of {seen.share:.1%}" if seen is not None else ""
    return Finding(
        kind="underfitting-capacity",
        severity=Severity.INFO if doubtful else None,
        message=(
            f"Training has levelled off at {max(attained.share, 0):.0%} of what can be attained by its "
            f"{attained.basis}{both}: the model is too small for the task{note}."
        ),
        action=(
            "Double the width or add a layer, regularise less (weight decay divided by 10, dropout to 0), then train "
            "longer." + regularised
        ),
        evidence={
            "fit": attained.share,
            "basis": attained.basis,
            "train_loss": level(losses),
            **({"gap": seen.share, "standard_error": seen.standard_error} if seen is not None else {}),
            **({"update_ratio": ratio} if ratio is not None else {}),
        },
        confidence=0.5 if doubtful else 0.9 if seen is not None and attained.basis == "metric" else 0.7,
    )


def _still_moves(curves: Curves, settings: CurveSettings) -> bool:
    """Whether training or validation still improves for certain, by what row 11 counts as climbing."""
    counts = settings.projection_differences * loss_delta(curves, settings)
    trends = [training_trend(curves, settings)]
    if len(finite(curves.val_loss)) >= settings.points:
        trends.append(trend(finite(curves.val_loss), settings))
    return any(t.z <= -settings.z_medium and -t.projection > counts for t in trends)


def noisy_validation(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 16: the validation metric jitters by more than the differences that count, once it has levelled off."""
    series, delta, name = finite(curves.val_metric), metric_delta(curves, settings), curves.metric or "metric"
    if len(series) < 2 * settings.points:
        series, delta, name = finite(curves.val_loss), loss_delta(curves, settings), "loss"
    if len(series) < 2 * settings.points:
        return None
    late = series.values[len(series) // 2 :]
    spread = noise(late)
    if spread <= settings.noisy_differences * delta or abs(trend(series, settings, 0.5).z) >= settings.z_medium:
        return None
    return Finding(
        kind="noisy-validation",
        message=(
            f"The validation {name} jitters by {spread:.3g} from point to point at the end, more than the "
            f"{delta:.3g} that counts: trials compared by their last point are compared by luck."
        ),
        action="Average the weights or decay the rate before ranking, or use a larger validation set or batch.",
        evidence={"noise": spread, "smallest_difference": delta, "points": len(late), "last_step": last_step(curves)},
        confidence=sure(spread / delta, len(late) >= 20, settings),
    )
