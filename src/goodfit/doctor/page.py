"""The doctor's page: findings, and the pictures of every layer; one self-contained file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from goodfit.doctor.health import bill
from goodfit.doctor.terminal import code_at
from goodfit.errors import FolderError
from goodfit.findings import Finding, Severity, plain
from goodfit.recording.records import ActivationUse, Recording
from goodfit.report.evidence import words
from goodfit.report.figures.axes import value_axis
from goodfit.report.figures.panel import Panel
from goodfit.report.figures.svg import Figure, Key, element
from goodfit.report.figures.thinning import smoothed, thinned
from goodfit.report.numbers import number

_POINTS = 300
_LAYERS = 24  # lines in one picture; more are not told apart by eye
_SMALL = 24  # histograms at most, spread over the layers
_USUAL = -3.0  # log10 of the update/weight ratio; CS231n

Points = Sequence[tuple[int, float]]


def write_page(path: Path, script: str, findings: Sequence[Finding], recording: Recording) -> None:
    """Write the page.

    Raises:
        FolderError: the file cannot be written.
    """
    text = page(script, findings, recording)
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise FolderError(f"{path} cannot be written: {error.strerror}.") from None


def page(script: str, findings: Sequence[Finding], recording: Recording) -> str:
    """The page as HTML; nothing in it is loaded from elsewhere."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("goodfit.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    tones = {Severity.ERROR: "stopped", Severity.WARNING: "interrupted", Severity.INFO: "done"}
    worst = findings[0].severity if findings and findings[0].severity else Severity.INFO
    return environment.get_template("doctor.html").render(
        script=script,
        tone=tones[worst],
        findings=[_told(finding) for finding in findings],
        health=bill(recording),
        steps=recording.steps,
        opaque="; ".join(dict.fromkeys(recording.opaque)),
        figures=_figures(recording),
        histograms=_histograms(recording),
        activations=_activations(recording),
        version=version("goodfit"),
    )


def _told(finding: Finding) -> dict[str, Any]:
    return {
        **finding.as_json(),
        "follows_from": finding.follows_from,
        "code": code_at(finding.where),
        "evidence": [(words(name), _shown(value)) for name, value in plain(finding.evidence).items()],
    }


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{words(name)}: {_shown(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value)
    return number(value) if value is None or isinstance(value, (bool, int, float)) else str(value)


def _figures(recording: Recording) -> list[Figure]:
    ratios = {flow.name: flow.ratios for flow in recording.flows}
    gradients = {flow.name: flow.gradient_rms for flow in recording.flows}
    rates = {f"{use.name} {use.number + 1}": use.lrs for use in recording.optimised}
    norms = {f"{use.name} {use.number + 1}": use.gradient_norms for use in recording.optimised}
    drawn = [
        _lines("Training loss", "loss", {"loss": recording.step_losses}, "loss"),
        _lines("Update/weight ratios, with the usual 1e-3", "log10 of update / weight", ratios, "ratios", log=True),
        _lines("Gradients of the layers", "log10 of the rms gradient", gradients, "gradients", log=True),
        _lines("Gradient norms", "log10 of the norm", norms, "norms", log=True),
        _lines("Learning rate", "rate", rates, "rates"),
    ]
    return [figure for figure in drawn if figure is not None]


def _lines(title: str, label: str, series: Mapping[str, Points], name: str, *, log: bool = False) -> Figure | None:
    known: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for line, points in series.items():
        steps, values = (np.array([p[i] for p in points], np.float64) for i in (0, 1))
        kept = np.isfinite(values) & ((values > 0) if log else True)
        if kept.sum() >= 2:
            known[line] = (steps[kept], np.log10(values[kept]) if log else values[kept])
    if not known:
        return None
    shown = list(known)[:: max(1, -(-len(known) // _LAYERS))]
    cut = smoothed if log else thinned
    drawn = {line: cut(*known[line], _POINTS) for line in shown}
    extra = [_USUAL] if name == "ratios" else []
    y = value_axis([*extra, *(float(v) for _, ys in drawn.values() for v in (ys.min(), ys.max()))], log=False)
    x = value_axis([0.0, *(float(xs[-1]) for xs, _ in drawn.values())], log=False, room=0.0)
    panel = Panel(x, y)
    styles = {line: f"q{i * 6 // len(shown)}" for i, line in enumerate(shown)}
    marks = [panel.line(xs, ys, f"line q {styles[line]}") for line, (xs, ys) in drawn.items()]
    body = [panel.frame("steps", label), panel.clipped(f"doctor-{name}", marks)]
    if name == "ratios":
        body.append(panel.level(_USUAL, "chosen", "one thousandth"))
    legend = tuple(Key(f"line q {styles[line]}", line) for line in shown[:12]) if len(shown) > 1 else ()
    return Figure(title, panel.drawn(title, body), legend=legend)


def _histograms(recording: Recording) -> list[Figure]:
    """How the outputs of each nonlinearity were spread when they were last looked at, a small picture for each."""
    known = [use for use in recording.activations if use.histogram and sum(use.histogram) > 0]
    return [_histogram(use) for use in known[:: max(1, -(-len(known) // _SMALL))]]


def _histogram(use: ActivationUse) -> Figure:
    (low, high), total = use.edges, sum(use.histogram)
    shares = [count / total for count in use.histogram]
    width = (high - low) / len(shares)
    y = value_axis([0.0, max(shares)], log=False, room=0.0)
    panel = Panel(value_axis([low, high], log=False), y, width=300.0, height=170.0)
    floor = panel.down(0.0)
    bars = []
    for bar, share in enumerate(shares):
        corner, end = panel.point(low + bar * width, share), panel.point(low + (bar + 1) * width, share)
        if corner is not None and end is not None and share > 0:
            across = max(end[0] - corner[0] - 0.5, 0.5)
            bars.append(
                element("rect", style="column q1", x=corner[0], y=corner[1], width=across, height=floor - corner[1])
            )
    title = f"{use.place} ({use.function})"
    if use.function == "relu":
        note = f"{use.dead:.0%} of {use.units} units are dead"
    else:
        note = f"{use.saturated:.0%} of the values are saturated"
    return Figure(title, panel.drawn(f"Histogram of {title}", [panel.frame("output", "share"), *bars]), note=note)


def _activations(recording: Recording) -> list[list[str]]:
    return [
        [
            use.function,
            use.place,
            str(use.units),
            f"{use.dead:.0%}" if use.function == "relu" else "",
            f"{use.saturated:.0%}" if use.function != "relu" else "",
            number(use.std_at_start, 3),
        ]
        for use in recording.activations[:60]
    ]
