"""How long trials, rounds and stages may take: from measured speeds to plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from goodfit.recipe.decide import Position, act
from goodfit.recipe.plan import Length, coarse_length, fine_length
from goodfit.recipe.search import ranked
from goodfit.running.loop import Loop
from goodfit.running.session import Session
from goodfit.strategy.proposers import Random


def trial_seconds(session: Session, hyperparameters: Mapping[str, Any], epochs: float) -> float:
    """One trial's time on one slot, its evaluations included."""
    return 1.15 * epochs * session.steps_per_epoch(hyperparameters) * session.seconds_per_step(hyperparameters)


def mean_trial_epoch(session: Session, start: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> float:
    """What an epoch of a typical trial adds to a stage, all slots at work."""
    each = [trial_seconds(session, {**start, **point}, 1.0) for point in points]
    return float(np.mean(each)) / session.executor.slots


def coarse_plan(loop: Loop, proposer: Any) -> Length:
    session, settings = loop.session, loop.session.settings.budget
    steps_per_epoch = session.steps_per_epoch(loop.prepared.start)
    dimensions = len(loop.position.space.names)
    if session.budget_seconds is None:
        free = coarse_length(
            dimensions=dimensions,
            steps_per_epoch=steps_per_epoch,
            seconds=1e12,
            seconds_per_trial_epoch=1e-9,
            settings=settings,
        )
        epochs = free.epochs
        if loop.known.epochs is not None:
            epochs = min(epochs, max(loop.known.epochs / 4, 0.1))
        wanted = settings.coarse_trials_per_dimension * dimensions
        return Length(loop.known.trials or min(wanted, settings.coarse_trials_most), epochs)
    cost = mean_trial_epoch(session, loop.prepared.start, proposer.propose((), 16))
    allowed = (settings.gates_share + settings.coarse_share) * session.budget_seconds - session.elapsed()
    return coarse_length(
        dimensions=dimensions,
        steps_per_epoch=steps_per_epoch,
        seconds=settings.safety * max(allowed, 0.6 * settings.coarse_share * session.budget_seconds),
        seconds_per_trial_epoch=cost,
        settings=settings,
    )


def fine_plan(loop: Loop, target: Position, round_: int, survivors: int) -> Length:
    session, settings = loop.session, loop.session.settings.budget
    if session.budget_seconds is None:
        trials = max(settings.fine_trials_least, (loop.known.trials or settings.fine_trials_most) // 2)
        return Length(trials, target.epochs)
    points = Random(target.space, 1).propose((), 16)
    cost = mean_trial_epoch(session, loop.prepared.start, points)
    left = search_seconds_left(loop) or 0.0
    rounds_ahead = max(1, min(settings.most_rounds, 3) - round_ + 1)
    # Where time is short, fewer and longer rounds: trials of an epoch say little of a full training.
    needed = settings.fine_trials_least * target.epochs * cost
    share = min(max(left / rounds_ahead, needed), max(left / rounds_ahead, settings.dear_round_share * left))
    return fine_length(
        trials=settings.fine_trials_most,
        epochs=target.epochs,
        seconds=settings.safety * share,
        seconds_per_trial_epoch=cost,
        settings=settings,
    )


def round_seconds(loop: Loop) -> float:
    """What another round would take at least."""
    settings = loop.session.settings.budget
    best = ranked(loop.observations)
    if not best:
        return 0.0
    epochs = loop.position.epochs
    if loop.verdict is not None:
        epochs = act(loop.verdict, loop.position, loop.prepared.roles).position.epochs
    one = trial_seconds(loop.session, best[0].hyperparameters, epochs)
    return settings.fine_trials_least * one / loop.session.executor.slots


def search_seconds_left(loop: Loop) -> float | None:
    """Time before the final training's share begins."""
    session = loop.session
    if session.budget_seconds is None:
        return None
    return max(0.0, session.budget_seconds - final_seconds(loop) - session.elapsed())


def final_seconds(loop: Loop) -> float:
    """What is kept of a budget for the final training."""
    share = loop.session.settings.budget.final_share * (loop.session.budget_seconds or 0.0)
    return share if loop.mode.final_seconds is None else loop.mode.final_seconds


def can_lengthen(loop: Loop) -> bool:
    """Whether longer trials are possible: a full training is longer, and there is time for them."""
    session, settings = loop.session, loop.session.settings.budget
    if loop.known.epochs is not None and loop.position.epochs >= loop.known.epochs:
        return False
    left, best = search_seconds_left(loop), loop.contenders
    if left is None or not best:
        return False  # a plan in trials and epochs has its length
    one = trial_seconds(session, best[0].hyperparameters, 2 * loop.position.epochs)
    return 2 * settings.fine_trials_least * one / session.executor.slots < left


def is_too_short(loop: Loop) -> bool:
    """Whether time has cut a round's trials to less than a third of what a finer round is meant to have."""
    settings, full = loop.session.settings.budget, loop.known.epochs
    meant = settings.fine_epochs if full is None else min(settings.fine_epochs, full)
    return loop.session.budget_seconds is not None and loop.position.epochs < meant / 3


def most_rounds(loop: Loop) -> int:
    """Rounds at most; a plan in trials and epochs has two."""
    most = loop.session.settings.budget.most_rounds
    return most if loop.session.budget_seconds is not None else min(2, most)


def deadline_of(loop: Loop, length: Length) -> float | None:
    """When a stage is cut: half again and a twentieth of the budget over its plan, never far into the final training's
    time; but where the steps before took all of that, it has half of what it planned, for a run has to train something.
    """
    session = loop.session
    if session.budget_seconds is None or length.seconds is None:
        return None
    latest = session.budget_seconds - 0.8 * final_seconds(loop)
    slack = 0.5 * length.seconds + 0.05 * session.budget_seconds
    now = session.elapsed()
    return max(min(now + length.seconds + slack, latest), now + 0.5 * length.seconds)
