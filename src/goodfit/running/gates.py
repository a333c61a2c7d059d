"""Steps 0 to 3 conducted: the data, the initial loss, overfitting a sample, the learning rate's bracket."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from goodfit.execution.inline import InlineExecutor
from goodfit.execution.source import HeldProblem
from goodfit.findings import Finding
from goodfit.recipe.batch_size import read_batch_size
from goodfit.recipe.data import judge_data
from goodfit.recipe.initial_loss import judge_initial_loss
from goodfit.recipe.learning_rate import Bracket
from goodfit.recipe.mistakes import with_mistakes
from goodfit.recipe.output_form import WHERE as IN_INITIAL_LOSS
from goodfit.recipe.overfit import Overfit
from goodfit.recipe.result import StageResult
from goodfit.recipe.runs import Ask, Run, run_of
from goodfit.running.gate_time import (
    affordable_batch_steps,
    affordable_bracket,
    affordable_initial,
    affordable_rates,
    answered_in_time,
    gates_end,
    watched_steps,
)
from goodfit.running.session import Session
from goodfit.running.trying import Prepared
from goodfit.running.watched import mistakes
from goodfit.running.works import Entry
from goodfit.space.scales import Log
from goodfit.task import accuracy
from goodfit.training.measure.batch_size import noise_scale, throughput
from goodfit.training.measure.data import measure_data
from goodfit.training.measure.flow import measure_flow
from goodfit.training.measure.gradients import check_hand_written
from goodfit.training.measure.initial import measure_initial
from goodfit.training.measure.remedy import reinitialised
from goodfit.training.measure.sample import measure_sample
from goodfit.training.trial import Regime

EXPLAINED_BY = {"batch-dimension-mixup": "wrong-softmax-dim"}  # a symptom in the data stage, and the mistake behind it
PROBE_SAMPLES = 256  # whose single losses are compared before and after
SMALL_DECAY = 1e-5  # weight decay while the rate is sought, where the task gives none: seeds S0 and S1


def data_stage(session: Session, prepared: Prepared) -> StageResult:
    """Look at the data (recipe 2.0)."""
    settings = session.settings.data
    measured = measure_data(
        session.problem,
        prepared.start,
        session.seed,
        samples=settings.samples,
        hashed=settings.hashed_samples,
        independence=settings.independence_samples,
        column_samples=settings.column_samples,
    )
    result = judge_data(measured, settings)
    if not any(finding.kind in EXPLAINED_BY for finding in result.findings):
        return result
    causes = {EXPLAINED_BY[finding.kind] for finding in result.findings if finding.kind in EXPLAINED_BY}
    found, _ = _watched(session, prepared)
    return with_mistakes(result, [finding for finding in found if finding.kind in causes])


def initial_loss_stage(session: Session, prepared: Prepared) -> StageResult:
    """Step 1, and what the doctor's rules see in the first steps of training."""
    settings = session.settings.initial_loss
    samples, seeds = affordable_initial(session, prepared)
    measured = measure_initial(
        session.problem, prepared.start, session.seed, samples=samples, batches=settings.batches, seeds=seeds
    )
    flow = measure_flow(session.problem, prepared.start, session.seed)
    result = judge_initial_loss(
        measured,
        settings,
        flow=flow,
        expected=session.opened.task.expected_initial_loss,
    )
    if not flow.has_graph or not math.isfinite(flow.loss):
        return result  # nothing can be trained, and the next step says why
    found, steps = _watched(session, prepared)
    looked_at = {"samples": measured.samples, "initialisations": seeds, "watched_steps": steps}
    result = dataclasses.replace(result, evidence={**result.evidence, **looked_at})
    return with_mistakes(result, found, session.findings)


def _watched(session: Session, prepared: Prepared) -> tuple[list[Finding], int]:
    """What the doctor's rules see in a few plain steps, and how many those were: 0 where too few can be paid for."""
    steps = watched_steps(session, prepared)
    if steps < session.settings.doctor.hits:
        return [], 0
    found = mistakes(
        session.problem, prepared.start, session.seed, session.settings, steps=steps, where=IN_INITIAL_LOSS
    )
    return found, steps


def overfit_stage(session: Session, prepared: Prepared) -> StageResult:
    """Step 2."""
    settings = session.settings.overfit
    sample = measure_sample(
        session.problem, prepared.start, session.seed, count=settings.samples, batches=settings.batches
    )
    flow = measure_flow(session.problem, prepared.start, session.seed)
    overfit = Overfit(
        settings=settings,
        sample=sample,
        flow=flow,
        optimizer=str(prepared.start["optimizer"]),
        capacity=_capacity(prepared),
        max_steps=affordable_batch_steps(session, prepared),
        most_rates=affordable_rates(session, prepared),
        hand_written=check_hand_written(session.problem, prepared.start, session.seed),
    )
    end = gates_end(session, session.settings.budget.overfit_part)
    runs, cut = answered_in_time(
        session, end, overfit.next_ask, lambda ask: _answered(session, prepared, ask, stage="overfit", end=end)
    )
    return overfit.result(runs, cut)


