"""A run's edge to the world: it trains what stages ask for, keeps all of it, and can be taken up again.

A run is replayed on resume: every plan and every stage's result that was recorded is taken from the ledger instead of
being worked out again, works that ended are not trained again, and a work that was cut short goes on from its
checkpoint. So a resumed run walks the same path as an undisturbed one.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from goodfit.clock import Clock
from goodfit.errors import TrainingError
from goodfit.execution.checkpoints import load_states, remove_checkpoint, save_states
from goodfit.execution.work import CohortWork, Executor, Failed, Finished, Told
from goodfit.findings import Finding, plain
from goodfit.hyperparameters import STANDARD
from goodfit.ledger.folder import RunFolder
from goodfit.ledger.records import (
    CurveRecord,
    DecisionRecord,
    FindingRecord,
    MemoRecord,
    Snapshot,
    StageRecord,
    TrialRecord,
)
from goodfit.ledger.writer import Writer
from goodfit.opened import Opened
from goodfit.recipe.progress import Decided, Found, StageEnded, StageProgress, StageStarted, Watcher
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.running.costs import CostModel, Timing
from goodfit.running.engine_choice import EngineChooser
from goodfit.running.outcome import Outcome
from goodfit.running.roles import forward_operations
from goodfit.settings import Settings
from goodfit.training.engines import grouped
from goodfit.training.problem import Problem
from goodfit.training.trial import Ended, Points, Probed, Regime, Segment, Status, Trial

PROBES = 25  # gradient norms and update ratios a search's trial tells
REPORTING_SECONDS = 0.25  # one look at the messages, one transaction and one redraw at most in this time


class Interrupted(Exception):  # noqa: N818  (an ending, not an error)
    """The run was cut short by a signal; everything is kept."""


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One trial that a stage asks for."""

    hyperparameters: Mapping[str, Any]
    seed: int
    parent: int | None = None  # go on from this trial's state
    steps: int | None = None  # None: the request's epochs
    is_scheduled: bool = False  # whether its schedule runs over its steps; the rate is constant otherwise


