"""Steps 4 to 7 conducted: the coarse search, then rounds of refining, reading curves and deciding."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from goodfit.diagnosis.reading import Reading, diagnose_curves
from goodfit.findings import Finding, Severity, plain
from goodfit.recipe.curves import read_stage
from goodfit.recipe.decide import Position, Standing, Stop, act, has_settled, read_decision, stop_reason
from goodfit.recipe.plan import Length, coarse_length, fine_length
from goodfit.recipe.result import StageName, StageResult
from goodfit.recipe.search import Searched, planned_epochs, ranked, read_search, standard_error_of
from goodfit.running.outcome import Outcome
from goodfit.running.reading import curves_of, observation_of
from goodfit.running.roles import has_dropout
from goodfit.running.session import Entry, Session
from goodfit.running.trying import Prepared
from goodfit.space import Log, Space
from goodfit.space.checks import check_scales
from goodfit.strategy.choosing import Candidate, basin_width, choose_among_repeats
from goodfit.strategy.grids import findings_of_grid, grid_levels, grid_price
from goodfit.strategy.next_space import next_space
from goodfit.strategy.observation import Observation
from goodfit.strategy.proposers import Grid, Random, propose_in_boxes
from goodfit.training.seeds import PROPOSAL, mixed

TOP = 3  # trials whose curves are read closely: recipe 2.6


@dataclasses.dataclass(frozen=True)
class Known:
    """What the first steps found, and what the plan allows."""

    landmarks: Mapping[str, Any]  # chance_loss, uniform_loss, chance_metric, floor_loss, best_metric
    lr: float | None  # step 3's working rate
    lr_max: float | None
    trials: int | None  # of the coarse search, where the plan says so
    epochs: float | None  # of a full training, where the plan or the task says so
    strategy: str = "random"  # of the coarse search
    levels: int | None = None  # of a grid


@dataclasses.dataclass
class Loop:
    """Where the search stands; each part reads it and moves it on."""

    session: Session
    prepared: Prepared
    known: Known
    position: Position
    boxes: tuple[Space, ...] = ()
    shares: tuple[float, ...] = ()
    old_space: Space | None = None
    outcomes: list[Outcome] = dataclasses.field(default_factory=list)  # of the last stage, at equal length
    best_scores: list[float] = dataclasses.field(default_factory=list)
    sigma: float | None = None
    border_flagged: bool = False
    at_floor: bool = False
    verdict: Finding | None = None
    stop: Stop | None = None
    was_lengthened: bool = False  # ... and those have been trained
    is_lengthened: bool = False  # the search settled once, and goes on with longer trials
    leaders: list[int] = dataclasses.field(default_factory=list)  # the best trials of each stage so far
    heeded: dict[str, float] = dataclasses.field(default_factory=dict)  # verdict -> best score when it was acted on

    @property
    def observations(self) -> list[Observation]:
        objective = self.session.opened.task.parsed_objective
        return [observation_of(o, objective) for o in self.outcomes]

    @property
    def contenders(self) -> list[Observation]:
        """The last stage's trials and the best of every earlier one, best first."""
        objective = self.session.opened.task.parsed_objective
        numbers = {o.number: o for o in self.outcomes}
        numbers |= {n: self.session.outcomes[n] for n in self.leaders}
        continued = {o.trial.parent for o in numbers.values()}  # who went on counts as what it became
        found = [observation_of(o, objective) for n, o in numbers.items() if n not in continued]
        return ranked(found, self.delta)

    @property
    def delta(self) -> float:
        """The smallest difference that counts: the validation set's standard error at the best score."""
        best = ranked(self.observations)
        return _standard_error(self, best[0].score if best else None)

    @property
    def is_share(self) -> bool:
        """Whether the objective's metric is a share of samples, as an accuracy is."""
        return "acc" in self.session.opened.task.parsed_objective.metric.lower()


