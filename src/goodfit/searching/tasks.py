"""The search over a task: its trials train side by side in cohorts, and go on from where they stood."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from goodfit.api import DEFAULT_BUDGET, conducted
from goodfit.clock import Clock
from goodfit.durations import parse_duration
from goodfit.errors import SettingsError
from goodfit.recipe.progress import PlannedStage, Watcher
from goodfit.recipe.result import StageName
from goodfit.running.session import Session
from goodfit.running.trying import Prepared
from goodfit.searching.cohorts import TaskSearch
from goodfit.searching.options import SearchOptions, check_numbers, make, read_strategy, told_plan
from goodfit.searching.start import read_start
from goodfit.searching.study import Study
from goodfit.settings import Settings
from goodfit.space.defaults import default_space
from goodfit.strategy.proposers import Proposer
from goodfit.task import Task

ENDED_EARLY = ("coarse-to-fine", "sobol", "halton", "random")  # strategies whose trials are ended early by themselves


def search_task(
    task: Task,
    *,
    trials: int | None,
    strategy: str | Proposer,
    epochs: float | None,
    budget: float | str | None,
    early: str | None,
    start: Any,
    seed: int,
    out: str | Path | None,
    workers: int | None,
    device: str,
    levels: int | None,
    settings: Settings | None,
    resume: bool,
    watcher: Watcher | None,
    command: str,
    clock: Clock | None,
) -> Study:
    """The search over a task; the arguments are those of `search`.

    Raises:
        GoodfitError: something that was given cannot be used.
    """
    check_numbers(trials, epochs, workers, levels)
    chosen, ending = read_strategy(strategy, early)
    if early is None and ending == "none" and chosen in ENDED_EARLY:
        ending = "halving"
    epochs = epochs or task.epochs
    if budget is None and trials is None:
        budget = DEFAULT_BUDGET
    settings = settings or Settings()
    options = SearchOptions(
        strategy=chosen if isinstance(chosen, str) else type(chosen).__name__,
        trials=trials,
        epochs=epochs,
        budget_seconds=None if budget is None else parse_duration(budget),
        early=ending,
        levels=levels,
        direction="max" if task.parsed_objective.maximise else "min",
        metric=f"val_{task.parsed_objective.metric}",
    )
    space = task.space or default_space(str(task.start.get("optimizer", "adamw")), uses=task.start)
    known = read_start(start, space)
    make(chosen, space, options, seed, settings)  # what it cannot do it says before the data are read
    if not space.dimensions:
        raise SettingsError(f"The space of task {task.name!r} varies nothing, so there is nothing to search.")

    def conduct(session: Session, prepared: Prepared, asked: SearchOptions) -> str:
        mine = chosen if not isinstance(chosen, str) else asked.strategy
        return TaskSearch(session, prepared, asked, mine, known).conduct()

    def shown(asked: SearchOptions, chosen_settings: Settings) -> tuple[PlannedStage, ...]:
        return _shown(space, asked, chosen_settings)

    result = conducted(
        task, options, conduct, shown, out=_folder(task, out, resume), seed=seed, device=device, workers=workers,
        settings=settings, resume=resume, watcher=watcher, command=command or f"gf.search({task.name!r})", clock=clock,
    )  # fmt: skip
    return Study.open(result.out)


def _folder(task: Task, out: str | Path | None, resume: bool) -> Path:
    from goodfit.ledger.places import claim_next, latest

    name = f"{task.name}-search"
    return Path(out) if out is not None else latest(name) if resume else claim_next(name)


def _shown(space: Any, options: SearchOptions, settings: Settings) -> tuple[PlannedStage, ...]:
    """The plan as far as it is known before speeds are measured; the rest is told once they are."""
    if options.trials is None:
        about = f"as many trials as fit, by {options.strategy}, ended early by {options.early}"
        return (PlannedStage(StageName.COARSE, options.budget_seconds, about),)
    lines: Sequence[str] = told_plan(space, dataclasses.replace(options), settings, 0)
    return tuple(PlannedStage(StageName.COARSE, options.budget_seconds, line) for line in lines)
