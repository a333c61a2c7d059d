"""The search over an objective: proposes, runs, judges at rungs, and writes all of it down."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.clock import Clock
from goodfit.errors import SpaceError
from goodfit.execution.functions import FunctionWork, Reported, Returned
from goodfit.findings import Finding, plain
from goodfit.ledger.records import DecisionRecord, FindingRecord, MemoRecord, StageRecord, ended_stage
from goodfit.ledger.writer import Writer
from goodfit.recipe.progress import Decided, Found, StageEnded, StageProgress, StageStarted, Watcher
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.searching.books import Books, Entry
from goodfit.searching.early import EarlyEnds, is_broken
from goodfit.searching.runners import Runner
from goodfit.settings import Settings
from goodfit.space import Space
from goodfit.strategy.coarse_to_fine import CoarseToFine, Round
from goodfit.strategy.grids import findings_of_grid
from goodfit.strategy.next_space import next_space
from goodfit.strategy.observation import Observation
from goodfit.strategy.proposers import Grid, Proposer, Random, point_key
from goodfit.strategy.sequences import Halton, Sobol
from goodfit.strategy.trials import findings_of_trials
from goodfit.training.seeds import PROPOSAL, mixed
from goodfit.training.trial import Segment, Status
from goodfit.training.trial import Trial as TrialRecordOfEngine

DRAIN_SECONDS = 15.0  # longer than a runner's own patience
PUMP_SECONDS = 0.25  # one look at what happened, one transaction and one redraw at most in this time


@dataclasses.dataclass
class Driver:
    """One search, from its first trial to its last. The runner tells it what it hears.

    Attributes:
        space: where is searched.
        proposer: where points come from.
        known: points to try first.
        books: the trials, those of an earlier process included.
        runner: runs them.
        trials: how many in all; None: until the time is up.
        deadline: the search's elapsed seconds at which it ends; None: it has no time limit.
        early: ends trials early; None: none is.
        earlier_seconds: the search's seconds before an interruption.
    """

    space: Space
    proposer: Proposer
    known: Sequence[Mapping[str, Any]]
    books: Books
    runner: Runner
    writer: Writer
    watcher: Watcher
    clock: Clock
    settings: Settings
    seed: int
    trials: int | None
    epochs: float | None = None
    deadline: float | None = None
    early: EarlyEnds | None = None
    earlier_seconds: float = 0.0
    told_decisions: set[str] = dataclasses.field(default_factory=set)
    interrupt_requested: bool = False
    results: list[StageResult] = dataclasses.field(default_factory=list)
    findings: list[Finding] = dataclasses.field(default_factory=list)
    _began: float = 0.0
    _stage_began: float = 0.0
    _round: Round | None = None
    _is_open: bool = False  # whether a stage is under way
    _is_over: bool = False  # the time is up
    _saved: float = -1.0

    # -- what the runner tells -----------------------------------------------------------------------------------

    @property
    def is_interrupted(self) -> bool:
        return self.interrupt_requested

    def reported(self, report: Reported) -> None:
        entry = self.books.report(report)
        self._show()
        self.writer.tick()
        if entry.is_told_to_stop:
            return
        if is_broken(report):
            self._stop(entry, f"It diverged: a metric was not finite at epoch {report.epoch:g}.")
        elif self._time_is_up():
            self._stop(entry, "The search's time was up.")
        elif self.early is not None:
            judgement = self.early.judge(self.books, entry, report)
            if judgement is not None and not judgement.goes_on:
                place = f"rank {judgement.rank} of {judgement.peers}"
                self._stop(entry, f"Ended early at epoch {report.epoch:g}: {judgement.why} ({place}).")

    def returned(self, returned: Returned) -> None:
        entry = self.books.end(returned)
        if self.early is not None and entry.status is Status.DONE:
            for said in self.early.look_back(self.books):
                self.decide(said, "Trials that went to the end say so.", {}, {"rungs": list(self.early.rungs)})
        self._show()

    def is_stopped(self, trial: int) -> bool:
        return self.books.entries[trial].is_told_to_stop

    # -- the search ----------------------------------------------------------------------------------------------

    def elapsed(self) -> float:
        """Seconds of the search, those before an interruption included."""
        return self.earlier_seconds + self.clock.now() - self._began

    def conduct(self) -> str:
        """Search to the end: "done", "stopped" where every trial failed, or "interrupted"."""
        self._began = self.clock.now()
        for entry in [e for e in self.books.entries.values() if e.status is Status.QUEUED]:
            self._enter_stage(entry.number)
            self._submit(entry)
        while True:
            if self.interrupt_requested:
                return self._cut_short()
            if self._is_hopeless():
                return self._end_hopeless()
            if not self._fill() and not self.books.running:
                break
            self.runner.pump(self, PUMP_SECONDS)
            self._save_elapsed()
            self.writer.tick()
            self._show()
        if self._is_open:
            self._close_stage()
        return "done"

    def decide(self, what: str, why: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """A line of the decision log, once."""
        stage = len(self.results)
        if what not in self.told_decisions:
            self.told_decisions.add(what)
            self.writer.add(
                DecisionRecord(
                    stage=stage, what=what, why=why, before=plain(before), after=plain(after), at=time.time()
                )
            )
            self.watcher.see(Decided(what, why))

    # -- inside --------------------------------------------------------------------------------------------------

    def _history(self) -> tuple[Observation, ...]:
        return self.books.comparable_history(self.epochs)

    def _rounds(self) -> tuple[Round, ...]:
        return self.proposer.rounds(self._history()) if isinstance(self.proposer, CoarseToFine) else ()

    def _fill(self) -> bool:
        """Give the runner as many trials as it has room for; whether there was any."""
        free = self.runner.slots - len(self.books.running)
        if self.trials is not None:
            free = min(free, self.trials - len(self.books.entries))
        if free <= 0 or self._time_is_up():
            return False
        tried = {point_key(e.hyperparameters) for e in self.books.entries.values()}
        points = [dict(p) for p in self.known if point_key(p) not in tried][:free]
        if len(points) < free:
            pending = [*self._history(), *self._as_pending(points)]
            points += [dict(p) for p in self._proposed(pending, free - len(points), tried)]
        for point in points:
            number = len(self.books.entries)
            self._enter_stage(number)
            seed = mixed(self.seed, PROPOSAL, 5, number) % 2**31
            self._submit(self.books.open(number, point, seed, len(self.results)))
        return bool(points)

    def _as_pending(self, points: Sequence[Mapping[str, Any]]) -> list[Observation]:
        first = len(self.books.entries)
        return [Observation(first + i, p, None, status="queued") for i, p in enumerate(points)]

    def _proposed(self, history: Sequence[Observation], n: int, tried: set[Any]) -> list[Mapping[str, Any]]:
        """What the proposer proposes, checked: it may be of the user's own.

        Raises:
            SpaceError: a point lacks a value, or has one that its scale cannot hold. A value beyond the box is one: a
                box is where a search begins.
        """
        found = []
        for point in tuple(self.proposer.propose(history, n))[:n]:
            for dimension in self.space.active(point):
                if dimension.name not in point or not dimension.has_place_for(point[dimension.name]):
                    has = f"{point[dimension.name]!r}" if dimension.name in point else "no value"
                    raise SpaceError(
                        f"{dimension.key}: the strategy {type(self.proposer).__name__} proposed {has}; "
                        f"it needs one of {dimension.scale}."
                    )
            if point_key(point) not in tried:
                found.append(point)
                tried.add(point_key(point))
        return found

    def _submit(self, entry: Entry) -> None:
        self.books.begin(entry)
        trial = TrialRecordOfEngine(entry.number, entry.seed, (Segment(0, entry.hyperparameters, 0),))
        self.runner.submit(FunctionWork(f"trial/{entry.number}", (trial,), self.epochs))

    def _stop(self, entry: Entry, reason: str) -> None:
        entry.is_told_to_stop, entry.stop_reason = True, reason

    def _time_is_up(self) -> bool:
        if not self._is_over and self.deadline is not None and self.elapsed() >= self.deadline:
            self._is_over = True
            self.decide("The search ends.", f"Its time, {self.deadline:g} s, was up.", {}, {})
        return self._is_over

    def _is_hopeless(self) -> bool:
        """Whether every trial so far has failed, and often enough to say so."""
        ended = self.books.ended
        most = self.settings.rounds.failures_most
        if any(e.status is not Status.FAILED for e in ended):
            return False
        return len(ended) >= most or (bool(ended) and len(ended) == self.trials)

    def _end_hopeless(self) -> str:
        self._drain()
        first = self.books.ended[0]
        summary = f"All {len(self.books.ended)} trials failed; the first: {first.reason}"
        if self._is_open:
            self._close_stage(Verdict.FAIL, summary)
        return "stopped"

    def _cut_short(self) -> str:
        self._drain()
        self._save_elapsed(force=True)
        self.writer.flush()
        return "interrupted"

    def _drain(self) -> None:
        """End what runs; what does not end by itself is taken up again by a resumed search."""
        self.runner.interrupt()
        until = self.clock.now() + DRAIN_SECONDS
        while self.books.running and self.clock.now() < until:
            self.runner.pump(self, PUMP_SECONDS)
        for entry in self.books.running:
            self.books.end(Returned(entry.number, Status.INTERRUPTED))

    # -- stages --------------------------------------------------------------------------------------------------

    def _enter_stage(self, place: int) -> None:
        """See to it that the stage is open to which the trial at this place of the search belongs."""
        round_ = next((r for r in reversed(self._rounds()) if r.first <= place), None)
        if self._is_open and (round_ is None or self._round is None or round_.number == self._round.number):
            return
        if self._is_open and round_ is not None and round_.moved is not None:
            for reason in round_.moved.reasons:
                before, after = round_.moved.before, round_.moved.after
                self.decide(reason, "The trials so far.", {"space": before}, {"space": after})
            self._close_stage(moved_findings=round_.moved.findings)
        self._round, self._is_open, self._stage_began = round_, True, self.elapsed()
        name, number = self._name()
        space = self.space if round_ is None else round_.space
        about = f"{round_.trials if round_ else self.trials or ''} trials over {', '.join(space.names)}".strip()
        self.watcher.see(StageStarted(name, number, about))
        self.writer.add(
            StageRecord(
                number=len(self.results),
                stage=name,
                round=number,
                verdict="",
                space=space.as_json(),
                started_at=time.time(),
            )
        )

    def _name(self) -> tuple[StageName, int]:
        """The stage in the contract's words: coarse or fine, and which of these."""
        if self._round is None:
            return StageName.COARSE, 1 + len(self.results)
        return StageName.COARSE if self._round.is_coarse else StageName.FINE, self._round.place

    def _close_stage(
        self, verdict: Verdict | None = None, summary: str = "", moved_findings: Sequence[Finding] | None = None
    ) -> None:
        stage = len(self.results)
        mine = [e for e in self.books.entries.values() if e.stage == stage]
        space = self.space if self._round is None else self._round.space
        found = moved_findings
        if found is None:
            found = self._last_findings(space, mine)
        name, number = self._name()
        best = min(
            (e for e in mine if e.value is not None), key=lambda e: self.books.goal.score(e.value or 0), default=None
        )
        counts = {str(s): sum(e.status is s for e in mine) for s in Status if any(e.status is s for e in mine)}
        lost = sum(e.status in (Status.DIVERGED, Status.FAILED) for e in mine)
        told = ", ".join(f"{n} {s}" for s, n in counts.items())
        if not summary:
            reached = (
                "none has a value"
                if best is None
                else (f"best {self.books.goal.metric} {best.value:.4g} (trial {best.number})")
            )
            summary = f"{len(mine)} trials ({told}): {reached}."
        if verdict is None:
            verdict = Verdict.FAIL if best is None else Verdict.WARN if lost > len(mine) / 2 else Verdict.PASS
        result = StageResult(
            stage=name,
            round=number,
            verdict=verdict,
            summary=summary,
            findings=tuple(found),
            evidence={
                "trials": len(mine),
                "statuses": counts,
                "best": None if best is None else best.value,
                "best_trial": None if best is None else best.number,
            },
            trials=len(mine),
            epochs=self.books.total_epochs(mine),
            seconds=self.elapsed() - self._stage_began,
            space=space.as_json(),
        )
        self._keep(result, stage)

    def _last_findings(self, space: Space, mine: Sequence[Entry]) -> Sequence[Finding]:
        """What the last stage's trials say as a whole; of borders only where the trials were spread evenly."""
        numbers = {e.number for e in mine}
        seen = [o for o in self._history() if o.number in numbers and not o.is_pending]
        if isinstance(self.proposer, Grid):
            wasteful = findings_of_grid(self.space, self.proposer.levels, self.settings.search)
            return (*wasteful, *findings_of_trials(space, seen, self.settings.search))
        if not isinstance(self.proposer, (Random, Sobol, Halton)):
            return findings_of_trials(space, seen, self.settings.search)
        found = []
        for finding in next_space(space, seen, self.settings.search, seed=mixed(self.seed, PROPOSAL, 6)).findings:
            if finding.kind == "best-on-border":
                said = f"{finding.message.rpartition(';')[0]}; the search ends here."
                finding = dataclasses.replace(finding, message=said)
            found.append(finding)
        return found

    def _keep(self, result: StageResult, stage: int) -> None:
        self._is_open = False
        self.results.append(result)
        self.findings.extend(result.findings)
        for finding in result.findings:
            self.writer.add(FindingRecord(stage=stage, finding=finding))
            self.watcher.see(Found(finding))
        self.writer.add(ended_stage(stage, result, time.time()))
        self.writer.flush()
        self.watcher.see(StageEnded(result))

    def _save_elapsed(self, force: bool = False) -> None:
        now = self.elapsed()
        if force or now - self._saved >= 1.0:
            self._saved = now
            self.writer.add(MemoRecord(key="elapsed", value=now))

    def _show(self) -> None:
        ended = self.books.ended
        best = self.books.best()
        total = self.trials or max(len(self.books.entries), 1)
        name, _ = self._name()
        elapsed = self.elapsed()
        left = None if self.deadline is None else max(self.deadline - elapsed, 0.0)
        if left is None and ended:
            left = elapsed / len(ended) * max(total - len(ended), 0)
        done = len(ended) / total if self.deadline is None else min(elapsed / max(self.deadline, 1e-9), 1.0)
        self.watcher.see(
            StageProgress(
                stage=name,
                done=min(done, 1.0),
                trials_running=len(self.books.running),
                trials_done=sum(e.status in (Status.DONE, Status.STOPPED) for e in ended),
                trials_diverged=sum(e.status in (Status.DIVERGED, Status.FAILED) for e in ended),
                trials_total=total,
                best=None
                if best is None
                else {
                    "trial": best.number,
                    self.books.goal.metric: best.value,
                    "hyperparameters": dict(best.hyperparameters),
                },
                elapsed_seconds=elapsed,
                seconds_left=left,
            )
        )
