"""Steps 4 to 7 conducted: the coarse search, then rounds of refining, reading curves and deciding."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.diagnosis.across import ReadTrial, best_step_histogram, hobbled_selection
from goodfit.diagnosis.reading import Reading, diagnose_curves
from goodfit.findings import Finding
from goodfit.recipe.curves import read_stage
from goodfit.recipe.decide import Position, Standing, act, has_settled, read_decision, stop_reason
from goodfit.recipe.final import FINAL_SCHEDULE
from goodfit.recipe.plan import Length
from goodfit.recipe.result import StageName, StageResult
from goodfit.recipe.search import Searched, planned_epochs, ranked, read_search
from goodfit.running.heeding import heeded, is_worth_heeding, with_room_for_dropout
from goodfit.running.lengths import (
    can_lengthen,
    coarse_plan,
    deadline_of,
    fine_plan,
    is_too_short,
    mean_trial_epoch,
    most_rounds,
    round_seconds,
    search_seconds_left,
)
from goodfit.running.loop import TOP, Loop, best_score, keep_leaders, kept_of, standard_error
from goodfit.running.outcome import Outcome, begun
from goodfit.running.reading import observation_of
from goodfit.running.repeats import repeat_best
from goodfit.running.verdicts import curves_for, read_trial, tell_verdict
from goodfit.running.works import Entry
from goodfit.space.checks import check_scales
from goodfit.strategy.grids import findings_of_grid, grid_levels, grid_price
from goodfit.strategy.next_space import next_space
from goodfit.strategy.proposers import Grid, Random, propose_in_boxes
from goodfit.strategy.sequences import Sobol
from goodfit.training.seeds import PROPOSAL, mixed


def coarse_stage(loop: Loop) -> StageResult:
    """Step 4: many short trials over the wide box."""
    session, space = loop.session, loop.position.space
    draws = Random if loop.known.strategy == "random" else Sobol
    proposer = draws(space, mixed(session.seed, PROPOSAL, 0))
    length = Length(**session.decided("coarse/plan", lambda: dataclasses.asdict(coarse_plan(loop, proposer))))
    findings = list(check_scales(space))
    if loop.known.strategy == "grid":
        points, length = _grid(loop, length)
        for finding in findings_of_grid(space, _levels(loop, length), session.settings.search):
            session.find(finding)
    else:
        points = [dict(p) for p in proposer.propose((), length.trials - 1)]
        points.insert(0, _first_point(loop))
    session.decide(
        f"{length.trials} trials of {length.epochs:g} epochs.",
        f"About {length.seconds:.0f} s by the measured speed." if length.seconds else "As the plan says.",
        {},
        {"trials": length.trials, "epochs": length.epochs},
    )
    loop.outcomes = begun(
        session.train(
            "coarse",
            [_coarse_entry(loop, point) for point in points],
            epochs=length.epochs,
            deadline=deadline_of(loop, length),
        )
    )
    loop.position = Position(space, length.epochs, length.trials)
    keep_leaders(loop)
    result = _search_result(loop, StageName.COARSE, 1, findings)
    return dataclasses.replace(result, next={**result.next, **kept_of(loop)})


def fine_stage(loop: Loop, round_: int) -> StageResult:
    """Step 5: survivors go on, new trials come from the next box."""
    session = loop.session
    before = loop.position
    moved = next_space(
        before.space,
        loop.observations,
        session.settings.search,
        sigma=loop.sigma,
        delta=loop.delta,
        seed=mixed(session.seed, PROPOSAL, round_),
    )
    target = dataclasses.replace(before, space=moved.space)
    if round_ == 1:
        epochs = planned_epochs(session.settings.budget, before.epochs, loop.known.epochs)
        target = dataclasses.replace(target, epochs=epochs)
    for reason in moved.reasons:
        session.decide(reason, "The last stage's trials.", {"space": moved.before}, {"space": moved.after})
    findings = list(moved.findings)
    target = heeded(loop, target)
    if round_ == 1:  # the coarse box is wide enough to have both
        target = with_room_for_dropout(loop, target)
    if loop.is_lengthened and not loop.was_lengthened:
        loop.was_lengthened = True
        longest = loop.known.epochs or 2 * target.epochs
        target = dataclasses.replace(target, epochs=max(min(2 * before.epochs, longest), target.epochs))
    loop.border_flagged, loop.at_floor = moved.extended.any_flag, moved.box.is_at_least_width
    proposer_seed = mixed(session.seed, PROPOSAL, 100 + round_)
    survivors = _survivors(loop, moved.box.good, target)
    plan = session.decided(
        f"fine/{round_}/plan", lambda: dataclasses.asdict(fine_plan(loop, target, round_, len(survivors)))
    )
    length = Length(**plan)
    survivors = survivors[: max(1, length.trials // 2)]
    fresh = max(length.trials - len(survivors), 1)
    boxes = moved.boxes if target.space == moved.space else (target.space,)
    shares = moved.shares if target.space == moved.space else (1 - session.settings.search.old_box_share,)
    points = propose_in_boxes(boxes, shares, before.space, fresh, proposer_seed, history=loop.observations)
    grows = length.epochs > before.epochs
    entries = [
        Entry(o.hyperparameters, session.seed, parent=o.number if grows else None)
        for o in survivors
        if grows or length.epochs < before.epochs
    ]
    kept = survivors if not entries else []
    entries += [Entry({**loop.prepared.start, **point}, session.seed) for point in points]
    session.decide(
        f"Round {round_}: {len(survivors)} survivors {'go on' if grows else 'stay'}, {fresh} new trials; "
        f"{length.epochs:g} epochs.",
        f"About {length.seconds:.0f} s by the measured speed." if length.seconds else "As the plan says.",
        {"space": before.space.as_json(), "epochs": before.epochs},
        {"space": target.space.as_json(), "epochs": length.epochs},
    )
    trained = session.train(
        f"fine/{round_}", entries, epochs=length.epochs, deadline=deadline_of(loop, length), share=(0.0, 0.8)
    )
    loop.outcomes = kept + begun(trained)
    loop.position = dataclasses.replace(target, epochs=length.epochs, trials=length.trials)
    repeat_best(loop, f"fine/{round_}/repeats", session.settings.budget.repeat_seeds - 1, deadline_of(loop, length))
    keep_leaders(loop)
    result = _search_result(loop, StageName.FINE, round_, tuple(findings))
    return dataclasses.replace(result, next={**result.next, **kept_of(loop)})


def curves_stage(loop: Loop, round_: int) -> StageResult:
    """Step 6: the best trials' curves in words."""
    session = loop.session
    best = ranked(loop.observations)[:TOP]
    by_number = {o.number: o for o in loop.outcomes}
    readings: list[tuple[int, Reading]] = []
    for observation in best:
        reading = read_trial(loop, by_number[observation.number])
        readings.append((observation.number, reading))
        for finding in reading.findings:
            session.find(dataclasses.replace(finding, where=f"trial {observation.number}"), observation.number)
    for outcome in loop.outcomes:
        if not outcome.is_feasible:
            tell_verdict(loop, outcome)
    findings, evidence = _across(loop)
    result = read_stage(readings, round_)
    result = dataclasses.replace(
        result, findings=(*result.findings, *findings), evidence={**result.evidence, **evidence}
    )
    loop.verdict = readings[0][1].verdict if readings else None
    return dataclasses.replace(result, next={"verdict": None if loop.verdict is None else loop.verdict.as_json()})