def begin(session: Session, prepared: Prepared, known: Known) -> Loop:
    """The loop before the coarse search: the user's space, with the rate's box by step 3's bracket."""
    if "lr" not in prepared.start:  # neither searched nor given: step 3's is as good as any
        prepared = dataclasses.replace(prepared, start={**prepared.start, "lr": known.lr or 1e-3})
    space = coarse_space(session, prepared, known)
    return Loop(session, prepared, known, Position(space, 1.0, 0), old_space=None)


def coarse_space(session: Session, prepared: Prepared, known: Known) -> Space:
    """The user's space with the rate's range cut to what step 3 found useful (recipe 2.4).

    The two are intersected where they overlap by half a decade or more. Where they lie apart, the range moves to where
    rates work (step 3 has said so in a finding); where they touch, the user's range stays, and the border rule moves
    it if the trials say so.
    """
    space = prepared.space
    if known.lr is None:
        return space
    settings = session.settings.learning_rate
    low, high = known.lr / settings.box_below, min(settings.box_above * known.lr, known.lr_max or np.inf)
    scales = {}
    for dimension in space.active(prepared.start):
        scale = dimension.scale
        if dimension.name != "lr" or not isinstance(scale, Log) or scale.hard:
            continue
        cut_low, cut_high = max(scale.low, low), min(scale.high, high)
        if cut_high >= cut_low * 3.16:
            scales[dimension.key] = dataclasses.replace(scale, low=cut_low, high=cut_high)
        elif scale.low > high or scale.high < low:
            scales[dimension.key] = dataclasses.replace(scale, low=low, high=high)
    if not scales:
        return space
    narrowed = space.replace(scales)
    told = "; ".join(
        f"{key} from [{space[key].scale.as_json()['low']:.2g}, {space[key].scale.as_json()['high']:.2g}] to "
        f"[{scale.low:.2g}, {scale.high:.2g}]"
        for key, scale in scales.items()
    )
    session.decide(
        f"The coarse search's box: {told}.",
        f"Step 3's working rate is {known.lr:.2g} and the largest stable one {known.lr_max or known.lr:.2g}.",
        {"space": space.as_json()},
        {"space": narrowed.as_json()},
    )
    return narrowed


def coarse_stage(loop: Loop) -> StageResult:
    """Step 4: many short trials over the wide box."""
    session, space = loop.session, loop.position.space
    proposer = Random(space, mixed(session.seed, PROPOSAL, 0))
    length = Length(**session.decided("coarse/plan", lambda: dataclasses.asdict(_coarse_plan(loop, proposer))))
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
    loop.outcomes = session.train(
        "coarse",
        [Entry({**loop.prepared.start, **point}, session.seed) for point in points],
        epochs=length.epochs,
        deadline=_deadline(session, length),
    )
    loop.position = Position(space, length.epochs, length.trials)
    _keep_leaders(loop)
    result = _search_result(loop, StageName.COARSE, 1, findings)
    return dataclasses.replace(result, next={**result.next, **_kept(loop)})


