"""A task's search conducted: cohorts of configurations, trained from rung to rung, each in the light of all before."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.recipe.result import StageName, StageResult
from goodfit.recipe.search import Searched, ranked, read_search, standard_error_of
from goodfit.running.lengths import mean_trial_epoch
from goodfit.running.outcome import Outcome
from goodfit.running.reading import observation_of
from goodfit.running.session import Session
from goodfit.running.trying import Prepared
from goodfit.running.works import Entry
from goodfit.searching.keeping import keep_best
from goodfit.searching.ladder import OVER_DATA, Ladder
from goodfit.searching.options import OPTUNA, SearchOptions, grid_size, make
from goodfit.space.levels import frozen_value
from goodfit.strategy.coarse_to_fine import CoarseToFine, Round
from goodfit.strategy.grids import findings_of_grid, grid_price
from goodfit.strategy.halving import (
    Course,
    Why,
    comparable,
    is_witness,
    judge_together,
    moved_later,
)
from goodfit.strategy.next_space import next_space
from goodfit.strategy.observation import Observation
from goodfit.strategy.proposers import Proposer, Random, point_key
from goodfit.strategy.sequences import Halton, Sobol
from goodfit.strategy.trials import findings_of_trials
from goodfit.training.seeds import PROPOSAL, mixed
from goodfit.training.trial import Status


@dataclasses.dataclass
class Configuration:
    """One point of the space with its trials: the first, and those that went on from it at a rung."""

    number: int
    point: Mapping[str, Any]
    trials: list[Outcome] = dataclasses.field(default_factory=list)
    is_whole: bool = False  # it went to the end
    is_witness: bool = False  # it runs to the end whatever the rungs say

    @property
    def last(self) -> Outcome:
        return self.trials[-1]


class TaskSearch:
    """One search over a task.

    Args:
        session: trains, and keeps all of it.
        prepared: the task, tried.
        options: what was asked for.
        strategy: a name, or the user's own proposer.
        known: points to try first.
    """

    def __init__(
        self,
        session: Session,
        prepared: Prepared,
        options: SearchOptions,
        strategy: str | Proposer,
        known: Sequence[Mapping[str, Any]],
    ) -> None:
        self._session = session
        self._settings = session.settings
        self._objective = session.opened.task.parsed_objective
        self._space = prepared.space
        self._start = {"lr": 1e-3, **prepared.start}
        self._known = list(known)
        session.trainer.failures.most = self._settings.rounds.failures_most
        self._configurations: list[Configuration] = []
        plan = session.decided("search/plan", lambda: self._plan(options))
        self._trials, self._epochs = int(plan["trials"]), float(plan["epochs"])
        self._options = dataclasses.replace(options, trials=self._trials)
        self._proposer = make(strategy, self._space, self._options, session.seed, self._settings)
        self._ladder = self._ladder_to(self._epochs, options)
        self._rungs = self._ladder.rungs(self._largest_batch()) if options.early != "none" else ()
        self._plan_seconds = plan["seconds"]

    def conduct(self) -> str:
        """Search to the end: "done", or "stopped" where no trial ended well.

        Raises:
            Interrupted: a signal came.
        """
        number = 0
        while len(self._configurations) < self._trials and not self._time_is_up():
            number += 1
            before = len(self._configurations)
            round_ = self._round()
            name, count = (
                (StageName.COARSE, number)
                if round_ is None
                else (StageName.COARSE if round_.is_coarse else StageName.FINE, round_.place)
            )
            space = self._space if round_ is None else round_.space
            result = self._session.stage(
                name, count, f"{', '.join(space.names)}, {self._epochs:g} epochs at most",
                lambda name=name, count=count, round_=round_: self._stage(name, count, round_),
            )  # fmt: skip
            if len(self._configurations) == before:  # taken from the ledger, or nothing was left to try
                self._recall(result)
            if len(self._configurations) == before:
                break
        keep_best(self._session)
        return "done" if ranked(self._history()) else "stopped"

    # -- a stage -------------------------------------------------------------------------------------------------

    def _stage(self, name: StageName, count: int, round_: Round | None) -> StageResult:
        first = len(self._configurations)
        self._tell_plan(round_)
        wanted = self._trials - first if round_ is None else round_.first + round_.trials - first
        cohort = 0
        while len(self._configurations) < first + wanted and not self._time_is_up():
            cohort += 1
            size = min(self._cohort_size(), first + wanted - len(self._configurations))
            points = self._points(size)
            if not points:
                break
            self._train(f"{name}/{count}/{cohort}", points)
        mine = self._configurations[first:]
        space = self._space if round_ is None else round_.space
        seen = [o for o in self._history() if o.number >= first]
        result = read_search(
            name,
            count,
            Searched(
                observations=[self._as_told(o) for o in seen],
                metric=self._objective.metric,
                maximise=self._objective.maximise,
                chance=None,
                standard_error=self._standard_error(seen),
                sigma=None,
                epochs=self._epochs,
                space=space.as_json(),
            ),
            self._findings(seen, round_),
        )
        kept = [
            {
                "point": dict(c.point),
                "trials": [o.number for o in c.trials],
                "whole": c.is_whole,
                "witness": c.is_witness,
            }
            for c in mine
        ]
        return dataclasses.replace(result, next={"configurations": kept, "rungs": list(self._rungs)})

    def _recall(self, result: StageResult) -> None:
        """What a stage that the ledger holds has tried."""
        for kept in result.next.get("configurations", ()):
            trials = [self._session.outcomes[number] for number in kept["trials"]]
            point = {name: frozen_value(value) for name, value in kept["point"].items()}
            made = Configuration(len(self._configurations), point, trials, kept["whole"], kept["witness"])
            self._configurations.append(made)
        self._rungs = tuple(result.next.get("rungs", self._rungs))

    def _train(self, key: str, points: Sequence[Mapping[str, Any]]) -> None:
        """A cohort from its beginning to its end, rung by rung."""
        first = len(self._configurations)
        cohort = [Configuration(first + i, point) for i, point in enumerate(points)]
        earlier = list(self._configurations)
        self._configurations += cohort
        alive = list(cohort)
        for place, rung in enumerate((*self._rungs, self._epochs)):
            trained = self._session.train(
                f"{key}/{place}" if place else key,
                [self._entry(c) for c in alive],
                epochs=rung,
                regime=self._ladder.regime(rung),
                counts_all=True,
                deadline=self._session.budget_seconds,
                share=(0.0, 1.0),
            )
            for configuration, outcome in zip(alive, trained, strict=True):
                if outcome.step > 0 or outcome.status is not Status.STOPPED:  # else it was left out for want of time
                    configuration.trials.append(outcome)
            reached = [c for c in alive if c.trials and c.last.status is Status.DONE]
            if rung == self._epochs:
                for configuration in reached:
                    configuration.is_whole = True
                break
            alive = self._going_on(reached, rung, [c for c in (*earlier, *cohort) if c.trials])
            if not alive or self._time_is_up():
                break
        self._configurations = [c for c in self._configurations if c.trials]
        for number, configuration in enumerate(self._configurations):
            configuration.number = number
        self._look_back()

    def _going_on(
        self, reached: Sequence[Configuration], rung: float, everyone: Sequence[Configuration]
    ) -> list[Configuration]:
        judged = [c for c in reached if not c.is_witness]
        numbers = {c.number for c in judged}
        found = judge_together(
            [self._course(c) for c in judged],
            rung,
            [self._course(c) for c in everyone if c.number not in numbers],
            longest=self._epochs,
            seed=self._session.seed,
            settings=self._settings.halving,
        )
        for configuration in judged:
            configuration.is_witness = found[configuration.number].why is Why.WITNESS
        going = [c for c in reached if c.number not in numbers or found[c.number].goes_on]
        counts = {why: sum(j.why is why for j in found.values()) for why in Why}
        told = ", ".join(f"{n} since {why}" for why, n in counts.items() if n and why not in (Why.BEHIND, Why.BROKEN))
        self._session.decide(
            f"{self._ladder.place(rung)}, {len(going)} of {len(reached)} trials go on (trials {_listed(going)}).",
            f"{told[:1].upper()}{told[1:]}." if told else "None of them is worth going on with.",
            {},
            {},
        )
        return going

    def _look_back(self) -> None:
        courses = [self._course(c) for c in self._configurations]
        self._rungs, said = moved_later(self._rungs, courses, self._settings.halving)
        for sentence in said:
            self._session.decide(sentence, "Trials that went to the end say so.", {}, {"rungs": list(self._rungs)})

    # -- what is known -------------------------------------------------------------------------------------------

    def _history(self) -> tuple[Observation, ...]:
        """Every configuration as strategies see it, with comparable scores."""
        seen = []
        for configuration in self._configurations:
            found = observation_of(configuration.last, self._objective)
            ended_early = found.score is not None and not configuration.is_whole
            seen.append(
                dataclasses.replace(
                    found,
                    number=configuration.number,
                    hyperparameters=dict(configuration.point),
                    status="stopped" if ended_early else found.status,
                )
            )
        return comparable(seen, [self._course(c) for c in self._configurations], self._epochs)

    def _as_told(self, observation: Observation) -> Observation:
        """With the number by which the ledger knows its last trial."""
        return dataclasses.replace(observation, number=self._configurations[observation.number].last.number)

    def _course(self, configuration: Configuration) -> Course:
        points = self._ladder.points(configuration.trials, self._objective)
        epochs = sorted(points)
        return Course(
            number=configuration.number,
            epochs=tuple(epochs),
            scores=tuple(points[e] for e in epochs),
            has_ended=configuration.is_whole,
            is_witness=is_witness(configuration.number, self._session.seed, self._settings.halving),
            is_broken=bool(configuration.trials) and not configuration.last.is_feasible,
        )

    def _round(self) -> Round | None:
        if not isinstance(self._proposer, CoarseToFine):
            return None
        rounds = self._proposer.rounds(self._history())
        return next(r for r in reversed(rounds) if r.first <= len(self._configurations))

    def _points(self, n: int) -> list[dict[str, Any]]:
        """Known points first, then what the strategy proposes; none is tried twice."""
        tried = {point_key(c.point) for c in self._configurations}
        points = [dict(p) for p in self._known if point_key(p) not in tried][:n]
        history = list(self._history())
        history += [Observation(len(history) + i, p, None, status="queued") for i, p in enumerate(points)]
        while len(points) < n:
            found = [dict(p) for p in self._proposer.propose(history, n - len(points))]
            if not found:
                break
            history += [Observation(len(history) + i, p, None, status="queued") for i, p in enumerate(found)]
            points += found
        return points

    def _cohort_size(self) -> int:
        settings = self._settings
        if isinstance(self._proposer, CoarseToFine):
            return self._trials  # a round is one cohort
        if self._options.strategy in OPTUNA or not type(self._proposer).__module__.startswith("goodfit."):
            return settings.rounds.batch_trials * self._session.executor.slots
        return settings.halving.cohort_trials if self._rungs else self._trials

    def _findings(self, seen: Sequence[Observation], round_: Round | None) -> tuple[Any, ...]:
        if round_ is not None:
            rounds = self._proposer.rounds(self._history()) if isinstance(self._proposer, CoarseToFine) else ()
            following = next((r.moved for r in rounds if r.number == round_.number + 1), None)
            if following is not None:
                return following.findings
        if isinstance(self._proposer, (Random, Sobol, Halton)):
            moved = next_space(self._space, seen, self._settings.search, seed=mixed(self._session.seed, PROPOSAL, 6))
            return moved.box.findings
        if self._options.strategy == "grid":
            _, levels = grid_size(self._space, self._options, self._settings)
            return (
                *findings_of_grid(self._space, levels, self._settings.search),
                *findings_of_trials(self._space, seen),
            )
        return findings_of_trials(self._space, seen, self._settings.search)

    def _standard_error(self, seen: Sequence[Observation]) -> float:
        best = ranked(seen)
        if not best or best[0].score is None:
            return 0.0
        is_share = "acc" in self._objective.metric.lower()
        return standard_error_of(abs(best[0].score), min(2000, len(self._session.problem.val)), is_share)

    # -- plans ---------------------------------------------------------------------------------------------------

    def _entry(self, configuration: Configuration) -> Entry:
        seed = mixed(self._session.seed, PROPOSAL, 9) % 2**31  # one for all: common random numbers
        goes_on = configuration.trials and not self._ladder.over_data
        parent = configuration.last.number if goes_on else None
        return Entry({**self._start, **configuration.point}, seed, parent=parent)

    def _plan(self, options: SearchOptions) -> dict[str, Any]:
        """Trials, epochs and expected seconds: what was asked for, and the rest from the time and the speed."""
        session, settings = self._session, self._settings
        epochs = options.epochs or settings.budget.fine_epochs
        if session.budget_seconds is None:
            trials = options.trials or settings.rounds.trials
            if options.strategy == "grid":
                trials = grid_size(self._space, options, settings)[0]
            return {"trials": trials, "epochs": epochs, "seconds": None}
        sample = Random(self._space, session.seed).propose((), 8)
        cost = mean_trial_epoch(session, self._start, sample)  # of an epoch, all slots at work
        seconds = settings.budget.safety * max(session.budget_seconds - session.elapsed(), 0.0)
        trials = options.trials or self._affordable(options, epochs, seconds / max(cost, 1e-9))
        if options.strategy == "grid":
            trials = grid_size(self._space, dataclasses.replace(options, trials=trials), settings)[0]
        expected = self._epochs_of(options, trials, epochs) * cost
        if expected > seconds and options.epochs is None:
            epochs = max(epochs * seconds / expected, settings.budget.coarse_epochs_floor)
            expected = seconds
        return {"trials": trials, "epochs": epochs, "seconds": expected}

    def _affordable(self, options: SearchOptions, epochs: float, trial_epochs: float) -> int:
        least, most = self._settings.budget.coarse_trials_least, 4 * self._settings.budget.coarse_trials_most
        trials = least
        while trials < most and self._epochs_of(options, trials + 1, epochs) <= trial_epochs:
            trials += 1
        return trials

    def _epochs_of(self, options: SearchOptions, trials: int, epochs: float) -> float:
        if options.early == "none":
            return trials * epochs
        ladder = self._ladder_to(epochs, options)
        return ladder.plan(trials, ladder.rungs(self._largest_batch())).epochs

    def _ladder_to(self, epochs: float, options: SearchOptions) -> Ladder:
        session = self._session
        over_data = options.early == OVER_DATA
        return Ladder(over_data, epochs, len(session.problem.train), session.seed, self._settings.halving)

    def _largest_batch(self) -> int:
        """The largest minibatch that a trial may have."""
        default = int(self._start.get("batch_size", self._session.problem.default_batch_size))
        scales = [d.scale for d in self._space.dimensions if d.name == "batch_size"]
        return max([default, *(int(max(scale.grid(2))) for scale in scales)])

    def _tell_plan(self, round_: Round | None) -> None:
        """The plan of this stage, before anything of it runs."""
        left = self._trials - len(self._configurations)
        trials = left if round_ is None else min(round_.trials, left)
        seconds = f"About {self._plan_seconds:.0f} s in all by the measured speed." if self._plan_seconds else ""
        if self._options.strategy == "grid":
            _, levels = grid_size(self._space, self._options, self._settings)
            what = str(grid_price(self._space, levels, self._epochs, None, self._session.executor.slots))
        elif self._rungs:
            told = self._ladder.told(trials, self._rungs)
            what = f"{trials} trials: {told}, of {trials * self._epochs:.0f}."
        else:
            what = f"{trials} trials of {self._epochs:g} epochs."
        if round_ is not None and round_.moved is not None:
            for reason in round_.moved.reasons:
                before, after = round_.moved.before, round_.moved.after
                self._session.decide(reason, "The trials so far.", {"space": before}, {"space": after})
        self._session.decide(what, seconds or "As the plan says.", {}, {"trials": trials, "epochs": self._epochs})

    def _time_is_up(self) -> bool:
        left = self._session.remaining()
        return left is not None and left <= 0.0


def _listed(configurations: Sequence[Configuration]) -> str:
    numbers = [str(c.last.number) for c in configurations]
    return ", ".join(numbers[:12]) + (", ..." if len(numbers) > 12 else "") if numbers else "none"
