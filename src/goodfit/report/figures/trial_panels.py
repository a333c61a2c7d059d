"""Two panels for one trial: its loss, and its metric with the learning rate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from markupsafe import Markup

from goodfit.ledger.records import CurveRecord, TrialRecord
from goodfit.report.figures.axes import Axis, value_axis
from goodfit.report.figures.panel import Panel
from goodfit.report.figures.svg import Figure, Key, element, joined
from goodfit.report.figures.thinning import smoothed, thinned
from goodfit.report.numbers import number
from goodfit.report.reading import Reading

DOTS = 160  # minibatch losses shown one by one
DECAYED = 1e-6  # of the highest rate: below it a rate counts as zero, and has no place on a log axis
SMOOTH = 40  # points of the smoothed line


def loss_panel(reading: Reading, trial: TrialRecord) -> Figure | None:
    """Minibatch losses as points with their smoothed line, and the evaluated losses, over epochs."""
    curves = reading.snapshot.curves.get(trial.trial, {})
    known = {name: curves[name] for name in ("step_loss", "train_loss", "val_loss") if _has_points(curves, name)}
    if not known:
        return None
    sound = np.concatenate([c.values[np.isfinite(c.values)] for c in known.values()])
    top = float(np.quantile(sound, 0.995))
    panel = Panel(_epochs(known), value_axis([*sound[sound <= top]], log=True), right=56)
    marks, legend = [], []
    if "step_loss" in known:
        record = known["step_loss"]
        marks.append(panel.dots(*thinned(record.epochs, record.values, DOTS), "train"))
        marks.append(panel.line(*smoothed(record.epochs, record.values, SMOOTH), "line train"))
        legend += [Key("train", "minibatches", "dot"), Key("line train", "smoothed")]
    if "train_loss" in known and "step_loss" not in known:
        record = known["train_loss"]
        marks.append(panel.line(*thinned(record.epochs, record.values, DOTS), "line train"))
        legend.append(Key("line train", "training"))
    if "val_loss" in known:
        marks += _evaluated(panel, known["val_loss"], "val")
        legend.append(Key("line val", "validation"))
    body = [
        panel.frame("epochs", "loss (log axis)" if sound.min() > 0 else "loss"),
        panel.clipped(f"loss-{trial.trial}", marks),
    ]
    low = known["val_loss"] if "val_loss" in known else next(iter(known.values()))
    title = f"Loss: lowest {'validation' if 'val_loss' in known else 'training'} {number(np.nanmin(low.values), 3)}"
    return Figure(title, panel.drawn(f"loss of trial {trial.trial} over epochs", body), legend=tuple(legend))


def metric_panel(reading: Reading, trial: TrialRecord) -> Figure | None:
    """The objective's metric on training and validation samples over epochs; the learning rate on the right axis."""
    curves = reading.snapshot.curves.get(trial.trial, {})
    split, _, metric = reading.series.partition("_")
    metric = (metric or split).removesuffix(".averaged")
    names = (f"train_{metric}", f"val_{metric}", f"val_{metric}.averaged")
    known = {name: curves[name] for name in names if _has_points(curves, name)}
    if not known:
        return None
    values = np.concatenate([c.values[np.isfinite(c.values)] for c in known.values()])
    panel = Panel(
        _epochs({**known, **({"lr": curves["lr"]} if "lr" in curves else {})}), value_axis(values, log=False), right=56
    )
    marks: list[str] = []
    legend = []
    frame = [panel.frame("epochs", metric)]
    if _has_points(curves, "lr"):
        lr_frame, lr_line = _learning_rate(panel, curves["lr"])
        frame.append(lr_frame)
        marks.append(lr_line)
    for name, style, label in zip(
        names, ("train", "val", "averaged"), ("training", "validation", "averaged weights"), strict=True
    ):
        if name in known:
            marks += _evaluated(panel, known[name], style)
            legend.append(Key(f"line {style}", label))
    if len(frame) > 1:
        legend.append(Key("line lr", "learning rate (right)"))
    best = known[f"val_{metric}"] if f"val_{metric}" in known else next(iter(known.values()))
    reached = (np.nanmax if reading.maximise else np.nanmin)(best.values)
    split = "validation" if f"val_{metric}" in known else "training"
    title = f"{metric[:1].upper()}{metric[1:]}: best {split} {number(reached, 3)}"
    body = [*frame, panel.clipped(f"metric-{trial.trial}", marks)]
    return Figure(title, panel.drawn(f"{metric} of trial {trial.trial} over epochs", body), legend=tuple(legend))


def _learning_rate(panel: Panel, record: CurveRecord) -> tuple[Markup, Markup]:
    """The right axis and the line on it; at most three ticks."""
    xs, ys = thinned(record.epochs, record.values, DOTS)
    positive = ys[ys > DECAYED * ys.max()]
    wide = len(positive) > 0 and positive.max() / positive.min() > 30
    # the rate keeps to the lower half, below the curves that it explains
    high = float(positive.max()) if len(positive) else 1.0
    room = high * high / float(positive.min()) if wide else 2.2 * high
    axis = value_axis([*positive, room] if wide else [0.0, room], log=bool(wide), room=0.02)
    right = Panel(panel.x, axis, width=panel.width, height=panel.height, left=panel.left, right=panel.right)
    across = panel.width - panel.right + 8
    ticks = [(unit, text) for unit, text in axis.ticks() if unit <= (axis.place(high) or 0.0) + 0.08]
    texts = [
        element("text", text, style="tick", x=across, y=right.down(unit) + 4)
        for unit, text in ticks[:: max(1, len(ticks) // 3)]
    ]
    texts.append(element("text", "lr", style="name end", x=panel.width - 8, y=16.0))
    return joined(texts), right.line(xs, ys, "line lr")


def _evaluated(panel: Panel, record: CurveRecord, style: str) -> list[str]:
    xs, ys = thinned(record.epochs, record.values, DOTS)
    marks: list[str] = [panel.line(xs, ys, f"line {style}")]
    if len(xs) <= 40:
        marks.append(panel.dots(xs, ys, f"big {style}"))
    return marks


def _epochs(curves: Mapping[str, CurveRecord]) -> Axis:
    return value_axis([0.0, *(float(c.epochs[-1]) for c in curves.values() if len(c.epochs))], log=False, room=0.0)


def _has_points(curves: Mapping[str, CurveRecord], series: str) -> bool:
    return series in curves and bool(np.isfinite(curves[series].values).any())
