"""Rows 2, 9 and 10: validation against training."""

from __future__ import annotations

import math

import numpy as np

from goodfit.diagnosis.curves import Curves
from goodfit.diagnosis.levels import metric_error, place
from goodfit.diagnosis.shape import Shape, shape_of
from goodfit.diagnosis.statistics import finite
from goodfit.findings import Finding, Severity
from goodfit.settings.curves import CurveSettings

_ACTION = "Regularise more (weight decay, dropout, augmentation) or add data, and keep the best checkpoint."


def never_generalises(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 2: training falls, yet validation was never better than guessing, by its loss and by its metric."""
    shape = shape_of(curves, settings)
    train, val = shape.train, shape.val
    if train is None or val is None or len(val.series) < settings.recorded_points:
        return None
    guess = shape.guess if shape.guess_known else val.first
    learned = (guess if shape.guess_known else max(train.first, guess)) - train.end
    learned /= max(abs(guess), 1e-12)
    if max(train.first, val.first) > 2 * abs(guess) and train.end > 0.5 * guess:
        return None  # it is still coming down from a bad start
    if learned < settings.recorded_memorised or val.lowest < guess * (1 - settings.recorded_still):
        return None
    if not _metric_is_chance(curves, shape, settings):
        return None
    return Finding(
        kind="pipeline-suspect",
        severity=Severity.WARNING,
        message=(
            f"The training loss falls from {train.first:.4g} to {train.end:.4g}, but validation never gets better than "
            f"guessing (best {val.lowest:.4g}, at first {val.first:.4g}): what is learned does not carry over at all."
        ),
        action=(
            "Check that inputs and labels are paired rightly in both splits and are prepared alike: a label "
            "shuffled or shifted looks like this. If they are, the inputs may say nothing of the target."
        ),
        evidence={
            "reason": "validation stays at chance",
            "train_loss": train.end,
            "best_val_loss": val.lowest,
            "guessing": guess,
        },
        confidence=0.8 if shape.guess_known and shape.metric is not None else 0.6,
    )


def _metric_is_chance(curves: Curves, shape: Shape, settings: CurveSettings) -> bool:
    """Whether validation's metric is that of guessing; without a metric only where guessing is known by its loss."""
    if shape.metric is None or not curves.maximise:
        return shape.guess_known
    best = float(np.quantile(-shape.metric.series.values, 0.9))
    if curves.chance_metric is not None:
        error = metric_error(curves, settings, curves.chance_metric, False) if curves.best_metric is not None else 0.03
        return best < curves.chance_metric + max(3 * error, settings.recorded_above_chance)
    if curves.best_metric != 1.0 or shape.val is None:
        return False
    likely = math.exp(-max(shape.val.lowest, 0.0))  # the chance of a right guess, if the first loss is that of guessing
    return best < likely + max(0.3 * likely, settings.recorded_above_chance)


def turned(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 9: the validation loss had its best before the end and has risen well above it, while training went on."""
    shape = shape_of(curves, settings)
    train, val = shape.train, shape.val
    if val is None or len(val.series) < settings.recorded_points:
        return None
    rise = val.end - val.lowest
    where = (val.lowest_at - float(val.series.steps[0])) / max(shape.run, 1e-12)
    gained = max(shape.guess, val.first) - val.lowest
    # a curve that begins after it turned has gained nothing that is seen
    scale = max(gained, 0.1 * abs(val.lowest), 1e-12)
    least = max(settings.recorded_turned * scale, settings.recorded_turned_level * abs(val.lowest))
    if where >= settings.turned_before or rise <= least or rise <= settings.turned_sigmas * val.jitter:
        return None
    falls = train is not None and (train.fell_since(max(where, 0.3)) > 0 or train.end < 0.1 * abs(shape.guess))
    if train is not None and (not falls or train.end > val.end):
        return None
    metric = _metric_lost(curves, shape, settings)
    small = rise < 2 * settings.recorded_turned * scale and metric is False
    epochs = place(curves, val.lowest_at)
    best = float(val.series.values.min())  # as it stands in the file; the rule itself reads smoothed values
    message = f"The validation loss had its best ({best:.4g}) at {epochs} and has risen to {val.end:.4g} since"
    message += f", while the training loss went on down to {train.end:.4g}" if train is not None else ""
    action = _ACTION
    if metric is False:
        message += f"; {curves.metric or 'the metric'} has not suffered, so it is over-confidence"
        action = "Stop earlier, or try label smoothing against over-confidence. " + _ACTION
    return Finding(
        kind="overfitting",
        severity=Severity.INFO if small else None,
        message=message + ".",
        action=action,
        evidence={
            "best_val_loss": best,
            "last_val_loss": val.end,
            "best_step": val.lowest_at,
            "rise": rise,
            "noise": val.jitter,
            **({"train_loss": train.end} if train is not None else {}),
            "metric_turned": metric,
        },
        where=epochs,
        confidence=0.9 if rise > 2 * least and train is not None else 0.7,
    )


def _metric_lost(curves: Curves, shape: Shape, settings: CurveSettings) -> bool | None:
    metric = shape.metric
    if metric is None:
        return None
    return metric.end - metric.lowest > max(settings.metric_difference, settings.turned_sigmas * metric.jitter)


def gap_too_big(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 10: a large part of what was learned does not carry over, and validation no longer improves."""
    shape = shape_of(curves, settings)
    train, val = shape.train, shape.val
    if train is None or val is None or len(val.series) < settings.recorded_points:
        return None
    skill = max(shape.guess, train.first) - train.end
    gap = val.end - train.end
    # of single minibatches the last few are luck
    unsure = settings.turned_sigmas * math.hypot(train.jitter if shape.is_minibatch else 0.0, val.jitter)
    if skill <= settings.recorded_memorised * max(abs(shape.guess), 1e-12) or gap <= unsure:
        return None
    share = gap / skill
    basis, at, av = "loss", train.end, val.end
    limit = settings.recorded_gap
    rates = finite(curves.train_metric), finite(curves.val_metric)
    if (
        shape.metric is not None
        and shape.train_metric is not None
        and curves.best_metric == 1.0
        and all(map(len, rates))
    ):
        at, av = -shape.train_metric.end, -shape.metric.end
        error = math.hypot(metric_error(curves, settings, at, True), metric_error(curves, settings, av, False))
        skill = at - (curves.chance_metric or 0.0)
        if at - av <= settings.standard_errors * error:
            return None
        share, basis, limit = (at - av) / max(skill, 1e-12), "metric", settings.gap_large
    if basis == "loss" and train.end < 0.1 * abs(shape.guess):
        limit = settings.gap_large + 0.05  # learned by heart
    if share <= limit:
        return None
    climbs = val.fell_since(2 / 3) > max(2 * val.jitter, settings.recorded_ahead * abs(shape.guess))
    if climbs or (val.lowest_at >= shape.run + float(val.series.steps[0]) and val.rises < 0.1):
        return None
    name = (curves.metric or "metric") if basis == "metric" else "loss"
    return Finding(
        kind="overfitting",
        message=(
            f"The gap is too big: {name} {at:.4g} in training against {av:.4g} in validation, {share:.0%} of what the "
            "model learned, and validation no longer improves."
        ),
        action=_ACTION + " Less capacity is the last resort.",
        evidence={"gap": share, "basis": basis, "train": at, "val": av},
        confidence=0.8 if share > 2 * limit else 0.65,
    )
