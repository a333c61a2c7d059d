"""Rows 14 and 16: levelled off at a poor value, held back by regularisation, or lost in noise."""

from __future__ import annotations

import math

import numpy as np

from goodfit.diagnosis.curves import Curves, Series
from goodfit.diagnosis.levels import loss_error, metric_error
from goodfit.diagnosis.shape import Fall, Shape, fall_of, shape_of
from goodfit.diagnosis.statistics import finite, noise
from goodfit.findings import Finding, Severity
from goodfit.settings.curves import CurveSettings


def _is_level(fall: Fall, shape: Shape, settings: CurveSettings) -> bool:
    """Whether the series hardly came down over the last part of the run."""
    late = fall.fell_since(1 - settings.plateau_tail)
    made = max(shape.guess, fall.first) - fall.end
    return late < max(settings.recorded_level * max(made, 0.0), 2 * fall.jitter, 0.005 * abs(shape.guess))


def _fit(curves: Curves, shape: Shape, *, held_out: bool = False) -> tuple[float, str] | None:
    """How much of what can be attained the model attains: by its metric, else by its loss.

    On training samples, as training saw them; with `held_out` on the validation samples where it does better there:
    dropout, augmentation and wrong labels make the training metric less than what the model can.
    """
    metrics = [m for m in (shape.train_metric, shape.metric) if m is not None]
    if metrics and curves.best_metric == 1.0:
        chance = curves.chance_metric or 0.0
        best = max(-m.end for m in metrics) if held_out else -metrics[0].end
        return (best - chance) / (1 - chance), "metric"
    main = shape.main
    return (shape.progress(main), "loss") if main is not None and math.isfinite(shape.guess) else None


