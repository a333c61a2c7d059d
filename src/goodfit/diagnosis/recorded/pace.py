"""Rows 8, 11, 12 and 15: a rate cut too early, trained too short, too slowly, or far beyond the end."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.curves import Curves
from goodfit.diagnosis.levels import jitter, metric_error, place
from goodfit.diagnosis.shape import Fall, Shape, shape_of
from goodfit.diagnosis.statistics import finite, median_of_five
from goodfit.findings import Finding, Severity
from goodfit.settings.curves import CurveSettings


def cut_too_early(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 8: the rate was all but gone early in the run, while the loss was falling, and nothing was gained since."""
    rates = finite(curves.lr)
    shape = shape_of(curves, settings)
    main = shape.main
    if len(rates) < 4 or main is None or len(main.series) < settings.recorded_points or rates.values.max() <= 0:
        return None
    peak = int(np.argmax(rates.values))
    low = np.flatnonzero((np.arange(len(rates)) > peak) & (rates.values < settings.recorded_gone * rates.values[peak]))
    if not len(low) or (rates.values[low[0] :] > settings.recorded_gone * rates.values[peak]).any():
        return None
    start = min(float(main.series.steps[0]), float(rates.steps[0]))
    length = float(rates.steps[-1]) - start
    gone = float(rates.steps[low[0]])
    share = (gone - start) / max(length, 1e-12)
    # a first point after an epoch hides what the rate did before it
    if share > settings.recorded_gone_by:
        return None
    after = main.at(min(share + 0.02, 1.0)) - main.end
    before = max(main.first, shape.guess) - main.at(min(share + 0.02, 1.0))
    room = 1 - shape.progress(main) if shape.guess_known else main.end / max(abs(shape.guess), 1e-12)
    if room < settings.cut_room or after > 0.35 * max(before, 1e-12) * (1 - share) / max(share, 0.02):
        return None
    factor = float(rates.values[peak]) / max(float(rates.values[low[0]]), 1e-300)
    return Finding(
        kind="lr-schedule-wrong",
        message=(
            f"The learning rate was cut {min(factor, 1e6):.3g}-fold by {place(curves, gone)}, {share:.0%} of the "
            f"run; since then the loss has come down by only {max(after, 0.0):.3g} and stands at {main.end:.4g}."
        ),
        action="Push the decay later, and check whether the schedule is stepped per batch where it is meant per epoch.",
        evidence={"cut_at": gone, "share_of_run": share, "factor": factor, "gain_after": after, "room": room},
        where=place(curves, gone),
        confidence=0.8,
    )


