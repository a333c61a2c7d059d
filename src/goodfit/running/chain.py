"""The recipe's seven steps, chained: gates, coarse search, the loop of rounds, the final training."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from goodfit.recipe.decide import Stop
from goodfit.recipe.plan import shown_plan
from goodfit.recipe.progress import PlannedStage
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.recipe.search import ranked
from goodfit.running import search
from goodfit.running.final import Ambition, conduct_final, skipped
from goodfit.running.gates import data_stage, initial_loss_stage, learning_rate_stage, overfit_stage
from goodfit.running.loop import Known, Loop, begin, take_up
from goodfit.running.repeats import choose
from goodfit.running.session import Session
from goodfit.running.trying import Prepared
from goodfit.running.verdicts import tell_verdict
from goodfit.settings import Settings
from goodfit.strategy.observation import Observation
from goodfit.task import Task, accuracy


@dataclasses.dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for; kept with the study, so that a resumed run asks for the same."""

    budget_seconds: float | None
    trials: int | None
    epochs: float | None
    force: bool
    only_checks: bool
    strategy: str = "sobol"  # of the coarse search
    levels: int | None = None  # of a grid


def shown(options: Options, settings: Settings) -> tuple[PlannedStage, ...]:
    """The plan as it is shown before anything is spent."""
    plan = shown_plan(options.budget_seconds, settings.budget, options.trials or 0, options.epochs)
    return tuple(plan[:1] if options.only_checks else plan)


def conduct(session: Session, prepared: Prepared, options: Options) -> str:
    """Walk through the recipe. Returns "done", or "stopped" where a gate failed.

    Raises:
        Interrupted: a signal came.
    """
    known: dict[str, Any] = {}
    gates: list[tuple[StageName, str, Callable[[], StageResult]]] = [
        (StageName.DATA, "what the data looks like", lambda: data_stage(session, prepared)),
        (
            StageName.INITIAL_LOSS,
            "the loss before training against what chance predicts",
            lambda: initial_loss_stage(session, prepared),
        ),
        (
            StageName.OVERFIT,
            "a tiny sample, several rates side by side",
            lambda: overfit_stage(session, prepared),
        ),
        (
            StageName.LEARNING_RATE,
            "which rates do nothing, which break, which train",
            lambda: learning_rate_stage(session, prepared, known),
        ),
    ]
    passed = True
    for name, about, stage in gates:
        result = session.stage(name, 1, about, stage)
        known.update({key: value for key, value in result.next.items() if value is not None})
        if result.verdict is Verdict.FAIL:
            passed = False
            if not options.force:
                return "stopped"
    if options.only_checks:
        return "done" if passed else "stopped"
    loop = begin(session, prepared, _known(session, known, options))
    result = session.stage(StageName.COARSE, 1, "many short trials", lambda: search.coarse_stage(loop))
    take_up(loop, result)
    if result.verdict is Verdict.FAIL and not loop.observations:
        return "stopped"
    if not ranked(loop.observations):
        session.stage(StageName.FINAL, 1, "", lambda: skipped("No trial of the coarse search ended well."))
        return "stopped"
    if loop.mode.is_dear:
        loop.stop = Stop(f"The budget pays for {loop.mode.trainings:.2g} full trainings: no round refines.", "budget")
    round_ = 0
    while loop.stop is None:
        round_ += 1
        for name, about, stage in (
            (StageName.FINE, "fewer trials, longer, in a better box", search.fine_stage),
            (StageName.CURVES, "the best trials' curves", search.curves_stage),
            (StageName.DECIDE, "another round, or the final training", search.decide_stage),
        ):
            result = session.stage(name, round_, about, lambda stage=stage, r=round_: stage(loop, r))
            take_up(loop, result)
    session.stage(StageName.FINAL, 1, "longer, decayed, averaged; the test set once", lambda: _final(loop, options))
    return "done"


def _final(loop: Loop, options: Options) -> StageResult:
    session = loop.session
    chosen = choose(loop)
    settings = session.settings.budget
    full = options.epochs or session.opened.task.epochs
    # Rounds that time has cut short say nothing of a full training's length.
    rounds = max(loop.position.epochs, settings.fine_epochs)
    wanted = full or settings.final_stretch * rounds
    most = full or settings.final_stretch_most * rounds
    result = conduct_final(
        session,
        Ambition(
            {**loop.prepared.start, **chosen.hyperparameters},
            wanted,
            most,
            _runners_up(loop, chosen),
            session.outcomes[loop.contenders[0].number],
        ),
    )
    trained = session.of_this_stage()
    went_on = {outcome.trial.parent for outcome in trained}
    for outcome in trained:
        if outcome.number not in went_on:
            tell_verdict(loop, outcome)
    return result


def _runners_up(loop: Loop, chosen: Observation) -> tuple[dict[str, Any], ...]:
    """The next best hyperparameters, each as often as the ensemble's candidates allow."""
    settings = loop.session.settings.budget
    others = [o for o in loop.contenders if dict(o.hyperparameters) != dict(chosen.hyperparameters)]
    best = [{**loop.prepared.start, **o.hyperparameters} for o in others[: settings.repeat_top - 1]]
    return tuple(best[i % len(best)] for i in range(settings.runners_up)) if best else ()


def _is_plain(task: Task, metric: str) -> bool:
    """Whether the metric is what the data step measures of a constant: accuracy or R2, not a balanced one or F1."""
    return metric.lower() in ("accuracy", "acc", "r2", "r2_score") or task.metrics.get(metric) is accuracy


def _known(session: Session, known: Mapping[str, Any], options: Options) -> Known:
    """The first steps' `next`, as the search reads it."""
    objective = session.opened.task.parsed_objective
    landmarks = {
        "chance_loss": known.get("chance_loss"),
        "uniform_loss": known.get("expected_loss"),
        "chance_metric": known.get("chance_metric") if _is_plain(session.opened.task, objective.metric) else None,
        "floor_loss": float(known.get("floor_loss") or 0.0),
        "best_metric": 1.0 if "acc" in objective.metric.lower() else None,
    }
    return Known(
        landmarks=landmarks,
        lr=known.get("lr"),
        lr_max=known.get("lr_max"),
        trials=options.trials,
        epochs=options.epochs or session.opened.task.epochs,
        strategy=options.strategy,
        levels=options.levels,
    )
