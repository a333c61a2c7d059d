"""Where a training stands: its levels, its gap and its fit, each with how sure that is.

The references (the loss of guessing, the best attainable) may be unknown; then what is concluded is less.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from goodfit.diagnosis.curves import Curves, Series
from goodfit.diagnosis.statistics import blocks, finite, mann_kendall, noise, theil_sen
from goodfit.settings.curves import CurveSettings


def training_loss(curves: Curves, settings: CurveSettings) -> Series:
    """The evaluated training loss; where it is absent or has fewer points than needed, blocks of the step losses."""
    evaluated = finite(curves.train_loss)
    if len(evaluated) >= settings.points:
        return evaluated
    steps = finite(curves.step_loss)
    if len(steps) < settings.points:
        return evaluated if len(evaluated) >= len(steps) else steps
    return blocks(steps, max(2 * settings.step_blocks, settings.points))


def level(series: Series) -> float:
    """Where a series ended: the median of its last tenth, at least of its last 3 points; nan where it is empty."""
    return float(np.median(series.values[-max(3, len(series) // 10) :])) if len(series) else math.nan


def jitter(series: Series) -> float:
    """The noise in the last half of a series."""
    return noise(series.values[len(series) // 2 :])


def first_loss(curves: Curves) -> float:
    """The first loss known: evaluated, else the median of the first 3 step losses; nan where there is none."""
    for series in (finite(curves.train_loss), finite(curves.val_loss)):
        if len(series) and series.steps[0] <= _first_step(curves):
            return float(series.values[0])
    steps = finite(curves.step_loss)
    return float(np.median(steps.values[:3])) if len(steps) else math.nan


def _first_step(curves: Curves) -> float:
    firsts = [s.steps[0] for s in map(finite, (curves.train_loss, curves.val_loss, curves.step_loss)) if len(s)]
    return min(firsts) if firsts else 0.0


def last_step(curves: Curves) -> float:
    """The last step of any loss or metric."""
    every = (curves.train_loss, curves.val_loss, curves.step_loss, curves.train_metric, curves.val_metric)
    return max((float(s.steps[-1]) for s in map(finite, every) if len(s)), default=0.0)


def place(curves: Curves, at: float) -> str:
    """A place on the axis of the curves in words: "step 352", "epoch 7", "step 352 (epoch 8)"."""
    said = f"{at:.0f}" if abs(at - round(at)) < 0.005 else f"{at:.2f}"
    per_epoch = curves.steps_per_epoch
    if curves.is_external and curves.axis == "step" and per_epoch is not None and per_epoch > 1:
        return f"step {said} (epoch {at / per_epoch:.1f})"
    return f"{curves.axis} {said}"


def epochs(curves: Curves) -> float | None:
    """How many epochs the curves span; None where the length of an epoch is unknown."""
    return last_step(curves) / curves.steps_per_epoch if curves.steps_per_epoch else None


def median_ratio(curves: Curves) -> float | None:
    """Median over the parameters of their median update/weight ratio; None where there is none."""
    medians = [float(np.median(s.values)) for s in map(finite, curves.update_ratios.values()) if len(s)]
    return float(np.median(medians)) if medians else None


@dataclasses.dataclass(frozen=True, slots=True)
class Guessing:
    """The loss of the best constant prediction."""

    loss: float
    is_known: bool  # False: read off the first point


def guessing(curves: Curves) -> Guessing:
    """The loss of guessing: given, or of uniform outputs, or else the first loss (a lower bound if that came late)."""
    for known in (curves.chance_loss, curves.uniform_loss):
        if known is not None and math.isfinite(known):
            return Guessing(float(known), True)
    starts = [float(s.values[0]) for s in map(finite, (curves.train_loss, curves.val_loss)) if len(s)]
    # evaluations that begin after the first epoch are below what the first minibatches show
    return Guessing(max([*starts, first_loss(curves)]) if starts else first_loss(curves), False)


def span(curves: Curves, settings: CurveSettings) -> float:
    """From the loss of guessing down to the floor: the scale of the falls and rises of the loss; above 0."""
    size = guessing(curves).loss - curves.floor_loss
    losses = training_loss(curves, settings)
    spread = float(np.ptp(losses.values)) if len(losses) else 0.0
    return size if size > 0 else max(spread, 1e-12)


@dataclasses.dataclass(frozen=True, slots=True)
class Fit:
    """How much of what can be attained the model attains on its training samples: 0 is guessing, 1 is all."""

    share: float
    basis: str  # "metric" or "loss"
    is_attainable_known: bool
    standard_error: float = 0.0  # over samples; 0 by the loss, where it is not known


def fit(curves: Curves, settings: CurveSettings) -> Fit | None:
    """F of recipe 5: by the metric where its best value is known, else by the loss; None without a reference."""
    metric = finite(curves.train_metric)
    if curves.best_metric is not None and len(metric):
        chance = chance_metric(curves)
        if chance is not None and curves.best_metric != chance:
            scale, at = curves.best_metric - chance, level(metric)
            return Fit((at - chance) / scale, "metric", True, metric_error(curves, settings, at, True) / abs(scale))
    losses = training_loss(curves, settings)
    guess = guessing(curves)
    starts_early = len(losses) > 0 and losses.steps[0] <= settings.first_point * last_step(curves)
    if len(losses) and (guess.is_known or starts_early) and guess.loss > curves.floor_loss:
        return Fit((guess.loss - level(losses)) / (guess.loss - curves.floor_loss), "loss", False)
    return None


def chance_metric(curves: Curves) -> float | None:
    """The metric of guessing: given, else 0 for a metric of which more is better (a lower bound), else None."""
    if curves.chance_metric is not None:
        return float(curves.chance_metric)
    return 0.0 if curves.maximise and curves.best_metric is not None else None


@dataclasses.dataclass(frozen=True, slots=True)
class Gap:
    """How much of its skill the model loses from training to validation samples."""

    share: float  # g of recipe 5: 0.1 is a tenth of the skill
    standard_error: float
    basis: str
    train: float
    val: float


def gap(curves: Curves, settings: CurveSettings) -> Gap | None:
    """g of recipe 5 at the end: by the metric, else by the loss; None where a split is absent or nothing was learned.

    Running minibatch losses of a regularised net do not count as training losses: they hide the gap.
    """
    train, val = finite(curves.train_metric), finite(curves.val_metric)
    chance = chance_metric(curves)
    # only a share of right answers has an error that can be told from its value: R2 and the like do not
    if len(train) >= 3 and len(val) >= 3 and chance is not None and is_share(curves):
        sign = 1.0 if curves.maximise else -1.0
        at, av = level(train), level(val)
        skill = sign * (at - chance)
        error = math.hypot(metric_error(curves, settings, at, True), metric_error(curves, settings, av, False))
        if skill > settings.standard_errors * error:
            return Gap(sign * (at - av) / skill, error / skill, "metric", at, av)
    return loss_gap(curves, settings)


def is_share(curves: Curves) -> bool:
    """Whether the metric is a share of right answers, such as an accuracy: within 0 and 1, and 1 can be attained."""
    known = [s.values for s in map(finite, (curves.train_metric, curves.val_metric)) if len(s)]
    within = all(float(v.min()) >= 0 and float(v.max()) <= 1 for v in known)
    return curves.best_metric in (0.0, 1.0) and bool(known) and within


def loss_gap(curves: Curves, settings: CurveSettings) -> Gap | None:
    """g of recipe 5 by the losses."""
    losses, val = finite(curves.train_loss), finite(curves.val_loss)
    if len(losses) < 3 and not curves.regularised:
        losses = training_loss(curves, settings)
    if len(losses) < 3 or len(val) < 3:
        return None
    at, av = level(losses), level(val)
    skill = guessing(curves).loss - at
    if skill <= settings.gap_skill * span(curves, settings):
        return None  # a share of nothing means nothing
    error = math.hypot(loss_error(curves, settings, at, True), loss_error(curves, settings, av, False))
    return Gap((av - at) / skill, error / skill, "loss", at, av)


def metric_error(curves: Curves, settings: CurveSettings, value: float, of_train: bool) -> float:
    """Standard error of a metric over samples: binomial within 0 and 1; for other metrics as if it were."""
    samples = (curves.train_samples if of_train else curves.val_samples) or settings.samples_assumed
    share = min(max(value, 0.0), 1.0)
    agresti = (share * samples + 2) / (samples + 4)  # so that 100 % right is not said to be certain
    return math.sqrt(agresti * (1 - agresti) / (samples + 4))


def loss_error(curves: Curves, settings: CurveSettings, value: float, of_train: bool) -> float:
    """Standard error of a mean loss over samples, single losses spreading as far as assumed."""
    samples = (curves.train_samples if of_train else curves.val_samples) or settings.samples_assumed
    return settings.loss_spread * abs(value - curves.floor_loss) / math.sqrt(samples)


def metric_delta(curves: Curves, settings: CurveSettings) -> float:
    """Smallest difference of the validation metric that counts: max(the user's, its standard error)."""
    val = finite(curves.val_metric)
    best, chance = curves.best_metric, chance_metric(curves)
    spread = float(np.ptp(val.values)) if len(val) else 0.0
    scale = abs(best - chance) if best is not None and chance is not None else spread or 1.0
    sampled = (
        metric_error(curves, settings, level(val), False) if curves.val_samples and len(val) else 0.0
    )  # an unknown size says nothing of the error
    return max(curves.smallest_difference or 0.0, sampled, settings.metric_difference * scale)


def loss_delta(curves: Curves, settings: CurveSettings) -> float:
    """Smallest difference of the validation loss that counts."""
    given = curves.smallest_difference if curves.val_metric is None else None
    return max(given or 0.0, settings.loss_difference * span(curves, settings))


@dataclasses.dataclass(frozen=True, slots=True)
class Trend:
    """What a series does at the end of the run."""

    slope: float  # per step
    z: float  # of the Mann-Kendall test
    projection: float  # what another stretch as long as the window would add


def trend(series: Series, settings: CurveSettings, share: float | None = None) -> Trend:
    """The trend over the last `share` of the run (a quarter).

    The slope is Theil-Sen's over that window, of 3 points at least. The test needs `points` points to find anything:
    where the window holds fewer, it looks at the last `points`.
    """
    share = settings.tail if share is None else share
    if len(series) < 4:
        return Trend(0.0, 0.0, 0.0)
    start = series.steps[-1] - share * (series.steps[-1] - series.steps[0])
    inside = int((series.steps >= start).sum())
    slope = theil_sen(series.steps[-max(inside, 3) :], series.values[-max(inside, 3) :])
    z = mann_kendall(series.values[-max(inside, settings.points) :])
    return Trend(slope, z, slope * share * float(series.steps[-1] - series.steps[0]))


def training_trend(curves: Curves, settings: CurveSettings, share: float | None = None) -> Trend:
    """The trend of the training loss at the end."""
    return trend(training_loss(curves, settings), settings, share)


def is_at_chance(curves: Curves, settings: CurveSettings, *, of_train: bool = True) -> bool:
    """Whether the metric is not surely better than guessing; True where nothing is known of it."""
    series = finite(curves.train_metric if of_train else curves.val_metric)
    if not len(series) and of_train:
        series, of_train = finite(curves.val_metric), False
    chance = curves.chance_metric
    if not len(series) or chance is None:
        return True
    sign = 1.0 if curves.maximise else -1.0
    error = metric_error(curves, settings, chance, of_train)
    return sign * (level(series) - chance) < settings.standard_errors * error


def sure(z: float, second_signal: bool, settings: CurveSettings) -> float:
    """Confidence by recipe 5: high for a decisive z with a second signal, medium for z of 3 on, low below."""
    if abs(z) < settings.z_medium:
        return 0.5
    if not second_signal:
        return 0.7
    return 0.95 if abs(z) >= settings.z_high else 0.8


def rate_is_gone(curves: Curves, settings: CurveSettings) -> bool:
    """Whether the rate had decayed to nothing before half of the run: then flatness says nothing of the model."""
    rates = finite(curves.lr)
    late = rates.values[rates.steps >= settings.decayed_before * last_step(curves)]
    return len(late) > 0 and float(late.max()) < settings.decayed_to * float(rates.values.max())