class Session:
    """See the module."""

    def __init__(
        self,
        *,
        opened: Opened,
        executor: Executor,
        writer: Writer,
        folder: RunFolder,
        clock: Clock,
        watcher: Watcher,
        settings: Settings,
        chooser: EngineChooser,
        seed: int,
        budget_seconds: float | None,
        snapshot: Snapshot | None = None,
        began: float | None = None,
    ) -> None:
        self.opened = opened
        self.problem = opened.problem
        self.executor = executor
        self.writer = writer
        self.folder = folder
        self.clock = clock
        self.watcher = watcher
        self.settings = settings
        self.chooser = chooser
        self.seed = seed
        self.budget_seconds = budget_seconds
        self.costs = CostModel()
        self._sizes: dict[str, float] = {}
        self._measured: dict[str, Any] | None = None  # the hyperparameters whose speed was measured before any work
        self.outcomes: dict[int, Outcome] = {}
        self.results: list[StageResult] = []
        self.findings: list[Finding] = []
        self._loose: list[Finding] = []  # of the stage under way; its result will carry them
        self.interrupt_requested = False
        self._memos: dict[str, Any] = dict(snapshot.memos) if snapshot else {}
        self._snapshot = snapshot
        self._told = {(d.stage, d.what) for d in snapshot.decisions} if snapshot else set()
        self._found = {(f.stage, f.trial, f.finding.kind) for f in snapshot.findings} if snapshot else set()
        self._earlier_seconds = float(self._memos.get("elapsed", 0.0))
        self._started = clock.now() if began is None else began
        self._next_trial = 0
        self._stage_names: dict[int, StageName] = {}
        self._next_stage = 0
        self._stage: tuple[StageName, int, int] = (StageName.DATA, 1, 0)
        self._stage_share = (0.0, 1.0)
        self._saved_elapsed = -math.inf

    # -- time ----------------------------------------------------------------------------------------------------

    def elapsed(self) -> float:
        """Seconds of the run, those before an interruption included."""
        return self._earlier_seconds + self.clock.now() - self._started

    def remaining(self) -> float | None:
        """Seconds of the budget that are left; None without a budget in time."""
        return None if self.budget_seconds is None else max(0.0, self.budget_seconds - self.elapsed())

    # -- what is recorded once and replayed ----------------------------------------------------------------------

    def decided(self, key: str, work_out: Callable[[], Any]) -> Any:
        """A plan's value (JSON): the recorded one, or a new one that is recorded before it is used."""
        if key not in self._memos:
            self._memos[key] = plain(work_out())
            self.writer.add(MemoRecord(key=key, value=self._memos[key]))
            self.writer.flush()
        return self._memos[key]

    def stage(self, name: StageName, round_: int, about: str, conduct: Callable[[], StageResult]) -> StageResult:
        """Conduct a stage, or take its result from the ledger where it has ended already."""
        number = self._next_stage
        self._next_stage += 1
        self._stage = (name, round_, number)
        self._stage_names[number] = name
        key = f"stage/{name}/{round_}"
        if key in self._memos:
            return self._replayed(key)
        self._raise_if_interrupted()
        self._loose = []
        began = self.elapsed()
        trials_before, epochs_before = len(self.outcomes), self.total_epochs()
        self.watcher.see(StageStarted(name, round_, about))
        self.writer.add(StageRecord(number=number, stage=name, round=round_, verdict="", started_at=time.time()))
        result = conduct()
        result = dataclasses.replace(
            result,
            round=round_,
            findings=(*result.findings, *self._loose),
            trials=len(self.outcomes) - trials_before,
            epochs=self.total_epochs() - epochs_before,
            seconds=self.elapsed() - began,
        )
        self._keep(result, number, key)
        self.watcher.see(StageEnded(result))
        return result

    def decide(self, what: str, why: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """A line of the decision log; a stage that is taken up again after an interruption does not repeat its own."""
        stage = self._stage[2]
        if (stage, what) not in self._told:
            self.writer.add(
                DecisionRecord(
                    stage=stage, what=what, why=why, before=plain(before), after=plain(after), at=time.time()
                )
            )
        self.watcher.see(Decided(what, why))

    def find(self, finding: Finding, trial: int | None = None) -> None:
        """Keep a finding of the stage under way: a trial's own in the ledger, any other in the stage's result too."""
        if trial is None:
            self._loose.append(finding)
        elif (self._stage[2], trial, finding.kind) not in self._found:
            self.writer.add(FindingRecord(stage=self._stage[2], finding=finding, trial=trial))

    # -- training ------------------------------------------------------------------------------------------------

    def steps_per_epoch(self, hyperparameters: Mapping[str, Any], samples: int | None = None) -> int:
        """Whole minibatches in the training samples; at least one."""
        size = int(hyperparameters.get("batch_size", self.problem.default_batch_size))
        return max(1, (len(self.problem.train) if samples is None else samples) // size)

    def train(
        self,
        key: str,
        entries: Sequence[Entry],
        *,
        epochs: float | None = None,
        regime: Regime | None = None,
        evaluations: int = 12,
        eval_samples: int | None = None,
        deadline: float | None = None,
        share: tuple[float, float] = (0.0, 1.0),
        is_kept: bool = True,
        problem: Problem | None = None,
        executor: Executor | None = None,
    ) -> list[Outcome]:
        """Train these trials and wait for them.

        Args:
            key: unique in the run and the same again on resume.
            entries: what to train, one trial each.
            epochs: the length, where an entry has no `steps` of its own; for a trial with a parent, counted from the
                parent's start.
            regime: how to look at the trials; evaluation steps are filled in where it has none.
            evaluations: points on the evaluated curves.
            eval_samples: samples in each evaluated subset; None: as many as cost a seventh of the training at most.
            deadline: the run's elapsed seconds at which trials are stopped and those not begun are left out.
            share: where this training lies within its stage, for the progress bar.
            is_kept: whether states are kept, for later stages and for a resume; a gate's trials are short, and a gate
                that was cut short is done again.
            problem: another one than the task's, with an executor of its own.
            executor: trains them instead of the session's.

        Raises:
            Interrupted: a signal came; all is kept.
            TrainingError: the user's code raised, or a worker crashed twice.
        """
        self._raise_if_interrupted()
        self._stage_share = share
        works = self._works(key, entries, epochs, regime or Regime(), evaluations, eval_samples, is_kept, problem)
        outcomes = [self.outcomes[t.number] for work, _ in works for t in work.trials]
        if is_kept:
            for work, _ in works:
                self._recall(work)
        queue = [(work, size) for work, size in works if f"work/{work.key}" not in self._memos]
        queue.sort(key=lambda pair: -pair[1] * pair[0].to_step * len(pair[0].trials))  # the longest first
        self._wait(executor or self.executor, collections.deque(queue), outcomes, deadline, is_kept)
        return sorted(outcomes, key=lambda o: o.number)

    def states(self, numbers: Sequence[int]) -> dict[int, Any]:
        """The states of trials that have ended, by number."""
        found: dict[int, Any] = {}
        by_file: dict[str, list[int]] = {}
        for number in numbers:
            by_file.setdefault(self._memos[f"states/{number}"], []).append(number)
        for file, wanted in by_file.items():
            states = load_states(self.folder.checkpoints / file, only=wanted)
            found.update({number: states[number] for number in wanted if number in states})
        return found

    def _choice(self, problem: Problem, group: Sequence[Trial], regime: Regime) -> dict[str, Any]:
        """How a group of trials of one structure trains: engine, trials a cohort, and what was measured."""
        return self.chooser.choose(problem, group, regime, self.executor.slots)

    def _tell_refusal(self, choice: Mapping[str, Any], trial: Trial) -> None:
        """Say once in a run that its trials cannot train as a batch, and why."""
        if not choice.get("refusal") or any(f.kind == "not-batchable" for f in self.findings + self._loose):
            return
        self.find(
            Finding(
                kind="not-batchable",
                message=choice["refusal"],
                action="Nothing has to be done: its trials train one a process.",
                where=f"trial {trial.number}",
            )
        )

    # -- costs ---------------------------------------------------------------------------------------------------

    def size_of(self, hyperparameters: Mapping[str, Any]) -> float:
        """Floating-point operations of a minibatch's forward pass: what a step's arithmetic grows with."""
        own = {name: value for name, value in hyperparameters.items() if name not in STANDARD}
        key = repr((sorted(own.items()), hyperparameters.get("batch_size")))
        if key not in self._sizes:
            self._sizes[key] = forward_operations(self.problem, hyperparameters)
        return self._sizes[key]

    def seconds_per_step(self, hyperparameters: Mapping[str, Any]) -> float:
        """What a step of such a trial takes on one slot."""
        if self.costs.timings:
            return self.costs.seconds_per_step(self.size_of(hyperparameters))
        if self._measured is None:
            self._measured = dict(hyperparameters)
        speed = self.chooser.steps_per_second(self.problem, self._measured)
        ratio = self.size_of(hyperparameters) / max(self.size_of(self._measured), 1.0)
        return (0.5 + 0.5 * ratio) / speed  # a step's overhead does not grow with its arithmetic

    # -- totals --------------------------------------------------------------------------------------------------

    def total_epochs(self) -> float:
        """Epochs over all trials; what a child took over from its parent counts once."""
        total = 0.0
        for outcome in self.outcomes.values():
            parent = self.outcomes.get(outcome.trial.parent) if outcome.trial.parent is not None else None
            total += max(0.0, outcome.epochs - (parent.epochs if parent else 0.0))
        return total

    def of_this_stage(self) -> list[Outcome]:
        """The trials of the stage under way."""
        return [outcome for outcome in self.outcomes.values() if outcome.stage == self._stage[2]]

    def best_so_far(self) -> Outcome | None:
        """The best trial of the searches so far, by the objective on the validation samples."""
        objective = self.opened.task.parsed_objective
        series = f"val_{objective.metric}"
        searched = [
            o
            for o in self.outcomes.values()
            if o.last(series) is not None
            and self._stage_names.get(o.stage) in (StageName.COARSE, StageName.FINE, StageName.FINAL)
        ]
        return min(searched, key=lambda o: objective.score(o.last(series) or 0.0), default=None)

    def record_result(self, document: Mapping[str, Any]) -> None:
        """Keep result.json's content in the ledger as well: the report is made from there."""
        self.writer.add(MemoRecord(key="result", value=dict(document)))

    def close(self) -> None:
        """Write what is left."""
        self._save_elapsed(force=True)
        self.writer.flush()

    # -- inside --------------------------------------------------------------------------------------------------

    def _raise_if_interrupted(self) -> None:
        if self.interrupt_requested:
            self.close()
            raise Interrupted

    def _replayed(self, key: str) -> StageResult:
        memo = self._memos[key]
        findings = tuple(Finding.from_json(document) for document in memo["findings"])
        document = memo["result"]
        result = StageResult(
            stage=StageName(document["step"]),
            verdict=Verdict(document["verdict"]),
            summary=document["summary"],
            findings=findings,
            evidence=document["evidence"],
            round=document["round"],
            trials=document["trials"],
            epochs=document["epochs"],
            seconds=document["seconds"],
            space=document["space"],
            next=memo["next"],
        )
        self._next_trial = memo["next_trial"]
        self._recall_trials(self._stage[2])
        for timing in memo.get("timings", []):
            self.costs.add(Timing(**timing))
        self.results.append(result)
        self.findings.extend(findings)
        self.watcher.see(StageEnded(result))
        return result

    def _keep(self, result: StageResult, number: int, key: str) -> None:
        self.results.append(result)
        self.findings.extend(result.findings)
        for finding in result.findings:
            self.writer.add(FindingRecord(stage=number, finding=finding))
            self.watcher.see(Found(finding))
        document = result.as_json()
        self.writer.add(
            StageRecord(
                number=number,
                stage=result.stage,
                round=result.round,
                verdict=result.verdict,
                summary=result.summary,
                findings=tuple(document["findings"]),
                evidence=document["evidence"],
                trials=result.trials,
                epochs=result.epochs,
                seconds=result.seconds,
                space=document["space"],
                started_at=time.time() - result.seconds,
                ended_at=time.time(),
            )
        )
        self._memos[key] = {
            "result": document,
            "findings": [finding.as_json() for finding in result.findings],
            "next": plain(result.next),
            "next_trial": self._next_trial,
            "timings": [dataclasses.asdict(t) for t in self.costs.timings[-20:]],
        }
        self.writer.add(MemoRecord(key=key, value=self._memos[key]))
        self._save_elapsed(force=True)
        self.writer.flush()

    def _works(
        self,
        key: str,
        entries: Sequence[Entry],
        epochs: float | None,
        regime: Regime,
        evaluations: int,
        eval_samples: int | None,
        is_kept: bool,
        problem: Problem | None,
    ) -> list[tuple[CohortWork, float]]:
        """The request as works for the executor, each with its size (parameters × batch size)."""
        trials: dict[int, Trial] = {}
        lengths: dict[int, int] = {}
        samples = None if regime.samples is None else len(regime.samples)
        for entry in entries:
            number = self._next_trial
            self._next_trial += 1
            per_epoch = (
                max(1, samples // regime.batch_size)
                if samples is not None and regime.batch_size is not None
                else self.steps_per_epoch(entry.hyperparameters, samples)
            )
            steps = entry.steps if entry.steps is not None else max(1, math.ceil((epochs or 1.0) * per_epoch))
            segment = Segment(0, dict(entry.hyperparameters), steps if entry.is_scheduled else 0)
            trials[number] = Trial(number, entry.seed, (segment,), entry.parent)
            lengths[number] = steps
        works: list[tuple[CohortWork, float]] = []
        starts = {n: self.outcomes[t.parent].step if t.parent is not None else 0 for n, t in trials.items()}
        by_length: dict[tuple[int, int], list[Trial]] = {}
        for number, trial in trials.items():
            by_length.setdefault((lengths[number], starts[number]), []).append(trial)
        for (steps, start), alike in by_length.items():
            for places in grouped(problem or self.problem, alike, regime):
                group = [alike[place] for place in places]
                choice = self.decided(
                    f"engine/{key}/{group[0].number}",
                    lambda group=group: self._choice(problem or self.problem, group, regime),
                )
                self._tell_refusal(choice, group[0])
                for at in range(0, len(group), choice["cohort"]):
                    cohort = tuple(group[at : at + choice["cohort"]])
                    work = self._work(key, cohort, regime, start, steps, choice, evaluations, eval_samples, is_kept)
                    works.append((work, self.size_of(cohort[0].hyperparameters)))
        return works

    def _work(
        self,
        key: str,
        cohort: tuple[Trial, ...],
        regime: Regime,
        start: int,
        steps: int,
        choice: Mapping[str, Any],
        evaluations: int,
        eval_samples: int | None,
        is_kept: bool,
    ) -> CohortWork:
        first = cohort[0]
        work_key = f"{key}/{first.number}"
        file = f"{work_key.replace('/', '-')}.pt"
        batch = self._batch_size(first, regime)
        samples = len(regime.samples) if regime.samples is not None else len(self.problem.train)
        if not regime.eval_steps:
            regime = dataclasses.replace(regime, eval_steps=evaluation_steps(start, steps, evaluations))
            size = eval_samples or affordable_evaluation((steps - start) * batch, evaluations)
            regime = dataclasses.replace(
                regime,
                eval_train=min(size, samples, max(len(self.problem.val), 1)),
                eval_val=min(size, len(self.problem.val)),
            )
        if is_kept and not regime.probe_every:  # rules of curves read gradient norms and update ratios
            regime = dataclasses.replace(regime, probe_every=max(10, (steps - start) // PROBES))
        per_epoch = max(1, samples // batch)
        for trial in cohort:
            self.outcomes[trial.number] = Outcome(trial, self._stage[2], per_epoch, choice["engine"])
            if is_kept:
                self._note(f"states/{trial.number}", file)
        parents = None
        if any(trial.parent is not None for trial in cohort):
            parents = self.folder.checkpoints / f"parents-{file}"
            if f"work/{work_key}" not in self._memos and not parents.exists():
                states = self.states([t.parent for t in cohort if t.parent is not None])
                save_states(parents, {t.number: states[t.parent] for t in cohort if t.parent in states})
        return CohortWork(
            key=work_key,
            trials=cohort,
            regime=regime,
            to_step=steps,
            engine=choice["engine"],
            parents=parents,
            checkpoint=self.folder.checkpoints / file if is_kept else None,
        )

    def _note(self, key: str, value: Any) -> None:
        """A memo that goes with the next flush."""
        if key not in self._memos:
            self._memos[key] = value
            self.writer.add(MemoRecord(key=key, value=value))

    def _batch_size(self, trial: Trial, regime: Regime) -> int:
        if regime.batch_size is not None:
            return regime.batch_size
        return int(trial.hyperparameters.get("batch_size", self.problem.default_batch_size))

    def _recall(self, work: CohortWork) -> None:
        """What the ledger knows of a work's trials from before an interruption."""
        for trial in work.trials:
            self._recall_trial(self.outcomes[trial.number])

    def _recall_trials(self, stage: int) -> None:
        """All trials of a stage that is replayed."""
        if self._snapshot is None:
            return
        for record in self._snapshot.trials:
            if record.stage != stage or record.trial in self.outcomes:
                continue
            segment = Segment(0, dict(record.hyperparameters), 0)
            trial = Trial(record.trial, record.seed, (segment,), record.parent)
            per_epoch = self.steps_per_epoch(record.hyperparameters)
            self.outcomes[record.trial] = Outcome(trial, stage, per_epoch, record.engine)
            self._recall_trial(self.outcomes[record.trial])

    def _recall_trial(self, outcome: Outcome) -> None:
        if self._snapshot is None:
            return
        for series, curve in self._snapshot.curves.get(outcome.number, {}).items():
            outcome.add(Points(outcome.number, series, curve.steps, curve.values))
            if len(curve.steps):
                outcome.step = max(outcome.step, int(curve.steps[-1]))
        for record in self._snapshot.trials:
            if record.trial == outcome.number:
                outcome.started_at = record.started_at
            if record.trial == outcome.number and record.ended_at is not None:
                outcome.status, outcome.reason = Status(record.status), record.reason
                outcome.step = round(record.epochs * outcome.steps_per_epoch)

    def _wait(
        self,
        executor: Executor,
        queue: collections.deque[tuple[CohortWork, float]],
        outcomes: list[Outcome],
        deadline: float | None,
        is_kept: bool,
    ) -> None:
        """Hand works out, one more than there are slots at a time, and take in what comes until all have ended."""
        waiting: dict[str, tuple[CohortWork, float]] = {}
        interrupted = False
        stopping = False
        began = self.clock.now()
        total = max(len(outcomes), 1)
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
                    case Failed(key, text, trace):
                        work, _ = waiting.pop(key)
                        executor.interrupt()
                        self.writer.flush()
                        error = TrainingError(text)
                        error.add_note(trace)
                        raise error
            if deadline is not None and not stopping and self.elapsed() >= deadline:
                stopping = True
                self._leave_out(queue, is_kept)
                for work, _ in waiting.values():
                    for trial in work.trials:
                        executor.stop(work.key, trial.number)
            self._save_elapsed()
            self.writer.tick()
            self._show(outcomes, total, began)
        self.writer.flush()
        if interrupted or self.interrupt_requested:
            for outcome in outcomes:
                if outcome.status in (Status.RUNNING, Status.QUEUED):
                    self.writer.add(self._record(outcome, Status.INTERRUPTED))
            self.interrupt_requested = True
            self._raise_if_interrupted()

    def _leave_out(self, queue: collections.deque[tuple[CohortWork, float]], is_kept: bool) -> None:
        """Works that had not begun when their stage's time was up."""
        while queue:
            work, _ = queue.popleft()
            for trial in work.trials:
                self._take(Ended(trial.number, Status.STOPPED, 0, "Left out: the stage's time was up."))
            if is_kept:
                self._note(f"work/{work.key}", True)

    def _take(self, event: Points | Probed | Ended) -> None:
        outcome = self.outcomes[event.trial]
        match event:
            case Points():
                if outcome.status is Status.QUEUED:
                    outcome.status = Status.RUNNING
                    outcome.started_at = outcome.started_at or time.time()
                    self.writer.add(self._record(outcome))
                outcome.add(event)
                if len(event.steps):
                    outcome.step = max(outcome.step, int(event.steps[-1]))
                self.writer.add(
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
                self.writer.add(self._record(outcome, ended=True))

    def _finish(self, work: CohortWork, size: float, seconds: float, is_kept: bool) -> None:
        steps = 0
        for trial in work.trials:
            outcome = self.outcomes[trial.number]
            start = self.outcomes[trial.parent].step if trial.parent is not None else 0
            steps += max(0, outcome.step - start)
        if is_kept:  # a gate's works are too short to tell what a step costs
            self.costs.add(Timing(size, steps, seconds))
            self._note(f"work/{work.key}", True)
        if work.parents is not None:
            remove_checkpoint(work.parents)

    def _record(self, outcome: Outcome, status: Status | None = None, ended: bool = False) -> TrialRecord:
        objective = self.opened.task.parsed_objective
        return TrialRecord(
            trial=outcome.number,
            stage=outcome.stage,
            hyperparameters=plain(outcome.hyperparameters),
            seed=outcome.trial.seed,
            status=str(status or outcome.status),
            parent=outcome.trial.parent,
            epochs=outcome.epochs,
            objective=outcome.last(f"val_{objective.metric}"),
            metrics=outcome.last_metrics(),
            started_at=outcome.started_at,
            ended_at=time.time() if ended else None,
            engine=outcome.engine,
            reason=outcome.reason,
        )

    def _save_elapsed(self, force: bool = False) -> None:
        """How long the run has been at work, for a later resume; about once a second."""
        now = self.elapsed()
        if force or now - self._saved_elapsed >= 1.0:
            self._saved_elapsed = now
            self.writer.add(MemoRecord(key="elapsed", value=now))

    def _show(self, outcomes: list[Outcome], total: int, began: float) -> None:
        ended = [o for o in outcomes if o.status not in (Status.QUEUED, Status.RUNNING)]
        running = [o for o in outcomes if o.status is Status.RUNNING]
        best = self.best_so_far()
        objective = self.opened.task.parsed_objective
        series = f"val_{objective.metric}"
        low, high = self._stage_share
        done = (len(ended) + 0.5 * len(running)) / total
        self.watcher.see(
            StageProgress(
                stage=self._stage[0],
                done=low + (high - low) * done,
                trials_running=len(running),
                trials_done=sum(o.status in (Status.DONE, Status.STOPPED) for o in ended),
                trials_diverged=sum(o.status is Status.DIVERGED for o in ended),
                trials_total=total,
                best=None
                if best is None
                else {
                    "trial": best.number,
                    series: best.last(series),
                    "hyperparameters": dict(best.hyperparameters),
                },
                elapsed_seconds=self.elapsed(),
                seconds_left=self.remaining(),
                live_curve=() if best is None else tuple(best.curve(series)[1].tolist()),
            )
        )


def evaluation_steps(start: int, to_step: int, count: int) -> tuple[int, ...]:
    """`count` steps spread evenly from `start` to `to_step`, both ends among them.

    A trial that starts at 0 is also evaluated within its first hundredth: rules read the start of a curve there.
    """
    steps = {round(s) for s in np.linspace(start, to_step, count)}
    if start == 0:
        steps.add(max(1, to_step // 100))
    else:
        steps.discard(start)  # the parent's curve has that point
    return tuple(sorted(steps))


def affordable_evaluation(samples_trained: int, evaluations: int, share: float = 0.15, least: int = 2000) -> int:
    """Samples in each of the two evaluated subsets, so that evaluating costs about `share` of training.

    A forward pass is a third of a training step's arithmetic; `least` keeps small data whole.
    """
    return max(least, int(3 * share * samples_trained / (2 * evaluations)))
