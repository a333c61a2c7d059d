"""What recorded curves say, in a terminal: the verdict, the plot with what was seen marked in it, then the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TextIO

import numpy as np
from rich.console import Console
from rich.text import Text

from goodfit.diagnosed import DiagnosedRun
from goodfit.diagnosis.curves import Series
from goodfit.diagnosis.statistics import finite
from goodfit.findings import Finding, Severity
from goodfit.report.braille import Canvas
from goodfit.report.diagnosis_marks import Mark, marks_of
from goodfit.report.figures.thinning import thinned
from goodfit.report.numbers import number

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.INFO: "bold cyan"}
CURVES = (("step_loss", "training loss, minibatches"), ("train_loss", "training loss"), ("val_loss", "validation loss"))
METRICS = (("train_metric", "training"), ("val_metric", "validation"))
COLOURS = ("yellow", "yellow", "blue")
LINES, WIDEST, MARGIN = 9, 72, 10
LOG_FROM = 20.0  # highest over lowest loss from which the axis is logarithmic


class _Console(Console):
    """One that leaves it to the command what a reader who has read enough (`| head`) means."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # rich would end the process with status 1


def print_diagnosis(file: str, runs: Sequence[DiagnosedRun], stream: TextIO) -> None:
    """Print all runs, one after another."""
    console = _Console(file=stream, highlight=False, soft_wrap=False)
    for i, run in enumerate(runs):
        if i:
            console.print()
        title = file if not run.run.name else f"{file}, run {run.run.name}"
        console.print(Text.assemble((title, "bold"), f"  {_extent(run)}"))
        _print_run(console, run)


def _extent(run: DiagnosedRun) -> str:
    """What was read: which columns, and how long they are."""
    parts = []
    for field, column in run.run.columns.items():
        series = getattr(run.run.curves, field)
        parts.append(f"{column} ({len(series)})")
    return "read: " + ", ".join(parts)


def _print_run(console: Console, run: DiagnosedRun) -> None:
    verdict, *others = run.findings
    _print_finding(console, verdict)
    marks = marks_of(verdict)
    width = max(min(console.width - MARGIN - 2, WIDEST), 20)
    losses = [(words, series, COLOURS[i]) for i, (f, words) in enumerate(CURVES) if (series := _known(run, f))]
    if losses:
        for line in plot("loss", losses, marks, width, axis=run.run.curves.axis):
            console.print(line, soft_wrap=True)
    shown = verdict.evidence.get("basis") == "metric" or not losses
    rates = [(words, series, COLOURS[i + 1]) for i, (f, words) in enumerate(METRICS) if (series := _known(run, f))]
    if rates and shown:
        for line in plot(run.run.curves.metric or "metric", rates, marks, width, axis=run.run.curves.axis):
            console.print(line, soft_wrap=True)
    for finding in others:
        _print_finding(console, finding)


def _known(run: DiagnosedRun, field: str) -> Series | None:
    series = finite(getattr(run.run.curves, field))
    return series if len(series) else None


def _print_finding(console: Console, finding: Finding) -> None:
    severity = finding.severity or Severity.INFO
    head = Text(f"{severity.value}: {finding.kind}", style=STYLES[severity])
    head.append(f"  confidence {finding.confidence:.2f}" + (f", {finding.where}" if finding.where else ""), style="dim")
    console.print(head)
    console.print(Text(f"  {finding.message}"))
    console.print(Text(f"  {finding.action}", style="italic"))


def plot(
    name: str, curves: Sequence[tuple[str, Series, str]], marks: Sequence[Mark], width: int, axis: str = "step"
) -> list[Text]:
    """Lines of a plot of `width` characters and a margin.

    Args:
        name: of the upright axis.
        curves: words, points and colour of each.
        marks: places on the level axis.
        width: of the drawing, in characters.
        axis: what the level axis counts.
    """
    values = np.concatenate([series.values for _, series, _ in curves])
    steps = np.concatenate([series.steps for _, series, _ in curves])
    top = float(np.quantile(values, 0.99)) if len(values) > 50 else float(values.max())
    low, high = float(values.min()), max(top, float(values.min()))
    held = curves[-1][1].values  # validation's, if there is one: a training loss learned by heart would flatten it
    logarithmic = low > 0 and float(np.quantile(held, 0.99)) / float(held.min()) > LOG_FROM
    start, end = float(steps.min()), float(steps.max())

    def up(of: np.ndarray) -> np.ndarray:
        if logarithmic:
            return (np.log(np.maximum(of, low)) - math.log(low)) / math.log(high / low)
        return (of - low) / (high - low) if high > low else np.full(len(of), 0.5)

    canvas = Canvas(width, LINES)
    for owner, (_, series, _) in enumerate(curves):
        xs, ys = thinned(series.steps, series.values, 4 * width)
        canvas.curve((xs - start) / max(end - start, 1e-12), up(ys), owner)
    lines = []
    for i, row in enumerate(canvas.rows()):
        label = number(high, 3) if i == 0 else number(low, 3) if i == LINES - 1 else name if i == LINES // 2 else ""
        line = Text(f"{label[: MARGIN - 2]:>{MARGIN - 2}} │", style="dim")
        for character, owner in row:
            line.append(character, style=curves[owner][2] if owner >= 0 else None)
        lines.append(line)
    below = [" "] * width
    for mark in marks:
        if start <= mark.at <= end:
            below[round((mark.at - start) / max(end - start, 1e-12) * (width - 1))] = "▲"
    said = "; ".join(
        dict.fromkeys(f"▲ {mark.label} at {number(mark.at, 4)}" for mark in marks if start <= mark.at <= end)
    )
    lines.append(Text(" " * (MARGIN - 2) + " └" + "─" * width, style="dim"))
    if said:
        lines.append(Text(" " * MARGIN + "".join(below).rstrip(), style="bold"))
    ends = f"{number(start, 4)}{f'{axis}s':^{max(width - 12, 6)}}{number(end, 5)}"
    lines.append(Text(" " * MARGIN + ends + (" (log)" if logarithmic else ""), style="dim"))
    legend = Text(" " * MARGIN)
    for words, _, colour in curves:
        legend.append("━ ", style=colour)
        legend.append(f"{words}  ", style="dim")
    legend.append(said)
    lines.append(legend)
    return lines
