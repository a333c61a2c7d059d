"""Where the search looked and what it found there: lr against weight decay, one axis at a time, and best so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from goodfit.ledger.records import TrialRecord
from goodfit.report.figures.axes import (
    Axis,
    CategoryAxis,
    LogAxis,
    ReverseLogAxis,
    hyperparameter_axis,
    reverse_log_axis,
    value_axis,
)
from goodfit.report.figures.colouring import Colouring, colouring
from goodfit.report.figures.panel import Panel, cross, dot, ring
from goodfit.report.figures.svg import Figure, Key, element
from goodfit.report.numbers import number
from goodfit.report.reading import Box, Reading, box_of

WORDS = {"lr": "learning rate", "weight_decay": "weight decay", "batch_size": "batch size"}
SPREAD = 5.0  # worst over best, above which the objective is laid out by its logarithm
MARKS = (Key("ring", "best", "ring"), Key("bad", "diverged or failed", "cross"))
LAST_BOX = Key("box", "last box", "box")


def against(reading: Reading, across: str, up: str, optimizer: Any = None) -> Figure | None:
    """Trials by two hyperparameters with the boxes that were searched; None where no trial has both.

    Args:
        reading: the study.
        across, up: names of hyperparameters.
        optimizer: only trials with this one; None: all.
    """
    trials = [
        t
        for t in reading.searched
        if across in t.hyperparameters
        and up in t.hyperparameters
        and (optimizer is None or t.hyperparameters.get("optimizer") == optimizer)
    ]
    if not trials:
        return None
    both = ((box_of(s, across, optimizer), box_of(s, up, optimizer)) for s in reading.spaces)
    boxes = list(dict.fromkeys((a, b) for a, b in both if a is not None and b is not None))
    x = _axis(reading, across, trials, optimizer)
    y = _axis(reading, up, trials, optimizer)
    panel = Panel(x, y, width=520, height=380)
    colours = colouring(reading.objective, {t.trial: t.objective for t in trials if reading.is_feasible(t)})
    marks = [_rectangle(panel, a, b, is_last=(a, b) == boxes[-1]) for a, b in boxes]
    for trial in trials:
        place = panel.point(trial.hyperparameters[across], trial.hyperparameters[up])
        if place is None:
            continue
        if trial == reading.best:
            marks.append(ring(*place))
        if reading.is_feasible(trial):
            marks.append(dot(*place, colours.style(trial.trial), trial.trial))
        elif reading.is_infeasible(trial):
            marks.append(cross(*place, "bad", trial.trial))
    body = [panel.frame(words_of(across), words_of(up)), *marks]
    shown = {t.trial for t in trials}
    feasible = [t for t in reading.feasible if t.trial in shown]
    who = f" with {optimizer}" if optimizer is not None else ""
    title = f"None of {len(trials)} trials{who} ended well"
    if feasible:
        at = feasible[0].hyperparameters
        title = (
            f"Best of {len(trials)} trials{who}: {words_of(across)} {number(at[across], 2)}, "
            f"{words_of(up)} {number(at[up], 2)} ({reading.objective} {number(feasible[0].objective, 3)})"
        )
    flags = [flag for name in (across, up) if (flag := border_flag(reading, name, optimizer))]
    legend = (*_value_keys(colours), *MARKS, LAST_BOX)
    label = f"{words_of(across)} against {words_of(up)}{who}"
    return Figure(title, panel.drawn(label, body, "trials"), legend=legend, flag=" ".join(flags))


def axis_plot(reading: Reading, name: str) -> Figure | None:
    """The objective against one hyperparameter, with the edges of its last box."""
    trials = [t for t in reading.searched if name in t.hyperparameters]
    feasible = [t for t in reading.feasible if name in t.hyperparameters]
    if not trials:
        return None
    panel = Panel(_axis(reading, name, trials, None), _objective_axis(reading, feasible), height=290)
    marks = []
    boxes = reading.boxes(name)
    for box in boxes[-1:]:
        marks += [panel.upright(edge, "edge") for edge in (box.low, box.high) if edge is not None]
    stages = sorted({t.stage for t in trials})
    tints = ["early", "late"] if len(stages) > 1 else ["late"]
    for trial in trials:
        is_feasible = reading.is_feasible(trial)
        place = panel.point(trial.hyperparameters[name], trial.objective if is_feasible else None)
        across = panel.x.place(trial.hyperparameters[name])
        if is_feasible and place is not None:
            spread = _spread(trial) if isinstance(panel.x, CategoryAxis) else 0.0
            place = place[0] + spread, place[1]
            if trial == reading.best:
                marks.append(ring(*place))
            marks.append(dot(*place, tints[0] if trial.stage == stages[0] else tints[-1], trial.trial, 3.8))
        elif reading.is_infeasible(trial) and across is not None:
            marks.append(cross(panel.across(across), panel.height - panel.bottom - 7, "bad", trial.trial))
    title = f"{words_of(name)[:1].upper()}{words_of(name)[1:]}: no trial ended well"
    if feasible:
        title = (
            f"{words_of(name)[:1].upper()}{words_of(name)[1:]}: best at {number(_at_best(reading, feasible, name), 3)}"
        )
    label = f"{reading.objective} against {words_of(name)}"
    body = [panel.frame(words_of(name), _objective_label(reading, panel.y)), *marks]
    legend = [*([Key("early", reading.stage_label(stages[0]), "dot")] if len(stages) > 1 else []), *MARKS]
    legend.append(Key("edge", "edge of the last box"))
    if len(stages) > 1:
        legend.insert(1, Key("late", "later rounds", "dot"))
    return Figure(title, panel.drawn(label, body, "trials"), legend=tuple(legend), flag=border_flag(reading, name))


def best_so_far(reading: Reading) -> Figure | None:
    """The best objective after each trial of the search, in order of their numbers."""
    feasible = reading.feasible
    if len(feasible) < 2:
        return None
    better = max if reading.maximise else min
    xs: list[float] = []
    ys: list[float] = []
    reached: float | None = None
    last_gain = 0
    for place, trial in enumerate(reading.searched, start=1):
        if not reading.is_feasible(trial):
            continue
        value = float(trial.objective or 0.0)
        if reached is None or better(value, reached) != reached:
            last_gain = place
            if reached is not None:
                xs.append(place)
                ys.append(reached)
            reached = value
        xs.append(place)
        ys.append(reached)
    total = len(reading.searched)
    xs.append(total)
    ys.append(ys[-1])
    panel = Panel(
        value_axis([1.0, float(total)], log=False, room=0.02),
        _objective_axis(reading, feasible),
        width=1000,
        height=310,
        top=46,
    )
    marks = []
    before = None
    for place, trial in enumerate(reading.searched, start=1):
        if trial.stage != before:
            marks.append(
                panel.upright(place - 0.5 if before is not None else place, "stage", reading.stage_label(trial.stage))
            )
            before = trial.stage
        if reading.is_feasible(trial) and (at := panel.point(place, trial.objective)):
            marks.append(dot(*at, "early", trial.trial, 3.4))
        elif reading.is_infeasible(trial):
            at = panel.point(place, None)
            across = panel.x.place(place)
            marks.append(cross(panel.across(across or 0.0), panel.height - panel.bottom - 7, "bad", trial.trial, 3.5))
    marks.append(panel.line(xs, ys, "line val"))
    body = [panel.frame("trials, in order", _objective_label(reading, panel.y)), *marks]
    since = total - last_gain
    tail = f"; the last {since} added nothing" if since else ""
    title = f"Best so far: {reading.objective} {number(ys[-1], 3)} after {last_gain} of {total} trials{tail}"
    legend = (Key("line val", "best so far"), Key("early", "a trial", "dot"), Key("bad", "diverged or failed", "cross"))
    return Figure(title, panel.drawn("best objective so far", body, "trials"), legend=legend)


def border_flag(reading: Reading, name: str, optimizer: Any = None) -> str:
    """What the latest finding about this hyperparameter's border says; "" where there is none."""
    said = ""
    for finding in (record.finding for record in reading.snapshot.findings):
        if finding.kind != "best-on-border" or finding.evidence.get("hyperparameter") != name:
            continue
        dimension = str(finding.evidence.get("dimension", ""))  # "lr[optimizer=sgd]"
        if optimizer is None or "optimizer=" not in dimension or f"optimizer={optimizer}" in dimension:
            said = finding.message
    return said