def fine_stage(loop: Loop, round_: int) -> StageResult:
    """Step 5: survivors go on, new trials come from the next box."""
    session = loop.session
    before = loop.position
    moved = next_space(
        loop.old_space or before.space,
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
    target = _heeded(loop, target)
    if loop.is_lengthened and not loop.was_lengthened:
        loop.was_lengthened = True
        longest = loop.known.epochs or 2 * target.epochs
        target = dataclasses.replace(target, epochs=max(min(2 * before.epochs, longest), target.epochs))
    loop.border_flagged, loop.at_floor = moved.extended.any_flag, moved.box.is_at_least_width
    proposer_seed = mixed(session.seed, PROPOSAL, 100 + round_)
    survivors = _survivors(loop, moved.box.good, target)
    plan = session.decided(
        f"fine/{round_}/plan", lambda: dataclasses.asdict(_fine_plan(loop, target, round_, len(survivors)))
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
        f"fine/{round_}", entries, epochs=length.epochs, deadline=_deadline(session, length), share=(0.0, 0.8)
    )
    loop.outcomes = kept + trained
    loop.old_space = None
    loop.position = dataclasses.replace(target, epochs=length.epochs, trials=length.trials)
    _repeat_best(loop, f"fine/{round_}/repeats", session.settings.budget.repeat_seeds - 1, _deadline(session, length))
    _keep_leaders(loop)
    result = _search_result(loop, StageName.FINE, round_, tuple(findings))
    return dataclasses.replace(result, next={**result.next, **_kept(loop)})


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
    result = read_stage(readings, round_)
    loop.verdict = readings[0][1].verdict if readings else None
    return dataclasses.replace(result, next={"verdict": None if loop.verdict is None else loop.verdict.as_json()})


def decide_stage(loop: Loop, round_: int) -> StageResult:
    """Step 7: on, or to the final training."""
    session, settings = loop.session, loop.session.settings
    if loop.contenders:
        loop.best_scores.append(_best_score(loop))
    seconds_left = _search_seconds_left(session)
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
        seconds_for_round=None if seconds_left is None else _round_seconds(loop),
        most_rounds=_most_rounds(loop),
        length_tried=loop.is_lengthened or not _can_lengthen(loop),
    )
    loop.stop = stop_reason(standing, settings.search)
    changes = []
    if loop.stop is None and not standing.length_tried and has_settled(standing):
        loop.is_lengthened = True
        changes.append(f"The search has settled at {loop.position.epochs:g} epochs; longer trials are tried.")
    if loop.stop is None and loop.verdict is not None and _is_worth_heeding(loop):
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


def choose(loop: Loop) -> Observation:
    """The configuration for the final training: the top few again with fresh seeds, by their means (recipe 4.6)."""
    session, settings = loop.session, loop.session.settings.budget
    objective = session.opened.task.parsed_objective
    top = loop.contenders[: settings.repeat_top]
    if len(top) < 2:
        return top[0]
    seconds = _search_seconds_left(session)
    cost = sum(_trial_seconds(session, o.hyperparameters, loop.position.epochs) for o in top) / session.executor.slots
    seeds = settings.repeat_seeds
    if seconds is not None:
        seeds = int(session.decided("choose/seeds", lambda: min(seeds, int(seconds / max(cost, 1e-9)))))
    if seeds < 1:
        return top[0]
    fresh = [mixed(session.seed, PROPOSAL, 777, i) % 2**31 for i in range(seeds)]
    outcomes = session.train(
        "choose",
        [Entry(o.hyperparameters, seed) for o in top for seed in fresh],
        epochs=loop.position.epochs,
        deadline=None if seconds is None else session.elapsed() + max(2 * cost * seeds, 1.0),
        share=(0.8, 1.0),
    )
    space = loop.position.space
    candidates = []
    for i, found in enumerate(top):
        runs = [observation_of(o, objective) for o in outcomes[i * seeds : (i + 1) * seeds]]
        candidates.append(
            Candidate(
                trial=found.number,
                hyperparameters=found.hyperparameters,
                scores=tuple(run.score for run in runs),
                cost=session.size_of(found.hyperparameters),
                basin=basin_width(space, loop.contenders, found.number),
            )
        )
    winner = choose_among_repeats(candidates, loop.sigma, session.settings.search, told=objective.natural)
    for finding in winner.findings:
        session.find(finding)
    session.decide(
        f"Trial {winner.candidate.trial}'s hyperparameters go into the final training.",
        " ".join(winner.reasons),
        {"best_trial": top[0].number},
        {"hyperparameters": plain(winner.candidate.hyperparameters)},
    )
    return top[winner.index]


def tell_verdict(loop: Loop, outcome: Outcome) -> None:
    """Keep what a trial's curves say, as a finding of its own."""
    verdict = read_trial(loop, outcome).verdict
    loop.session.find(dataclasses.replace(verdict, where=f"trial {outcome.number}"), outcome.number)


