"""Rows 3 and 4: the loss does not move. Why: a rate too low, a rate too high, or neither."""

from __future__ import annotations

import dataclasses

import numpy as np

from goodfit.diagnosis.curves import Curves
from goodfit.diagnosis.levels import (
    first_loss,
    guessing,
    is_at_chance,
    jitter,
    level,
    median_ratio,
    metric_error,
    span,
    sure,
    training_loss,
    training_trend,
)
from goodfit.diagnosis.statistics import finite, mann_kendall, median_of_five, noise, straightness
from goodfit.findings import Finding, Severity
from goodfit.settings.curves import CurveSettings


@dataclasses.dataclass(frozen=True, slots=True)
class Standstill:
    """A loss that ended no better than guessing, or no better than it began."""

    start: float
    end: float
    fall: float  # from the start, as a share of the span
    z: float  # of the training loss over the whole run


def standstill(curves: Curves, settings: CurveSettings) -> Standstill | None:
    """The training loss did not get below its start, nor below the loss of guessing, by a hundredth of the span."""
    losses = training_loss(curves, settings)
    start = first_loss(curves)
    if len(losses) < settings.points or not np.isfinite(start):
        return None
    end, scale = level(losses), span(curves, settings)
    guess = guessing(curves)
    reference = min(start, guess.loss) if guess.is_known else start
    if reference - end >= settings.flat_fall * scale:
        return None
    return Standstill(start, end, (start - end) / scale, training_trend(curves, settings, 1.0).z)