def _across(loop: Loop) -> tuple[list[Finding], dict[str, Any]]:
    """What the stage's trials say together: where their best points lie, and whether a hobbled one won."""
    settings = loop.session.settings.curves
    read = [(o, curves_for(loop, o)) for o in loop.outcomes if o.is_feasible]
    objective = loop.session.opened.task.parsed_objective
    trials = [
        ReadTrial(
            outcome.number,
            float(outcome.hyperparameters.get("lr", 0.0)),
            observation_of(outcome, objective).score,
            diagnose_curves(curves, settings),
        )
        for outcome, curves in read
    ]
    hobbled = hobbled_selection(trials, settings)
    steps = best_step_histogram([curves for _, curves in read], settings)
    evidence = {
        "best_steps": {
            "counts": steps.counts.tolist(),
            "edges": steps.edges.tolist(),
            "upper_quartile": steps.upper_quartile,
            "says": steps.says,
        }
    }
    return [] if hobbled is None else [hobbled], evidence


def decide_stage(loop: Loop, round_: int) -> StageResult:
    """Step 7: on, or to the final training."""
    settings = loop.session.settings
    if loop.contenders:
        loop.best_scores.append(best_score(loop))
    seconds_left = search_seconds_left(loop)
    standing = Standing(
        round=round_,
        best_scores=tuple(loop.best_scores),
        sigma=loop.sigma,
        repeats=settings.budget.repeat_seeds,
        delta=loop.delta,
        border_flagged=loop.border_flagged,
        at_floor=loop.at_floor,
        verdict=loop.verdict.kind if loop.verdict else "not-enough-points",
        seconds_left=seconds_left,
        seconds_for_round=None if seconds_left is None else round_seconds(loop),
        most_rounds=most_rounds(loop),
        round_epochs=loop.position.epochs if is_too_short(loop) else None,
        length_tried=loop.is_lengthened or not can_lengthen(loop),
    )
    loop.stop = stop_reason(standing, settings.search)
    changes = []
    if loop.stop is None and not standing.length_tried and has_settled(standing):
        loop.is_lengthened = True
        changes.append(f"The search has settled at {loop.position.epochs:g} epochs; longer trials are tried.")
    if loop.stop is None and loop.verdict is not None and is_worth_heeding(loop):
        change = act(loop.verdict, loop.position, loop.prepared.roles)
        if change.what:
            changes.append(change.what)
    result = read_decision(standing, loop.stop, changes, loop.position)
    return dataclasses.replace(
        result,
        next={
            "stop": None if loop.stop is None else dataclasses.asdict(loop.stop),
            "best_scores": loop.best_scores,
            "is_lengthened": loop.is_lengthened,
        },
    )


