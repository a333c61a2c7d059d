"""Row 2: curves that no setting explains; the data or the code is wrong."""

from __future__ import annotations

import math

import numpy as np

from goodfit.diagnosis.curves import Curves, Series
from goodfit.diagnosis.levels import (
    chance_metric,
    first_loss,
    guessing,
    is_at_chance,
    jitter,
    level,
    loss_error,
    median_ratio,
    metric_error,
    place,
    span,
    sure,
    training_loss,
    training_trend,
)
from goodfit.diagnosis.statistics import autocorrelation, blocks, finite, mann_kendall
from goodfit.findings import Finding, Severity
from goodfit.settings.curves import CurveSettings


def rising_loss(curves: Curves, settings: CurveSettings) -> Finding | None:
    """The training loss rises steadily over more than a fifth of the run and has not come back.

    A rise in one jump is instability, and one that follows a rising rate is the schedule's: neither is this.
    """
    losses = blocks(training_loss(curves, settings), max(2 * settings.step_blocks, settings.points))
    ratio = median_ratio(curves)
    if len(losses) < settings.points or (ratio is not None and ratio > settings.ratio_high):
        return None
    scale = max(guessing(curves).loss - float(losses.values.min()), 1e-3 * span(curves, settings))
    # noise hides a slow rise in a fifth of the run; over more of it the rise grows and the noise does not
    for share in (settings.rising_share, 0.5, 1.0):
        width = max(math.ceil(share * len(losses)), settings.points)
        for start in range(0, len(losses) - width + 1, max(width // 4, 1)):
            window = Series(losses.steps[start : start + width], losses.values[start : start + width])
            rise = float(np.median(window.values[-3:]) - np.median(window.values[:3]))
            if _rises(curves, settings, window, rise, scale, level(losses)):
                return _rising(curves, settings, losses, start, window, rise)
    return None


def _rises(curves: Curves, settings: CurveSettings, window: Series, rise: float, scale: float, end: float) -> bool:
    return (
        rise > settings.rising_height * scale
        and rise > settings.standard_errors * jitter(window)
        and float(np.diff(window.values).max()) < settings.rising_jump * rise
        and mann_kendall(window.values) >= settings.z_medium
        and end > float(np.median(window.values[:3])) + 0.5 * rise
        and not _rate_rises(curves, float(window.steps[0]), float(window.steps[-1]))
    )


def _rising(
    curves: Curves, settings: CurveSettings, losses: Series, start: int, window: Series, rise: float
) -> Finding:
    z = mann_kendall(losses.values[start:])
    begin, end = float(window.steps[0]), float(window.steps[-1])
    return Finding(
        kind="pipeline-suspect",
        message=(
            f"The training loss rises steadily by {rise:.4g} between {curves.axis}s {begin:.0f} and {end:.0f}, "
            "which training by its own loss should never do."
        ),
        action=(
            "Look for a bug before changing settings: the sign of the loss, labels that drift along the data, "
            "gradients that are not cleared, a second loss that pulls the other way."
        ),
        evidence={"reason": "training loss rises", "rise": rise, "from": begin, "to": end, "z": z},
        where=place(curves, begin),
        confidence=sure(z, abs(float(losses.values[-1]) - float(losses.values.max())) < 0.5 * rise, settings),
    )


def _rate_rises(curves: Curves, start: float, end: float) -> bool:
    rates = finite(curves.lr)
    inside = rates.values[(rates.steps >= start) & (rates.steps <= end)]
    return len(inside) >= 2 and bool(inside.max() > 1.5 * max(inside[0], 1e-300))


def repeats_with_epoch(curves: Curves, settings: CurveSettings) -> Finding | None:
    """The step losses repeat with the epoch: the same batches in the same order.

    Judged where an epoch holds 6 points and there are 4 of them, in the second half, where the curve is flatter.
    """
    losses = finite(curves.step_loss)
    if len(losses) < 24 or (curves.steps_per_epoch is None and not curves.is_external):
        return None
    late = losses.values[len(losses) // 2 :]
    apart = float(np.median(np.diff(losses.steps)))
    per_epoch = curves.steps_per_epoch or _period(late, settings) * apart
    lag = round(per_epoch / apart)
    if (
        lag < 6
        or len(late) < (3 if curves.is_external else 4) * lag
        or not math.isclose(lag * apart, per_epoch, rel_tol=0.02)
    ):
        return None
    at_epoch, at_half = autocorrelation(late, lag), autocorrelation(late, lag // 2)
    z = at_epoch * math.sqrt(len(late) - lag)
    if (
        at_epoch <= settings.period_correlation
        or at_epoch - at_half <= settings.period_contrast
        or z < settings.z_medium
    ):
        return None
    return Finding(
        kind="pipeline-suspect",
        severity=Severity.WARNING,
        message=(
            f"The minibatch loss repeats with the epoch (correlation {at_epoch:.2f} at {lag * apart:.0f} steps): "
            "batches come in the same order every time."
        ),
        action="Shuffle the training data anew every epoch; if they are shuffled, look for what else recurs with it.",
        evidence={"reason": "loss repeats with the epoch", "correlation": at_epoch, "at_half": at_half, "z": z},
        confidence=sure(z, at_epoch > 0.7, settings),
    )


def _period(values: np.ndarray, settings: CurveSettings) -> int:
    """The lag after which the values repeat, and repeat again; 0 where there is none. For an unknown epoch."""
    if len(values) < 120:
        return 0
    logs = np.log(np.maximum(values, 1e-12)) if values.min() > 0 else values
    lags = range(12, len(values) // 3)
    found = np.array([autocorrelation(logs, lag) for lag in lags])
    if not len(found):
        return 0
    best = int(np.argmax(found))
    if 6 * lags[best] > len(values):  # too few periods to see it again: it has to be plain
        return lags[best] if found[best] > 0.8 and len(values) >= 3 * lags[best] else 0
    again = autocorrelation(logs, 2 * lags[best])
    return lags[best] if min(found[best], 1.25 * again) > settings.period_correlation else 0


def better_on_validation(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Validation stays better than training by more than 3 standard errors, and nothing regularises training.

    Only the second half counts, and every one of its points but one: a running training mean lags early on.
    """
    if curves.regularised:
        return None
    sign = 1.0 if curves.maximise else -1.0
    train, val = finite(curves.train_metric), finite(curves.val_metric)
    if len(train) >= settings.points and len(val) >= settings.points:
        at, av, basis = level(train), level(val), curves.metric or "metric"
        within_unit = chance_metric(curves) is not None and 0 <= min(at, av) <= max(at, av) <= 1
        error = math.hypot(metric_error(curves, settings, at, True), metric_error(curves, settings, av, False))
        lead = sign * (av - at) if within_unit else 0.0
    else:
        train, val = training_loss(curves, settings), finite(curves.val_loss)
        if len(train) < settings.points or len(val) < settings.points:
            return None
        at, av, basis, sign = level(train), level(val), "loss", -1.0
        error = math.hypot(loss_error(curves, settings, at, True), loss_error(curves, settings, av, False))
        lead = at - av
    if lead <= settings.standard_errors * error or not _leads_throughout(train, val, sign):
        return None
    return Finding(
        kind="pipeline-suspect",
        message=(
            f"Validation is better than training throughout ({basis} {av:.4g} against {at:.4g}), by "
            f"{lead / error:.1f} standard errors, and nothing that is known regularises training."
        ),
        action=(
            "Check that no validation sample is among the training samples, that both splits are prepared alike, and "
            "that training is measured in eval mode."
        ),
        evidence={"reason": "validation better than training", "train": at, "val": av, "standard_error": error},
        confidence=sure(lead / error, curves.val_samples is not None, settings),
    )


def _leads_throughout(train: Series, val: Series, sign: float) -> bool:
    late = val.steps >= 0.5 * val.steps[-1]
    reached = np.interp(val.steps[late], train.steps, train.values)
    behind = sign * (val.values[late] - reached) <= 0
    return int(behind.sum()) <= 1


def learns_without_generalising(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Training improves for certain while validation never gets better than guessing: what is learned is not there."""
    val, val_metric = finite(curves.val_loss), finite(curves.val_metric)
    losses = training_loss(curves, settings)
    if len(val) < settings.points or len(losses) < settings.points or curves.chance_loss is None:
        return None
    if len(val_metric) and (curves.chance_metric is None or not is_at_chance(curves, settings, of_train=False)):
        return None
    moves = training_trend(curves, settings, 0.5)
    fall = curves.chance_loss - level(losses)
    best = float(np.median(np.sort(val.values)[:3]))
    below = curves.chance_loss - best
    start = first_loss(curves)
    if fall <= settings.standard_errors * jitter(losses) or losses.values.max() > settings.spike_factor * abs(start):
        return None  # thrown about: the rate's affair
    slack = max(settings.flat_fall * span(curves, settings), settings.standard_errors * jitter(val))
    # a model that learns anything of use passes guessing before it overfits
    if moves.z > -settings.z_medium or fall < 2 * settings.flat_fall * span(curves, settings) or below > slack:
        return None
    return Finding(
        kind="pipeline-suspect",
        severity=Severity.WARNING,
        message=(
            f"The training loss falls to {level(losses):.4g}, below the {curves.chance_loss:.4g} of guessing, but the "
            f"validation loss never gets below it (best {best:.4g}): what is learned does not carry over at all."
        ),
        action=(
            "Check that inputs and labels are paired rightly in both splits and are prepared alike: a label shuffled "
            "or shifted looks like this. If they are, the inputs may say nothing of the target."
        ),
        evidence={
            "reason": "validation stays at chance",
            "train_loss": level(losses),
            "best_val_loss": best,
            "chance_loss": curves.chance_loss,
            "z": moves.z,
        },
        confidence=sure(moves.z, len(val_metric) > 0, settings),
    )
