"""Where the search stands between its stages, and how a resumed run takes it up."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from goodfit.findings import Finding
from goodfit.recipe.decide import Position, Stop
from goodfit.recipe.result import StageName, StageResult
from goodfit.recipe.search import ranked, standard_error_of
from goodfit.running.mode import Mode, settle_mode
from goodfit.running.outcome import Outcome
from goodfit.running.reading import observation_of
from goodfit.running.session import Session
from goodfit.running.trying import Prepared
from goodfit.running.works import EVALUATIONS, affordable_evaluation
from goodfit.space import Log, Space
from goodfit.space.defaults import usual_rates
from goodfit.strategy.observation import Observation

TOP = 3  # trials whose curves are read closely: recipe 2.6


@dataclasses.dataclass(frozen=True)
class Known:
    """What the first steps found, and what the plan allows."""

    landmarks: Mapping[str, Any]  # chance_loss, uniform_loss, chance_metric, floor_loss, best_metric
    lr: float | None  # step 3's working rate
    lr_max: float | None
    trials: int | None  # of the coarse search, where the plan says so
    epochs: float | None  # of a full training, where the plan or the task says so
    strategy: str = "sobol"  # of the coarse search
    levels: int | None = None  # of a grid


@dataclasses.dataclass
class Loop:
    """Where the search stands; each part reads it and moves it on."""

    session: Session
    prepared: Prepared
    known: Known
    position: Position
    mode: Mode = dataclasses.field(default_factory=Mode)
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
        return standard_error(self, best[0].score if best else None)

    @property
    def is_share(self) -> bool:
        """Whether the objective's metric is a share of samples, as an accuracy is."""
        return "acc" in self.session.opened.task.parsed_objective.metric.lower()


def begin(session: Session, prepared: Prepared, known: Known) -> Loop:
    """The loop before the coarse search: the user's space, with the rate's box by step 3's bracket."""
    if "lr" not in prepared.start:  # neither searched nor given: step 3's is as good as any
        prepared = dataclasses.replace(prepared, start={**prepared.start, "lr": known.lr or 1e-3})
    space = coarse_space(session, prepared, known)
    mode = settle_mode(session, prepared, known.epochs)
    return Loop(session, prepared, known, Position(space, 1.0, 0), mode)


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
    # A hundred steps tell what is stable, and flatter high rates of adaptive optimizers: the usual range's upper decade
    # (recipe 3.6) stays in the box whatever they say.
    usual = usual_rates(str(prepared.start["optimizer"]))
    low = min(known.lr / settings.box_below, usual.high / 10)
    high = min(settings.box_above * known.lr, known.lr_max or np.inf)
    if known.lr_max is None:  # step 3 had no time to see what breaks
        high = max(high, usual.high)
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


def kept_of(loop: Loop) -> dict[str, Any]:
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


def keep_leaders(loop: Loop) -> None:
    loop.leaders = [*loop.leaders, *(o.number for o in ranked(loop.observations)[:TOP])]


def best_score(loop: Loop) -> float:
    return min((o.score for o in loop.contenders if o.score is not None), default=float("inf"))


def evaluated_samples(session: Session, epochs: float) -> int:
    """Validation samples behind each point of a searched trial's curves, by its length."""
    trained = round(epochs * len(session.problem.train))
    return min(affordable_evaluation(trained, EVALUATIONS), len(session.problem.val))


def standard_error(loop: Loop, score: float | None) -> float:
    objective = loop.session.opened.task.parsed_objective
    if score is None:
        return 0.0
    samples = evaluated_samples(loop.session, loop.position.epochs)
    return standard_error_of(abs(objective.score(score)), samples, loop.is_share)
