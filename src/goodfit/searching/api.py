"""`gf.search`: the search alone, over a plain function or a task."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from goodfit.clock import Clock, SystemClock
from goodfit.durations import parse_duration
from goodfit.errors import GoodfitError, SettingsError, SpaceError, TaskError, TrainingError
from goodfit.ledger.folder import RunFolder
from goodfit.ledger.places import drop_if_empty
from goodfit.ledger.records import MemoRecord, Snapshot
from goodfit.ledger.store import Store, open_ledger
from goodfit.ledger.writer import Writer
from goodfit.recipe.progress import PlannedStage, RunEnded, RunStarted, Unwatched, Watcher
from goodfit.recipe.result import StageName
from goodfit.report.html import write_report
from goodfit.running.signals import catching_signals
from goodfit.searching.begun import ended_stage_of, folder_for, options_of, study_writer
from goodfit.searching.books import Books, Goal
from goodfit.searching.document import search_document
from goodfit.searching.driver import Driver
from goodfit.searching.early import EarlyEnds
from goodfit.searching.options import SearchOptions, check_numbers, grid_size, make, read_strategy, told_plan
from goodfit.searching.runners import InlineRunner, ProcessRunner, Runner
from goodfit.searching.start import read_start
from goodfit.searching.study import Study
from goodfit.searching.trial import Objective
from goodfit.settings import Settings
from goodfit.space import Space
from goodfit.strategy.proposers import Proposer
from goodfit.task import Task


def search(
    objective: Objective | Task,
    space: Space | None = None,
    *,
    trials: int | None = None,
    strategy: str | Proposer = "coarse-to-fine",
    epochs: float | None = None,
    budget: float | str | None = None,
    direction: str = "min",
    metric: str | None = None,
    early: str | None = None,
    start: Any = None,
    seed: int = 0,
    out: str | Path | None = None,
    workers: int | None = None,
    device: str = "auto",
    levels: int | None = None,
    settings: Settings | None = None,
    resume: bool = False,
    watcher: Watcher | None = None,
    command: str = "",
    name: str | None = None,
    clock: Clock | None = None,
) -> Study:
    """Search for good hyperparameters, with no recipe around it.

    Args:
        objective: a function of a trial that returns a number (`trial.lr`, `trial.report`, `trial.should_stop`); or a
            `gf.Task`, whose trials then train side by side.
        space: what may vary; a task has its own.
        trials: how many in all; 50, or as many as the budget allows, unless given.
        strategy: "coarse-to-fine", "random", "sobol", "halton", "grid"; "tpe", "gp" or "cmaes" by Optuna; "halving" or
            "asha"; or an object of your own with `propose(history, n)`.
        epochs: how far a trial is to go (`trial.epochs`); early ends need it.
        budget: seconds, or text such as "10m": no trial begins after it.
        direction: "min" or "max".
        metric: the reported metric that is the objective, where the function returns nothing, or reports several.
        early: "none", "asha" (each trial is judged when it reports), "halving" (cohorts from rung to rung) or, for a
            task, "data-halving" (from a few samples to all of them); by the strategy unless given.
        start: points to try first: mappings, files or run folders.
        seed: of all that is random.
        out: the folder; runs/<name>-<n> with the next free number unless given.
        workers: processes that run trials side by side; 0 runs them in this one. 0 for a function, by the CPUs for a
            task, unless given.
        device: of a task: "auto", "cpu" or "cuda".
        levels: values of each hyperparameter in a grid.
        settings: other values for goodfit's own numbers.
        resume: go on with the search in `out`: its seed and strategy count; more trials may be asked for.
        watcher: is told what happens.
        command: the command that reproduces the search.
        name: of the study; the function's name or the task's unless given.
        clock: tests give their own.

    Returns:
        The study: its best, its trials, what they say.

    Raises:
        GoodfitError: something that was given cannot be used. Nothing is left behind then.
        TrainingError: every trial failed; the message has the first one's exception. What was tried is kept.
    """
    if isinstance(objective, Task):
        if direction != "min" or metric is not None:
            raise SettingsError(f"direction and metric are for a function; task {objective.name!r} has its objective.")
        if space is not None:
            objective = dataclasses.replace(objective, space=space)
        from goodfit.searching.tasks import search_task

        return search_task(
            objective, trials=trials, strategy=strategy, epochs=epochs, budget=budget, early=early, start=start,
            seed=seed, out=out, workers=workers, device=device, levels=levels, settings=settings, resume=resume,
            watcher=watcher, command=command, clock=clock,
        )  # fmt: skip
    if not callable(objective):
        raise TaskError(f"search needs a function of a trial or a gf.Task, got {type(objective).__name__}.")
    title = _title(name or getattr(objective, "__name__", "") or type(objective).__name__)
    count = 0 if workers is None else workers
    check_numbers(trials, epochs, count, levels)

    def runner(folder: RunFolder) -> Runner:
        return ProcessRunner(objective, count, folder.path / "workers.log") if count else InlineRunner(objective)

    return search_with(
        runner, space, engine="function", title=title, trials=trials, strategy=strategy, epochs=epochs, budget=budget,
        direction=direction, metric=metric, early=early, start=start, seed=seed, out=out, slots=max(count, 1),
        levels=levels, settings=settings, resume=resume, watcher=watcher, command=command, clock=clock,
        source=_source_of(objective),
    )  # fmt: skip


def search_command(
    command_words: Sequence[str],
    space: Space,
    *,
    metric: str = "val_loss",
    workers: int | None = None,
    trials: int | None = None,
    strategy: str | Proposer = "coarse-to-fine",
    epochs: float | None = None,
    budget: float | str | None = None,
    direction: str = "min",
    early: str | None = None,
    start: Any = None,
    seed: int = 0,
    out: str | Path | None = None,
    levels: int | None = None,
    settings: Settings | None = None,
    resume: bool = False,
    watcher: Watcher | None = None,
    command: str = "",
) -> Study:
    """The search over a command: `{name}` in its words stands for a value, metrics are read from what it prints.

    Args:
        command_words: the command and its arguments.
        metric: what is optimised; lines that hold it, such as "epoch=3 val_loss=0.31", are reports.
        workers: commands that run side by side; 1 unless given.

    The others, and what is raised, as for `search`.
    """
    from goodfit.searching.command import CommandRunner, check_command

    count = 1 if workers is None else max(workers, 1)
    check_numbers(trials, epochs, count, levels)
    check_command(command_words, space)
    return search_with(
        lambda folder: CommandRunner(command_words, space, metric, count, folder.path),
        space, engine="command", title=command_title(command_words), trials=trials, strategy=strategy, epochs=epochs,
        budget=budget, direction=direction, metric=metric, early=early, start=start, seed=seed, out=out, slots=count,
        levels=levels, settings=settings, resume=resume, watcher=watcher, command=command, clock=None, source="",
    )  # fmt: skip


def search_with(
    runner_of: Callable[[RunFolder], Runner],
    space: Space | None,
    *,
    engine: str,
    title: str,
    trials: int | None,
    strategy: str | Proposer,
    epochs: float | None,
    budget: float | str | None,
    direction: str,
    metric: str | None,
    early: str | None,
    start: Any,
    seed: int,
    out: str | Path | None,
    slots: int,
    levels: int | None,
    settings: Settings | None,
    resume: bool,
    watcher: Watcher | None,
    command: str,
    clock: Clock | None,
    source: str,
) -> Study:
    """The search over whatever a runner runs; the arguments are those of `search`.

    Args:
        runner_of: makes the runner, given the folder.
        engine: what runs trials, for the ledger: "function" or "command".
        slots: how many trials will run at once, for the plan's words.
        source: the text that the objective stands in.
    """
    if not isinstance(space, Space):
        given = "none" if space is None else type(space).__name__
        raise SpaceError(f"search needs a space, such as gf.Space(lr=gf.log(1e-5, 1e-1)), got {given}.")
    if direction not in ("min", "max"):
        raise SettingsError(f'direction is "min" or "max", got {direction!r}.')
    chosen, ending = read_strategy(strategy, early)
    settings, clock = settings or Settings(), clock or SystemClock()
    options = SearchOptions(
        strategy=chosen if isinstance(chosen, str) else type(chosen).__name__,
        trials=trials,
        epochs=epochs,
        budget_seconds=None if budget is None else parse_duration(budget),
        early=ending,
        levels=levels,
        direction=direction,
        metric=metric,
    )
    if ending == "data-halving":
        raise SettingsError("data-halving is for a task: of a function or a command nobody knows the data.")
    if ending != "none" and epochs is None:
        raise SettingsError("Early ends need epochs: how far a trial goes that is not ended early.")
    known = read_start(start, space)
    make(chosen, space, options, seed, settings)  # what it cannot do it says before a folder is made
    folder, claimed = folder_for(out, title, resume)
    store: Store | None = None
    try:
        store = open_ledger(folder.ledger)
        writer, snapshot = study_writer(store, folder, space, options, seed, settings, title, engine, command, source)
        if snapshot is not None:
            seed = snapshot.study.seed
            options = options_of(options, snapshot)
            chosen = options.strategy if isinstance(chosen, str) else chosen
        with contextlib.ExitStack() as stack:
            stack.callback(writer.close)
            runner = runner_of(folder)
            stack.callback(runner.close)
            driver = _driver(
                space, make(chosen, space, options, seed, settings), known, runner, writer, watcher or Unwatched(),
                clock, settings, seed, options, snapshot, engine,
            )  # fmt: skip
            stack.enter_context(catching_signals(driver))
            driver.watcher.see(
                RunStarted(
                    task=title,
                    out=str(folder.path),
                    device=f"{slots} at a time",
                    seed=seed,
                    budget_seconds=options.budget_seconds,
                    resumed=snapshot is not None,
                    plan=tuple(
                        PlannedStage(StageName.COARSE, options.budget_seconds, line)
                        for line in told_plan(space, options, settings, slots)
                    ),
                )
            )
            try:
                status = driver.conduct()
            except GoodfitError:
                writer.set_status("interrupted")
                raise
            document = search_document(driver, title, seed, status)
            writer.add(MemoRecord(key="result", value=document))
            writer.set_status(status)
            folder.write_result(document)
            write_report(store.read(writer.study), folder.report)
            driver.watcher.see(RunEnded(document, str(folder.path)))
            if status == "stopped":
                first = driver.books.ended[0]
                error = TrainingError(driver.results[-1].summary if driver.results else first.reason)
                error.add_note(first.trace)
                raise error
    finally:
        if store is not None:
            store.close()
        if claimed:
            drop_if_empty(folder.path)
    return Study.open(folder.path)


def command_title(words: Sequence[str]) -> str:
    """A command's name in a ledger: its script's, or the program's."""
    script = next((Path(word).stem for word in words if word.endswith((".py", ".sh"))), None)
    return _title(script or Path(words[0]).name)


