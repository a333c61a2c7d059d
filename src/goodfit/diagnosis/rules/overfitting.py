"""Rows 9 and 10: training goes on where validation does not follow."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.curves import Curves, Series
from goodfit.diagnosis.levels import (
    Gap,
    fit,
    gap,
    guessing,
    jitter,
    last_step,
    level,
    loss_delta,
    metric_delta,
    place,
    sure,
    training_loss,
    training_trend,
    trend,
)
from goodfit.diagnosis.statistics import finite, mann_kendall, median_of_five
from goodfit.findings import Finding, Severity
from goodfit.settings.curves import CurveSettings

_ACTION = (
    "Regularise more (weight decay times 10, dropout 0.2 to 0.6, augmentation) or add data, and keep the best "
    "checkpoint; a smaller learning rate is no regulariser."
)


def validation_turned(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 9: the validation loss had its best before 80 % of the run and ends well above it; training still falls.

    Where the metric has not suffered and the gap is small it is over-confidence: worth knowing, no warning.
    """
    val, losses = finite(curves.val_loss), training_loss(curves, settings)
    if len(val) < settings.points or len(losses) < settings.points:
        return None
    best = _lowest(val)
    lowest, end = float(np.median(val.values[max(best - 1, 0) : best + 2])), level(val)
    rise = end - lowest
    scale = max(guessing(curves).loss - lowest, 0.0)
    falls = training_trend(curves, settings, 1 - float(val.steps[best]) / max(last_step(curves), 1e-12))
    spread = jitter(val)
    if (
        val.steps[best] >= settings.turned_before * last_step(curves)
        or rise <= settings.turned_sigmas * spread
        or rise <= max(settings.turned_height * scale, loss_delta(curves, settings))
        or not (falls.z <= -settings.z_medium or _is_fitted(curves, settings))
    ):
        return None
    z = mann_kendall(val.values[best:])
    if z < settings.z_medium and rise <= 2 * settings.turned_sigmas * spread:
        return None
    metric = _metric_turned(curves, settings)
    seen = gap(curves, settings)
    confident_only = metric is False and (seen is None or seen.share <= settings.gap_large)
    message = (
        f"The validation loss had its best ({lowest:.4g}) at {place(curves, val.steps[best])} of "
        f"{last_step(curves):.0f} and has risen to {end:.4g} since, while the training loss "
        f"went on down to {level(losses):.4g}"
    )
    action = _ACTION
    if metric is False:
        message += f"; {curves.metric or 'the metric'} has not suffered, so it is over-confidence"
        action = "Label smoothing or temperature scaling helps against over-confidence. " + _ACTION
    return Finding(
        kind="overfitting",
        severity=Severity.INFO if confident_only else None,
        message=message + ".",
        action=action,
        evidence={
            "best_val_loss": lowest,
            "last_val_loss": end,
            "best_step": val.steps[best],
            "rise": rise,
            "noise": spread,
            "train_loss": level(losses),
            "metric_turned": metric,
            **({"gap": seen.share} if seen is not None else {}),
            "z": z,
        },
        where=place(curves, val.steps[best]),
        confidence=sure(max(z, falls.z, key=abs), _gap_counts(seen, settings) or metric is True, settings),
    )


def gap_too_big(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 10: more than 0.15 of the skill, and 3 standard errors, is lost on the way to validation, which is flat."""
    seen = gap(curves, settings)
    if not _gap_counts(seen, settings) or seen is None:
        return None
    val_loss, val_metric = finite(curves.val_loss), finite(curves.val_metric)
    if max(len(val_loss), len(val_metric)) < settings.points:
        return None
    # still climbing beyond doubt: judge the gap when it has ended
    sign = 1.0 if curves.maximise else -1.0
    on_loss, on_metric = trend(val_loss, settings), trend(val_metric, settings)
    climbing = [
        on_loss.z <= -settings.z_medium and -on_loss.projection > loss_delta(curves, settings),
        sign * on_metric.z >= settings.z_medium and sign * on_metric.projection > metric_delta(curves, settings),
    ]
    if any(climbing):
        return None
    falls = training_trend(curves, settings, 0.5)
    if falls.z > -settings.z_medium and not _is_fitted(curves, settings):
        return None
    name = (curves.metric or "metric") if seen.basis == "metric" else "loss"
    return Finding(
        kind="overfitting",
        message=(
            f"The gap is too big: {name} {seen.train:.4g} in training against {seen.val:.4g} in validation, which is "
            f"{seen.share:.0%} of what the model learned ({seen.share / max(seen.standard_error, 1e-12):.1f} standard "
            "errors), and validation no longer improves."
        ),
        action=_ACTION + " Less capacity is the last resort.",
        evidence={
            "gap": seen.share,
            "standard_error": seen.standard_error,
            "basis": seen.basis,
            "train": seen.train,
            "val": seen.val,
            "z": falls.z,
        },
        confidence=sure(seen.share / max(seen.standard_error, 1e-12), falls.z <= -settings.z_medium, settings),
    )


def _gap_counts(seen: Gap | None, settings: CurveSettings) -> bool:
    return (
        seen is not None
        and seen.share > settings.gap_large
        and seen.share > settings.standard_errors * seen.standard_error
    )


def _is_fitted(curves: Curves, settings: CurveSettings) -> bool:
    attained = fit(curves, settings)
    return attained is not None and attained.share >= settings.fitted


def _lowest(series: Series) -> int:
    values = median_of_five(series.values) if len(series) >= 20 else series.values
    return int(np.argmin(values))


def _metric_turned(curves: Curves, settings: CurveSettings) -> bool | None:
    """Whether the validation metric ended below its best by what counts and by its noise; None where there is none."""
    val = finite(curves.val_metric)
    if len(val) < settings.points:
        return None
    sign = 1.0 if curves.maximise else -1.0
    values = sign * (median_of_five(val.values) if len(val) >= 20 else val.values)
    lost = float(values.max()) - sign * level(val)
    return lost > max(metric_delta(curves, settings), settings.turned_sigmas * jitter(val))