def _axis(reading: Reading, name: str, trials: Sequence[TrialRecord], optimizer: Any) -> Axis:
    boxes = reading.boxes(name, optimizer)
    edges = [edge for box in boxes for edge in (box.low, box.high) if edge is not None]
    return hyperparameter_axis(boxes[-1].scale if boxes else "", [t.hyperparameters[name] for t in trials], edges)


def _objective_axis(reading: Reading, feasible: Sequence[TrialRecord]) -> Axis:
    values = [float(t.objective or 0.0) for t in feasible]
    if reading.maximise and values and max(values) <= 1:
        errors = [1 - v for v in values if v < 1]
        if errors and max(errors) / min(errors) > SPREAD:  # the good end of an accuracy is where trials differ
            return reverse_log_axis(values)
    is_wide = not reading.maximise and bool(values) and min(values) > 0 and max(values) / min(values) > SPREAD
    return value_axis(values, log=is_wide, room=0.08)


def _objective_label(reading: Reading, axis: Axis) -> str:
    if isinstance(axis, ReverseLogAxis):
        return f"{reading.objective} (log axis of 1 - value)"
    return f"{reading.objective} (log axis)" if isinstance(axis, LogAxis) else reading.objective


def _at_best(reading: Reading, feasible: Sequence[TrialRecord], name: str) -> Any:
    best = reading.best if reading.best in feasible else feasible[0]
    return best.hyperparameters[name] if best else None


def _rectangle(panel: Panel, across: Box, up: Box, is_last: bool) -> str:
    if not (across.has_edges and up.has_edges):
        return ""
    low, high = panel.point(across.low, up.low), panel.point(across.high, up.high)
    if low is None or high is None:
        return ""
    return element(
        "rect",
        style="box" if is_last else "box old",
        x=low[0],
        y=high[1],
        width=high[0] - low[0],
        height=low[1] - high[1],
    )


def _value_keys(colours: Colouring) -> tuple[Key, ...]:
    held = [(i, label) for i, label in enumerate(colours.labels) if label]
    ends = held if len(held) <= 2 else [held[0], held[-1]]
    return tuple(Key(f"q q{i}", f"{colours.name} {label}", "dot") for i, label in ends)


def _spread(trial: TrialRecord) -> float:
    """Trials with the same choice beside each other; the same on every drawing."""
    return (trial.trial * 7 % 11 - 5) * 3.0


def words_of(name: str) -> str:
    """A hyperparameter as people say it."""
    return WORDS.get(name, name)