def held_back(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Training is worse than validation throughout and poor: what is on in training alone holds it back."""
    shape = shape_of(curves, settings)
    train, val = shape.train, shape.val
    if train is None or val is None or len(val.series) < settings.recorded_points:
        return None
    fit = _fit(curves, shape) if shape.train_metric is not None else (shape.progress(train), "loss")
    if fit is None:
        return None
    lead = train.end - val.end
    ahead = [t > v for t, v in zip(*_late_pairs(train, val), strict=True)]
    if lead < settings.recorded_lead * abs(shape.guess) or lead < 0.2 * abs(train.end) or np.mean(ahead) < 0.9:
        return None
    if curves.val_samples and lead < settings.standard_errors * loss_error(curves, settings, val.end, False):
        return None  # few samples may happen to be easy ones
    sure = lead > settings.recorded_lead_sure * abs(shape.guess)
    most = settings.recorded_held_fit if fit[1] == "metric" else settings.recorded_held_fit - 0.15
    if fit[0] > most or not (sure or _is_level(train, shape, settings)):
        return None
    return Finding(
        kind="excess-regularisation",
        message=(
            f"Training has levelled off at a loss of {train.end:.4g}, far above validation's {val.end:.4g}: what "
            "acts in training alone (dropout, augmentation, noise in its labels) is so strong that the model "
            "cannot fit."
        ),
        action="Halve dropout, augmentation and weight decay; if none is on, look for wrong training labels.",
        evidence={"train_loss": train.end, "val_loss": val.end, "lead": lead, "fit": fit[0], "basis": fit[1]},
        confidence=0.65,
    )


def _late_pairs(train: Fall, val: Fall) -> tuple[np.ndarray, np.ndarray]:
    """Both losses over the last half, at validation's steps."""
    late = val.series.steps >= val.series.steps[0] + 0.5 * (val.series.steps[-1] - val.series.steps[0])
    steps = val.series.steps[late]
    return np.interp(steps, train.series.steps, train.series.values), val.series.values[late]


def too_small(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 14: both splits have levelled off together at a poor value, at a rate that was not gone."""
    shape = shape_of(curves, settings)
    train, val, fit = shape.train, shape.val, _fit(curves, shape, held_out=True)
    if train is None or fit is None or len(train.series) < settings.recorded_points:
        return None
    share, basis = fit
    many = (shape.guess > settings.recorded_open_ended and curves.best_metric is None) or shape.guess > math.log(50)
    limit = settings.recorded_underfit if basis == "metric" else settings.recorded_underfit_loss
    if share >= limit or (many and share > settings.underfit_unknown / 2):
        return None
    if not _is_level(train, shape, settings) or (val is not None and not _is_level(val, shape, settings)):
        return None
    if _rate_decays(curves, settings) and not _was_level_before(curves, shape, settings):
        return None  # the decay may be what stopped it
    if _is_short(curves, shape, settings):
        return None
    skill = max(shape.guess - train.end, 1e-12)
    if (
        val is not None
        and val.end - train.end > settings.gap_large * skill
        and val.end - train.end > 0.03 * shape.guess
    ):
        return None
    doubtful = curves.best_metric is None and share > settings.underfit_unknown
    doubtful = doubtful or (not len(finite(curves.lr)) and _comes_to_rest(train, settings))
    return Finding(
        kind="underfitting-capacity",
        severity=Severity.INFO if doubtful else None,
        message=(
            f"Training and validation have levelled off together at {max(share, 0.0):.0%} of what can "
            f"be attained by the {basis}, a loss of {train.end:.4g}: the model is too small for the task, or "
            "held back by regularisation."
        ),
        action="Double the width or add a layer, regularise less, then train longer.",
        evidence={"fit": share, "basis": basis, "train_loss": train.end, **({"val_loss": val.end} if val else {})},
        confidence=0.5 if doubtful else 0.75,
    )


def _comes_to_rest(fall: Fall, settings: CurveSettings) -> bool:
    """Whether the loss only falls where it levels off, as one does whose rate decays; at a constant rate it jitters."""
    steps = fall.series.steps
    late = fall.series.values[steps >= steps[0] + (1 - settings.plateau_tail) * (steps[-1] - steps[0])]
    return len(late) >= 3 and bool((np.diff(late) < 0).all())


def _is_short(curves: Curves, shape: Shape, settings: CurveSettings) -> bool:
    """Whether the run is too short to say that more of it would not help."""
    if shape.epochs is not None and shape.epochs >= settings.recorded_few_epochs:
        return False
    return (curves.axis == "step" and shape.run < settings.recorded_few_steps) or curves.axis == "epoch"


def _rate_decays(curves: Curves, settings: CurveSettings) -> bool:
    """Whether the rate came down by half or more while the curve levelled off."""
    rates = finite(curves.lr)
    if len(rates) < 2 or rates.values.max() <= 0:
        return False
    late = rates.values[
        rates.steps >= rates.steps[0] + (1 - settings.plateau_tail) * (rates.steps[-1] - rates.steps[0])
    ]
    return bool(np.median(late) < rates.values.max() / settings.cut_factor)


def _was_level_before(curves: Curves, shape: Shape, settings: CurveSettings) -> bool:
    """Whether training had levelled off while the rate was still a third of its peak: the decay stopped nothing."""
    rates = finite(curves.lr)
    on = float(rates.steps[rates.values >= rates.values.max() / 3][-1])
    assert shape.train is not None
    kept = shape.train.series.steps <= on
    before = fall_of(Series(shape.train.series.steps[kept], shape.train.series.values[kept]), settings)
    if before is None or len(before.series) < settings.points:
        return False
    return _is_level(before, shape, settings)


def noisy(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 16: the validation metric jitters by more than the differences that one would compare.

    Where there is no accuracy the validation loss is looked at, against the loss of guessing.
    """
    shape = shape_of(curves, settings)
    if shape.metric is not None:
        series, name = finite(curves.val_metric), curves.metric
        least = settings.recorded_noisy if curves.best_metric == 1.0 else math.inf
    else:
        series, name, least = finite(curves.val_loss), "loss", settings.recorded_noisy_loss * abs(shape.guess)
    if len(series) < settings.points:
        return None
    late = series.values[len(series) // 2 :]
    spread = max(noise(late), float(np.std(np.diff(late))) / math.sqrt(2)) if len(late) >= 4 else 0.0
    if shape.metric is not None and curves.best_metric == 1.0 and curves.val_samples:
        error = metric_error(curves, settings, -shape.metric.end, False)
        if error > settings.recorded_few_samples:
            return _few_samples(curves, error)
    moved = abs(float(np.median(late[-3:]) - np.median(late[:3])))
    if spread < least or moved > 2 * spread:
        return None
    return Finding(
        kind="noisy-validation",
        message=(
            f"The validation {name} jitters by {spread:.3g} from point to point in the second half: "
            "models that are compared by one point are compared by luck."
        ),
        action="Use a larger validation set, average the weights or decay the rate before comparing.",
        evidence={"noise": spread, "of": name, "points": len(late), "samples": curves.val_samples},
        confidence=0.7,
    )


def _few_samples(curves: Curves, error: float) -> Finding:
    """The shares of right answers are multiples of so large a part that the samples can be counted."""
    return Finding(
        kind="noisy-validation",
        message=(
            f"The validation {curves.metric} is a count out of {curves.val_samples} samples, by its values: its "
            f"standard error is {error:.2g}, more than the differences that one would compare."
        ),
        action="Use a larger validation set, or cross-validation, before comparing models or stopping by it.",
        evidence={"standard_error": error, "samples": curves.val_samples, "of": curves.metric},
        confidence=0.7,
    )
