"""What fewer trials would have found: the best of k of the coarse search's trials against k."""

from __future__ import annotations

from goodfit.report.figures.axes import value_axis
from goodfit.report.figures.panel import Panel
from goodfit.report.figures.svg import Figure, Key
from goodfit.report.numbers import number
from goodfit.report.reading import Reading
from goodfit.strategy.noise import best_of_k

TRIALS_LEAST = 6  # fewer say nothing of other draws


def tuning_curve(reading: Reading) -> Figure | None:
    """The bootstrapped best of k trials with its 90 % interval; None with too few trials of one round to draw from.

    Only trials of the first round are drawn from: they do not depend on one another, as later rounds' do.

    Source: recipe 4.6 and 8, the Tuning Playbook.
    """
    first = min((trial.stage for trial in reading.searched), default=None)
    trials = [t for t in reading.searched if t.stage == first and t.parent is None]
    sign = -1.0 if reading.maximise else 1.0
    scores = [sign * float(t.objective or 0.0) if reading.is_feasible(t) else None for t in trials]
    if sum(score is not None for score in scores) < TRIALS_LEAST:
        return None
    curve = best_of_k(scores)
    mean, low, high = ([sign * value for value in values] for values in (curve.mean, curve.low, curve.high))
    panel = Panel(
        value_axis([1.0, float(len(trials))], log=False, room=0.02),
        value_axis([*low, *high], log=False),
        width=520,
        height=310,
    )
    body = [
        panel.frame("trials drawn", reading.objective),
        panel.line(curve.k, low, "line train"),
        panel.line(curve.k, high, "line train"),
        panel.line(curve.k, mean, "line val"),
    ]
    half = max(len(trials) // 2, 1)
    values = {
        name: len({repr(t.hyperparameters[name]) for t in trials if name in t.hyperparameters})
        for name in reading.tuned
    }
    most = ", ".join(f"{name} {count}" for name, count in values.items() if count)
    title = (
        f"Half of the {len(trials)} first trials would have given {number(mean[half - 1], 3)} instead of "
        f"{number(mean[-1], 3)}, on average; values tried: {most}"
    )
    legend = (Key("line val", "best of k, on average"), Key("line train", "90 % interval over other draws"))
    return Figure(title, panel.drawn("best of k trials", body, "trials"), legend=legend)
