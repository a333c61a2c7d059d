"""The shape of curves that another tool recorded: levels, jitter and how the fall bends, by what the file has.

Such curves differ from goodfit's own: a training loss is a mean over the minibatches since the last point, or one
minibatch's; it begins after the first epoch; rates, classes and samples may be unknown; points may be few. What the
file does not tell is None here, and a rule that needs it stays silent.
"""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np

from goodfit.diagnosis.curves import Curves, Series
from goodfit.diagnosis.statistics import blocks, finite, mann_kendall, median_of_five, noise
from goodfit.settings.curves import CurveSettings

_FEW = 10  # blocks whose means show a trend through jitter


@dataclasses.dataclass(frozen=True, slots=True)
class Fall:
    """How a series moves over the run; values are the series' own."""

    series: Series  # at most `recorded_blocks` points: medians of equal blocks where there are more
    first: float
    end: float  # median of the last 3 points, or of the last tenth
    lowest: float
    lowest_at: float
    jitter: float  # from point to point around a smooth curve, in the last half
    z: float  # Mann-Kendall over the whole run
    rises: float  # rises as a share of all movement over the last three quarters: 0 a steady fall, 0.5 no progress
    backs: float  # the same of the means of ten blocks over the whole run, which fall steadily where points jitter
    bend: float  # fall per step in the first third over that in the last third: 1 is a line, large an early fall
    ahead: float  # what another run as long would gain by a power law of the steps; >= 0

    def at(self, share: float) -> float:
        """The smoothed value at a share of the run."""
        return _value_at(self.series, share)

    def fell_since(self, share: float) -> float:
        """How far it has come down since a share of the run."""
        return self.at(share) - self.end


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """What rules of recorded curves decide by."""

    train: Fall | None
    val: Fall | None
    metric: Fall | None  # of validation, turned so that lower is better: 1 - accuracy, or minus the metric
    train_metric: Fall | None
    guess: float  # the loss of guessing: known, or the highest of the first losses
    guess_known: bool
    shows_start: bool  # a point lies within the first hundredth of the run
    run: float  # length, in the axis' unit
    epochs: float | None
    is_minibatch: bool  # the training loss is of single minibatches: its jitter is the batches'

    @property
    def main(self) -> Fall | None:
        """The training loss, or where there is none the validation loss."""
        return self.train or self.val

    def progress(self, fall: Fall) -> float:
        """The share of the way from guessing to 0 (to the lowest value, where losses may be below 0) that was made."""
        floor = min(0.0, fall.lowest)
        return (self.guess - fall.end) / max(self.guess - floor, 1e-12)


def shape_of(curves: Curves, settings: CurveSettings) -> Shape:
    """The shape of recorded curves."""
    evaluated, steps = finite(curves.train_loss), finite(curves.step_loss)
    raw_train = evaluated if len(evaluated) >= min(settings.points, max(len(steps), 1)) else steps
    raw_val = finite(curves.val_loss)
    train, val = fall_of(raw_train, settings), fall_of(raw_val, settings)
    sign = -1.0 if curves.maximise else 1.0
    metric, train_metric = (
        fall_of(Series(s.steps, sign * s.values), settings)
        for s in map(finite, (curves.val_metric, curves.train_metric))
    )
    every = [s for s in (raw_train, raw_val, finite(curves.val_metric)) if len(s)]
    start, end = min((s.steps[0] for s in every), default=0.0), max((s.steps[-1] for s in every), default=0.0)
    run = float(end - start)
    known = next((g for g in (curves.chance_loss, curves.uniform_loss) if g is not None and math.isfinite(g)), None)
    firsts = [f.first for f in (train, val) if f is not None]
    guess = known if known is not None else max(firsts, default=math.nan)
    span = end if curves.axis != "step" else run
    return Shape(
        train=train,
        val=val,
        metric=metric,
        train_metric=train_metric,
        guess=float(guess),
        guess_known=known is not None,
        shows_start=curves.axis == "step" and bool(every) and start <= settings.first_point * end,
        run=run,
        epochs=span / curves.steps_per_epoch if curves.steps_per_epoch else None,
        is_minibatch=_is_minibatch(raw_train, raw_val, curves),
    )


