"""Isolation plots: what each part of a hyperparameter's range gave at best, all else being tuned within it."""

from __future__ import annotations

from collections.abc import Sequence

from goodfit.ledger.records import TrialRecord
from goodfit.report.figures.axes import CategoryAxis, hyperparameter_axis, value_axis
from goodfit.report.figures.panel import Panel, dot
from goodfit.report.figures.search_views import words_of
from goodfit.report.figures.svg import Figure, Key, element
from goodfit.report.numbers import number
from goodfit.report.reading import Reading
from goodfit.strategy.observation import Observation
from goodfit.strategy.slices import RangeSlice, slices_of, told_apart

LEGEND = (
    Key("line val", "best of a slice, on average"),
    Key("line train", "its 90 % interval"),
    Key("early", "a trial", "dot"),
)


def first_round(reading: Reading) -> list[TrialRecord]:
    """The trials of the first round of the search: of one length, and none depends on another."""
    first = min((trial.stage for trial in reading.searched), default=None)
    return [t for t in reading.searched if t.stage == first and t.parent is None]


def observed(reading: Reading, trials: Sequence[TrialRecord]) -> list[Observation]:
    """The trials as the search knows them: lower scores are better."""
    sign = -1.0 if reading.maximise else 1.0
    return [
        Observation(
            t.trial,
            dict(t.hyperparameters),
            sign * float(t.objective or 0.0) if reading.is_feasible(t) else None,
            status=t.status,
        )
        for t in trials
    ]


def isolation(reading: Reading, name: str) -> Figure | None:
    """One hyperparameter's slices with their intervals over the first round's trials; None where there are too few."""
    trials = [t for t in first_round(reading) if name in t.hyperparameters]
    values = [t.hyperparameters[name] for t in trials]
    is_ordered = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    slices = slices_of(observed(reading, trials), name, is_ordered)
    if not slices:
        return None
    sign = -1.0 if reading.maximise else 1.0
    boxes = reading.boxes(name)
    x = hyperparameter_axis(boxes[-1].scale if boxes else "", values, [])
    levels = [sign * end for one in slices for end in (one.low, one.high)]
    shown = [t for t in trials if reading.is_feasible(t)]
    y = value_axis([*levels, *_near(levels, [float(t.objective or 0.0) for t in shown])], log=False, room=0.08)
    panel = Panel(x, y, height=290)
    marks: list[str] = []
    for trial in shown:
        place = panel.point(trial.hyperparameters[name], trial.objective)
        if place is not None and y.place(trial.objective) is not None and 0 <= (y.place(trial.objective) or 0.0) <= 1:
            marks.append(dot(*place, "early", trial.trial, 3.0))
    for one in slices:
        marks += _drawn(panel, one, sign)
    body = [panel.frame(words_of(name), reading.objective), *marks]
    label = f"the best {reading.objective} of each part of the range of {words_of(name)}"
    return Figure(_title(name, slices, sign), panel.drawn(label, body, "trials"), legend=LEGEND)


def _title(name: str, slices: Sequence[RangeSlice], sign: float) -> str:
    best = min(slices, key=lambda one: one.level)
    words = words_of(name)
    words = f"{words[:1].upper()}{words[1:]}"
    if not told_apart(slices):
        return f"{words}: no part of its range is told from the others by the best of {best.drawn} trials"
    ends = sorted(
        {number(best.values[0], 2), number(best.values[-1], 2)}, key=[number(v, 2) for v in best.values].index
    )
    low, high = sorted((sign * best.low, sign * best.high))
    return (
        f"{words}: best at {' to '.join(ends)}, {number(sign * best.level, 3)} ({number(low, 3)} to {number(high, 3)}) "
        f"as the best of {best.drawn} trials"
    )


def _near(levels: Sequence[float], values: Sequence[float]) -> list[float]:
    """The values that lie within twice the levels' own span of them: far losers would flatten the plot."""
    low, high = min(levels), max(levels)
    room = high - low
    return [value for value in values if low - room <= value <= high + room]


def _drawn(panel: Panel, one: RangeSlice, sign: float) -> list[str]:
    """A slice's level from its first to its last value, and its interval in the middle."""
    first, last = panel.point(one.values[0], sign * one.level), panel.point(one.values[-1], sign * one.level)
    ends = panel.point(one.values[0], sign * one.low), panel.point(one.values[0], sign * one.high)
    if first is None or last is None or ends[0] is None or ends[1] is None:
        return []
    half = 14.0 if isinstance(panel.x, CategoryAxis) or first[0] == last[0] else 0.0
    left, right, middle = first[0] - half, last[0] + half, (first[0] + last[0]) / 2
    return [
        element("line", style="line train", x1=middle, x2=middle, y1=ends[0][1], y2=ends[1][1]),
        element("line", style="line val", x1=left, x2=right, y1=first[1], y2=first[1]),
    ]
