"""The learning rate's bracket: what each rate did, and the rate chosen between doing nothing and exploding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from goodfit.ledger.records import StageRecord, TrialRecord
from goodfit.report.figures.axes import LinearAxis, value_axis
from goodfit.report.figures.colouring import colouring
from goodfit.report.figures.panel import Panel, cross, dot, ring
from goodfit.report.figures.svg import Figure, Key, element
from goodfit.report.figures.thinning import smoothed
from goodfit.report.numbers import number
from goodfit.report.reading import Reading

POINTS = 40
UNSTABLE = frozenset({"exploding", "unstable", "non-finite", "flat-high"})
FALLING = frozenset({"going-down", "going-down-well"})


def ladder_of(stage: StageRecord) -> list[Mapping[str, Any]]:
    """The rates that were tried, rising; entries without a positive rate are left out."""
    entries = stage.evidence.get("ladder")
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        return []
    known = [entry for entry in entries if isinstance(entry, Mapping) and _positive(entry.get("lr"))]
    return sorted(known, key=lambda entry: entry["lr"])


def ladder(stage: StageRecord) -> Figure | None:
    """How far the loss fell at each rate, with the ends of the bracket and the rate chosen."""
    entries = ladder_of(stage)
    if not entries:
        return None
    lr_star, lr_max, flat_low = (stage.evidence.get(key) for key in ("lr_star", "lr_max", "flat_low"))
    edges = [value for value in (lr_star, lr_max, flat_low) if _positive(value)]
    x = value_axis(
        [float(v) for v in (*(entry["lr"] for entry in entries), *edges) if v is not None], log=True, room=0.05
    )
    panel = Panel(x, LinearAxis(-0.12, 1.08), height=360, top=64)
    marks = []
    if _positive(flat_low):
        marks.append(_shade(panel, 0.0, x.place(flat_low)))
    if _positive(lr_max):
        marks.append(_shade(panel, x.place(lr_max), 1.0))
    marks.append(panel.level(0.0, "rule"))
    if _positive(lr_max):
        marks.append(panel.upright(lr_max, "edge", f"largest stable {number(lr_max, 2)}"))
    if _positive(lr_star):
        marks.append(panel.upright(lr_star, "chosen", f"chosen {number(lr_star, 2)}", 16.0))
    for entry in entries:
        drop = entry.get("drop")
        known = isinstance(drop, (int, float)) and not isinstance(drop, bool) and math.isfinite(drop)
        place = panel.point(entry["lr"], min(max(float(drop), -0.08), 1.0) if known else -0.06)
        if place is None:
            continue
        kind = str(entry.get("class", "")).replace(" ", "-")
        is_unstable = kind in UNSTABLE
        style = "bad" if is_unstable else "val" if kind in FALLING else "quiet"
        if lr_star is not None and _positive(lr_star) and math.isclose(entry["lr"], lr_star, rel_tol=1e-6):
            marks.append(ring(*place))
        marks.append(cross(*place, style) if is_unstable or not known else dot(*place, style))
    body = [panel.frame("learning rate (log axis)", "share of the loss that went away"), *marks]
    legend = (Key("val", "going down", "dot"), Key("quiet", "nothing happens", "dot"), Key("bad", "unstable", "cross"))
    return Figure(
        _title(entries, lr_star, lr_max, flat_low),
        panel.drawn("drop of the loss at each learning rate", body),
        legend=legend,
    )


def traces(reading: Reading, trials: Sequence[TrialRecord], name: str, words: str) -> Figure | None:
    """The minibatch losses of a stage's trials over steps, coloured by their rate.

    Args:
        reading: the study.
        trials: those of the stage.
        name: unique in the page.
        words: the title.
    """
    known = [(t, reading.snapshot.curves.get(t.trial, {}).get("step_loss")) for t in trials]
    curves = [(t, c) for t, c in known if c is not None and np.isfinite(c.values).any()]
    if not curves:
        return None
    lines = {t.trial: smoothed(c.steps.astype(float), c.values, POINTS) for t, c in curves}
    starts = [float(ys[0]) for _, ys in lines.values()]
    values = np.concatenate([ys for _, ys in lines.values()])
    top = 4 * float(np.median(starts)) if min(starts) > 0 else float(values.max())  # an explosion leaves the frame
    held = values[values <= top]
    low = float(held.min()) if len(held) else float(values.min())
    if low > 0:  # beyond a thousandth of the start a fit is perfect, whatever the rate
        low = max(low, 1e-5 * float(np.median(starts)))
    y = value_axis([low, *held[held >= low], *(s for s in starts if s <= top)], log=True)
    x = value_axis([0.0, *(float(xs[-1]) for xs, _ in lines.values())], log=False, room=0.0)
    panel = Panel(x, y, height=360)
    colours = colouring("lr", {t.trial: t.hyperparameters.get("lr") for t, _ in curves})
    marks, ends = [], []
    for trial, _ in curves:
        xs, ys = lines[trial.trial]
        marks.append(panel.line(xs, ys, f"curve {colours.style(trial.trial)}", trial.trial))
        if trial.status in ("diverged", "failed") and (place := panel.point(xs[-1], ys[-1])):
            ends.append(cross(place[0], max(place[1], panel.top), "bad", trial.trial))
    frame = panel.frame("steps", "minibatch loss (log axis)" if low > 0 else "minibatch loss")
    finite = {t.trial: float(lines[t.trial][1][-1]) for t, _ in curves if t.status not in ("diverged", "failed")}
    if finite:
        lowest = min(finite, key=lambda number: (finite[number], number))
        rate = next(t.hyperparameters.get("lr") for t, _ in curves if t.trial == lowest)
        words += f": lr {number(rate, 2)} ends lowest, at {number(finite[lowest], 2)}"
    svg = panel.drawn(words, [frame, panel.clipped(name, marks), *ends], "trials")
    legend = [Key(f"q q{i}", f"lr {label}") for i, label in enumerate(colours.labels) if label]
    return Figure(words, svg, legend=tuple(legend))


def _title(entries: Sequence[Mapping[str, Any]], lr_star: Any, lr_max: Any, flat_low: Any) -> str:
    said = []
    if _positive(flat_low):
        said.append(f"up to {number(flat_low, 2)} nothing happens")
    if _positive(lr_star):
        said.append(f"{number(lr_star, 2)} was chosen")
    if _positive(lr_max):
        said.append(f"above {number(lr_max, 2)} training is not stable")
    if not said:
        return f"{len(entries)} learning rates were tried; none could be chosen"
    sentence = ", ".join(said)
    return f"Learning rate: {sentence}"


def _shade(panel: Panel, start: float | None, end: float | None) -> str:
    left, right = (panel.across(min(max(unit or 0.0, 0.0), 1.0)) for unit in (start, end))
    height = panel.height - panel.bottom - panel.top
    return element("rect", style="shade", x=left, y=panel.top, width=max(right - left, 0.0), height=height)


def _positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value > 0
