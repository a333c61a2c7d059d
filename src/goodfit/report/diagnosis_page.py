"""What recorded curves say, as one self-contained page: the verdict, the plots with its marks, the figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from goodfit.diagnosed import DiagnosedRun
from goodfit.diagnosis.curves import Curves, Series
from goodfit.diagnosis.statistics import finite
from goodfit.findings import Finding, Severity, plain
from goodfit.report.diagnosis_marks import Mark, marks_of
from goodfit.report.evidence import words
from goodfit.report.figures.axes import value_axis
from goodfit.report.figures.panel import Panel
from goodfit.report.figures.svg import Figure, Key
from goodfit.report.figures.thinning import smoothed, thinned
from goodfit.report.numbers import number

POINTS = 400  # of a curve that are drawn
SMOOTH = 60  # points of the smoothed line through minibatch losses
LOG_FROM = 20.0  # highest over lowest loss from which the axis is logarithmic


@dataclasses.dataclass(frozen=True, slots=True)
class _Curve:
    label: str
    series: Series
    style: str
    is_noisy: bool = False


def page(file: str, runs: Sequence[DiagnosedRun]) -> str:
    """The page as HTML; nothing in it is loaded from elsewhere."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("goodfit.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    views = [_view(file, i, run) for i, run in enumerate(runs)]
    return environment.get_template("diagnosis.html").render(file=file, runs=views, version=version("goodfit"))


def _view(file: str, number_of_run: int, run: DiagnosedRun) -> dict[str, Any]:
    findings = run.findings
    verdict = findings[0]
    marks = marks_of(verdict)
    tones = {Severity.ERROR: "stopped", Severity.WARNING: "interrupted", Severity.INFO: "done"}
    read = ", ".join(f"{column} ({len(getattr(run.run.curves, f))} points)" for f, column in run.run.columns.items())
    return {
        "title": file if not run.run.name else f"{file}, run {run.run.name}",
        "tone": tones[verdict.severity or Severity.INFO],
        "verdict": verdict,
        "read": f"Read: {read}.",
        "figures": _figures(run.run.curves, marks, f"r{number_of_run}"),
        "findings": [_told(finding) for finding in findings],
    }


def _told(finding: Finding) -> dict[str, Any]:
    evidence = [(words(name), _shown(value)) for name, value in plain(finding.evidence).items()]
    return {
        "kind": finding.kind,
        "severity": str(finding.severity),
        "message": finding.message,
        "action": finding.action,
        "where": finding.where,
        "confidence": finding.confidence,
        "evidence": evidence,
    }


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value)
    return number(value) if value is None or isinstance(value, (bool, int, float)) else str(value)


def _figures(curves: Curves, marks: Sequence[Mark], name: str) -> list[Figure]:
    losses = [
        _Curve("training, minibatches", finite(curves.step_loss), "train", is_noisy=True),
        _Curve("training", finite(curves.train_loss), "train"),
        _Curve("validation", finite(curves.val_loss), "val"),
    ]
    metrics = [
        _Curve("training", finite(curves.train_metric), "train"),
        _Curve("validation", finite(curves.val_metric), "val"),
    ]
    rates = [_Curve("learning rate", finite(curves.lr), "lr")]
    drawn = [
        _figure("Loss", losses, marks, f"{name}-loss", curves.axis),
        _figure(curves.metric or "Metric", metrics, marks, f"{name}-metric", curves.axis, linear=True),
        _figure("Learning rate", rates, marks, f"{name}-lr", curves.axis),
    ]
    return [figure for figure in drawn if figure is not None]


def _figure(
    title: str, curves: Sequence[_Curve], marks: Sequence[Mark], name: str, axis: str, linear: bool = False
) -> Figure | None:
    known = [curve for curve in curves if len(curve.series) >= 2]
    if not known:
        return None
    values = np.concatenate([curve.series.values for curve in known])
    steps = np.concatenate([curve.series.steps for curve in known])
    shown = values[values <= np.quantile(values, 0.995)] if len(values) > 100 else values
    low = float(shown.min())
    held = known[-1].series.values  # validation's, if there is one: a loss learned by heart would flatten it
    logarithmic = not linear and low > 0 and float(np.quantile(held, 0.99)) / float(held.min()) > LOG_FROM
    panel = Panel(value_axis(steps, log=False, room=0.01), value_axis(shown, log=logarithmic))
    lines: list[Markup] = []
    legend: list[Key] = []
    for curve in known:
        xs, ys = thinned(curve.series.steps, curve.series.values, POINTS)
        if curve.is_noisy:
            lines.append(panel.dots(xs, ys, curve.style))
            lines.append(panel.line(*smoothed(curve.series.steps, curve.series.values, SMOOTH), f"line {curve.style}"))
        else:
            lines.append(panel.line(xs, ys, f"line {curve.style}"))
            if len(xs) <= 60:
                lines.append(panel.dots(xs, ys, f"big {curve.style}"))
        legend.append(Key(f"line {curve.style}", curve.label))
    seen: dict[str, int] = {}
    for mark in marks:
        seen[mark.label] = seen.get(mark.label, 0) + 1
        label = f"{mark.label} {number(mark.at)}" if seen[mark.label] == 1 else ""
        lines.append(panel.upright(mark.at, "edge mark-line", label))
    unit = f"{title.lower()} (log axis)" if logarithmic else title.lower()
    body = [panel.frame(f"{axis}s", unit), panel.clipped(name, lines[: -len(marks)] if marks else lines)]
    body += lines[-len(marks) :] if marks else []
    ends = ", ".join(f"{curve.label} ends at {number(curve.series.values[-1], 3)}" for curve in known)
    return Figure(f"{title[:1].upper()}{title[1:]}: {ends}", panel.drawn(title, body), legend=tuple(legend))
