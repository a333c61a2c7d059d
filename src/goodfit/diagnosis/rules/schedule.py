"""Row 8: the rate was cut while there was still much to gain."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.curves import Curves, Series
from goodfit.diagnosis.levels import last_step, level, place, span, sure
from goodfit.diagnosis.statistics import between, blocks, finite, mann_kendall, theil_sen
from goodfit.findings import Finding
from goodfit.settings.curves import CurveSettings


def decayed_early(curves: Curves, settings: CurveSettings) -> Finding | None:
    """The rate was cut by half or more while the loss was falling, and the gain per step fell with it.

    A rate below a hundredth of its peak before half of the run is the same by another schedule. The loss must have
    had room: what flattens near the floor flattens by itself.
    """
    rates = finite(curves.lr)
    if len(rates) < 3 or float(rates.values.max()) <= 0:
        return None
    run = last_step(curves)
    for start, end in _cuts(rates, settings):
        if end >= settings.turned_before * run or start <= settings.first_point * run:
            continue
        seen = _slowdown(curves, settings, start, end)
        if seen is None:
            continue
        before, after, z, room = seen
        dropped = float(rates.values[rates.steps <= start][-1]) / max(
            float(rates.values[rates.steps >= end][0]), 1e-300
        )
        dead = end < settings.decayed_before * run and dropped >= 1 / settings.decayed_to
        return Finding(
            kind="lr-schedule-wrong",
            message=(
                f"The learning rate was cut {min(dropped, 1e6):.3g}-fold by {place(curves, end)} of {run:.0f} while "
                f"the loss was still falling (z {z:.1f}); the gain per step then fell "
                f"{min(before / max(after, 1e-300), 1e4):.0f}-fold, with {room:.0%} of the loss left to gain."
            ),
            action="Push the decay later, or keep the rate on its plateau until the loss levels off.",
            evidence={
                "cut_at": start,
                "factor": dropped,
                "gain_per_step_before": before,
                "gain_per_step_after": after,
                "room": room,
                "z": z,
            },
            where=place(curves, end),
            confidence=max(sure(z, dead, settings), 0.7),
        )
    return None


def _cuts(rates: Series, settings: CurveSettings) -> list[tuple[float, float]]:
    """(last step before, first step after) of each sudden cut; and of a decay to nothing before half of the run."""
    values, steps = rates.values, rates.steps
    # the warm-up's end and restarts go up; only falls between neighbours count as cuts
    sudden = np.flatnonzero((values[1:] <= values[:-1] / settings.cut_factor) & (values[:-1] > 0))
    cuts = [(float(steps[i]), float(steps[i + 1])) for i in sudden]
    peak = int(np.argmax(values))
    run = float(steps[-1])
    low = np.flatnonzero((np.arange(len(values)) > peak) & (values < settings.decayed_to * values[peak]))
    if len(low) and steps[low[0]] < settings.decayed_before * run and (values[low[0] :] <= values[low[0]]).all():
        halved = np.flatnonzero((np.arange(len(values)) >= peak) & (values >= values[peak] / settings.cut_factor))
        cuts.append((float(steps[halved[-1]]), float(steps[low[0]])))
    return cuts


def _slowdown(
    curves: Curves, settings: CurveSettings, start: float, end: float
) -> tuple[float, float, float, float] | None:
    """Gain per step before and after, z before, and the room at the cut; None where the cut did no harm.

    The step losses show it where there are enough of them: evaluations may be too few on either side.
    """
    evaluated, steps = finite(curves.train_loss), finite(curves.step_loss)
    before, after = between(evaluated, -np.inf, start), between(evaluated, end, np.inf)
    if min(len(before), len(after)) < 6 and len(steps):
        before = blocks(between(steps, -np.inf, start), settings.step_blocks)
        after = blocks(between(steps, end, np.inf), settings.step_blocks)
    if min(len(before), len(after)) < 4:
        return None
    room = (level(after) - curves.floor_loss) / span(curves, settings)
    z = mann_kendall(before.values[-max(settings.points, len(before) // 2) :])
    near_before = before.steps >= 0.5 * (before.steps[0] + before.steps[-1])
    length = float(before.steps[near_before][-1] - before.steps[near_before][0])
    near_after = after.steps <= after.steps[0] + max(length, 1e-12)
    if near_after.sum() < 3:
        near_after = np.arange(len(after)) < 4
    gain_before = -theil_sen(before.steps[near_before], before.values[near_before])
    gain_after = -theil_sen(after.steps[near_after], after.values[near_after])
    # a cut often takes the noise out of the loss at once: that is a gain, too
    drop = float(np.median(before.values[-2:]) - np.median(after.values[:2]))
    expected = gain_before * (float(after.steps[0]) - float(before.steps[-1]))
    if drop - expected > 0.5 * gain_before * length and gain_before > 0:
        return None
    # fewer than 8 points cannot reach z 3: they have to be in perfect order
    falls = z <= -settings.z_medium or (len(before) < settings.points and bool((np.diff(before.values) < 0).all()))
    if not falls or gain_before <= settings.cut_slowdown * max(gain_after, 0.0) or room < settings.cut_room:
        return None
    if gain_before * length < 2 * settings.flat_fall * span(curves, settings):
        return None  # it was crawling already
    return gain_before, max(gain_after, 0.0), z, room