def learning_rate_stage(session: Session, prepared: Prepared, known: Mapping[str, Any]) -> StageResult:
    """Step 3, as long as the budget's share for it lasts."""
    steps, confirm_steps, seeds = affordable_bracket(session, prepared)
    bracket = Bracket(
        session.settings.learning_rate,
        floor=float(known.get("floor_loss") or 0.0),
        declared=declared_rates(prepared),
        steps=steps,
        confirm_steps=confirm_steps,
        seeds=seeds,
    )
    start = dict(prepared.start)
    if "weight_decay" not in session.opened.task.start:
        start["weight_decay"] = SMALL_DECAY
    tried = Prepared(prepared.space, start, prepared.roles)
    end = gates_end(session)
    runs, cut = answered_in_time(
        session, end, bracket.next_ask, lambda ask: _answered(session, tried, ask, stage="learning-rate", end=end)
    )
    result = bracket.result(runs, cut)
    if (rate := result.next.get("lr")) is None or cut:
        return result
    evidence, finding = _batches(session, {**start, "lr": rate})
    return dataclasses.replace(
        result,
        evidence={**result.evidence, "batches": evidence},
        findings=(*result.findings, *([] if finding is None else [finding])),
    )


def _batches(session: Session, hyperparameters: Mapping[str, Any]) -> tuple[dict[str, Any], Finding | None]:
    """What larger and smaller batches would bring, where the budget has time to measure it."""
    settings = session.settings.learning_rate
    if session.budget_seconds is None:
        return {"skipped": "a plan without a budget reads no clock"}, None
    allowed = settings.batch_share * session.budget_seconds
    cost = 3 * settings.batch_steps * session.seconds_per_step(hyperparameters)  # eight parts a step, each overhead
    if cost > allowed:
        return {"skipped": f"measuring would take about {cost:.1f} s of the {allowed:.1f} s there are for it"}, None
    size = int(hyperparameters.get("batch_size", session.problem.default_batch_size))
    noise = noise_scale(session.problem, hyperparameters, session.seed, steps=settings.batch_steps)
    speeds = throughput(
        session.problem,
        hyperparameters,
        session.seed,
        clock=time.perf_counter,
        seconds=allowed / 2,
        first=max(size // 4, 1),
    )
    return read_batch_size(size, noise, speeds, settings)


def declared_rates(prepared: Prepared) -> tuple[float, float] | None:
    """The range of rates that the user's space declares for the start's optimizer."""
    for dimension in prepared.space.active(prepared.start):
        if dimension.name == "lr" and isinstance(dimension.scale, Log):
            return dimension.scale.low, dimension.scale.high
    return None


def accuracy_name(session: Session) -> str:
    """The metric that is an accuracy; "" where there is none."""
    for name, metric in session.problem.metrics.items():
        if metric is accuracy or name.lower() in ("accuracy", "acc"):
            return name
    return ""


def _capacity(prepared: Prepared) -> dict[str, Any]:
    """The hyperparameters that add parameters, with their values at the start: what the ladder may raise."""
    return {name: prepared.start[name] for name in prepared.roles.capacity if name in prepared.start}


def _answered(session: Session, prepared: Prepared, ask: Ask, *, stage: str, end: float | None) -> list[Run]:
    """Train what a stage asks for, all rates and seeds side by side; what is under way at `end` is cut."""
    whole = min(PROBE_SAMPLES, len(session.problem.train))
    looked = whole if ask.samples is None else len(ask.samples)
    regime = Regime(
        samples=ask.samples,
        batch_size=ask.batch_size,
        regularised=ask.regularised,
        zero_inputs=ask.zero_inputs,
        eval_steps=(0, ask.steps),
        eval_train=min(1024, len(session.problem.train)) if ask.samples is None else looked,
        probe=looked,
        probe_every=1 if ask.steps <= 500 else 5,
        fitted_fraction=ask.fitted_fraction,
        fitted_floor=ask.fitted_floor,
        explosion_factor=session.settings.learning_rate.explosion,
        explosion_sds=session.settings.learning_rate.explosion_sds,
        explosion_window=session.settings.learning_rate.explosion_window,
    )
    middle = float(np.median(np.log(ask.rates)))
    entries = [  # from the middle outwards: what time leaves out are the ends
        Entry({**prepared.start, **ask.changes, "lr": lr}, session.seed + seed, steps=ask.steps)
        for lr in sorted(ask.rates, key=lambda lr: abs(math.log(lr) - middle))
        for seed in ask.seeds
    ]
    executor = None
    problem = None
    if ask.reinitialise:
        problem = reinitialised(session.problem)
        executor = InlineExecutor(HeldProblem(problem))
    outcomes = session.train(
        f"{stage}/{ask.key}",
        entries,
        regime=regime,
        is_kept=False,
        deadline=end,
        problem=problem,
        executor=executor,
    )
    name = accuracy_name(session)
    outcomes = sorted(outcomes, key=lambda outcome: (float(outcome.hyperparameters["lr"]), outcome.trial.seed))
    return [
        run_of(outcome.trial, outcome.events(), key=ask.key, steps=ask.steps, accuracy=name, samples=regime.eval_train)
        for outcome in outcomes
    ]