def _driver(
    space: Space,
    proposer: Proposer,
    known: Sequence[Mapping[str, Any]],
    runner: Runner,
    writer: Writer,
    watcher: Watcher,
    clock: Clock,
    settings: Settings,
    seed: int,
    options: SearchOptions,
    snapshot: Snapshot | None,
    engine: str,
) -> Driver:
    books = Books(Goal(options.direction == "max", options.metric or "value"), writer, engine)
    early = None
    if options.early != "none" and options.epochs is not None:
        early = EarlyEnds(float(options.epochs), seed, settings.halving)
    trials = options.trials
    if options.strategy == "grid":
        trials = grid_size(space, options, settings)[0]
    elif trials is None and options.budget_seconds is None:
        trials = settings.rounds.trials
    driver = Driver(
        space=space,
        proposer=proposer,
        known=known,
        books=books,
        runner=runner,
        writer=writer,
        watcher=watcher,
        clock=clock,
        settings=settings,
        seed=seed,
        trials=trials,
        epochs=options.epochs,
        deadline=options.budget_seconds,
        early=early,
    )
    if snapshot is not None:
        books.take_up(snapshot)
        driver.earlier_seconds = float(snapshot.memos.get("elapsed", 0.0))
        driver.told_decisions = {d.what for d in snapshot.decisions}
        driver.findings = [record.finding for record in snapshot.findings]
        driver.results = [ended_stage_of(s, snapshot) for s in snapshot.stages if s.verdict]
        if early is not None:
            early.look_back(books)
    return driver


def _title(name: str) -> str:
    """A name that a folder can bear."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "search"


def _source_of(objective: Any) -> str:
    import inspect

    try:
        path = inspect.getsourcefile(objective)
        return Path(path).read_text() if path else ""
    except (OSError, TypeError, UnicodeDecodeError):
        return ""
