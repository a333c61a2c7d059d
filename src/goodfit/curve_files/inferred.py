"""What a file does not say but its numbers tell: the loss and the accuracy of guessing, and the size of a split."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from goodfit.diagnosis.curves import Curves
from goodfit.diagnosis.statistics import finite

COMMON = (*range(2, 21), 50, 100, 128, 200, 256, 1000)  # numbers of classes that are looked for
LEARNED = 0.1  # rise of the accuracy with which a training has left the guessing that it began at
NEAR = 0.1  # of the loss of guessing: how near to it a first loss must be
R2 = ("r2", "rsquared", "r2 score")
SMALLEST, LARGEST = 10, 20_000  # samples that are looked for


def chance_of(curves: Curves, classes: int | None) -> dict[str, Any]:
    """Loss and accuracy of guessing: by the number of classes, else where the first points show it.

    A first loss near ln C with a first accuracy near 1/C is what C balanced classes give. One of the two alone is not
    enough: every loss is near the logarithm of some number.
    """
    if classes is not None:
        known: dict[str, Any] = {"uniform_loss": math.log(classes), "chance_loss": math.log(classes)}
        return known | ({"chance_metric": 1 / classes} if curves.best_metric == 1.0 else {})
    if curves.metric in R2:
        return _chance_by_r2(curves)
    if curves.best_metric != 1.0:
        return {}
    losses = [s.values for s in map(finite, (curves.train_loss, curves.step_loss, curves.val_loss)) if len(s)]
    rates = [s.values for s in map(finite, (curves.train_metric, curves.val_metric)) if len(s)]
    if not losses or not rates:
        return {}
    first = _classes(curves, float(losses[0][0]), float(min(v[0] for v in rates)), NEAR)
    # a training that was thrown back to guessing, or came down to it, ends there
    last = _classes(curves, float(np.median(losses[-1][-3:])), float(max(np.median(v[-3:]) for v in rates)), NEAR / 2)
    learned = max(float(np.median(v[-3:]) - v[0]) for v in rates) > LEARNED
    count = first if first and learned else last or first  # what is learned may look like guessing among fewer
    return {"uniform_loss": math.log(count), "chance_metric": 1 / count} if count else {}


def _classes(curves: Curves, loss: float, rate: float, near: float) -> int | None:
    """The number of classes of which both are what guessing gives."""
    likely = [
        count
        for count in COMMON
        if abs(loss - math.log(count)) <= near * math.log(count)
        and abs(rate - 1 / count)
        <= 3 * math.sqrt((1 - 1 / count) / count / max(curves.val_samples or 100, 30)) + 0.25 / count
    ]
    return min(likely, key=lambda count: abs(loss - math.log(count)), default=None)


def _chance_by_r2(curves: Curves) -> dict[str, Any]:
    """R2 is 1 - loss / variance where the loss is the squared error: the variance is what guessing the mean loses."""
    found = []
    for loss, score in ((curves.val_loss, curves.val_metric), (curves.train_loss, curves.train_metric)):
        losses, scores = finite(loss), finite(score)
        shared, at, of = np.intersect1d(losses.steps, scores.steps, return_indices=True)
        if len(shared) < 3:
            continue
        with np.errstate(all="ignore"):
            variance = losses.values[at] / (1 - scores.values[of])
        variance = variance[np.isfinite(variance)]
        if len(variance) >= 3 and np.ptp(variance) < 0.05 * abs(float(np.median(variance))):
            found.append(float(np.median(variance)))
    return {"chance_loss": min(found), "chance_metric": 0.0} if found else {}


def samples_behind(shares: np.ndarray) -> int | None:
    """The smallest number of samples of which all the shares can be whole counts; None where none stands out.

    Needs 5 different values. A number n counts only while the rounding of the file is well below 1 / n.
    """
    values = np.unique(shares[np.isfinite(shares)])
    values = values[(values > 0) & (values < 1)]
    if len(values) < 5:
        return None
    digits = max(len(f"{value:.12g}".partition(".")[2]) for value in values)
    rounding = max(0.5 * 10.0**-digits, 1e-7)
    sizes = np.arange(SMALLEST, min(LARGEST, int(0.1 / rounding)) + 1)
    if not len(sizes):
        return None
    counts = values[None, :64] * sizes[:, None]
    fits = (np.abs(counts - np.round(counts)) <= np.maximum(1.5 * rounding * sizes, 1e-6)[:, None]).all(axis=1)
    return int(sizes[np.argmax(fits)]) if fits.any() else None
