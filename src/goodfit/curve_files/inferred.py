"""What a file does not say but its numbers tell: the loss and the accuracy of guessing, and the size of a split."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from goodfit.diagnosis.curves import Curves
from goodfit.diagnosis.statistics import finite

COMMON = (*range(2, 21), 50, 100, 128, 200, 256, 1000)  # numbers of classes that are looked for
NEAR = 0.1  # of the loss of guessing: how near to it a first loss must be
SMALLEST, LARGEST = 10, 20_000  # samples that are looked for


def chance_of(curves: Curves, classes: int | None) -> dict[str, Any]:
    """Loss and accuracy of guessing: by the number of classes, else where the first points show it.

    A first loss near ln C with a first accuracy near 1/C is what C balanced classes give. One of the two alone is not
    enough: every loss is near the logarithm of some number.
    """
    if classes is not None:
        known: dict[str, Any] = {"uniform_loss": math.log(classes), "chance_loss": math.log(classes)}
        return known | ({"chance_metric": 1 / classes} if curves.best_metric == 1.0 else {})
    if curves.best_metric != 1.0:
        return {}
    losses = [s.values[0] for s in map(finite, (curves.train_loss, curves.step_loss, curves.val_loss)) if len(s)]
    rates = [s.values[0] for s in map(finite, (curves.train_metric, curves.val_metric)) if len(s)]
    if not losses or not rates:
        return {}
    loss, rate = float(losses[0]), float(min(rates))
    for count in COMMON:
        spread = 3 * math.sqrt((1 - 1 / count) / count / max(curves.val_samples or 100, 30)) + 0.25 / count
        if abs(loss - math.log(count)) <= NEAR * math.log(count) and abs(rate - 1 / count) <= spread:
            return {"uniform_loss": math.log(count), "chance_metric": 1 / count}
    return {}


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
