"""Rows 3 and 4: the loss does not get below guessing. Why: a rate too low, a rate too high, or neither."""

from __future__ import annotations

import math

import numpy as np

from goodfit.diagnosis.curves import Curves
from goodfit.diagnosis.levels import metric_error
from goodfit.diagnosis.shape import Fall, Shape, shape_of
from goodfit.diagnosis.statistics import finite
from goodfit.findings import Finding, Severity
from goodfit.settings.curves import CurveSettings

_BINARY = 0.9 * math.log(2)  # a loss below guessing one of two even classes


def stands_still(curves: Curves, settings: CurveSettings) -> Finding | None:
    """No better than guessing at the end, by the loss and, where there is one, by the metric."""
    shape = shape_of(curves, settings)
    main = shape.main
    if main is None or len(main.series) < settings.recorded_points:
        return None
    constant = _answers_alike(curves, shape, settings)
    if not constant and not is_still(curves, shape, settings):
        return None
    learned = _metric_gain(curves, shape, settings)
    high, low = _high_signs(curves, shape, settings), _low_signs(curves, shape, settings)
    if constant and not high:
        return _one_answer(curves, shape, main)
    evidence = {"first_loss": main.first, "last_loss": main.end, "guessing": shape.guess, "z": main.z}
    sentence = f"The loss does not go down ({main.first:.5g} at first, {main.end:.5g} at the end)"
    if learned is not None and not high:
        return Finding(
            kind="lr-too-low",
            message=(
                f"The loss is flat ({main.first:.5g} to {main.end:.5g}) while {curves.metric} rises from "
                f"{learned[0]:.1%} to {learned[1]:.1%}: the scores move just enough to flip the arg-max, so the "
                "learning rate is too low."
            ),
            action="Raise the learning rate tenfold.",
            evidence={**evidence, "first_metric": learned[0], "last_metric": learned[1]},
            confidence=0.8,
        )
    if high:
        return Finding(
            kind="lr-too-high",
            message=f"{sentence}, and the rate is what stops it: {high[0]}.",
            action="Lower the learning rate tenfold or more.",
            evidence={**evidence, "signs": high},
            confidence=0.9 if len(high) > 1 else 0.7,
        )
    if low:
        return Finding(
            kind="lr-too-low",
            message=f"{sentence}, because the parameters hardly move: {low[0]}.",
            action="Raise the learning rate tenfold or more.",
            evidence={**evidence, "signs": low},
            confidence=0.9 if len(low) > 1 else 0.7,
        )
    return Finding(
        kind="pipeline-suspect",
        severity=Severity.WARNING,
        message=f"{sentence}, stays at the level of guessing, and nothing shows that the learning rate is why.",
        action=(
            "Check that the outputs depend on the inputs, that gradients reach every parameter and the optimiser holds "
            "them, and that a sample of 20 can be learned by heart; then try rates ten times lower and higher."
        ),
        evidence={**evidence, "reason": "the loss stays at the level of guessing"},
        confidence=0.6,
    )


def _answers_alike(curves: Curves, shape: Shape, settings: CurveSettings) -> bool:
    """Whether the accuracy does not change at all, though it is poor: every sample gets the same answer."""
    rates = [s for s in map(finite, (curves.train_metric, curves.val_metric)) if len(s)]
    if curves.best_metric != 1.0 or not rates or min(map(len, rates)) < 6:
        return False
    steps = finite(curves.lr)
    if len(steps) and steps.values[-1] < 0.5 * steps.values.max():
        return False  # nothing changes because nothing is trained any more
    if any(fall.z <= -settings.z_medium and fall.rises < 0.1 for fall in (shape.val, shape.train) if fall is not None):
        return False  # the loss does move, steadily
    if any(np.median(s.values) - s.values[0] > 0.1 for s in rates) and not shape.shows_start:
        return False  # it learned something, and has stopped
    late = [s.values[1:] for s in rates]
    same = [float(np.mean(np.abs(v - np.median(v)) < 1e-9)) for v in late]
    main = shape.main
    flat = main is not None and main.fell_since(1 / 3) < settings.recorded_still * max(abs(main.end), 1e-12)
    poor = main is not None and shape.progress(main) < settings.recorded_underfit_loss
    return flat and poor and min(same) >= 0.9 and max(float(np.median(v)) for v in late) < settings.recorded_collapsed


def _one_answer(curves: Curves, shape: Shape, main: Fall) -> Finding:
    return Finding(
        kind="pipeline-suspect",
        severity=Severity.WARNING,
        message=(
            f"The {curves.metric} does not change at all while the loss stays at {main.end:.4g}: every sample gets the "
            "same answer, as if the outputs did not depend on the inputs."
        ),
        action=(
            "Check what the model is fed and whether dead units, a cut graph or a very strong weight decay leave only "
            "the output's bias; then try rates ten times lower."
        ),
        evidence={"reason": "outputs do not depend on the inputs", "loss": main.end, "guessing": shape.guess},
        confidence=0.7,
    )


