"""Babysit one training, or compare many: what the budget can pay for decides (seed S2, recipe 4.8)."""

from __future__ import annotations

import dataclasses

from goodfit.running.session import Session
from goodfit.running.trying import Prepared


@dataclasses.dataclass(frozen=True, slots=True)
class Mode:
    """How the search goes about it, settled before the coarse trials.

    Attributes:
        trainings: full trainings that what is left of the budget would pay for; None: a plan without a budget in time.
        is_dear: so few that no round of refining is paid for: the coarse trials decay as the final training does,
            the best of them is taken as it is, and what is left goes to the final training.
        final_seconds: kept for the final training; None: as `trainings`.
    """

    trainings: float | None = None
    is_dear: bool = False
    final_seconds: float | None = None


def settle_mode(session: Session, prepared: Prepared, full_epochs: float | None) -> Mode:
    """The mode, with a line in the decision log where it is not the usual one.

    Args:
        full_epochs: of a full training, where the plan or the task says so.
    """
    budget = session.budget_seconds
    if budget is None:
        return Mode()
    settings = session.settings.budget
    epochs = full_epochs or settings.fine_epochs

    def settled() -> dict[str, float]:
        step = session.seconds_per_step(prepared.start)
        one = epochs * session.steps_per_epoch(prepared.start) * step
        slots = session.executor.slots
        waves = -(-settings.final_seeds_least // slots)
        kept = min(max(waves * one, settings.final_share * budget), settings.final_share_most * budget)
        return {"trainings": slots * (session.remaining() or 0.0) / max(one, 1e-9), "final_seconds": kept}

    found = session.decided("mode", settled)
    mode = Mode(found["trainings"], found["trainings"] < settings.dear_trainings, found["final_seconds"])
    if mode.is_dear:
        session.decide(
            "One training is cared for: the coarse trials are short and decay as it will, and what is left goes to it.",
            f"What is left of the budget would pay for {mode.trainings:.2g} trainings of {epochs:g} epochs, fewer than "
            f"{settings.dear_trainings:g}: rounds of refining would take the time that a longer training needs.",
            {},
            {"trainings": mode.trainings, "final_seconds": mode.final_seconds},
        )
    return mode
