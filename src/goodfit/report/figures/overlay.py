"""All trials of the search in one panel."""

from __future__ import annotations

import math

import numpy as np

from goodfit.ledger.records import CurveRecord, TrialRecord
from goodfit.report.figures.axes import value_axis
from goodfit.report.figures.colouring import Colouring
from goodfit.report.figures.panel import Panel, cross
from goodfit.report.figures.svg import Figure, Key
from goodfit.report.figures.thinning import smoothed
from goodfit.report.numbers import number
from goodfit.report.reading import Reading

POINTS_IN_ALL = 30_000  # that a page draws without a stutter
POINTS_A_CURVE = 60


def overlay(reading: Reading, series: str, words: str, colours: Colouring | None) -> Figure | None:
    """One series of every competing trial over epochs, on a log axis where its values allow one; None without points.

    Args:
        reading: the study.
        series: "val_loss", "step_loss".
        words: the series for people: "validation loss".
        colours: of the curves; None: all alike.
    """
    drawn = [(t, reading.snapshot.curves.get(t.trial, {}).get(series)) for t in reading.searched]
    curves = [(t, c) for t, c in drawn if c is not None and np.isfinite(c.values).any()]
    if not curves:
        return None
    shown = max(8, min(POINTS_A_CURVE, POINTS_IN_ALL // len(curves)))
    lines = {trial.trial: smoothed(curve.epochs, curve.values, shown) for trial, curve in curves}
    # a diverged trial's last values would squeeze all others into one line, so they end at the frame
    sound = [t.trial for t, _ in curves if not reading.is_infeasible(t)] or list(lines)
    values = np.concatenate([lines[number][1] for number in sound])
    top = float(np.quantile(values, 0.995)) * 1.0
    starts = [float(lines[number][1][0]) for number in sound]
    y = value_axis([*values[values <= top], *starts], log=True)
    x = value_axis([0.0, *(float(xs[-1]) for xs, _ in lines.values())], log=False, room=0.0)
    panel = Panel(x, y, width=1000, height=420, right=22)
    parts = []
    order = sorted(curves, key=lambda pair: (pair[0] == reading.best, pair[0].trial))
    for trial, _ in order:
        xs, ys = lines[trial.trial]
        style = "curve " + (colours.style(trial.trial) if colours else "q")
        style += " bad" if reading.is_infeasible(trial) else " best" if trial == reading.best else ""
        parts.append(panel.line(xs, ys, style, trial.trial))
    ends = [_ending(panel, lines[t.trial], t) for t, _ in curves if reading.is_infeasible(t)]
    svg = panel.drawn(
        f"{words} of {len(curves)} trials over epochs",
        [
            panel.frame("epochs", f"{words} ({'log' if min(values) > 0 else 'linear'} axis)"),
            panel.clipped(f"overlay-{series}", parts),
            *ends,
        ],
        "trials",
    )
    return Figure(
        _title(reading, curves, series, words),
        svg,
        legend=(Key("curve best", "best trial"), Key("bad", "diverged or failed", "cross")),
    )


def _title(reading: Reading, curves: list[tuple[TrialRecord, CurveRecord]], series: str, words: str) -> str:
    lows = sorted(
        float(np.nanmin(c.values)) for t, c in curves if reading.is_feasible(t) and np.isfinite(c.values).any()
    )
    if not lows:
        return f"{words[0].upper()}{words[1:]} of {len(curves)} trials: none trained to its end"
    middle = lows[len(lows) // 2]
    return (
        f"{words[0].upper()}{words[1:]} of {len(curves)} trials: the lowest reaches {number(lows[0], 3)}, "
        f"half of them {number(middle, 3)} or less"
    )


def _ending(panel: Panel, line: tuple[np.ndarray, np.ndarray], trial: TrialRecord) -> str:
    """A cross where an infeasible trial's curve ends or leaves the frame."""
    xs, ys = line
    place = panel.point(xs[-1], ys[-1])
    if place is None or not all(map(math.isfinite, place)):
        return ""
    return cross(place[0], max(place[1], panel.top), "bad", trial.trial)
