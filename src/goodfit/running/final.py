"""The final training conducted: a decayed rate, its peak swept again, several seeds, averages, an ensemble; the test
set once."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.errors import TrainingError
from goodfit.findings import plain
from goodfit.recipe.final import FINAL_SCHEDULE, choose_paired, compared, rival_schedules
from goodfit.recipe.plan import FinalLength, final_length
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.running.final_choice import chosen_of, closing_seconds
from goodfit.running.legs import trained_in_two_legs
from goodfit.running.outcome import Outcome
from goodfit.running.pairs import per_sample
from goodfit.running.session import Session
from goodfit.running.weights import keeps
from goodfit.running.works import Entry
from goodfit.training.averaging import decay_of
from goodfit.training.seeds import mixed

EVALUATIONS = 16  # on subsets while the seeds train; the whole validation split is scored at the end


@dataclasses.dataclass(frozen=True, slots=True)
class Ambition:
    """What the final training is to be."""

    hyperparameters: Mapping[str, Any]
    wanted_epochs: float  # a full training
    most_epochs: float
    runners_up: tuple[Mapping[str, Any], ...] = ()  # other good hyperparameters, for an ensemble where time is left
    incumbent: Outcome | None = None  # the search's best trial, which stays where the final training is worse


def conduct_final(session: Session, ambition: Ambition) -> StageResult:
    """Train for good, compare honestly, open the test set, and write `best/`."""
    settings = session.settings.budget
    plan = FinalLength(**session.decided("final/plan", lambda: dataclasses.asdict(_plan(session, ambition))))
    rate = float(ambition.hyperparameters["lr"])
    base: dict[str, Any] = {
        **ambition.hyperparameters,
        "schedule": ambition.hyperparameters.get("schedule") or FINAL_SCHEDULE,
    }
    length = max(math.ceil(plan.epochs * session.steps_per_epoch(base)), 1)
    base["ema_decay"] = base.get("ema_decay") or decay_of(settings.ema_half_life * length)
    objective = session.opened.task.parsed_objective
    series = f"val_{objective.metric}"
    deadline = None
    if session.budget_seconds is not None:
        deadline = session.budget_seconds * 1.02 - closing_seconds(session, ambition.hyperparameters, plan.trainings)
    seeds = [mixed(session.seed, 4242, i) % 2**31 for i in range(plan.seeds)]
    factors = tuple(plan.factors)
    runs: list[Outcome] = []
    evidence: dict[str, Any] = {"epochs": plan.epochs, "schedule": base["schedule"], "ema_decay": base["ema_decay"]}
    kept_shares = keeps(session, base, plan.trainings)
    trainer = _Decayed(session, base, seeds[0], plan.epochs, deadline, kept_shares)
    chosen = base
    others: list[Outcome] = []  # trained as the chosen ones are, but for what was tried and lost
    if len(factors) > 1:
        options = [{"lr": rate * factor} for factor in factors]
        told = [f"{factor:g} times the constant rate" for factor in factors]
        nearest = [abs(math.log(factor)) for factor in factors]
        winner, swept, against = trainer.best_of("final/peak", options, nearest, (0.0, 0.5))
        evidence["peak_sweep"] = [
            {"factor": f, **trainer.told(o), **c} for f, o, c in zip(factors, swept, against, strict=True)
        ]
        chosen = {**base, **options[winner]}
        runs.append(swept[winner])
        others += [o for o in swept if o is not swept[winner]]
        if factors[winner] != 1.0:
            session.decide(
                f"The peak rate under decay is {told[winner]}.",
                f"{series} ended at {swept[winner].last(series):.4g} with it{_gained(factors, against)}.",
                {"lr": rate},
                {"lr": chosen["lr"]},
            )
    rivals = rival_schedules(ambition.hyperparameters, settings.final_warmup)[: plan.schedules] if runs else []
    if rivals:
        options = [{**rival, "lr": chosen["lr"]} for rival in rivals]
        winner, tried, against = trainer.best_of(
            "final/schedules", options, range(1 + len(options)), (0.5, 0.65), incumbent=runs[0]
        )
        evidence["schedules"] = [
            {
                "schedule": o.hyperparameters["schedule"],
                "warmup": o.hyperparameters.get("warmup"),
                **trainer.told(o),
                **c,
            }
            for o, c in zip(tried, against, strict=True)
        ]
        others += [o for o in tried if o is not tried[winner]]
        if winner > 0:
            chosen = {**base, **options[winner - 1]}
            runs = [tried[winner]]
            warmup = chosen.get("warmup")
            after = f" after a warm-up over {100 * warmup:g} % of the training" if warmup else ""
            session.decide(
                f"The schedule is {chosen['schedule']}{after}.",
                f"{_ends_at(runs[0], series)} with it, {_ends_at(tried[0], series)} with a cosine.",
                {"schedule": base["schedule"]},
                {"schedule": chosen["schedule"], "warmup": warmup},
            )
        evidence["schedule"] = chosen["schedule"]
    left = seeds[1:] if runs else seeds
    if deadline is not None and not runs:  # time is short: there was none for a sweep
        runs = trained_in_two_legs(
            session,
            [(chosen, seed) for seed in left],
            epochs=plan.epochs,
            deadline=deadline,
            kept_shares=kept_shares,
        )
        left = []
    rivals = ambition.runners_up[: plan.runners_up]
    if left:
        last = {name: chosen[name] for name in ("schedule", "warmup", "ema_decay") if name in chosen}
        trained = session.train(
            "final/seeds",
            [
                *(Entry(chosen, seed, is_scheduled=True) for seed in left),
                *(
                    Entry({**rival, **last}, mixed(session.seed, 4243, i) % 2**31, is_scheduled=True)
                    for i, rival in enumerate(rivals)
                ),
            ],
            epochs=plan.epochs,
            deadline=deadline,
            share=(0.65 if len(factors) > 1 else 0.0, 0.95),
            evaluations=EVALUATIONS,
            kept_shares=kept_shares,
        )
        runs, others = runs + trained[: len(left)], others + trained[len(left) :]
    good, also = ([o for o in found if o.is_feasible and o.last("val_loss") is not None] for found in (runs, others))
    if not good:
        raise TrainingError(f"The final training failed with every seed: {runs[0].reason}.")
    kept, chosen = _not_worse(session, good, chosen, ambition.incumbent)
    if kept is not good:
        good, also = kept, also + good
    return chosen_of(session, good, also, chosen, evidence)


def _not_worse(
    session: Session, runs: list[Outcome], chosen: Mapping[str, Any], incumbent: Outcome | None
) -> tuple[list[Outcome], Mapping[str, Any]]:
    """The final trainings, or the search's best trial where those spoiled it: time may have cut them before the decay.

    The best of many trials is flattered by these very samples, so it has to be better by far.
    """
    before = None if incumbent is None else per_sample(session, [incumbent])
    after = per_sample(session, runs)
    if incumbent is None or before is None or after is None:
        return runs, chosen
    comparison = compared(after, before)
    if comparison.gain <= session.settings.budget.incumbent_errors * comparison.standard_error:
        return runs, chosen
    low, high = comparison.interval
    session.decide(
        f"Trial {incumbent.number} stays as it is.",
        f"Sample by sample it is better than the final training by {comparison.gain:.2g} (95 % interval {low:.2g} to "
        f"{high:.2g}), and by {comparison.loss_gain:.2g} in the loss.",
        {"hyperparameters": plain(dict(chosen))},
        {"hyperparameters": plain(dict(incumbent.hyperparameters))},
    )
    return [incumbent], incumbent.hyperparameters


def _gained(factors: Sequence[float], against: Sequence[Mapping[str, Any]]) -> str:
    """What the peak that won gains over the constant rate itself, where that was tried and lost."""
    found = next((c for factor, c in zip(factors, against, strict=True) if factor == 1.0 and c), None)
    if found is None:
        return ""
    low, high = found["interval"]
    return (
        f"; against 1 times, sample by sample, that gains {found['gain']:.2g} (95 % interval {low:.2g} to {high:.2g}), "
        f"and {found['loss_gain']:.2g} ± {found['loss_standard_error']:.2g} in the loss"
    )


def _ends_at(outcome: Outcome, series: str) -> str:
    """Where a training ended by the objective, and by the loss, which decides between equals."""
    told = f"{series} ended at {outcome.last(series):.4g}"
    return told if series == "val_loss" else f"{told} (val_loss {outcome.last('val_loss'):.4g})"


@dataclasses.dataclass(frozen=True)
class _Decayed:
    """Trainings of full length under decay with one seed, that differ in one thing."""

    session: Session
    base: Mapping[str, Any]
    seed: int
    epochs: float
    deadline: float | None
    kept_shares: tuple[float, ...]

    def best_of(
        self,
        key: str,
        options: list[dict[str, Any]],
        order: Sequence[float],
        share: tuple[float, float],
        incumbent: Outcome | None = None,
    ) -> tuple[int, list[Outcome], list[dict[str, Any]]]:
        """Train all options side by side.

        Args:
            order: of (incumbent, *options): where nothing tells them apart, the lowest is taken.

        Returns:
            The best one's place among (incumbent, *options), the outcomes, and for each what the best gains over it,
            sample by sample on the same validation samples.

        Raises:
            TrainingError: all of them failed.
        """
        entries = [Entry({**self.base, **option}, self.seed, is_scheduled=True) for option in options]
        trained = self.session.train(
            key,
            entries,
            epochs=self.epochs,
            deadline=self.deadline,
            share=share,
            evaluations=EVALUATIONS,
            kept_shares=self.kept_shares,
        )
        outcomes = trained if incumbent is None else [incumbent, *trained]
        rivals = [per_sample(self.session, [outcome]) for outcome in outcomes]
        try:
            winner = choose_paired(rivals, order)
        except ValueError as error:
            raise TrainingError(f"The final training failed at every peak rate: {outcomes[0].reason}.") from error
        best = rivals[winner]
        against = [
            {} if best is None or rival is None or rival is best else compared(rival, best).as_json()
            for rival in rivals
        ]
        return winner, outcomes, against

    def told(self, outcome: Outcome) -> dict[str, Any]:
        """What is kept of an option as evidence."""
        objective = self.session.opened.task.parsed_objective
        return {"val": outcome.last(f"val_{objective.metric}"), "val_loss": outcome.last("val_loss")}


def _plan(session: Session, ambition: Ambition) -> FinalLength:
    settings = session.settings.budget
    per_epoch = session.steps_per_epoch(ambition.hyperparameters)
    remaining = session.remaining()
    schedules = len(rival_schedules(ambition.hyperparameters, settings.final_warmup))
    if remaining is None:
        return final_length(
            wanted_epochs=ambition.wanted_epochs,
            most_epochs=ambition.wanted_epochs,
            seconds=None,
            makespan=lambda n, e: 0.0,
            settings=settings,
            schedules=schedules,
        )
    step_seconds = session.seconds_per_step(ambition.hyperparameters)
    slots = session.executor.slots

    def makespan(trainings: int, epochs: float) -> float:
        """Trials of one structure run in cohorts spread over the slots; a lone one has a slot to itself."""
        waves = max(-(-trainings // slots), trainings / slots)
        return waves * epochs * per_epoch * step_seconds

    def closing(trainings: int) -> float:
        return closing_seconds(session, ambition.hyperparameters, trainings)

    seconds = settings.safety * (remaining - closing(2))
    return final_length(
        wanted_epochs=ambition.wanted_epochs,
        most_epochs=ambition.most_epochs,
        seconds=max(seconds, 0.5),
        makespan=makespan,
        settings=settings,
        schedules=schedules,
        runners_up=len(ambition.runners_up),
        closing=lambda trainings: closing(trainings) - closing(2),
    )


def skipped(reason: str) -> StageResult:
    """A final stage that was not reached."""
    return StageResult(stage=StageName.FINAL, verdict=Verdict.SKIP, summary=reason)
