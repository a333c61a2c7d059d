"""Step 2's sentence: which sample was learned, how, and what was not looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.recipe.overfit_findings import CAPACITY
from goodfit.recipe.runs import Run
from goodfit.training.measure.sample import SampleMeasured

HOW = {
    "sample": "",
    "longer": " (in more steps than usual)",
    "lower": " (below the usual rates)",
    "higher": " (above the usual rates)",
}  # it was learned, by the ask that did
AFTERWARDS = {"zeroed": "with inputs zeroed", "batches": "on several minibatches", "eval-mode": "in eval mode"}


def summary_of(
    sample: SampleMeasured,
    runs: Sequence[Run],
    winner: Run | None,
    cause: str | None,
    *,
    changes: Mapping[str, Any],
    is_leaking: bool,
    untrained: int,
    cut: Sequence[str],
) -> str:
    """The stage in one sentence.

    Args:
        sample: that was to be learned.
        runs: those that came to their end.
        winner: the one that learned it; None: none did.
        cause: what stands in the way of learning it.
        changes: hyperparameters that it took.
        is_leaking: whether it is learned with inputs zeroed as well.
        untrained: tensors that get no gradient.
        cut: asks that time left out.
    """
    count = len(sample.indices)
    if winner is None:
        tried = len({run.lr for run in runs})
        if cause == CAPACITY and sample.floor is None:
            low = min(run.last_loss for run in runs if run.finite)
            return f"On {count} samples the loss falls to {low:.3g} at best, at {tried} rates; its floor is unknown."
        return f"{count} samples cannot be learned at any of {tried} rates: {cause}."
    floor = "" if sample.floor is not None else " (its floor is unknown: judged by its fall alone)"
    by = HOW.get(winner.key)
    if by is None:
        said = ", ".join(f"{name}={value:g}" for name, value in changes.items())
        by = f" only with {said or 'another initialisation'}"
    several = [run for run in runs if run.key == "batches"]
    second = ""
    if several:
        best = min((run.last_loss for run in several if run.finite), default=math.nan)
        second = f"; on {len(sample.more)} samples the loss falls to {best:.3g}"
    tested = "; with inputs zeroed it is not" if any(run.key == "zeroed" for run in runs) else ""
    if is_leaking:
        tested = "; with inputs zeroed it is learned as well"
    told = f"; but {untrained} tensors get no gradient" if untrained else ""
    unseen = [AFTERWARDS[key] for key in cut if key in AFTERWARDS]
    missing = f" Not checked for want of time: {', '.join(unseen)}." if unseen else ""
    return (
        f"{count} samples are learned{by} in {len(winner.step_losses)} steps at a rate of {winner.lr:.2g}, loss "
        f"{winner.first_loss:.3g} to {winner.last_loss:.2g}{floor}{tested}{second}{told}.{missing}"
    )