def is_still(curves: Curves, shape: Shape, settings: CurveSettings) -> bool:
    """Whether nothing was learned: no loss got below guessing by what counts, and the metric does not say otherwise."""
    if curves.best_metric is None and curves.chance_metric == 0.0 and shape.metric is not None:
        scores = [f for f in (shape.metric, shape.train_metric) if f is not None]  # R2: 0 is guessing
        near = max(-f.lowest for f in scores) < settings.recorded_still
        if near and min(-f.series.values[0] for f in scores) > -1:
            return True
    falls = [fall for fall in (shape.train, shape.val) if fall is not None]
    if any(_sinks(fall, shape.guess) for fall in falls):
        return False
    for fall in falls:
        scale = max(abs(shape.guess), 1e-12) if shape.guess_known else max(abs(fall.first), 1e-12)
        reference = shape.guess if shape.guess_known else fall.first
        if fall is shape.train and not shape.guess_known and shape.val is not None:
            # a first mean that was blown up says nothing of guessing
            reference = min(reference, max(shape.val.first, shape.val.end))
            scale = max(abs(reference), 1e-12)
        if reference - fall.end >= settings.recorded_still * scale:
            return False
        if not shape.guess_known and not _first_is_guessing(curves, fall):
            return False
    chance = curves.chance_metric
    if shape.metric is not None and chance is not None and curves.maximise:
        error = metric_error(curves, settings, chance, False) if curves.best_metric is not None else 0.05
        rises = shape.metric.z <= -settings.z_medium  # a flat loss with a rising metric is row 3
        if not rises and -shape.metric.end > chance + max(3 * error, settings.recorded_above_chance):
            return False
    return True


def _sinks(fall: Fall, guess: float) -> bool:
    """Whether the loss is still coming down from far above guessing, and calmly: a start, not a standstill."""
    return fall.first > 1.5 * abs(guess) and fall.rises < 0.1 and fall.fell_since(0.5) > 0.05 * abs(fall.end)


def _first_is_guessing(curves: Curves, fall: Fall) -> bool:
    """Where guessing is unknown: an accuracy that fits the loss of guessing, or no accuracy at all.

    exp(-loss) is the chance of a right guess. A first loss of 0.3 with 90 % right has been trained before; so has a low
    one whose accuracy moves, for guessing one class of two uneven ones is right equally often at every point.
    """
    for series in map(finite, (curves.val_metric, curves.train_metric)):
        if len(series) and curves.best_metric == 1.0:
            same = float(np.mean(np.abs(series.values - np.median(series.values)) < 1e-9))
            if min(fall.first, fall.end) < _BINARY and float(np.median(series.values)) > 0.5 and same < 0.5:
                return False
            return float(series.values[-3:].max()) < 1.6 * math.exp(-max(min(fall.first, fall.end), 0.0)) + 0.1
        if len(series) and curves.best_metric is None and curves.maximise:
            return float(series.values[-3:].max()) < 0.1  # R2 and the like
    return True


def _metric_gain(curves: Curves, shape: Shape, settings: CurveSettings) -> tuple[float, float] | None:
    """First and last share of right answers, where it rose for certain while the loss was flat."""
    if curves.best_metric != 1.0:
        return None
    for fall, of_train in ((shape.train_metric, True), (shape.metric, False)):
        if fall is None or fall.z > -settings.z_medium:
            continue
        begin, end = max(-fall.at(0.0), curves.chance_metric or 0.0), -fall.end
        if (end - begin) / max(metric_error(curves, settings, max(begin, 0.01), of_train), 1e-9) > settings.metric_rise:
            return begin, end
    return None


def _high_signs(curves: Curves, shape: Shape, settings: CurveSettings) -> list[str]:
    signs = []
    main, val = shape.main, shape.val
    assert main is not None
    level = max(abs(main.end), 1e-12)
    factor = settings.spike_factor if shape.guess_known else 2 * settings.spike_factor
    if main.first > factor * max(main.at(0.5), shape.guess if shape.guess_known else -math.inf):
        signs.append(f"the first loss of {main.first:.4g} is far above where it settled")
    elif float(main.series.values.max()) > settings.spike_factor * max(main.end, main.first):
        signs.append(f"the loss jumped to {main.series.values.max():.4g} on the way")
    if (
        curves.uniform_loss is not None
        and main.end > shape.guess * (1 + settings.recorded_over_guessing)
        and main.z > -settings.z_medium
    ):
        signs.append(f"it settled at {main.end:.4g}, above the {shape.guess:.4g} of guessing")
    steady = val if val is not None else None if shape.is_minibatch else main
    if (
        steady is not None
        and steady.jitter > settings.recorded_still_jitter * level
        and abs(steady.z) < settings.z_medium
    ):
        signs.append(f"the loss on the same samples jumps by {steady.jitter:.3g} from point to point")
    if val is not None and val.end > 1.3 * max(val.lowest, 1e-12) and main.fell_since(0.3) < 0.05 * level:
        signs.append(f"the validation loss rose to {val.end:.4g} while training stood still")
    rates = finite(curves.lr)
    if len(rates) and float(rates.values.max()) >= settings.lr_surely_high:
        signs.append(f"the rate is {rates.values.max():.3g}")
    return signs


def _low_signs(curves: Curves, shape: Shape, settings: CurveSettings) -> list[str]:
    signs = []
    for name, fall in (("validation", shape.val), ("training", shape.train)):
        if (
            fall is not None
            and fall.z <= -settings.z_medium
            and fall.bend < settings.recorded_bend
            and fall.backs < 0.3
        ):
            signs.append(f"the {name} loss falls steadily (z {fall.z:.1f}) but hardly at all")
            break
    rates = finite(curves.lr)
    if len(rates) and float(rates.values.max()) <= settings.recorded_rate_low:
        signs.append(f"the rate is {rates.values.max():.1e}")
    return signs
