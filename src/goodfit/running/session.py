"""A run's edge to the world: it conducts stages one after another, has their trials trained, and keeps all of it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

from goodfit.clock import Clock
from goodfit.execution.work import Executor
from goodfit.findings import Finding, plain
from goodfit.ledger.folder import RunFolder
from goodfit.ledger.records import FindingRecord, Snapshot, StageRecord, ended_stage
from goodfit.ledger.writer import Writer
from goodfit.opened import Opened
from goodfit.recipe.progress import Decided, Found, StageEnded, StageProgress, StageStarted, Watcher
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.running.costs import Timing
from goodfit.running.engine_choice import EngineChooser
from goodfit.running.journal import Journal
from goodfit.running.outcome import Outcome, best_of
from goodfit.running.prices import Prices
from goodfit.running.trainer import Trainer
from goodfit.settings import Settings
from goodfit.training.trial import Status


class Session:
    """What a stage has at hand: the task's problem, the settings, the trainer, and the journal of the run."""

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
        is_check: bool = False,
    ) -> None:
        self.opened = opened
        self.problem = opened.problem
        self.executor = executor
        self.writer = writer
        self.folder = folder
        self.watcher = watcher
        self.settings = settings
        self.seed = seed
        self.budget_seconds = budget_seconds
        self.is_check = is_check  # of which the budget of a whole run says nothing
        self.results: list[StageResult] = []
        self.findings: list[Finding] = []
        self.journal = Journal(writer, clock, snapshot, began)
        self.prices = Prices(self.problem, chooser)
        self.trainer = Trainer(
            problem=self.problem,
            objective=opened.task.parsed_objective,
            executor=executor,
            folder=folder,
            journal=self.journal,
            chooser=chooser,
            prices=self.prices,
            show=self._show,
            refused=self._tell_refusal,
            chosen=self._tell_choice,
        )
        self.outcomes = self.trainer.outcomes
        # What stages say most often, without a detour.
        self.train, self.states = self.trainer.train, self.trainer.states
        self.decided, self.elapsed = self.journal.decided, self.journal.elapsed
        self.size_of, self.seconds_per_step = self.prices.size_of, self.prices.seconds_per_step
        self._loose: list[Finding] = []  # of the stage under way; its result will carry them
        self._stage_names: dict[int, StageName] = {}
        self._next_stage = 0
        self._engines_told: set[str] = set()
        self._stage: tuple[StageName, int, int] = (StageName.DATA, 1, 0)

    def remaining(self) -> float | None:
        """Seconds of the budget that are left; None without a budget in time."""
        return None if self.budget_seconds is None else max(0.0, self.budget_seconds - self.elapsed())

    def steps_per_epoch(self, hyperparameters: Mapping[str, Any]) -> int:
        """Whole minibatches in the training samples; at least one."""
        size = int(hyperparameters.get("batch_size", self.problem.default_batch_size))
        return max(1, len(self.problem.train) // size)

    def stage(self, name: StageName, round_: int, about: str, conduct: Callable[[], StageResult]) -> StageResult:
        """Conduct a stage, or take its result from the ledger where it has ended already."""
        number = self._next_stage
        self._next_stage += 1
        self._stage = (name, round_, number)
        self.trainer.stage = number
        self._stage_names[number] = name
        key = f"stage/{name}/{round_}"
        if key in self.journal:
            return self._replayed(key)
        self.trainer.raise_if_interrupted()
        self._loose = []
        began = self.elapsed()
        trials_before, epochs_before = len(self.outcomes), self.trainer.total_epochs()
        self.watcher.see(StageStarted(name, round_, about))
        self.journal.add(StageRecord(number=number, stage=name, round=round_, verdict="", started_at=time.time()))
        result = conduct()
        result = dataclasses.replace(
            result,
            round=round_,
            findings=(*result.findings, *self._loose),
            trials=len(self.outcomes) - trials_before,
            epochs=self.trainer.total_epochs() - epochs_before,
            seconds=self.elapsed() - began,
        )
        self._keep(result, number, key)
        self.watcher.see(StageEnded(result))
        return result

    def decide(self, what: str, why: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """A line of the decision log; a stage that is taken up again after an interruption does not repeat its own."""
        self.journal.decision(self._stage[2], what, why, before, after)
        self.watcher.see(Decided(what, why))

    def find(self, finding: Finding, trial: int | None = None) -> None:
        """Keep a finding of the stage under way: a trial's own in the ledger, any other in the stage's result too."""
        if trial is None:
            self._loose.append(finding)
        else:
            self.journal.trial_finding(self._stage[2], trial, finding)

    def of_this_stage(self) -> list[Outcome]:
        """The trials of the stage under way."""
        return [outcome for outcome in self.outcomes.values() if outcome.stage == self._stage[2]]

    def best_so_far(self) -> Outcome | None:
        """The best trial of the searches so far, by the objective on the validation samples."""
        stages = (StageName.COARSE, StageName.FINE, StageName.FINAL)
        searched = [o for o in self.outcomes.values() if self._stage_names.get(o.stage) in stages]
        return best_of(searched, self.opened.task.parsed_objective)

    def record_result(self, document: Mapping[str, Any]) -> None:
        """Keep result.json's content in the ledger as well: the report is made from there."""
        self.journal.put("result", dict(document))

    def _replayed(self, key: str) -> StageResult:
        memo = self.journal[key]
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
        self.trainer.next_trial = memo["next_trial"]
        self.trainer.recall_stage(self._stage[2], self.steps_per_epoch)
        for timing in memo.get("timings", []):
            self.prices.add(Timing(**timing))
        self.results.append(result)
        self.findings.extend(findings)
        self.watcher.see(StageEnded(result))
        return result

    def _keep(self, result: StageResult, number: int, key: str) -> None:
        self.results.append(result)
        self.findings.extend(result.findings)
        for finding in result.findings:
            self.journal.add(FindingRecord(stage=number, finding=finding))
            self.watcher.see(Found(finding))
        self.journal.add(ended_stage(number, result, time.time()))
        self.journal.put(
            key,
            {
                "result": result.as_json(),
                "findings": [finding.as_json() for finding in result.findings],
                "next": plain(result.next),
                "next_trial": self.trainer.next_trial,
                "timings": [dataclasses.asdict(t) for t in self.prices.costs.timings[-20:]],
            },
        )
        self.journal.close()

    def _tell_choice(self, engine: str, sentence: str) -> None:
        """Say once in a run, for each engine, that measuring chose it and what that bought."""
        if engine not in self._engines_told:
            self._engines_told.add(engine)
            self.decide(sentence, "A few steps of each engine that can train them were timed.", {}, {"engine": engine})

    def _tell_refusal(self, finding: Finding) -> None:
        """Say once in a run that its trials cannot train as a batch, and why."""
        if not any(f.kind == finding.kind for f in self.findings + self._loose):
            self.find(finding)

    def _show(self, outcomes: list[Outcome], done: float) -> None:
        """Progress of the trials under way; `done` is the stage's share that is behind us."""
        best = self.best_so_far()
        series = f"val_{self.opened.task.parsed_objective.metric}"
        told = None
        if best is not None:
            told = {"trial": best.number, series: best.last(series), "hyperparameters": dict(best.hyperparameters)}
        self.watcher.see(
            StageProgress(
                stage=self._stage[0],
                done=done,
                trials_running=sum(o.status is Status.RUNNING for o in outcomes),
                trials_done=sum(o.status in (Status.DONE, Status.STOPPED) for o in outcomes),
                trials_diverged=sum(o.status is Status.DIVERGED for o in outcomes),
                trials_total=max(len(outcomes), 1),
                best=told,
                elapsed_seconds=self.elapsed(),
                seconds_left=None if self.is_check else self.remaining(),
                live_curve=() if best is None else tuple(best.curve(series)[1].tolist()),
            )
        )