def read_trial(loop: Loop, outcome: Outcome) -> Reading:
    """A trial's curves, diagnosed."""
    session = loop.session
    family = session.outcomes
    sizes = (min(2000, len(session.problem.train)), min(2000, len(session.problem.val)))
    smoothed = float(outcome.hyperparameters.get("label_smoothing") or 0.0) > 0
    curves = curves_of(
        outcome,
        family,
        session.opened.task.parsed_objective,
        loop.known.landmarks,
        samples=sizes,
        regularised=smoothed or has_dropout(session.problem, outcome.hyperparameters),
    )
    return diagnose_curves(curves, session.settings.curves)


# -- inside --------------------------------------------------------------------------------------------------------


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
            "coarse/grid-epoch", lambda: _mean_trial_epoch(session, start, points) * session.executor.slots
        )
        allowed = (length.seconds or 0.0) * session.executor.slots / max(per_epoch * len(points), 1e-9)
        epochs = min(epochs, max(allowed, session.settings.budget.coarse_epochs_floor))
    price = grid_price(space, levels, epochs, per_epoch, session.executor.slots)
    session.decide(
        str(price), f"{levels} levels of each of {len(space.names)} hyperparameters; every cell is run.", {}, {}
    )
    return points, Length(len(points), epochs, price.seconds)


def _heeded(loop: Loop, target: Position) -> Position:
    """The position that the last verdict makes of this one, with a line in the log."""
    if loop.verdict is None:
        return target
    if not _is_worth_heeding(loop):
        if loop.verdict.kind in loop.heeded:
            loop.session.decide(
                f"{loop.verdict.kind} is not acted on again.",
                "It was, and the best trial is no better for it.",
                {},
                {},
            )
        return target
    change = act(loop.verdict, target, loop.prepared.roles)
    if not change.what:
        return target
    loop.heeded[loop.verdict.kind] = _best_score(loop)
    if loop.known.epochs is not None and change.position.epochs > loop.known.epochs:
        change = dataclasses.replace(
            change, position=dataclasses.replace(change.position, epochs=max(loop.known.epochs, target.epochs))
        )
    loop.session.decide(
        change.what,
        f"{loop.verdict.kind}: {loop.verdict.message}",
        {"space": target.space.as_json(), "epochs": target.epochs},
        {"space": change.position.space.as_json(), "epochs": change.position.epochs},
    )
    return change.position


def _is_worth_heeding(loop: Loop) -> bool:
    """Whether the verdict is more than worth knowing, and was not acted on before in vain."""
    if loop.verdict is None or loop.verdict.severity is Severity.INFO:
        return False
    before = loop.heeded.get(loop.verdict.kind)
    return before is None or before - _best_score(loop) > loop.delta / 2


def _best_score(loop: Loop) -> float:
    return min((o.score for o in loop.contenders if o.score is not None), default=float("inf"))


def _survivors(loop: Loop, good: Sequence[int], target: Position) -> list[Outcome]:
    """The trials that cannot be told from the best, best first."""
    by_number = {o.number: o for o in loop.outcomes}
    order = [o.number for o in ranked(loop.observations) if o.number in set(good)]
    return [by_number[number] for number in order]