def stopped_moving(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 8 without a recorded rate: validation changed, and then not in the fourth digit any more."""
    shape = shape_of(curves, settings)
    val = finite(curves.val_loss)
    if len(val) < settings.points or shape.val is None or len(finite(curves.lr)):
        return None
    late = val.values[int(0.4 * len(val)) :]
    level = max(abs(float(np.median(late))), 1e-12)
    moved = abs(val.values[0] - float(np.median(late))) / level
    if np.ptp(late) > settings.recorded_frozen * level or moved < 10 * settings.recorded_frozen:
        return None
    if shape.progress(shape.val) > settings.fitted:
        return None
    still = np.flatnonzero(np.abs(val.values - np.median(late)) > settings.recorded_frozen * level)
    at = float(val.steps[still[-1]]) if len(still) else float(val.steps[0])
    return Finding(
        kind="lr-schedule-wrong",
        message=(
            f"From {place(curves, at)} on the validation loss hardly changes in its fourth digit "
            f"({np.median(late):.5g}): the parameters no longer move, as if the learning rate had gone to zero."
        ),
        action="Look at the learning rate: is the schedule stepped per batch where it is meant per epoch?",
        evidence={"cut_at": at, "level": float(np.median(late)), "change": float(np.ptp(late))},
        where=place(curves, at),
        confidence=0.6,
    )


def slow(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 12: the loss falls steadily, in a line rather than a bend, and has not got far."""
    shape = shape_of(curves, settings)
    main = shape.val if shape.is_minibatch and shape.val is not None else shape.main
    if main is None or len(main.series) < settings.recorded_points:
        return None
    # a single minibatch's loss ends anywhere
    falls = [f for f in (None if shape.is_minibatch and shape.val else shape.train, shape.val) if f is not None]
    total = max(main.first, shape.guess) - main.end
    least = settings.z_medium if len(main.series) >= settings.points else 2.0
    if any(fall.end - fall.lowest > 0.15 * max(fall.first - fall.lowest, 1e-12) for fall in falls):
        return None
    if main.z > -least or main.backs > settings.recorded_rises_slow or main.bend > settings.recorded_bend:
        return None
    if shape.train is not None and shape.val is not None and not shape.is_minibatch:
        lead = shape.train.end - shape.val.end
        if lead > settings.recorded_lead * abs(shape.guess):
            return None  # what is on in training alone (dropout, wrong labels) keeps its loss up, not the rate
    made = shape.progress(main)
    long = shape.epochs is not None and shape.epochs >= settings.slow_epochs
    long = long or (curves.axis == "step" and shape.epochs is None and shape.run >= settings.recorded_long_steps)
    limit = settings.slow_fit if long else settings.recorded_slow_short
    if made > limit or total <= 0:
        return None
    return Finding(
        kind="lr-too-low",
        message=(
            f"The loss falls steadily but in a nearly straight line, from {main.first:.4g} to {main.end:.4g}, "
            f"and has made only {max(made, 0.0):.0%} of its way: the learning rate is too low."
        ),
        action="Raise the learning rate by a factor of 3 to 10, and again while the curve stays as straight.",
        evidence={"progress": made, "bend": main.bend, "z": main.z, "epochs": shape.epochs},
        confidence=0.8 if long and made < 0.5 * limit else 0.65,
    )


def still_improving(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 11: what a run as long again would bring, if the gains shrink as they did, is more than counts."""
    shape = shape_of(curves, settings)
    loss, metric = shape.val or shape.train, shape.metric
    if loss is None or len(loss.series) < settings.recorded_points:
        return None
    span = max(max(shape.guess, loss.first) - loss.end, 1e-12)
    much = loss.ahead > settings.recorded_ahead * span
    # near the end of the way a small part of the whole is a large part of what is left
    much = much or loss.ahead > max(settings.recorded_ahead_left * abs(loss.end), 0.4 * settings.recorded_ahead * span)
    by_loss = _climbs(loss, settings) and much
    if shape.train is not None and not _climbs(shape.train, settings) and not shape.is_minibatch:
        return None
    if shape.train is not None and shape.is_minibatch and shape.train.fell_since(0.5) <= 0:
        return None
    by_metric = False
    if metric is not None and curves.best_metric == 1.0:
        error = metric_error(curves, settings, -metric.end, False) if curves.val_samples else 0.0
        needs = max(settings.recorded_ahead_metric, error)
        by_metric = _climbs(metric, settings) and metric.ahead > needs
        # sure of itself, not better: the loss alone falls on
        if by_loss and not by_metric and -metric.end > settings.fitted:
            return None
    if not by_loss:
        return None
    little = loss.ahead < settings.recorded_ahead_sure * span  # a sound training has as much ahead of it: a hint
    return Finding(
        kind="too-few-steps",
        severity=Severity.INFO if little else None,
        message=(
            f"Training ended while it was still improving: the {'validation' if shape.val else 'training'} loss "
            f"came down by {loss.fell_since(2 / 3):.3g} in the last third, to {loss.end:.4g}, and as long again "
            f"would bring about {loss.ahead:.3g} more."
        ),
        action="Train about twice as long at the same learning rate.",
        evidence={"last": loss.end, "ahead": loss.ahead, "share_of_gain": loss.ahead / span, "by_metric": by_metric},
        confidence=0.5 if little else 0.8 if by_metric else 0.65,
    )


def _climbs(fall: Fall, settings: CurveSettings) -> bool:
    """Whether the series improves at its end beyond its jitter."""
    recent = fall.fell_since(2 / 3)
    return recent > settings.recorded_jitters * fall.jitter and fall.end - fall.lowest < 0.5 * recent + fall.jitter


def long_done(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 15: all that counts was reached in the first quarter; nothing got better since."""
    shape = shape_of(curves, settings)
    held = shape.val or shape.metric
    if shape.run <= 0 or held is None or len(held.series) < settings.points:
        return None
    reached = []
    scale = max(abs(shape.guess), 1e-12)
    if shape.val is not None:
        reached.append(_reached(shape.val, settings.recorded_done * scale, shape))
    if shape.metric is not None:
        span = 1.0 if curves.best_metric == 1.0 else max(abs(shape.metric.first - shape.metric.lowest), 1e-12)
        reached.append(_reached(shape.metric, settings.metric_difference * span, shape))
    learning = shape.train is not None and shape.train.end > 0.1 * scale  # else it only learns by heart
    if shape.train is not None and learning and not shape.is_minibatch:
        reached.append(_reached(shape.train, 2 * settings.recorded_done * scale, shape))
    latest = max(reached)
    if latest > settings.recorded_saturated:
        return None
    at = float(shape.main.series.steps[0] if shape.main else 0.0) + latest * shape.run
    return Finding(
        kind="too-many-steps",
        message=(
            f"Nothing has improved by what counts since {place(curves, at)}: the last {1 - latest:.0%} of the run were "
            "spent for nothing."
        ),
        action="Cut the training to about twice that length, or stop early, and keep the best checkpoint.",
        evidence={"reached_at": at, "share_of_run": latest},
        where=place(curves, at),
        confidence=0.75,
    )


def _reached(fall: Fall, delta: float, shape: Shape) -> float:
    """The share of the run at which the smoothed series was first within `delta` and its noise of its best."""
    values = median_of_five(fall.series.values) if len(fall.series) >= 12 else fall.series.values
    near = np.flatnonzero(values <= float(values.min()) + delta + jitter(fall.series))
    return float(fall.series.steps[near[0]] - fall.series.steps[0]) / max(shape.run, 1e-12)
