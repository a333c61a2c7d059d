"""Trains what stages ask for: hands works to the executor, takes in what comes back, and keeps all of it."""

from __future__ import annotations

import collections
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from goodfit.errors import TrainingError
from goodfit.execution.checkpoints import load_states, remove_checkpoint, save_states
from goodfit.execution.work import CohortWork, Executor, Failed, Finished, Told
from goodfit.findings import Finding, plain
from goodfit.ledger.folder import RunFolder
from goodfit.ledger.records import CurveRecord, TrialRecord
from goodfit.running.costs import Timing
from goodfit.running.engine_choice import EngineChooser, native_unused, not_batchable
from goodfit.running.failing import Failures, apart, unbuildable
from goodfit.running.journal import Journal
from goodfit.running.outcome import Outcome
from goodfit.running.prices import Prices
from goodfit.running.works import EVALUATIONS, Entry, Group, Request, evaluating_steps, groups_of, work_of
from goodfit.task import Objective
from goodfit.training.problem import Problem
from goodfit.training.trial import LEFT_OUT, Ended, Event, Points, Probed, Regime, Segment, Status, Trial

REPORTING_SECONDS = 0.25  # one look at the messages, one transaction and one redraw at most in this time


class Interrupted(Exception):  # noqa: N818  (an ending, not an error)
    """The run was cut short by a signal; everything is kept."""


Queue = collections.deque[tuple[CohortWork, float]]  # with the size of a step


