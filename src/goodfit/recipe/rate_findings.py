"""What the bracket has to tell besides its rate: no stable one, one at the edge, a declared range that lies apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

from goodfit.findings import Finding
from goodfit.recipe.rate_classes import RateClass, Rung, drop_at
from goodfit.recipe.runs import Run
from goodfit.settings.learning_rate import LearningRateSettings

WHERE = "stage learning-rate"


def edge_findings(
    runs: Sequence[Run], lr_max: float, star: float, settings: LearningRateSettings, floor: float
) -> list[Finding]:
    """The loss falls far faster at the largest stable rate than at the working rate."""
    drops = {run.lr: drop_at(runs, run.lr, floor) for run in runs if run.lr <= lr_max * 1.001}
    near = [drop for lr, drop in drops.items() if lr <= star * 1.3 and math.isfinite(drop)]
    at_edge = drops.get(lr_max, math.nan)
    if not near or not math.isfinite(at_edge) or at_edge <= settings.edge_lead * max(max(near), 1e-9):
        return []
    return [
        Finding(
            kind="learning-rate-at-edge",
            message=(
                f"The loss falls fastest at the edge of stability: {100 * at_edge:.0f} % at {lr_max:.2g}, "
                f"{100 * max(near):.0f} % at half of it."
            ),
            action="Try warm-up, gradient clipping or a normalisation: with them a higher rate may hold.",
            evidence={"lr_max": lr_max, "drop_at_max": at_edge, "drop_below": max(near)},
            where=WHERE,
            confidence=0.6,
        )
    ]


def declared_findings(
    declared: tuple[float, float] | None,
    star: float,
    lr_max: float,
    flat_low: float | None,
    settings: LearningRateSettings,
) -> list[Finding]:
    """The user's own range held against the bracket."""
    if declared is None:
        return []
    low, high = declared
    evidence = {"declared": [low, high], "lr_star": star, "lr_max": lr_max, "flat_low": flat_low}
    if low > lr_max:
        return [
            Finding(
                kind="lr-too-high",
                message=(
                    f"The space's learning rates, {low:.2g} to {high:.2g}, all lie above {lr_max:.2g}, the largest "
                    "that is stable."
                ),
                action=f"Move the range to about {star / settings.box_below:.1g} to {lr_max:.2g}.",
                evidence=evidence,
                where=WHERE,
                confidence=0.95,
            )
        ]
    if high < star / settings.box_below:
        return [
            Finding(
                kind="lr-too-low",
                message=(
                    f"The space's learning rates, {low:.2g} to {high:.2g}, all lie more than "
                    f"{settings.box_below:g} times below the working rate of {star:.2g}."
                ),
                action=f"Move the range to about {star / settings.box_below:.1g} to {lr_max:.2g}.",
                evidence=evidence,
                where=WHERE,
                confidence=0.9,
            )
        ]
    return []


def no_stable_rate(rungs: Sequence[Rung]) -> Finding:
    """No rate makes the loss fall without breaking it; says which way each end fails."""
    bad = [rung for rung in rungs if rung.kind.is_bad]
    flat = [rung for rung in rungs if rung.kind in (RateClass.FLAT, RateClass.FLAT_LOW)]
    span = f"{rungs[0].lr:.0e} to {rungs[-1].lr:.0e}"
    if bad and flat:
        why = f"up to {flat[-1].lr:.2g} the loss does not move, from {bad[0].lr:.2g} on it breaks"
        action = "Check the initialisation and the scale of the inputs; then warm-up or clipping."
    elif bad:
        why = "it breaks at every one of them"
        action = "Check the initialisation, the scale of inputs and targets, and log, sqrt or division by zero."
    else:
        why = "it does not move at any of them"
        action = "Go back to the overfitting step: it is not the rate that is wrong."
    return Finding(
        kind="no-stable-learning-rate",
        message=f"Of {len(rungs)} rates from {span} none makes the loss fall without breaking: {why}.",
        action=action,
        evidence={"rates": [rung.lr for rung in rungs], "classes": [str(rung.kind) for rung in rungs]},
        where=WHERE,
        confidence=0.95,
    )
