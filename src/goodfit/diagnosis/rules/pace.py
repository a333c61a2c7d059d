"""Rows 11, 12 and 15: trained too short, too slowly, or far beyond the end."""

from __future__ import annotations

import dataclasses

import numpy as np

from goodfit.diagnosis.curves import Curves, Series
from goodfit.diagnosis.levels import (
    epochs,
    fit,
    guessing,
    jitter,
    last_step,
    level,
    loss_delta,
    median_ratio,
    metric_delta,
    place,
    rate_is_gone,
    sure,
    training_loss,
    training_trend,
    trend,
)
from goodfit.diagnosis.statistics import finite, mann_kendall, median_of_five, straightness
from goodfit.findings import Finding
from goodfit.settings.curves import CurveSettings


def still_climbing(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 11: validation improves for certain, and as long again would improve it by more than counts.

    A curve that is slow because of its rate is row 12's, though it climbs as well.
    """
    sign = 1.0 if curves.maximise else -1.0
    val_loss, val_metric = finite(curves.val_loss), finite(curves.val_metric)
    on_loss, on_metric = trend(val_loss, settings), trend(val_metric, settings)
    falls = training_trend(curves, settings)
    by_metric = (
        len(val_metric) >= settings.points
        and sign * on_metric.z >= settings.z_medium
        and sign * on_metric.projection > settings.projection_differences * metric_delta(curves, settings)
    )
    by_loss = (
        len(val_loss) >= settings.points
        and on_loss.z <= -settings.z_medium
        and -on_loss.projection > settings.projection_differences * loss_delta(curves, settings)
        and not _only_confidence(curves, settings, sign * on_metric.projection)
    )
    if not (by_metric or by_loss) or falls.z > -settings.z_medium or slowness(curves, settings) is not None:
        return None
    if by_metric:
        name, now, then, z = curves.metric or "the metric", level(val_metric), on_metric.projection, on_metric.z
    else:
        name, now, then, z = "loss", level(val_loss), on_loss.projection, on_loss.z
    return Finding(
        kind="too-few-steps",
        message=(
            f"Training ended while it was still improving: validation {name} was at {now:.4g} and moving by "
            f"{then:+.3g} per quarter of the run (z {z:.1f}), the training loss with it (z {falls.z:.1f})."
        ),
        action="Train twice as long at the same learning rate.",
        evidence={
            "last": now,
            "projection": then,
            "z": z,
            "z_train": falls.z,
            "by": [name for name, seen in (("metric", by_metric), ("loss", by_loss)) if seen],
        },
        confidence=sure(min(abs(falls.z), settings.z_high if by_metric and by_loss else abs(z)), True, settings),
    )


def _only_confidence(curves: Curves, settings: CurveSettings, projection: float) -> bool:
    """Whether a loss that still falls is only growing confidence: the metric is nearly all right, and stands."""
    attained = fit(curves, settings)
    if attained is None or attained.basis != "metric" or attained.share < settings.underfit:
        return False
    return projection < metric_delta(curves, settings)


@dataclasses.dataclass(frozen=True, slots=True)
class Slowness:
    """A training loss that falls in a straight line and has not got far."""

    straightness: float  # R^2
    z: float
    fit: float
    ratio: float | None  # median update/weight ratio
    signals: tuple[str, ...]


def slowness(curves: Curves, settings: CurveSettings) -> Slowness | None:
    """Whether the rate is what makes training slow.

    A short run at a sensible rate can be as straight. The update ratio tells them apart; without it, the number of
    epochs, within which a sensible rate would have bent the curve; without that, only a very small fall counts.
    """
    losses, attained = training_loss(curves, settings), fit(curves, settings)
    if len(losses) < settings.points or attained is None or _rate_changes(curves):
        return None
    by_loss = (guessing(curves).loss - level(losses)) / max(guessing(curves).loss - curves.floor_loss, 1e-12)
    line, z = straightness(losses.steps, losses.values), mann_kendall(losses.values)
    if line <= settings.slow_straightness or z > -settings.z_medium or by_loss >= settings.slow_fit:
        return None
    val = finite(curves.val_loss)
    if len(val) >= settings.points and mann_kendall(val.values) > -settings.z_medium:
        return None  # it memorises, however slowly: not the rate's fault
    ratio, long = median_ratio(curves), epochs(curves)
    signals = []
    if ratio is not None:
        if ratio >= settings.slow_ratio_most:
            return None
        if ratio < settings.slow_ratio:
            signals.append(f"a step changes the weights by only {ratio:.1e}")
    if long is not None and long >= settings.slow_epochs:
        signals.append(f"{long:.0f} epochs did not bend the curve")
    if not signals and by_loss >= settings.slow_fit_unknown:
        return None
    return Slowness(line, z, by_loss, ratio, tuple(signals))


def _rate_changes(curves: Curves) -> bool:
    rates = finite(curves.lr)
    return len(rates) >= 2 and float(rates.values.min()) < 0.5 * float(rates.values.max())


def too_slow(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 12: the training loss falls in a straight line, slowly, by small steps."""
    seen = slowness(curves, settings)
    if seen is None:
        return None
    because = f", and {' and '.join(seen.signals)}" if seen.signals else ""
    return Finding(
        kind="lr-too-low",
        message=(
            f"The training loss falls in a nearly straight line (R2 {seen.straightness:.3f}) and has made only "
            f"{seen.fit:.0%} of its way{because}: the learning rate is too low."
        ),
        action="Raise the learning rate by a factor of 3 to 10 and extend the top of its range.",
        evidence={
            "straightness": seen.straightness,
            "fit": seen.fit,
            "z": seen.z,
            **({"update_ratio": seen.ratio} if seen.ratio is not None else {}),
        },
        confidence=sure(seen.z, len(seen.signals) > 0, settings) if seen.signals else 0.6,
    )


def saturated_early(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 15: the best was reached in the first quarter but for what does not count; neither split improved since."""
    val_loss, val_metric = finite(curves.val_loss), finite(curves.val_metric)
    if max(len(val_loss), len(val_metric)) < settings.points or rate_is_gone(curves, settings):
        return None
    run = last_step(curves)
    reached = []
    by_loss_alone = len(val_metric) < settings.points
    for series, sign, delta in (
        # where a metric says what the quality is, the loss may grow more confident for a while
        (val_loss, -1.0, (1 if by_loss_alone else 2) * loss_delta(curves, settings)),
        (val_metric, 1.0 if curves.maximise else -1.0, metric_delta(curves, settings)),
    ):
        if len(series) >= settings.points:
            reached.append(_reached(series, sign, delta))
    losses = training_loss(curves, settings)
    if len(losses) >= settings.points:
        reached.append(_reached(losses, -1.0, 2 * loss_delta(curves, settings)))
    latest = max(reached)
    if latest > settings.saturated * run or latest <= 0:
        return None
    return Finding(
        kind="too-many-steps",
        message=(
            f"Nothing has improved by what counts since {place(curves, latest)} of {run:.0f}: the last "
            f"{1 - latest / run:.0%} of the run were spent for nothing."
        ),
        action="Cut the epochs to about twice that step, and spend the time on more trials.",
        evidence={"reached_at": latest, "share_of_run": latest / run},
        where=place(curves, latest),
        confidence=0.8 if len(val_metric) and len(val_loss) else 0.7,
    )


def _reached(series: Series, sign: float, delta: float) -> float:
    """The first step at which the smoothed series was within `delta` and its noise of the best it ever gets."""
    values = sign * median_of_five(series.values)
    near = np.flatnonzero(values >= float(values.max()) - delta - jitter(series))
    return float(series.steps[near[0]])
