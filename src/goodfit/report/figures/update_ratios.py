"""Update/weight ratios: how far each step moves each parameter, against the one thousandth that is usual."""

from __future__ import annotations

import numpy as np

from goodfit.ledger.records import TrialRecord
from goodfit.report.figures.axes import value_axis
from goodfit.report.figures.panel import Panel
from goodfit.report.figures.svg import Figure, Key
from goodfit.report.figures.thinning import smoothed
from goodfit.report.numbers import number
from goodfit.report.reading import Reading

PREFIX = "update_ratio/"
USUAL = -3.0  # log10; CS231n and makemore part 3
POINTS = 80
LINES = 24  # more parameters than this are not told apart by eye


def update_ratios(reading: Reading, trial: TrialRecord) -> Figure | None:
    """log10 of the update/weight ratio of every parameter of one trial over steps, with the line at -3."""
    curves = reading.snapshot.curves.get(trial.trial, {})
    lines = {}
    for series in sorted(name for name in curves if name.startswith(PREFIX)):
        record = curves[series]
        moved = np.isfinite(record.values) & (record.values > 0)
        if moved.any():
            lines[series.removeprefix(PREFIX)] = (record.steps[moved].astype(float), np.log10(record.values[moved]))
    if not lines:
        return None
    shown = list(lines)[:: max(1, -(-len(lines) // LINES))]
    drawn = {name: smoothed(*lines[name], POINTS) for name in shown}
    ends = [float(ys[-1]) for _, ys in lines.values()]
    y = value_axis(
        [USUAL - 0.6, USUAL + 0.6, *(float(v) for _, ys in drawn.values() for v in (ys.min(), ys.max()))], log=False
    )
    x = value_axis([0.0, *(float(xs[-1]) for xs, _ in drawn.values())], log=False, room=0.0)
    panel = Panel(x, y, width=1000, height=330)
    styles = {name: f"q{i * 6 // len(shown)}" for i, name in enumerate(shown)}
    marks = [panel.line(xs, ys, f"line q {styles[name]}") for name, (xs, ys) in drawn.items()]
    rule = panel.level(USUAL, "chosen", "one thousandth, the usual")
    body = [panel.frame("steps", "log10 of update / weight"), panel.clipped(f"ratios-{trial.trial}", marks), rule]
    middle = float(np.median(ends))
    far = abs(middle - USUAL)
    judgement = "near the usual 1e-3" if far < 1 else f"{'above' if middle > USUAL else 'below'} the usual 1e-3"
    reached = number(10 ** min(max(middle, -300), 300), 2)
    title = f"Update/weight ratios of trial {trial.trial} end at {reached} (median), {judgement}"
    note = f"{len(shown)} of {len(lines)} parameters are shown." if len(shown) < len(lines) else ""
    legend = tuple(Key(f"line q {styles[name]}", name) for name in shown[:12])
    return Figure(title, panel.drawn("update/weight ratios over steps", body), note=note, legend=legend)
