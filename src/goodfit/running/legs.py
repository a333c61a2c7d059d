"""A training under decay whose time is short: its second half is made as long as the time that is left.

A plan's speed is a guess; a training that time cuts before its rate has decayed is worth little, and one that ends
early wasted what was left. So the first half of the schedule is trained, and the speed that it showed sets how many
steps the rest of the schedule is laid over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.running.outcome import Outcome
from goodfit.running.session import Session
from goodfit.running.works import Entry
from goodfit.training.trial import Status

FIRST = 0.5  # of the schedule
FIRST_TIME = 0.6  # of the time, after which the first half is cut where it stands
EVALUATIONS = 8  # of each half


def trained_in_two_legs(
    session: Session,
    asked: Sequence[tuple[Mapping[str, Any], int]],
    *,
    epochs: float,
    deadline: float,
    kept_shares: tuple[float, ...],
) -> list[Outcome]:
    """One outcome for each (hyperparameters, seed), side by side; one that broke in its first half stays as it ended.

    Args:
        epochs: planned for the whole.
        deadline: the run's elapsed seconds at which all of them are to have decayed.
        kept_shares: of the second half, after which weights are kept.
    """
    began = session.elapsed()
    lengths = [max(math.ceil(epochs * session.steps_per_epoch(values)), 2) for values, _ in asked]
    first = session.train(
        "final/first",
        [
            Entry(values, seed, steps=math.ceil(FIRST * steps), is_scheduled=True, schedule_steps=steps)
            for (values, seed), steps in zip(asked, lengths, strict=True)
        ],
        deadline=began + FIRST_TIME * max(deadline - began, 0.0),
        share=(0.0, 0.5),
        evaluations=EVALUATIONS,
    )
    sound = [
        (outcome, seed, steps)
        for outcome, (_, seed), steps in zip(first, asked, lengths, strict=True)
        if outcome.status in (Status.DONE, Status.STOPPED) and 0 < outcome.step < steps
    ]
    if not sound:
        return first
    stretch = session.decided("final/stretch", lambda: _stretch(session, began, deadline, sound))
    second = session.train(
        "final/second",
        [
            Entry(
                outcome.hyperparameters,
                seed,
                parent=outcome.number,
                steps=outcome.step + max(round(stretch * (steps - outcome.step)), 1),
                is_scheduled=True,
                progress=outcome.step / steps,
            )
            for outcome, seed, steps in sound
        ],
        deadline=deadline,
        share=(0.5, 0.95),
        evaluations=EVALUATIONS,
        kept_shares=kept_shares,
    )
    went_on = {outcome.trial.parent: outcome for outcome in second}
    return [went_on.get(outcome.number, outcome) for outcome in first]


def _stretch(session: Session, began: float, deadline: float, sound: Sequence[tuple[Outcome, int, int]]) -> float:
    """The second half's length, as a multiple of what was planned, by the pace of the first."""
    settings, now = session.settings.budget, session.elapsed()
    done, left = sum(o.step for o, _, _ in sound), sum(steps - o.step for o, _, steps in sound)
    affordable = settings.safety * max(deadline - now, 0.0) * done / max(now - began, 1e-9)
    return min(affordable / left, settings.second_leg_most)
