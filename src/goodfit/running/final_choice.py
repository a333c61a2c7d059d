"""The final trainings compared: which weights answer, alone or together; the test set once; `best/` written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from goodfit.best import Member, folder_of, write_best
from goodfit.findings import Finding
from goodfit.recipe.final import (
    Candidate,
    choose_variant,
    compared,
    greedy_members,
    interval_of_mean,
    read_final,
    smallest_told_apart,
)
from goodfit.recipe.result import StageResult
from goodfit.running.outcome import Outcome
from goodfit.running.scoring import Scored, answers, scored, scored_answers
from goodfit.running.session import Session
from goodfit.running.weights import Weights, choose_weights
from goodfit.running.works import FORWARD
from goodfit.training.ensemble import merge_for, merged

RESERVE_SECONDS = 2.0  # for writing the model and the report at the end
ANSWER_SECONDS = "final/answer-seconds"  # a memo: what scoring took for each sample, where that was seen
ANSWERING = 3  # members that answer in the end, as a plan reckons


def closing_seconds(session: Session, hyperparameters: Mapping[str, Any], trainings: int) -> float:
    """What comparing so many trainings takes once they have ended, with the validation and the test split in whole."""
    most = _compared_on(session, hyperparameters, trainings)
    each = _answer_seconds(session, hyperparameters)
    compared_samples = min(most or len(session.problem.val), len(session.problem.val))
    test = 0 if session.opened.test is None else len(session.opened.test)
    against = 1 + min(trainings, session.settings.budget.final_seeds)  # the search's best trial, and those beside it
    paired = min(session.settings.budget.paired_samples, len(session.problem.val))
    answering = min(trainings, ANSWERING)
    whole = answering * (len(session.problem.val) + test)
    return RESERVE_SECONDS + each * (_passes(session, trainings) * compared_samples + against * paired + whole)


def _compared_on(session: Session, hyperparameters: Mapping[str, Any], trainings: int) -> int | None:
    """Validation samples on which so many trainings are compared: all (None), unless that takes too long."""
    if session.budget_seconds is None:
        return None
    settings = session.settings.budget
    whole = _passes(session, trainings) * len(session.problem.val) * _answer_seconds(session, hyperparameters)
    return None if whole <= settings.closing_share * session.budget_seconds else settings.paired_samples


def _passes(session: Session, trainings: int) -> int:
    """How often a training's answers on the validation samples are asked for: last weights, averages, as a member."""
    return 2 * min(trainings, session.settings.budget.final_seeds) + trainings


def _answer_seconds(session: Session, hyperparameters: Mapping[str, Any]) -> float:
    """What scoring a trained network takes for each sample: as it was measured, else a forward pass."""
    if ANSWER_SECONDS in session.journal:
        return session.journal[ANSWER_SECONDS]
    size = int(hyperparameters.get("batch_size", session.problem.default_batch_size))
    return FORWARD * session.seconds_per_step(hyperparameters) / size


def chosen_of(
    session: Session,
    runs: list[Outcome],
    others: Sequence[Outcome],
    chosen: Mapping[str, Any],
    evidence: dict[str, Any],
) -> StageResult:
    """The final stage's result.

    Args:
        runs: trainings with the chosen hyperparameters, one a seed.
        others: with other ones, of the same length and with a decay too: they may be members of an ensemble.
        chosen: the hyperparameters.
        evidence: what the trainings have shown so far.
    """
    problem, objective = session.problem, session.opened.task.parsed_objective
    merge = merge_for(problem.loss)
    most = session.decided("final/compared-on", lambda: _compared_on(session, chosen, len(runs) + len(others)))
    found = choose_weights(session, runs, merge, most)
    weights, each = found.weights, found.each
    evidence |= found.evidence | {"compared_on": len(found.together.losses)}

    def model(outcome: Outcome) -> nn.Module:
        return weights.model(problem, outcome)

    order = sorted(range(len(runs)), key=lambda i: (float(each[i].scores(objective).mean()), each[i].mean()["loss"]))
    best = order[0]
    ensemble, members = None, (best,)
    # Others answer with their last weights: which weights are best was found out for the chosen ones alone.
    plain = Weights("plain", "", session.states([o.number for o in others]))
    pool = [*((o, weights) for o in runs), *((o, plain) for o in others)]
    if merge is not None and len(pool) > 1:
        predictions = [answers(problem, taken.model(problem, o), problem.val, most) for o, taken in pool]

        def losses_of(chosen_members: tuple[int, ...]) -> np.ndarray:
            together = merged([predictions[i].predictions for i in chosen_members], merge)
            return scored_answers(problem, together, predictions[0].target, only="loss").values["loss"]

        evidence["ensemble_candidates"] = len(pool)
        members = greedy_members(len(pool), losses_of, session.settings.budget.ensemble_most)
        if len(members) > 1:
            together = scored_answers(
                problem, merged([predictions[i].predictions for i in members], merge), predictions[0].target
            )
            ensemble = Candidate(
                "ensemble",
                tuple(pool[i][0].number for i in members),
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
        final_models = [pool[i][1].model(problem, pool[i][0]) for i in members]
        finals = [pool[i][0].hyperparameters for i in members]
    else:
        final_models, finals = [model(runs[best])], [chosen]
        variant = dataclasses.replace(variant, members=(runs[best].number,))
    val = scored(problem, final_models, problem.val, merge).mean()
    test, interval = _tested(session, final_models, merge, objective.metric)
    if weights.decay is not None:
        chosen = {**chosen, "ema_decay": weights.decay}
    evidence["learning_rate"] = chosen.get("lr")
    evidence["hyperparameters"] = dict(chosen)
    findings = _findings(each, objective, runs)
    if (small := smallest_told_apart(comparisons, len(found.together.losses))) is not None:
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
    _write(session, chosen, variant, model(runs[best]), list(zip(final_models, finals, strict=True)), merge)
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
    finals: list[tuple[nn.Module, Mapping[str, Any]]],
    merge: Any,
) -> None:
    """Write `best/`.

    Args:
        finals: the networks that answer together, each with the hyperparameters that it was built with.
    """
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
            members={f"members/{i}.pt": Member(m.state_dict(), hp) for i, (m, hp) in enumerate(finals)} if wins else {},
            merge=str(merge) if wins else None,
        )