def _repeat_best(loop: Loop, key: str, seeds: int, deadline: float | None) -> None:
    """The best trial again with other seeds, once: what a seed alone changes."""
    session = loop.session
    best = ranked(loop.observations)
    if loop.sigma is not None or not best or best[0].score is None:
        return
    remaining = _search_seconds_left(session)
    cost = seeds * _trial_seconds(session, best[0].hyperparameters, loop.position.epochs) / session.executor.slots
    allowed = session.decided(
        f"{key}/allowed", lambda: remaining is None or cost <= session.settings.budget.repeats_share * remaining + 0.5
    )
    if not allowed:
        return
    objective = session.opened.task.parsed_objective
    outcomes = session.train(
        key,
        [Entry(best[0].hyperparameters, mixed(session.seed, 31, i) % 2**31) for i in range(seeds)],
        epochs=loop.position.epochs,
        deadline=deadline,
        share=(0.8, 1.0),
    )
    scores = [best[0].score] + [s for o in outcomes if (s := observation_of(o, objective).score) is not None]
    if len(scores) >= 2:
        loop.sigma = float(np.std(scores, ddof=1))
        session.decide(
            f"Differences below {2 * loop.sigma:.2g} are noise.",
            f"{len(scores)} seeds of trial {best[0].number} spread by {loop.sigma:.2g}.",
            {},
            {"sigma_seed": loop.sigma},
        )


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
            standard_error=_standard_error(loop, best[0].score if best else None),
            sigma=loop.sigma,
            epochs=loop.position.epochs,
            space=loop.position.space.as_json(),
        ),
        findings,
    )


def _keep_leaders(loop: Loop) -> None:
    loop.leaders = [*loop.leaders, *(o.number for o in ranked(loop.observations)[:TOP])]


def _kept(loop: Loop) -> dict[str, Any]:
    """What a resumed run needs of this stage besides its trials."""
    return {
        "trials": [o.number for o in loop.outcomes],
        "space": loop.position.space.as_json(),
        "epochs": loop.position.epochs,
        "size": loop.position.trials,
        "sigma": loop.sigma,
        "border_flagged": loop.border_flagged,
        "at_floor": loop.at_floor,
        "leaders": loop.leaders,
        "heeded": loop.heeded,
        "was_lengthened": loop.was_lengthened,
    }


def take_up(loop: Loop, result: StageResult) -> None:
    """Put the loop where a stage (just conducted, or replayed from the ledger) left it."""
    kept = result.next
    if result.stage in (StageName.COARSE, StageName.FINE):
        loop.outcomes = [loop.session.outcomes[number] for number in kept["trials"]]
        loop.position = Position(Space.from_json(kept["space"]), float(kept["epochs"]), int(kept["size"]))
        loop.sigma, loop.border_flagged, loop.at_floor = kept["sigma"], kept["border_flagged"], kept["at_floor"]
        loop.leaders, loop.heeded = list(kept["leaders"]), dict(kept["heeded"])
        loop.was_lengthened = bool(kept["was_lengthened"])
        if result.stage is StageName.COARSE:
            best = ranked(loop.observations)
            loop.best_scores = [best[0].score] if best and best[0].score is not None else []
    elif result.stage is StageName.CURVES:
        loop.verdict = None if kept["verdict"] is None else Finding.from_json(kept["verdict"])
    elif result.stage is StageName.DECIDE:
        loop.stop = None if kept["stop"] is None else Stop(**kept["stop"])
        loop.best_scores = list(kept["best_scores"])
        loop.is_lengthened = bool(kept["is_lengthened"])


def _standard_error(loop: Loop, score: float | None) -> float:
    objective = loop.session.opened.task.parsed_objective
    if score is None:
        return 0.0
    samples = min(2000, len(loop.session.problem.val))
    return standard_error_of(abs(objective.score(score)), samples, loop.is_share)


def _trial_seconds(session: Session, hyperparameters: Mapping[str, Any], epochs: float) -> float:
    """One trial's time on one slot, its evaluations included."""
    return 1.15 * epochs * session.steps_per_epoch(hyperparameters) * session.seconds_per_step(hyperparameters)


