"""`goodfit.run` and `goodfit.check`: a task in, a result out; the recipe between them."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from goodfit.best import load_best
from goodfit.clock import Clock, SystemClock
from goodfit.device import read_device
from goodfit.durations import parse_duration
from goodfit.errors import DataError, FolderError, GoodfitError, SettingsError, TaskError
from goodfit.execution.inline import InlineExecutor
from goodfit.execution.machine import default_workers
from goodfit.execution.processes import ProcessExecutor
from goodfit.execution.source import HeldProblem, write_problem
from goodfit.execution.work import Executor
from goodfit.findings import Finding
from goodfit.ledger.fingerprint import refuse_other_data
from goodfit.ledger.folder import RunFolder
from goodfit.ledger.places import claim_next, latest
from goodfit.ledger.records import Snapshot, StudyRecord
from goodfit.ledger.store import Store, open_ledger
from goodfit.ledger.versions import versions
from goodfit.ledger.writer import Writer
from goodfit.opened import Opened, open_task
from goodfit.recipe.progress import PlannedStage, RunEnded, RunStarted, Unwatched, Watcher
from goodfit.report.html import write_report
from goodfit.running.chain import Options, conduct, shown
from goodfit.running.document import result_document
from goodfit.running.engine_choice import EngineChooser
from goodfit.running.session import Session
from goodfit.running.signals import catching_signals
from goodfit.running.trainer import Interrupted
from goodfit.running.trying import Prepared, check_task
from goodfit.settings import Settings
from goodfit.settings.budget import COARSE_STRATEGIES
from goodfit.space import Space
from goodfit.task import Task

DEFAULT_BUDGET = "10m"


@dataclasses.dataclass(frozen=True)
class Best:
    """The best that a run found."""

    hyperparameters: Mapping[str, Any]
    val: Mapping[str, float]
    test: Mapping[str, float]
    variant: str  # "plain", "averaged" or "ensemble"
    folder: Path

    def model(self) -> nn.Module:
        """The trained network (or the ensemble, if that won), in eval mode."""
        return load_best(self.folder)


@dataclasses.dataclass(frozen=True)
class Result:
    """What a run ended with; `document` is result.json."""

    document: Mapping[str, Any]
    status: str  # "done", "stopped" by an error-level finding, or "interrupted"
    out: Path

    @property
    def best(self) -> Best | None:
        """None where the run ended before its final training."""
        found = self.document["best"]
        if not found:
            return None
        return Best(found["hyperparameters"], found["val"], found["test"], found["variant"], self.out / "best")

    @property
    def findings(self) -> list[Finding]:
        """All findings, most important first."""
        return [Finding.from_json(document) for document in self.document["findings"]]


def check(task: Task, **options: Any) -> Result:
    """Steps 1 to 3 of the recipe alone: the data, the initial loss, overfitting a sample, the learning rate.

    Takes the options of `run`.
    """
    return run(task, **options, only_checks=True)


def run(
    task: Task,
    *,
    budget: float | str | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    trials: int | None = None,
    epochs: float | None = None,
    workers: int | None = None,
    settings: Settings | None = None,
    resume: bool = False,
    force: bool = False,
    watcher: Watcher | None = None,
    command: str = "",
    only_checks: bool = False,
    strategy: str = "sobol",
    levels: int | None = None,
    clock: Clock | None = None,
) -> Result:
    """Run the whole recipe on a task.

    Args:
        task: what to train.
        budget: seconds, or text such as "90s", "10m", "2h". 10 minutes, unless `trials` or `epochs` is given: the run
            is then planned in these, no clock is read, and the same plan gives the same result.
        out: the run's folder; runs/<task>-<n> with the next free number unless given.
        seed: of all that is random, but the splits.
        device: "auto", "cpu" or "cuda".
        trials: of the coarse search.
        epochs: of a full training.
        workers: processes that train side by side; 0 trains in this process. By the CPUs unless given.
        settings: other values for goodfit's own numbers.
        resume: go on with the run in `out`; its own plan, budget and seed count.
        force: go on where a failed step would stop.
        watcher: is told what happens.
        command: the command that reproduces the run.
        only_checks: end after the learning rate's bracket.
        strategy: of the coarse search: "sobol" (points that fill the box evenly), "random" or "grid". A grid is run
            whole; its price is told before it starts.
        levels: values of each hyperparameter in a grid; as many as `trials`, or the time, allow unless given.
        clock: tests give their own.

    Raises:
        GoodfitError: the task, its data, the device or the folder cannot be used. Nothing is left behind then.
    """
    if not isinstance(task, Task):
        raise TaskError(f"run needs a gf.Task, got {type(task).__name__}.")
    if budget is None and trials is None and epochs is None:
        budget = DEFAULT_BUDGET
    if (trials is not None and trials < 1) or (epochs is not None and not epochs > 0):
        raise TaskError(f"trials and epochs must be above 0, got trials={trials}, epochs={epochs}.")
    if strategy not in COARSE_STRATEGIES:
        raise SettingsError(f"strategy is one of {', '.join(COARSE_STRATEGIES)} for a run, got {strategy!r}.")
    options = Options(
        budget_seconds=None if budget is None else parse_duration(budget),
        trials=trials,
        epochs=epochs,
        force=force,
        only_checks=only_checks,
        strategy=strategy,
        levels=levels,
    )
    return conducted(
        task, options, conduct, shown, out=out, seed=seed, device=device, workers=workers, settings=settings,
        resume=resume, watcher=watcher, command=command or f"gf.run({task.name!r})", clock=clock,
    )  # fmt: skip


class Asked(Protocol):
    """What a study is asked for: a dataclass of JSON values, kept with it, so that a resumed one asks for the same."""

    @property
    def budget_seconds(self) -> float | None: ...


A = TypeVar("A", bound=Asked)


def conducted(
    task: Task,
    options: A,
    conduct: Callable[[Session, Prepared, A], str],
    shown: Callable[[A, Settings], tuple[PlannedStage, ...]],
    *,
    out: str | Path | None,
    seed: int,
    device: str,
    workers: int | None,
    settings: Settings | None,
    resume: bool,
    watcher: Watcher | None,
    command: str,
    clock: Clock | None,
) -> Result:
    """Open a task's data, keep a study of it in a folder, and conduct its stages: what `run` and `search` share.

    Args:
        options: of this kind of study; those that the folder's study was begun with count on a resume.
        conduct: walks through the stages; gives the status.
        shown: the plan as it is shown before anything is spent.
    """
    settings = settings or Settings()
    clock = clock or SystemClock()
    folder_path = Path(out) if out is not None else _default_folder(task.name, resume)
    if not resume and RunFolder(folder_path).holds_run:
        RunFolder.create(folder_path)  # refuses, with its sentence, before the data is read
    began = clock.now()
    opened = open_task(task, read_device(device))
    prepared = check_task(opened, settings)
    folder = RunFolder.create(folder_path, resume)
    store = open_ledger(folder.ledger)
    try:
        writer, snapshot = _study(store, folder, opened, prepared.space, seed, settings, options, command)
        if snapshot is not None:
            options = _asked_before(options, snapshot, folder)
            seed = snapshot.study.seed
        with contextlib.ExitStack() as stack:
            stack.callback(writer.close)
            folder.clear_unfinished()
            folder.checkpoints.mkdir(exist_ok=True)
            executor = _executor(opened, folder, workers, stack)
            session = Session(
                opened=opened,
                executor=executor,
                writer=writer,
                folder=folder,
                clock=clock,
                watcher=watcher or Unwatched(),
                settings=settings,
                chooser=_chooser(options, settings),
                seed=seed,
                budget_seconds=options.budget_seconds,
                snapshot=snapshot,
                began=began,
                is_check=getattr(options, "only_checks", False),
            )
            stack.enter_context(_one_thread(opened.problem.device))
            stack.enter_context(catching_signals(session.trainer))
            session.watcher.see(
                RunStarted(
                    task=task.name,
                    out=str(folder.path),
                    device=str(opened.problem.device),
                    seed=seed,
                    budget_seconds=options.budget_seconds,
                    resumed=snapshot is not None,
                    plan=shown(options, settings),
                )
            )
            try:
                status = conduct(session, prepared, options)
            except Interrupted:
                status = "interrupted"
            except GoodfitError:
                writer.set_status("interrupted")
                raise
            document = _end(session, store, folder, task, seed, status)
            session.watcher.see(RunEnded(document, str(folder.path)))
            if status != "interrupted":
                shutil.rmtree(folder.checkpoints, ignore_errors=True)  # the best model lies in best/
                folder.checkpoints.mkdir(exist_ok=True)
        return Result(document, status, folder.path)
    finally:
        store.close()


def _end(session: Session, store: Store, folder: RunFolder, task: Task, seed: int, status: str) -> dict[str, Any]:
    """The result document and the report, written."""
    document = result_document(session, task.name, seed, status)
    session.record_result(document)
    session.writer.set_status(status)
    folder.write_result(document)
    write_report(store.read(session.writer.study), folder.report)
    return document


def _study(
    store: Store,
    folder: RunFolder,
    opened: Opened,
    space: Space,
    seed: int,
    settings: Settings,
    options: Any,
    command: str,
) -> tuple[Writer, Snapshot | None]:
    """A writer for a new study, or for the one in the folder with what is known of it."""
    task = opened.task
    known = store.studies()
    if not known:
        record = StudyRecord(
            study=task.name,
            task=task.name,
            seed=seed,
            objective=str(task.parsed_objective),
            command=command,
            device=str(opened.problem.device),
            versions=versions(),
            fingerprint=opened.fingerprint,
            source=task.source,
            space=space.as_json(),
            settings={name: value for name, value, _ in settings.listed()},
            options=dataclasses.asdict(options),
            created_at=time.time(),
        )
        return Writer(store.begin(record)), None
    study = known[-1]
    if study.task != task.name:
        raise FolderError(
            f"{folder.path} holds a run of task {study.task!r}, not of {task.name!r}; give another --out."
        )
    refuse_other_data(study.fingerprint, opened.fingerprint, str(folder.path))
    if study.space != space.as_json():
        raise DataError(
            f"The space has changed since the run in {folder.path} began, so its trials cannot be gone on with; bring "
            "the old one back, or begin anew in another folder."
        )
    writer = store.resume(study.study)
    return Writer(writer), store.read(study.study)


def _asked_before(options: A, snapshot: Snapshot, folder: RunFolder) -> A:
    """What the study in the folder was asked for.

    Raises:
        FolderError: it is of another kind: a search's or a check's, where a run was asked for.
    """
    began = FolderError(f"{folder.path} was begun by {snapshot.study.command!r} and can only be gone on with by that.")
    try:
        before = type(options)(**snapshot.study.options)
    except TypeError:
        raise began from None
    if getattr(before, "only_checks", None) != getattr(options, "only_checks", None):
        raise began
    return before


def _executor(opened: Opened, folder: RunFolder, workers: int | None, stack: contextlib.ExitStack) -> Executor:
    count = default_workers(opened.problem.device) if workers is None else workers
    if count == 0:
        executor: Executor = InlineExecutor(HeldProblem(opened.problem))
    else:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="goodfit-"))
        executor = ProcessExecutor(write_problem(opened.problem, Path(scratch)), count, log=folder.path / "workers.log")
        executor.warm_up()
    stack.callback(executor.close)
    return executor


@contextlib.contextmanager
def _one_thread(device: torch.device) -> Generator[None]:
    """One torch thread here while workers train beside us on a processor: more would only get in their way."""
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _default_folder(name: str, resume: bool) -> Path:
    """runs/<task>-<n>: the next free one, or with `resume` the latest that holds a run."""
    return latest(name) if resume else claim_next(name)


def _chooser(options: Asked, settings: Settings) -> EngineChooser:
    seconds = settings.budget.measuring_share * (options.budget_seconds or 600.0)
    return EngineChooser(cache=_cache_folder(), seconds=seconds, is_by_rule=options.budget_seconds is None)


def _cache_folder() -> Path:
    """Where measured speeds are kept between runs."""
    import os

    home = os.environ.get("GOODFIT_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return Path(home) / "goodfit" if home else Path.home() / ".cache" / "goodfit"
