"""What a learning rate does in a short training: the classes of recipe 3.2, of one run and on a ladder."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from goodfit.recipe.runs import Run
from goodfit.settings.learning_rate import LearningRateSettings
from goodfit.training.trial import Status


class RateClass(StrEnum):
    """What a rate does in about 100 steps (recipe 3.2)."""

    NOT_FINITE = "non-finite"
    EXPLODING = "exploding"
    UNSTABLE = "unstable"
    FLAT_LOW = "flat-low"
    FLAT_HIGH = "flat-high"
    FLAT = "flat"  # at every rate: not the rate's fault
    DOWN = "going-down"
    DOWN_WELL = "going-down-well"

    @property
    def is_bad(self) -> bool:
        """Too high, in any of the three shapes."""
        return self in (RateClass.NOT_FINITE, RateClass.EXPLODING, RateClass.UNSTABLE, RateClass.FLAT_HIGH)

    @property
    def is_down(self) -> bool:
        return self in (RateClass.DOWN, RateClass.DOWN_WELL)


@dataclasses.dataclass(frozen=True, slots=True)
class Rung:
    """One rate of the ladder with what became of it."""

    lr: float
    kind: RateClass
    drop: float
    z: float
    accuracy_rises: bool  # while the loss is flat


def own_class(run: Run, settings: LearningRateSettings, *, floor: float = 0.0) -> RateClass:
    """The class of a run by itself; `FLAT` where only its neighbours can tell low from high.

    Source: recipe 3.2.
    """
    losses = run.step_losses
    if not np.isfinite(losses).all() or not math.isfinite(run.last_loss):
        return RateClass.NOT_FINITE
    if run.status is Status.DIVERGED:
        not_finite = any(word in run.reason.lower() for word in ("nan", "inf", "finite"))
        return RateClass.NOT_FINITE if not_finite else RateClass.EXPLODING
    if _exploded(run, settings):
        return RateClass.EXPLODING
    falls = run.fall(floor) >= settings.moved and run.z >= settings.moved_z
    if _unstable(run, settings, falls=falls):
        return RateClass.UNSTABLE
    if falls:
        return RateClass.DOWN
    spiked = len(losses) > 0 and run.first_loss > 0 and float(losses.max()) > settings.spike * _early(run)
    constant = (
        run.spread_before is not None
        and run.spread_after is not None
        and run.spread_after < settings.constant_outputs * run.spread_before
    )
    if spiked or constant or run.dead > settings.dead_units:
        return RateClass.FLAT_HIGH
    if len(run.update_ratios) and float(np.median(run.update_ratios)) < settings.low_ratio:
        return RateClass.FLAT_LOW
    return RateClass.FLAT


def _early(run: Run) -> float:
    """The loss at the start as the step losses have it: the largest of the probe's mean and the first batch's."""
    return max(run.first_loss, float(run.step_losses[0]))


def _exploded(run: Run, settings: LearningRateSettings) -> bool:
    losses = run.step_losses
    if len(losses) == 0:
        return False
    width = min(settings.explosion_window, len(losses))
    medians = np.median(np.lib.stride_tricks.sliding_window_view(losses, width), axis=1)
    if run.first_loss > 0 and bool((run.before >= 0).all()):
        limit = settings.explosion * run.first_loss
    else:
        limit = run.first_loss + settings.explosion_sds * float(np.std(run.before))
    return bool(medians.max() > limit) or run.last_loss > limit


def _unstable(run: Run, settings: LearningRateSettings, *, falls: bool) -> bool:
    """A fall that is given back, or gradients that jump above all that came before."""
    losses = run.step_losses
    if len(losses) < 10:
        return False
    width = max(5, len(losses) // 20)
    blocks = losses[: len(losses) // width * width].reshape(-1, width)
    smooth = np.median(blocks, axis=1)
    # A block's median scatters by 1.25 sd/√width; neighbouring steps tell the sd apart from the trend.
    noise = 1.25 * 1.4826 * float(np.median(np.abs(np.diff(losses)))) / math.sqrt(2 * width)
    lowest = int(smooth.argmin())
    start = max(run.first_loss, float(smooth[0])) if math.isfinite(run.first_loss) else float(smooth[0])
    span = start - float(smooth[lowest])
    later = smooth[lowest:]
    rise = float(later.max()) - float(smooth[lowest])
    if span > 0 and rise > settings.rise_sds * noise:
        # Where the whole fall is small, a rise is noise of the minibatches as much as anything.
        real = span > max(settings.moved * abs(start), settings.rise_sds * noise)
        if real and rise > settings.rise * span and rise > 0.02 * abs(start):
            return True
        end = float(smooth[-1]) - float(smooth[lowest])
        if real and end > settings.upper_half * span:
            return True
    peaks = 0
    norms = run.grad_norms
    if len(norms) >= 10 and np.isfinite(norms).all():
        top = float(norms[:5].max())
        for i in range(5, len(norms)):
            before = float(np.median(norms[max(0, i - 20) : i]))
            # Above the first gradients as well: near the end of a fit all norms are small and one odd batch stands out.
            peaks += norms[i] > settings.gradient_peak * before and norms[i] > 2 * top
    return peaks >= settings.gradient_peaks and not (falls and run.fall() > 0.5)


def ladder_of(runs: Sequence[Run], settings: LearningRateSettings, *, floor: float = 0.0) -> tuple[Rung, ...]:
    """The rates in order with their classes; a flat rate is low or high by its own signs, else by its neighbours.

    Runs of several seeds of one rate are one rung, with the worst class of theirs.
    """
    by_rate: dict[float, list[Run]] = {}
    for run in runs:
        by_rate.setdefault(run.lr, []).append(run)
    found = []
    for lr, group in sorted(by_rate.items()):
        kinds = [own_class(run, settings, floor=floor) for run in group]
        worst = min(kinds, key=list(RateClass).index)
        falls = [run.fall(floor) for run in group]
        found.append((lr, worst, float(np.median(falls)), float(np.median([run.z for run in group])), group))
    moving = [lr for lr, kind, *_ in found if kind.is_down]
    stable_falls = [fall for _, kind, fall, *_ in found if kind.is_down]
    best = max(stable_falls, default=0.0)
    rungs = []
    for lr, own, fall, z, group in found:
        kind = own
        rises = any(run.accuracy_z > settings.accuracy_sds for run in group)
        if kind is RateClass.FLAT:
            lower, higher = any(m < lr for m in moving), any(m > lr for m in moving)
            if higher and not lower:
                kind = RateClass.FLAT_LOW
            elif lower and not higher:
                kind = RateClass.FLAT_HIGH
            elif lower and higher:
                kind = RateClass.UNSTABLE
            elif rises or any(k.is_bad for other, k, *_ in found if other > lr):
                kind = RateClass.FLAT_LOW
        elif kind is RateClass.DOWN and fall >= settings.well * best:
            kind = RateClass.DOWN_WELL
        flat = kind in (RateClass.FLAT, RateClass.FLAT_LOW)
        rungs.append(Rung(lr, kind, fall, z, flat and rises))
    return tuple(rungs)


def drop_at(runs: Sequence[Run], lr: float, floor: float) -> float:
    """The median fall over the confirming seeds of a rate, else over its ladder's runs."""
    at = [run for run in runs if run.lr == lr]
    confirming = [run for run in at if run.key.startswith("confirm")]
    falls = [run.fall(floor) for run in (confirming or at)]
    return float(np.median(falls)) if falls else math.nan