def _mean_trial_epoch(session: Session, start: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> float:
    """What an epoch of a typical trial adds to a stage, all slots at work."""
    each = [_trial_seconds(session, {**start, **point}, 1.0) for point in points]
    return float(np.mean(each)) / session.executor.slots


def _coarse_plan(loop: Loop, proposer: Any) -> Length:
    session, settings = loop.session, loop.session.settings.budget
    steps_per_epoch = session.steps_per_epoch(loop.prepared.start)
    dimensions = len(loop.position.space.names)
    if session.budget_seconds is None:
        free = coarse_length(
            dimensions=dimensions,
            steps_per_epoch=steps_per_epoch,
            seconds=1e12,
            seconds_per_trial_epoch=1e-9,
            settings=settings,
        )
        epochs = free.epochs
        if loop.known.epochs is not None:
            epochs = min(epochs, max(loop.known.epochs / 4, 0.1))
        wanted = settings.coarse_trials_per_dimension * dimensions
        return Length(loop.known.trials or min(wanted, settings.coarse_trials_most), epochs)
    cost = _mean_trial_epoch(session, loop.prepared.start, proposer.propose((), 16))
    allowed = (settings.gates_share + settings.coarse_share) * session.budget_seconds - session.elapsed()
    return coarse_length(
        dimensions=dimensions,
        steps_per_epoch=steps_per_epoch,
        seconds=settings.safety * max(allowed, 0.6 * settings.coarse_share * session.budget_seconds),
        seconds_per_trial_epoch=cost,
        settings=settings,
    )


def _fine_plan(loop: Loop, target: Position, round_: int, survivors: int) -> Length:
    session, settings = loop.session, loop.session.settings.budget
    if session.budget_seconds is None:
        trials = max(settings.fine_trials_least, (loop.known.trials or settings.fine_trials_most) // 2)
        return Length(trials, target.epochs)
    points = Random(target.space, 1).propose((), 16)
    cost = _mean_trial_epoch(session, loop.prepared.start, points)
    left = _search_seconds_left(session) or 0.0
    rounds_ahead = max(1, min(settings.most_rounds, 3) - round_ + 1)
    # Where time is short, fewer and longer rounds: trials of an epoch say little of a full training.
    needed = settings.fine_trials_least * target.epochs * cost
    share = min(max(left / rounds_ahead, needed), max(left / rounds_ahead, settings.dear_round_share * left))
    return fine_length(
        trials=settings.fine_trials_most,
        epochs=target.epochs,
        seconds=settings.safety * share,
        seconds_per_trial_epoch=cost,
        settings=settings,
    )


def _round_seconds(loop: Loop) -> float:
    """What another round would take at least."""
    settings = loop.session.settings.budget
    best = ranked(loop.observations)
    if not best:
        return 0.0
    epochs = loop.position.epochs
    if loop.verdict is not None:
        epochs = act(loop.verdict, loop.position, loop.prepared.roles).position.epochs
    one = _trial_seconds(loop.session, best[0].hyperparameters, epochs)
    return settings.fine_trials_least * one / loop.session.executor.slots


def _search_seconds_left(session: Session) -> float | None:
    """Time before the final training's share begins."""
    if session.budget_seconds is None:
        return None
    reserve = session.settings.budget.final_share * session.budget_seconds
    return max(0.0, session.budget_seconds - reserve - session.elapsed())


def _can_lengthen(loop: Loop) -> bool:
    """Whether longer trials are possible: a full training is longer, and there is time for them."""
    session, settings = loop.session, loop.session.settings.budget
    if loop.known.epochs is not None and loop.position.epochs >= loop.known.epochs:
        return False
    left, best = _search_seconds_left(session), loop.contenders
    if left is None or not best:
        return False  # a plan in trials and epochs has its length
    one = _trial_seconds(session, best[0].hyperparameters, 2 * loop.position.epochs)
    return 2 * settings.fine_trials_least * one / session.executor.slots < left


def _most_rounds(loop: Loop) -> int:
    """Rounds at most; a plan in trials and epochs has two."""
    most = loop.session.settings.budget.most_rounds
    return most if loop.session.budget_seconds is not None else min(2, most)


def _deadline(session: Session, length: Length) -> float | None:
    """When a stage is cut: half again over its plan, and never into the final training's share."""
    if session.budget_seconds is None or length.seconds is None:
        return None
    latest = (1 - 0.8 * session.settings.budget.final_share) * session.budget_seconds
    return min(session.elapsed() + 1.5 * length.seconds + 1.0, latest)
