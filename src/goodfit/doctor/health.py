"""One line of health: what each check of the recipe says of a recording."""

from __future__ import annotations

import math
import statistics

from goodfit.recording.records import Recording
from goodfit.report.numbers import number


def health_line(recording: Recording) -> str:
    """Initial loss, last loss, rate, update ratio, gradient flow, dead units, generalisation; what was not seen is left
    out."""
    parts = [f"{recording.steps:,} steps"]
    losses = [value for _, value in recording.step_losses if math.isfinite(value)]
    if losses:
        parts.append(f"loss {number(losses[0], 3)} to {number(statistics.median(losses[-9:]), 3)}")
    use = max(recording.optimised, key=lambda o: o.steps, default=None)
    if use is not None and use.lrs:
        parts.append(
            f"{use.name} lr {number(use.lrs[0][1], 2)}"
            + (f" to {number(use.lrs[-1][1], 2)}" if use.lrs[-1][1] != use.lrs[0][1] else "")
        )
    if use is not None and use.ratios:
        parts.append(f"update/weight {number(statistics.median(r for _, r in use.ratios), 2)}")
    if use is not None and use.gradient_norms:
        parts.append(f"gradient norm {number(statistics.median(n for _, n in use.gradient_norms), 2)}")
    dead = [a.dead for a in recording.activations if a.function == "relu" and a.samples]
    if dead:
        parts.append(f"dead units {max(dead):.0%}")
    return "health: " + ", ".join(parts)