def fall_of(series: Series, settings: CurveSettings) -> Fall | None:
    """The movement of a series; None for fewer than 4 points."""
    if len(series) < 4:
        return None
    few = _block_medians(series, settings.recorded_blocks)
    values = few.values
    end = float(np.median(values[-max(3, len(values) // 10) :]))
    smooth = median_of_five(values) if len(values) >= 12 else values
    late = values[len(values) // 4 :]
    moves = np.diff(late)
    lowest = int(np.argmin(smooth))
    around = np.arange(max(lowest - 2, 0), min(lowest + 3, len(values)))
    deepest = int(around[np.argmin(values[around])])  # the point that a person would call the best
    third = [_value_at(few, share) for share in (0.0, 1 / 3, 2 / 3, 1.0)]
    drops = [a - b for a, b in itertools.pairwise(third)]
    return Fall(
        series=few,
        first=float(series.values[0]),
        end=end,
        lowest=float(smooth[lowest]),
        lowest_at=float(few.steps[deepest]),
        jitter=noise(values[len(values) // 2 :]) if len(values) >= 10 else noise(values),
        z=mann_kendall(values),
        rises=_rises(moves),
        backs=_rises(np.diff(blocks(few, _FEW).values)),
        bend=drops[0] / drops[2] if drops[2] > 0 else math.inf if drops[0] > 0 else 1.0,
        ahead=_ahead(drops),
    )


def _rises(moves: np.ndarray) -> float:
    path = float(np.abs(moves).sum())
    return float(moves.clip(0).sum()) / path if path > 0 else 0.0


def _ahead(drops: list[float]) -> float:
    """What a run as long again would gain, if the loss falls as a power law of the steps.

    Of c - steps**-e the gains of the second and the third third tell the exponent e, and it the gain from here to twice
    the steps. (Losses fall so over long stretches: Hestness et al. 2017, arXiv:1712.00409.)
    """
    before, last = drops[1], drops[2]
    if last <= 0 or before <= 0:
        return max(last, 0.0) * (1.0 if before > 0 else 0.0)
    return last * float(np.interp(last / before, _RATIOS, _GAINS))


def _power_laws() -> tuple[np.ndarray, np.ndarray]:
    """The third third's gain over the second's, and the double run's over it, for exponents from 8 down to -0.26."""
    e = np.linspace(8.0, -0.26, 200)
    e = e[np.abs(e) > 1e-6]
    second, third, more = (np.abs(a**-e - b**-e) for a, b in ((1 / 3, 2 / 3), (2 / 3, 1.0), (1.0, 2.0)))
    return third / second, more / third


_RATIOS, _GAINS = _power_laws()


def _value_at(series: Series, share: float) -> float:
    """The median of the 3 points around a place (of 5 where there are 20 or more)."""
    place = series.steps[0] + share * (series.steps[-1] - series.steps[0])
    near = int(np.argmin(np.abs(series.steps - place)))
    half = 2 if len(series) >= 20 else 1
    if len(series) < 10:
        half = 1 if 0 < near < len(series) - 1 else 0
    return float(np.median(series.values[max(near - half, 0) : near + half + 1]))


def _block_medians(series: Series, n: int) -> Series:
    """Medians of n equal blocks of points (means of up to 4): a spike or a hard batch leaves no trace."""
    if len(series) <= 1.5 * n:
        return series
    edges = np.linspace(0, len(series), n + 1).round().astype(int)
    parts = [(series.steps[a:b], series.values[a:b]) for a, b in itertools.pairwise(edges)]
    return Series(
        np.array([steps.mean() for steps, _ in parts]),
        np.array([np.median(v) if len(v) > 4 else v.mean() for _, v in parts]),
    )


def _is_minibatch(train: Series, val: Series, curves: Curves) -> bool:
    """Whether the training loss jitters far more than validation's, which is measured on the same samples each time."""
    if curves.train_loss is None or len(finite(curves.train_loss)) < 2:
        return True
    if len(train) < 5 or len(val) < 5:
        return False
    return noise(train.values) > 4 * noise(val.values)