class Trainer:
    """A run's trials: those asked for so far, and how the next ones are trained.

    Attributes:
        outcomes: every trial of the run by its number.
        stage: the number of the stage under way; new trials belong to it.
        next_trial: the next trial's number.
        interrupt_requested: set from outside, by a signal's handler.
        failures: how many trials failed in the user's code one after another, and how many may.
    """

    def __init__(
        self,
        *,
        problem: Problem,
        objective: Objective,
        executor: Executor,
        folder: RunFolder,
        journal: Journal,
        chooser: EngineChooser,
        prices: Prices,
        show: Callable[[list[Outcome], float], None],
        refused: Callable[[Finding], None],
        chosen: Callable[[str, str], None],
    ) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.stage = 0
        self.next_trial = 0
        self.interrupt_requested = False
        self.failures = Failures()
        self._problem = problem
        self._objective = objective
        self._executor = executor
        self._folder = folder
        self._journal = journal
        self._chooser = chooser
        self._prices = prices
        self._show = show  # called with a request's trials and the share of them that is done
        self._chosen = chosen  # called with an engine and the sentence that says what choosing it bought
        self._refused = refused  # called with the finding that a model does not train as a batch

    def train(
        self,
        key: str,
        entries: Sequence[Entry],
        *,
        epochs: float | None = None,
        regime: Regime | None = None,
        evaluations: int = EVALUATIONS,
        eval_samples: int | None = None,
        deadline: float | None = None,
        share: tuple[float, float] = (0.0, 1.0),
        is_kept: bool = True,
        problem: Problem | None = None,
        executor: Executor | None = None,
        counts_all: bool = False,
        kept_shares: tuple[float, ...] = (),
    ) -> list[Outcome]:
        """Train these trials and wait for them.

        Args:
            key: unique in the run and the same again on resume.
            entries: what to train, one trial each.
            epochs: the length, where an entry has no `steps` of its own; for a trial with a parent, counted from the
                parent's start.
            regime: how to look at the trials; evaluation steps are filled in where it has none.
            evaluations: points on the evaluated curves.
            eval_samples: samples in each evaluated subset; None: as many as `works.affordable_evaluation` says.
            deadline: the run's elapsed seconds at which trials are stopped and those not begun are left out.
            share: where this training lies within its stage, for the progress bar.
            is_kept: whether states are kept, for later stages and for a resume; a gate's trials are short, and a gate
                that was cut short is done again.
            problem: another one than the task's, with an executor of its own.
            executor: trains them instead of the session's.
            counts_all: whether epochs are counted in steps over all samples where the regime trains on some of them.
            kept_shares: of the length, after which the weights are kept besides the last ones, beside the checkpoint.

        Raises:
            Interrupted: a signal came; all is kept.
            TrainingError: the user's code raised, or a worker crashed twice; or more trials than `failures` allows.
        """
        self.raise_if_interrupted()
        request = Request(
            key=key,
            entries=entries,
            epochs=epochs,
            regime=regime or Regime(),
            evaluations=evaluations,
            eval_samples=eval_samples,
            is_kept=is_kept,
            problem=problem or self._problem,
            counts_all=counts_all,
            kept_shares=kept_shares,
        )
        first = self.next_trial
        works = self._works(request)
        outcomes = [self.outcomes[number] for number in range(first, self.next_trial)]
        if is_kept:
            for outcome in outcomes:
                self._journal.recall(outcome)
        queue = [(work, size) for work, size in works if f"work/{work.key}" not in self._journal]
        if deadline is None:
            queue.sort(key=lambda pair: -pair[1] * pair[0].to_step * len(pair[0].trials))  # the longest first
        else:  # in the order asked for: what time leaves out must not be the small networks
            queue.sort(key=lambda pair: pair[0].trials[0].number)
        low, high = share

        def show() -> None:
            ended = sum(o.status not in (Status.QUEUED, Status.RUNNING) for o in outcomes)
            running = sum(o.status is Status.RUNNING for o in outcomes)
            self._show(outcomes, low + (high - low) * (ended + 0.5 * running) / max(len(outcomes), 1))

        self._wait(executor or self._executor, collections.deque(queue), outcomes, deadline, is_kept, show)
        return sorted(outcomes, key=lambda o: o.number)

    def states(self, numbers: Sequence[int]) -> dict[int, Any]:
        """The states of trials that have ended, by number."""
        found: dict[int, Any] = {}
        by_file: dict[str, list[int]] = {}
        for number in numbers:
            by_file.setdefault(self._journal[f"states/{number}"], []).append(number)
        for file, wanted in by_file.items():
            states = load_states(self._folder.checkpoints / file, only=wanted)
            found.update({number: states[number] for number in wanted if number in states})
        return found

    def has_state(self, number: int) -> bool:
        """Whether the state that a trial ended in still lies on the disk."""
        key = f"states/{number}"
        return key in self._journal and (self._folder.checkpoints / self._journal[key]).exists()

    def recall_stage(self, stage: int, steps_per_epoch: Callable[[Mapping[str, Any]], int]) -> None:
        """All trials of a stage that is replayed, as they ended before the interruption."""
        for record in self._journal.earlier_trials(stage):
            if record.trial in self.outcomes:
                continue
            segment = Segment(0, dict(record.hyperparameters), 0)
            trial = Trial(record.trial, record.seed, (segment,), record.parent)
            outcome = Outcome(trial, stage, steps_per_epoch(record.hyperparameters), record.engine)
            self.outcomes[record.trial] = outcome
            self._journal.recall(outcome)

    def total_epochs(self) -> float:
        """Epochs over all trials; what a child took over from its parent counts once."""
        total = 0.0
        for outcome in self.outcomes.values():
            parent = self.outcomes.get(outcome.trial.parent) if outcome.trial.parent is not None else None
            total += max(0.0, outcome.epochs - (parent.epochs if parent else 0.0))
        return total

    def raise_if_interrupted(self) -> None:
        """End here where a signal asked for it.

        Raises:
            Interrupted: a signal came.
        """
        if self.interrupt_requested:
            self._journal.close()
            raise Interrupted

    # -- before ---------------------------------------------------------------------------------------------------

    def _works(self, request: Request) -> list[tuple[CohortWork, float]]:
        """The request as works for the executor, each with the size of its steps."""
        works: list[tuple[CohortWork, float]] = []
        broken = self._broken(request)
        groups = groups_of(request, self.next_trial, lambda number: self.outcomes[number].step, broken)
        self.next_trial += len(request.entries)
        for group in groups:
            choice = self._journal.decided(
                f"engine/{request.key}/{group.trials[0].number}", lambda group=group: self._choice(request, group)
            )
            if choice.get("refusal"):
                self._refused(not_batchable(choice["refusal"], group.trials[0]))
            if choice.get("native_refusal"):
                self._refused(native_unused(choice["native_refusal"], group.trials[0]))
            if choice.get("told") and request.is_kept:
                self._chosen(choice["engine"], choice["told"])
            for at in range(0, len(group.trials), choice["cohort"]):
                cohort = group.trials[at : at + choice["cohort"]]
                work, size = self._work(request, cohort, group, choice["engine"]), self._size(cohort[0])
                is_apart = f"alone/{work.key}" in self._journal
                works += [(one, size) for one in (apart(work, self._journal) if is_apart else [work])]
        return works

    def _broken(self, request: Request) -> set[int]:
        """Where failed trials are kept: the numbers of those whose models cannot be built, each ended as failed."""
        broken = unbuildable(request, self.next_trial) if self.failures.are_kept else {}
        for number, (reason, trace) in broken.items():
            entry = request.entries[number - self.next_trial]
            trial = Trial(number, entry.seed, (Segment(0, dict(entry.hyperparameters), 0),), entry.parent)
            self.outcomes[number] = Outcome(trial, self.stage, request.steps_per_epoch(entry.hyperparameters), "")
            self._fail(number, reason, trace)
        return set(broken)

    def _fail(self, number: int, reason: str, trace: str) -> None:
        self._take(Ended(number, Status.FAILED, self.outcomes[number].step, reason))
        self._journal.writer.flush()
        self.failures.count(reason, trace)

    def _choice(self, request: Request, group: Group) -> dict[str, Any]:
        """How a group trains: engine, trials a cohort, and what was measured."""
        try:
            return self._chooser.choose(request.problem, group.trials, request.regime, self._executor.slots)
        except Exception:
            if not self.failures.are_kept:
                raise
            return {"engine": "pool", "cohort": 1}  # what a model raised here it raises as a trial, and is told there

    def _size(self, trial: Trial) -> float:
        return self._prices.size_of(trial.hyperparameters)

    def _work(self, request: Request, cohort: tuple[Trial, ...], group: Group, engine: str) -> CohortWork:
        work = work_of(request, cohort, group, engine, len(self._problem.val), self._folder.checkpoints)
        per_epoch = request.steps_per_epoch(cohort[0].hyperparameters)
        for trial in cohort:
            self.outcomes[trial.number] = Outcome(trial, self.stage, per_epoch, engine)
            if work.checkpoint is not None:
                self._journal.note(f"states/{trial.number}", work.checkpoint.name)
        if work.parents is not None and f"work/{work.key}" not in self._journal and not work.parents.exists():
            states = self.states([t.parent for t in cohort if t.parent is not None])
            save_states(work.parents, {t.number: states[t.parent] for t in cohort if t.parent in states})
        return work

    # -- meanwhile ------------------------------------------------------------------------------------------------

    def _wait(
        self,
        executor: Executor,
        queue: Queue,
        outcomes: list[Outcome],
        deadline: float | None,
        is_kept: bool,
        show: Callable[[], None],
    ) -> None:
        """Hand works out, one more than there are slots at a time, and take in what comes until all have ended."""
        waiting: dict[str, tuple[CohortWork, float]] = {}
        interrupted = False
        stopping = False
        while waiting or queue:
            if self.interrupt_requested and not interrupted:
                interrupted = True
                queue.clear()
                executor.interrupt()
            while queue and len(waiting) <= executor.slots:
                work, size = queue.popleft()
                waiting[work.key] = (work, size)
                executor.submit(work)
            for message in executor.messages(REPORTING_SECONDS):
                match message:
                    case Told(_, events):
                        for event in events:
                            self._take(event)
                    case Finished(key, seconds, cut):
                        work, size = waiting.pop(key)
                        if cut:
                            interrupted = True
                        else:
                            self._finish(work, size, seconds, is_kept)
                            self.failures.in_a_row = 0
                    case Failed(key, text, trace):
                        work, size = waiting.pop(key)
                        if self.failures.are_kept and len(work.trials) > 1:
                            self._journal.note(f"alone/{key}", True)
                            queue.extend((single, size) for single in apart(work, self._journal))
                            continue
                        try:
                            if self.failures.are_kept:
                                self._fail(work.trials[0].number, text, trace)
                                self._journal.note(f"work/{key}", True)
                            else:
                                self.failures.count(text, trace)
                        except TrainingError:
                            executor.interrupt()
                            self._journal.writer.flush()
                            raise
            if deadline is not None and not stopping and self._journal.elapsed() >= deadline:
                stopping = True
                self._leave_out(queue, is_kept)
                for work, _ in waiting.values():
                    for trial in work.trials:
                        executor.stop(work.key, trial.number)
            self._journal.save_elapsed()
            self._journal.writer.tick()
            show()
        self._journal.writer.flush()
        if interrupted or self.interrupt_requested:
            for outcome in outcomes:
                if outcome.status in (Status.RUNNING, Status.QUEUED):
                    self._journal.add(self._record(outcome, Status.INTERRUPTED))
            self.interrupt_requested = True
            self.raise_if_interrupted()

    def _leave_out(self, queue: Queue, is_kept: bool) -> None:
        """Works that had not begun when their stage's time was up."""
        while queue:
            work, _ = queue.popleft()
            for trial in work.trials:
                self._take(Ended(trial.number, Status.STOPPED, 0, LEFT_OUT))
            if is_kept:
                self._journal.note(f"work/{work.key}", True)

    def _take(self, event: Event) -> None:
        outcome = self.outcomes[event.trial]
        match event:
            case Points():
                if outcome.status is Status.QUEUED:
                    outcome.status = Status.RUNNING
                    outcome.started_at = outcome.started_at or time.time()
                    self._journal.add(self._record(outcome))
                outcome.add(event)
                if len(event.steps):
                    outcome.step = max(outcome.step, int(event.steps[-1]))
                self._journal.add(
                    CurveRecord(
                        trial=event.trial,
                        series=event.series,
                        steps=event.steps,
                        epochs=event.steps / outcome.steps_per_epoch,
                        values=event.values,
                    )
                )
            case Probed():
                outcome.probed[event.step] = event
            case Ended():
                outcome.status, outcome.step, outcome.reason = event.status, event.step, event.reason
                self._journal.add(self._record(outcome, ended=True))

    def _finish(self, work: CohortWork, size: float, seconds: float, is_kept: bool) -> None:
        steps = 0.0
        for trial in work.trials:
            start = self.outcomes[trial.parent].step if trial.parent is not None else 0
            end = self.outcomes[trial.number].step
            size = int(trial.hyperparameters.get("batch_size", self._problem.default_batch_size))
            steps += max(0, end - start) + evaluating_steps(work.regime, size, start, end)
        if is_kept:  # a gate's works are too short to tell what a step costs
            self._prices.add(Timing(size, steps, seconds))
            self._journal.note(f"work/{work.key}", True)
        if work.parents is not None:
            remove_checkpoint(work.parents)

    def _record(self, outcome: Outcome, status: Status | None = None, ended: bool = False) -> TrialRecord:
        return TrialRecord(
            trial=outcome.number,
            stage=outcome.stage,
            hyperparameters=plain(outcome.hyperparameters),
            seed=outcome.trial.seed,
            status=str(status or outcome.status),
            parent=outcome.trial.parent,
            epochs=outcome.epochs,
            objective=outcome.last(f"val_{self._objective.metric}"),
            metrics=outcome.last_metrics(),
            started_at=outcome.started_at,
            ended_at=time.time() if ended else None,
            engine=outcome.engine,
            reason=outcome.reason,
        )