def _coarse_entry(loop: Loop, point: Mapping[str, Any]) -> Entry:
    """A coarse trial: at a constant rate, for it may be gone on with, unless it is judged for the final training."""
    values = {**loop.prepared.start, **point}
    if not loop.mode.is_dear:
        return Entry(values, loop.session.seed)
    return Entry({**values, "schedule": values.get("schedule") or FINAL_SCHEDULE}, loop.session.seed, is_scheduled=True)


def _first_point(loop: Loop) -> dict[str, Any]:
    """Step 3's working rate without weight decay: a point known to train (recipe 1 row 32: 0 is always tried)."""
    start, space = loop.prepared.start, loop.position.space
    point = {}
    for dimension in space.active(start):
        value = start.get(dimension.name, dimension.scale.middle())
        if dimension.name == "lr" and loop.known.lr is not None:
            value = loop.known.lr
        if dimension.name == "weight_decay" and dimension.scale.atom > 0:
            value = 0.0
        point[dimension.name] = dimension.scale.from_unit(dimension.scale.to_unit(value))
    return point


def _levels(loop: Loop, length: Length) -> int:
    return loop.known.levels or grid_levels(loop.position.space, loop.known.trials or length.trials)


def _grid(loop: Loop, length: Length) -> tuple[list[dict[str, Any]], Length]:
    """Every cell of a grid, and its price, told before it starts; epochs shrink where the time would not do."""
    session, space, start = loop.session, loop.position.space, loop.prepared.start
    levels = _levels(loop, length)
    points = [dict(p) for p in Grid(space, levels).points]
    per_epoch = None
    epochs = length.epochs
    if session.budget_seconds is not None:
        per_epoch = session.decided(
            "coarse/grid-epoch", lambda: mean_trial_epoch(session, start, points) * session.executor.slots
        )
        allowed = (length.seconds or 0.0) * session.executor.slots / max(per_epoch * len(points), 1e-9)
        epochs = min(epochs, max(allowed, session.settings.budget.coarse_epochs_floor))
    price = grid_price(space, levels, epochs, per_epoch, session.executor.slots)
    session.decide(
        str(price), f"{levels} levels of each of {len(space.names)} hyperparameters; every cell is run.", {}, {}
    )
    return points, Length(len(points), epochs, price.seconds)


def _survivors(loop: Loop, good: Sequence[int], target: Position) -> list[Outcome]:
    """The trials that cannot be told from the best, best first."""
    by_number = {o.number: o for o in loop.outcomes}
    order = [o.number for o in ranked(loop.observations) if o.number in set(good)]
    return [by_number[number] for number in order]


def _search_result(loop: Loop, stage: StageName, round_: int, findings: Sequence[Finding]) -> StageResult:
    objective = loop.session.opened.task.parsed_objective
    best = ranked(loop.observations)
    chance = loop.known.landmarks.get("chance_metric" if objective.metric != "loss" else "chance_loss")
    return read_search(
        stage,
        round_,
        Searched(
            observations=loop.observations,
            metric=objective.metric,
            maximise=objective.maximise,
            chance=chance,
            standard_error=standard_error(loop, best[0].score if best else None),
            sigma=loop.sigma,
            epochs=loop.position.epochs,
            space=loop.position.space.as_json(),
        ),
        findings,
    )