def flat_but_rising_accuracy(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 3: the loss hardly moves, yet the metric rises by more than 5 standard errors."""
    still = standstill(curves, settings)
    metric, of_train = finite(curves.train_metric), True
    if not len(metric):
        metric, of_train = finite(curves.val_metric), False
    if still is None or still.end > still.start or len(metric) < settings.points or not curves.maximise:
        return None
    if not 0 <= float(metric.values.min()) <= float(metric.values.max()) <= 1:
        return None  # a score of squared errors moves with the loss: no arg-max to flip
    # up to guessing is no rise
    begin, end = max(float(metric.values[0]), curves.chance_metric or 0.0), level(metric)
    if mann_kendall(metric.values) < settings.z_medium:
        return None
    errors = (end - begin) / metric_error(curves, settings, begin, of_train)
    if errors <= settings.metric_rise or _high_signs(curves, settings, still):
        return None
    return Finding(
        kind="lr-too-low",
        message=(
            f"The loss is flat ({still.start:.5g} to {still.end:.5g}) while {curves.metric or 'the metric'} rises from "
            f"{begin:.1%} to {end:.1%}: the scores move just enough to flip the arg-max, so the learning rate is too "
            "low, and the model is not broken."
        ),
        action="Raise the learning rate tenfold and extend the top of its range.",
        evidence={
            "first_loss": still.start,
            "last_loss": still.end,
            "first_metric": begin,
            "last_metric": end,
            "standard_errors": errors,
            "z": still.z,
        },
        confidence=sure(errors, still.z <= -settings.z_medium, settings),
    )


def not_learning(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 4: no better than guessing for the whole run; told apart by the signs of recipe 3.2."""
    still = standstill(curves, settings)
    if still is None or not is_at_chance(curves, settings):
        return None
    evidence = {"first_loss": still.start, "last_loss": still.end, "fall": still.fall, "z": still.z}
    high = _high_signs(curves, settings, still)
    low = _low_signs(curves, settings, still)
    sentence = f"The training loss does not go down ({still.start:.5g} at the start, {still.end:.5g} at the end)"
    if high:
        return Finding(
            kind="lr-too-high",
            message=f"{sentence}, and the rate is what stops it: {high[0]}.",
            action="Lower the learning rate at least tenfold, and the top of its range with it.",
            evidence={**evidence, "signs": high},
            confidence=0.95 if len(high) > 1 else 0.8,
        )
    if low:
        return Finding(
            kind="lr-too-low",
            message=f"{sentence}, because the parameters hardly move: {low[0]}.",
            action="Raise the learning rate tenfold and extend the top of its range.",
            evidence={**evidence, "signs": low},
            confidence=sure(still.z, len(low) > 1, settings) if len(low) > 1 or still.z <= -3 else 0.6,
        )
    if abs(still.fall) >= settings.flat_fall:
        return None  # it learned the best constant prediction: row 14
    return Finding(
        kind="pipeline-suspect",
        severity=Severity.WARNING,
        message=f"{sentence}, stays at the level of guessing, and nothing shows that the learning rate is why.",
        action=(
            "Go back to the first steps: check the initial loss and the layers' activations, that gradients reach "
            "every parameter, and that a sample of 20 can be overfitted at any rate."
        ),
        evidence={**evidence, "reason": "the loss stays at the level of guessing"},
        confidence=0.7,
    )


def _high_signs(curves: Curves, settings: CurveSettings, still: Standstill) -> list[str]:
    """What shows that a flat loss was thrown onto its plateau; empty where nothing does."""
    signs = []
    guess, scale = guessing(curves), span(curves, settings)
    for name, series in (("training", finite(curves.train_loss)), ("minibatch", finite(curves.step_loss))):
        if len(series) < settings.points:
            continue
        medians = median_of_five(series.values) if name == "minibatch" else series.values
        start = max(float(np.median(series.values[:20])), still.start) if name == "minibatch" else still.start
        limit = settings.spike_factor * start + (settings.unstable_sigmas * noise(series.values) if start > 0 else 0)
        if start > 0 and float(medians.max()) > limit:
            signs.append(f"the {name} loss jumped to {medians.max():.4g} on the way")
            break
    val = finite(curves.val_loss)
    if len(val) and still.start > 0 and level(val) > settings.explosion_factor * max(still.start, guess.loss):
        signs.append(f"the validation loss ended at {level(val):.4g}")
    if curves.dead_fraction is not None and curves.dead_fraction > settings.dead_share:
        signs.append(f"{curves.dead_fraction:.0%} of the units of a layer are dead")
    ratio = median_ratio(curves)
    evaluated = finite(curves.train_loss)
    if ratio is not None and ratio > settings.ratio_high and jitter(evaluated) > settings.flat_fall * scale:
        signs.append(f"one step changes the weights by {ratio:.1%}")
    first = [float(s.values[0]) for s in map(finite, curves.update_ratios.values()) if len(s)]
    if first and ratio is not None and max(first) > 10 * settings.ratio_high and ratio < max(first) / 100:
        signs.append(f"the first steps changed the weights by {max(first):.0%} and later ones hardly at all")
    losses = finite(curves.train_loss)
    if len(losses) >= settings.points:
        shake = jitter(losses)
        over = still.end - max(guess.loss, still.start)
        if over > settings.flat_fall * scale and over > settings.standard_errors * shake / np.sqrt(len(losses) / 2):
            signs.append(f"the loss settled {over:.4g} above guessing")
        elif shake > settings.flat_jitter * scale and abs(still.z) < settings.z_medium:
            signs.append(f"the loss on the same samples jumps by {shake:.3g} from point to point")
    rates = finite(curves.lr)
    if not signs and len(rates) and float(np.median(rates.values)) > settings.lr_surely_high:
        signs.append(f"the rate is {np.median(rates.values):.3g}")
    return signs


def _low_signs(curves: Curves, settings: CurveSettings, still: Standstill) -> list[str]:
    """What shows that a flat loss is one of too small steps; empty where nothing does."""
    signs = []
    ratio = median_ratio(curves)
    if ratio is not None and ratio >= settings.slow_ratio:
        return []  # the weights do move
    if ratio is not None and ratio < settings.ratio_low:
        signs.append(f"one step changes the weights by {ratio:.1e} of their size")
    losses = finite(curves.train_loss)
    line = straightness(losses.steps, losses.values)
    falls = still.z <= -settings.z_medium and 0 < still.fall < settings.flat_fall
    # one that has come down to guessing falls less and less; small steps go straight on
    if len(losses) >= settings.points and falls and line > settings.slow_straightness:
        signs.append(f"the loss falls steadily (z {still.z:.1f}) but by {still.fall:.2%} in all")
    rates = finite(curves.lr)
    if len(rates) and float(rates.values.max()) <= settings.lr_surely_low:
        signs.append(f"the rate is {rates.values.max():.1e}")
    return signs
