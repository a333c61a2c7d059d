"""Rows 5 and 7: what the first points say of the initialisation."""

from __future__ import annotations

import math

import numpy as np

from goodfit.diagnosis.curves import Curves
from goodfit.diagnosis.levels import place
from goodfit.diagnosis.shape import shape_of
from goodfit.diagnosis.statistics import finite, mann_kendall
from goodfit.findings import Finding
from goodfit.settings.curves import CurveSettings


def plateau_first(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 5: flat from the start for a tenth of the run or more, then a steep fall. A warm-up explains it."""
    shape = shape_of(curves, settings)
    main = shape.val if shape.is_minibatch and shape.val is not None and len(shape.val.series) >= 10 else shape.main
    if main is None or len(main.series) < 10:
        return None
    values, steps = main.series.values, main.series.steps
    start = float(np.median(values[:3]))
    total = start - main.lowest
    if total < settings.recorded_plateau_fall * max(abs(start), 1e-12):
        return None
    left = np.flatnonzero(np.abs(values - start) > settings.recorded_plateau_height * total)
    end = int(left[0]) if len(left) else len(values)
    lasted = float(steps[end - 1] - steps[0])
    if end < 3 or end >= len(values) - 2 or lasted < settings.plateau_share * shape.run:
        return None
    if curves.axis == "step" and float(steps[end - 1]) < settings.plateau_steps:
        return None
    before = max(float(values[0] - values[end - 1]) / max(lasted, 1e-12), 0.0)
    after = float(np.max((values[:-1] - values[1:])[end - 1 :] / np.diff(steps)[end - 1 :]))
    rates = finite(curves.lr)
    warming = rates.values[rates.steps <= steps[end - 1]]
    warms = len(warming) >= 2 and float(warming.max()) > 1.5 * max(float(warming[0]), 0.0)
    if (
        warms
        or after < settings.plateau_slope / 2 * max(before, 1e-12)
        or mann_kendall(values[:end]) < -settings.z_high
    ):
        return None
    return Finding(
        kind="bad-initialisation",
        message=(
            f"The loss stays at {start:.4g} for the first {lasted / shape.run:.0%} of the run and then falls by "
            f"{total:.4g}: it first has to leave a bad start."
        ),
        action="Check the initialisation (scale per layer, normalisation, activations), or warm the learning rate up.",
        evidence={"plateau_share": lasted / shape.run, "plateau_end": steps[end - 1], "fall": total, "level": start},
        where=place(curves, steps[end - 1]),
        confidence=0.7,
    )


def far_above_guessing(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Row 7: the first loss is far above what guessing loses, and that is gone at once.

    Needs a point before or right at the start of training. Guessing: known, or by the first share of right answers,
    which is 1 / C for C balanced classes.
    """
    shape = shape_of(curves, settings)
    guess = shape.guess if shape.guess_known else _by_accuracy(curves, settings)
    raw = [s for s in map(finite, (curves.train_loss, curves.step_loss, curves.val_loss)) if len(s)]
    starts = [s for s in raw if s.steps[0] <= settings.first_point * max(s.steps[-1], 1e-12)]
    if guess is None or not starts or not shape.shows_start:
        return None
    losses = min(starts, key=lambda s: s.steps[0])
    first = float(losses.values[0]) if len(losses) < 200 else float(np.median(losses.values[:2]))
    gain = first - guess
    if gain <= max(settings.easy_nats, settings.recorded_easy * abs(guess)):
        return None
    below = np.flatnonzero(losses.values <= guess)
    if not len(below):
        return None
    reached = float(losses.steps[below[0]])
    soon = below[0] <= 1 or reached <= max(settings.recorded_easy_within * losses.steps[-1], settings.easy_steps)
    main = shape.main
    if not soon or main is None or main.end >= guess:
        return None
    return Finding(
        kind="easy-gain-at-start",
        message=(
            f"The first {gain:.4g} of the fall, from {first:.4g} to the {guess:.4g} of guessing, is made by "
            f"{place(curves, reached)}: only the output layer learning its bias and scale."
        ),
        action=(
            "Set the final bias to what a constant prediction needs (log prior, log odds or mean) and scale the final "
            "layer down; it is no reason to change the learning rate."
        ),
        evidence={"first_loss": first, "guessing": guess, "easy_gain": gain, "reached_at": reached},
        where=place(curves, float(losses.steps[0])),
        confidence=0.8 if shape.guess_known else 0.6,
    )


def _by_accuracy(curves: Curves, settings: CurveSettings) -> float | None:
    if curves.best_metric != 1.0:
        return None
    for series in map(finite, (curves.train_metric, curves.val_metric)):
        at_start = len(series) and series.steps[0] <= settings.first_point * max(series.steps[-1], 1e-12)
        if at_start and 0.004 < series.values[0] < 0.7:
            return -math.log(float(series.values[0]))
    return None
