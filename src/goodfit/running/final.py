"""The final training conducted: a decayed rate, its peak swept again, several seeds, averages, an ensemble; the test
set once."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from goodfit.best import folder_of, write_best
from goodfit.errors import TrainingError
from goodfit.findings import Finding
from goodfit.recipe.final import (
    Candidate,
    choose_paired,
    choose_variant,
    compared,
    greedy_members,
    interval_of_mean,
    read_final,
    rival_schedules,
    smallest_told_apart,
)
from goodfit.recipe.plan import FinalLength, final_length
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.running.outcome import Outcome
from goodfit.running.pairs import per_sample
from goodfit.running.scoring import Scored, answers, scored, scored_answers
from goodfit.running.session import Session
from goodfit.running.weights import choose_weights, keeps
from goodfit.running.works import Entry
from goodfit.training.averaging import decay_of
from goodfit.training.ensemble import merge_for, merged
from goodfit.training.seeds import mixed

EVALUATIONS = 16  # on subsets while the seeds train; the whole validation split is scored at the end
RESERVE_SECONDS = 2.0  # for evaluating, writing the model and the report at the end


@dataclasses.dataclass(frozen=True, slots=True)
class Ambition:
    """What the final training is to be."""

    hyperparameters: Mapping[str, Any]
    wanted_epochs: float  # a full training
    most_epochs: float


def conduct_final(session: Session, ambition: Ambition) -> StageResult:
    """Train for good, compare honestly, open the test set, and write `best/`."""
    settings = session.settings.budget
    plan = FinalLength(**session.decided("final/plan", lambda: dataclasses.asdict(_plan(session, ambition))))
    rate = float(ambition.hyperparameters["lr"])
    base: dict[str, Any] = {
        **ambition.hyperparameters,
        "schedule": ambition.hyperparameters.get("schedule") or "cosine",
    }
    length = max(math.ceil(plan.epochs * session.steps_per_epoch(base)), 1)
    base["ema_decay"] = base.get("ema_decay") or decay_of(settings.ema_half_life * length)
    objective = session.opened.task.parsed_objective
    series = f"val_{objective.metric}"
    deadline = None
    if session.budget_seconds is not None:
        deadline = session.budget_seconds * 1.02 - RESERVE_SECONDS
    seeds = [mixed(session.seed, 4242, i) % 2**31 for i in range(plan.seeds)]
    factors = tuple(plan.factors)
    runs: list[Outcome] = []
    evidence: dict[str, Any] = {"epochs": plan.epochs, "schedule": base["schedule"], "ema_decay": base["ema_decay"]}
    trainings = len(factors) + plan.schedules + plan.seeds
    kept_shares = keeps(session, base, trainings)
    trainer = _Decayed(session, base, seeds[0], plan.epochs, deadline, kept_shares)
    chosen = base
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
    if left:
        runs += session.train(
            "final/seeds",
            [Entry(chosen, seed, is_scheduled=True) for seed in left],
            epochs=plan.epochs,
            deadline=deadline,
            share=(0.65 if len(factors) > 1 else 0.0, 0.95),
            evaluations=EVALUATIONS,
            kept_shares=kept_shares,
        )
    good = [o for o in runs if o.is_feasible and o.last("val_loss") is not None]
    if not good:
        raise TrainingError(f"The final training failed with every seed: {runs[0].reason}.")
    return _compared(session, good, chosen, evidence)


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


def _compared(
    session: Session, runs: list[Outcome], chosen: Mapping[str, Any], evidence: dict[str, Any]
) -> StageResult:
    problem, objective = session.problem, session.opened.task.parsed_objective
    merge = merge_for(problem.loss)
    found = choose_weights(session, runs, merge)
    weights, each = found.weights, found.each
    evidence |= found.evidence

    def model(outcome: Outcome) -> nn.Module:
        return weights.model(problem, outcome)

    order = sorted(range(len(runs)), key=lambda i: (float(each[i].scores(objective).mean()), each[i].mean()["loss"]))
    best = order[0]
    ensemble, members = None, (best,)
    if merge is not None and len(runs) > 1:
        predictions = [answers(problem, model(o), problem.val) for o in runs]

        def losses_of(chosen_members: tuple[int, ...]) -> np.ndarray:
            together = merged([predictions[i].predictions for i in chosen_members], merge)
            return scored_answers(problem, together, predictions[0].target, only="loss").values["loss"]

        members = greedy_members(len(runs), losses_of, session.settings.budget.ensemble_most)
        if len(members) > 1:
            together = scored_answers(
                problem, merged([predictions[i].predictions for i in members], merge), predictions[0].target
            )
            ensemble = Candidate(
                "ensemble",
                tuple(runs[i].number for i in members),
                together.values["loss"],
                together.scores(objective),
            )
    elif merge is None:
        evidence["ensemble"] = "none: a loss of (model, batch) gives no predictions to average"
    # Against the mean member, not the best one: which seed is best on these samples is mostly luck.
    variant, comparison = choose_variant(found.together, None, ensemble)
    evidence |= comparison
    comparisons = [*found.comparisons, *([] if ensemble is None else [compared(found.together, ensemble)])]
    if variant.name == "ensemble":
        assert merge is not None
        final_models = [model(runs[i]) for i in members]
    else:
        final_models = [model(runs[best])]
        variant = dataclasses.replace(variant, members=(runs[best].number,))
    val = scored(problem, final_models, problem.val, merge).mean()
    test, interval = _tested(session, final_models, merge, objective.metric)
    if weights.decay is not None:
        chosen = {**chosen, "ema_decay": weights.decay}
    evidence["learning_rate"] = chosen.get("lr")
    evidence["hyperparameters"] = dict(chosen)
    findings = _findings(each, objective, runs)
    if (small := smallest_told_apart(comparisons, len(problem.val))) is not None:
        findings.append(small)
    result = read_final(
        variant=variant,
        weights=weights.told,
        evidence=evidence,
        metric=objective.metric,
        maximise=objective.maximise,
        seeds_scores=[float(s.scores(objective).mean()) for s in each],
        val=val,
        test=test,
        test_interval=interval,
        findings=findings,
    )
    _write(session, chosen, variant, model(runs[best]), final_models, merge)
    return dataclasses.replace(result, next={"hyperparameters": dict(chosen), "seeds": len(runs)})


def _tested(
    session: Session, models: list[nn.Module], merge: Any, metric: str
) -> tuple[dict[str, float], tuple[float, float] | None]:
    """The test set's figures, and the metric's 95 % interval. This is the one place that opens it."""
    if session.opened.test is None:
        return {}, None
    session.decide(
        "The test set is opened, once.",
        "All choices are made; nothing that it says changes any of them.",
        {},
        {"test_samples": len(session.opened.test)},
    )
    found = scored(session.problem, models, session.opened.test.unlock(), merge)
    return found.mean(), interval_of_mean(found.values[metric])


def _findings(each: list[Scored], objective: Any, runs: list[Outcome]) -> list[Finding]:
    """Whether the seeds differ by more than the validation set can tell."""
    means = [float(s.scores(objective).mean()) for s in each]
    if len(means) < 3:
        return []
    values = each[0].scores(objective)
    error = float(values.std(ddof=1) / len(values) ** 0.5)
    if max(means) - min(means) >= 2 * error:
        return []
    return [
        Finding(
            kind="winner-within-noise",
            message=(
                f"The {len(means)} seeds end within {max(means) - min(means):.2g} of each other, less than two "
                f"standard errors of the validation set ({error:.2g} each)."
            ),
            action="Read nothing into which seed came out first.",
            evidence={"seeds_val": means, "standard_error": error},
            where="stage final",
        )
    ]


def _write(
    session: Session,
    chosen: Mapping[str, Any],
    variant: Candidate,
    single: nn.Module,
    models: list[nn.Module],
    merge: Any,
) -> None:
    task = session.opened.task
    wins = variant.name == "ensemble"
    with session.folder.writing_best() as folder:
        write_best(
            folder,
            task_name=task.name,
            source=task.source,
            model=task.model,
            spec=folder_of(task.model),
            hyperparameters=chosen,
            variant=variant.name,
            single=single.state_dict(),
            members={f"members/{i}.pt": m.state_dict() for i, m in enumerate(models)} if wins else {},
            merge=str(merge) if wins else None,
        )


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

    seconds = settings.safety * (remaining - RESERVE_SECONDS)
    return final_length(
        wanted_epochs=ambition.wanted_epochs,
        most_epochs=ambition.most_epochs,
        seconds=max(seconds, 0.5),
        makespan=makespan,
        settings=settings,
        schedules=schedules,
    )


def skipped(reason: str) -> StageResult:
    """A final stage that was not reached."""
    return StageResult(stage=StageName.FINAL, verdict=Verdict.SKIP, summary=reason)
