"""Row 6 on few points: a loss that jumps up at single evaluations and is back at the next.

`rules.jumps.spikes` reads every step's loss. A log with a point an epoch shows a spike as one point, or two, that stand
far above their neighbours on both sides; where the jitter is as large, nothing can be told.
"""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.curves import Curves, Series
from goodfit.diagnosis.levels import place
from goodfit.diagnosis.shape import shape_of
from goodfit.diagnosis.statistics import MAD_TO_SIGMA, finite
from goodfit.findings import Finding
from goodfit.settings.curves import CurveSettings

_MANY = 200  # points from which on `rules.jumps.spikes` sees them
_WINDOW = 7  # points of the running median: a spike of two leaves it where it was


def spikes_between_points(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Single points of the training loss that stand out upwards, often enough to matter."""
    shape = shape_of(curves, settings)
    series, val = finite(curves.train_loss), finite(curves.val_loss)
    series = series if len(series) else finite(curves.step_loss)
    if not settings.points <= len(series) <= _MANY:
        return None
    high = _spikes(series, abs(shape.guess), settings)
    share = len(high) / len(series)
    if len(high) < 2 or share > settings.recorded_spike_share:
        return None
    both = _seen_twice(series, high, val, _spikes(val, abs(shape.guess), settings)) >= 2
    if curves.axis != "epoch" and not both:
        return None  # each point may be a single minibatch's, and one may be hard
    tallest = max(high, key=lambda i: series.values[i])
    where = place(curves, float(series.steps[high[0]]))
    return Finding(
        kind="loss-spikes",
        message=(
            f"The training loss jumps up {len(high)} times in {len(series)} points and is back at once; the tallest "
            f"stands at {series.values[tallest]:.4g} near {place(curves, float(series.steps[tallest]))}."
        ),
        action="Divide the learning rate by 3; if that does not calm it, clip gradients at their 90th percentile.",
        evidence={"spikes": len(high), "share_of_points": share, "steps": [float(series.steps[i]) for i in high[:10]]},
        where=where,
        confidence=0.8 if both or len(high) >= 4 else 0.65,
    )


def _seen_twice(series: Series, high: list[int], val: Series, also: list[int]) -> int:
    """How many spikes of training have one of validation within a point of either."""
    if len(val) < 2 or len(series) < 2:
        return 0
    near = max(float(np.median(np.diff(series.steps))), float(np.median(np.diff(val.steps))))
    return sum(any(abs(float(series.steps[i] - val.steps[j])) <= near for j in also) for i in high)


def _spikes(series: Series, guess: float, settings: CurveSettings) -> list[int]:
    """Where runs of one or two points begin that stand above the points around them by `spike_mads` and by what counts.

    Of the first and the last points neither side is known, so none is a spike.
    """
    values = series.values
    if len(values) < settings.points:
        return []
    half = _WINDOW // 2
    around = np.lib.stride_tricks.sliding_window_view(np.pad(values, half, mode="edge"), _WINDOW)
    rest = values - np.array([np.median(window) for window in around])
    mad = MAD_TO_SIGMA * float(np.median(np.abs(rest - np.median(rest))))
    least = np.maximum(settings.spike_mads * mad, settings.recorded_spike_height * guess)
    high = rest > least
    high[:2] = high[-1:] = False
    starts = np.flatnonzero(high[1:] & ~high[:-1]) + 1
    return [int(i) for i in starts if not high[i : i + 3].all()]
