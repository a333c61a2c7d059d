"""How much of the budget the first steps may take: sizes that fit, and when what is still under way is cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from goodfit.recipe.runs import Ask, Run
from goodfit.running.session import Session
from goodfit.running.trying import Prepared

LEAST_RATES = 2  # of step 2 on slow models
LEAST_LADDER_STEPS, LEAST_CONFIRM_STEPS = 20, 40  # of step 3: below them a curve tells nothing
WATCHED_COST = 3.0  # of a step that is recorded, in plain ones


def gates_end(session: Session, part: float = 1.0) -> float | None:
    """The run's elapsed seconds after which the first steps, or this part of them, are cut; None: no budget in time."""
    if session.budget_seconds is None:
        return None
    settings = session.settings.budget
    began = float(session.decided("gates/began", session.elapsed))
    return began + part * max(settings.gates_most * session.budget_seconds, settings.gates_seconds)


def answered_in_time(
    session: Session,
    end: float | None,
    next_ask: Callable[[Sequence[Run]], Ask | None],
    answer: Callable[[Ask], list[Run]],
) -> tuple[list[Run], list[str]]:
    """The runs that a stage's asks were answered by, and the asks that time cut short or left out.

    A run that was cut says nothing, and is left out.
    """
    runs: list[Run] = []
    while (ask := next_ask(runs)) is not None:
        if end is not None and session.elapsed() >= end:
            return runs, [ask.key]
        answered = answer(ask)
        runs += [run for run in answered if not run.was_cut]
        if any(run.was_cut for run in answered):
            return runs, [ask.key]
    return runs, []


def affordable_initial(session: Session, prepared: Prepared) -> tuple[int, int]:
    """Samples and initialisations of step 1: fewer where the budget's share for it does not last."""
    settings = session.settings.initial_loss
    if session.budget_seconds is None:
        return settings.samples, settings.seeds
    size = int(prepared.start.get("batch_size", session.problem.default_batch_size))
    each = session.seconds_per_step(prepared.start) / size  # a forward pass and what is read of its outputs
    affordable = int(settings.share * session.budget_seconds / each)
    seeds = min(settings.seeds, max(affordable // settings.samples, settings.seeds_least))
    return min(settings.samples, max(affordable // seeds, settings.samples_least)), seeds


def watched_steps(session: Session, prepared: Prepared) -> int:
    """Steps that the doctor's rules look at: fewer where the budget's share for it does not last."""
    settings = session.settings.initial_loss
    if session.budget_seconds is None:
        return settings.watched_steps
    affordable = settings.watched_share * session.budget_seconds / session.seconds_per_step(prepared.start)
    return min(settings.watched_steps, int(affordable / WATCHED_COST))


def affordable_rates(session: Session, prepared: Prepared) -> int | None:
    """Rates that step 2 tries on its tiny sample, where there is no time for all of them; None: all."""
    end = gates_end(session, session.settings.budget.overfit_part)
    if end is None:
        return None

    def rates() -> int:
        settings = session.settings.overfit
        one = settings.steps * session.seconds_per_step({**prepared.start, "batch_size": settings.samples})
        return max(int((end - session.elapsed()) * session.executor.slots / one), LEAST_RATES)

    return int(session.decided("overfit/rates", rates))


def affordable_batch_steps(session: Session, prepared: Prepared) -> int | None:
    """Steps of each run on several minibatches, where the budget's share for the gates asks for fewer."""
    if session.budget_seconds is None:
        return None

    def steps() -> int:
        share = session.settings.budget.gates_share * (session.budget_seconds or 0.0)
        seconds = max(0.5 * share - session.elapsed(), 0.2 * share)
        runs = 3
        return max(int(seconds * session.executor.slots / session.seconds_per_step(prepared.start) / runs), 20)

    return int(session.decided("overfit/steps", steps))


def affordable_bracket(session: Session, prepared: Prepared) -> tuple[int | None, int | None, int | None]:
    """Steps of the ladder, steps and seeds of the confirmation; None: the settings' own."""
    settings = session.settings.learning_rate
    if session.budget_seconds is None:
        return None, None, None

    def sizes() -> list[int]:
        share = session.settings.budget.gates_share * (session.budget_seconds or 0.0)
        seconds = max(share - session.elapsed(), 0.4 * share)
        steps = seconds * session.executor.slots / session.seconds_per_step(prepared.start)
        ladder_runs, confirm_runs = 12, 5
        whole = ladder_runs * settings.steps + confirm_runs * settings.confirm_seeds * settings.confirm_steps
        if steps >= whole:
            return [settings.steps, settings.confirm_steps, settings.confirm_seeds]
        factor = steps / whole
        seeds = settings.confirm_seeds if factor > 0.4 else 2
        return [
            int(max(settings.steps * max(factor, 0.3), LEAST_LADDER_STEPS)),
            int(max(settings.confirm_steps * max(factor, 0.2), LEAST_CONFIRM_STEPS)),
            seeds,
        ]

    ladder, confirm, seeds = session.decided("learning-rate/sizes", sizes)
    return ladder, confirm, seeds
