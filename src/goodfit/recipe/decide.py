"""Step 7, go to 5: what the curves say changes the next round's space and budget, or ends the loop.

The table `ACTIONS` is recipe.md's section 5, last column, a line a verdict; `stop_reason` is its section 4.8.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

from goodfit.findings import Finding
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.settings.search import SearchSettings
from goodfit.space import Space
from goodfit.space.dimension import Dimension
from goodfit.space.levels import Integer, PowersOfTwo
from goodfit.space.scales import Linear, Log, Scale


@dataclasses.dataclass(frozen=True, slots=True)
class Roles:
    """What the task's own hyperparameters do, found by building models at both ends of their scales."""

    capacity: tuple[str, ...] = ()  # raising it adds parameters
    dropout: tuple[str, ...] = ()  # it sets a dropout rate


@dataclasses.dataclass(frozen=True, slots=True)
class Position:
    """Where the loop stands: what the next round would search."""

    space: Space
    epochs: float
    trials: int


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """What a verdict does to the next round."""

    position: Position
    what: str  # one sentence; empty: nothing was left to change


Action = Callable[[Position, Roles], Change]


def longer(position: Position, roles: Roles) -> Change:
    epochs = 2 * position.epochs
    return Change(dataclasses.replace(position, epochs=epochs), f"Epochs go from {position.epochs:g} to {epochs:g}.")


def shorter(position: Position, roles: Roles) -> Change:
    epochs = max(1.0, round(position.epochs / 2))
    changed = dataclasses.replace(position, epochs=epochs, trials=math.ceil(1.5 * position.trials))
    return Change(changed, f"Epochs go from {position.epochs:g} to {epochs:g}, and the time saved to more trials.")


def lower_rates(position: Position, roles: Roles) -> Change:
    """The top of the rate's box down by 3; the box keeps half a decade."""

    def lower(scale: Scale) -> Scale | None:
        if not isinstance(scale, Log):
            return None
        return dataclasses.replace(scale, high=max(scale.high / 3, scale.low * 3.2))

    return _rescaled(position, ("lr",), lower, "The top of {} goes down")


def raise_rates(position: Position, roles: Roles) -> Change:
    """The top of the rate's box up by a decade; the flat end is left behind."""

    def higher(scale: Scale) -> Scale | None:
        if not isinstance(scale, Log):
            return None
        return dataclasses.replace(scale, low=scale.low * 3, high=scale.high * 10)

    return _rescaled(position, ("lr",), higher, "The box of {} moves up")


def regularise(position: Position, roles: Roles) -> Change:
    """Weight decay up a decade, dropout to 0.2-0.6 (row 9)."""

    def stronger(scale: Scale) -> Scale | None:
        if isinstance(scale, Log):
            return dataclasses.replace(scale, low=scale.low * 3, high=scale.high * 10)
        if isinstance(scale, Linear) and scale.low >= 0 and scale.high < 1:
            return dataclasses.replace(scale, low=max(scale.low, min(0.2, scale.high / 2)), high=max(scale.high, 0.6))
        return None

    return _rescaled(position, ("weight_decay", *roles.dropout), stronger, "The box of {} moves up")


def relax(position: Position, roles: Roles) -> Change:
    """Weight decay down a decade, dropout towards 0."""

    def weaker(scale: Scale) -> Scale | None:
        if isinstance(scale, Log):
            return dataclasses.replace(scale, low=scale.low / 10, high=max(scale.high / 10, scale.low))
        if isinstance(scale, Linear) and scale.low >= 0:
            return dataclasses.replace(scale, low=0.0, high=max(scale.high / 2, 0.05))
        return None

    return _rescaled(position, ("weight_decay", *roles.dropout), weaker, "The box of {} moves down")


def widen(position: Position, roles: Roles) -> Change:
    """Width doubled or a layer more."""

    def bigger(scale: Scale) -> Scale | None:
        if isinstance(scale, PowersOfTwo) and not scale.hard:
            return dataclasses.replace(scale, low=min(scale.low * 2, scale.high), high=scale.high * 2)
        if isinstance(scale, Integer) and not scale.hard:
            step = max(1, round(0.5 * (scale.high - scale.low))) if scale.high > 16 else 1
            return dataclasses.replace(scale, low=min(scale.low + step, scale.high), high=scale.high + step)
        if isinstance(scale, (Linear, Log)) and not scale.hard:
            return dataclasses.replace(scale, high=scale.high * 2)
        return None

    return _rescaled(position, roles.capacity, bigger, "The box of {} moves up")


def grow(position: Position, roles: Roles) -> Change:
    """A larger network, and less regularisation (row 14)."""
    larger = widen(position, roles)
    less = relax(larger.position, roles)
    return Change(less.position, " ".join(part for part in (larger.what, less.what) if part))


def keep(position: Position, roles: Roles) -> Change:
    return Change(position, "")


# Verdict -> what it does to the next round. A reader can check this line by line against recipe.md, section 5.
ACTIONS: Mapping[str, Action] = {
    "diverged": lower_rates,  # row 1
    "pipeline-suspect": keep,  # row 2: a bug is not tuned away; the loop ends
    "lr-too-low": raise_rates,  # rows 3, 4 and 12
    "bad-initialisation": keep,  # row 5: the finding tells the user; the search cannot change the model
    "lr-too-high": lower_rates,  # rows 4, 6 and 13
    "loss-spikes": lower_rates,  # row 6
    "lr-schedule-wrong": longer,  # row 8
    "overfitting": regularise,  # rows 9 and 10
    "too-few-steps": longer,  # row 11
    "underfitting-capacity": grow,  # row 14
    "excess-regularisation": relax,
    "dropout-not-working": widen,  # below the table: a bigger network, and a second try
    "too-many-steps": shorter,  # row 15
    "noisy-validation": keep,  # row 16: the final training averages; repeats measure it
    "easy-gain-at-start": keep,  # row 7: an annotation
    "healthy": keep,  # row 17: refine
    "not-enough-points": keep,
}


def act(verdict: Finding, position: Position, roles: Roles) -> Change:
    """What a verdict changes; a change with nothing to say leaves the position as it is."""
    return ACTIONS.get(verdict.kind, keep)(position, roles)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the stopping rule reads."""

    round: int  # finer rounds that have ended
    best_scores: Sequence[float]  # best score after each round, the coarse one first; lower is better
    sigma: float | None  # over seeds
    repeats: int  # seeds behind each of the compared means
    delta: float  # the smallest difference that counts
    border_flagged: bool
    at_floor: bool  # the box is at its smallest in every dimension that matters
    verdict: str  # of the best trial
    seconds_left: float | None  # before the final reserve; None: a plan in rounds
    seconds_for_round: float | None
    most_rounds: int
    round_epochs: float | None = None  # what a round can afford, where that is too short to go on refining
    length_tried: bool = True  # whether longer trials were tried since the search settled (or cannot be)


@dataclasses.dataclass(frozen=True, slots=True)
class Stop:
    reason: str  # one sentence
    by: str  # "converged", "budget", "rounds", "pipeline"


def stop_reason(standing: Standing, settings: SearchSettings) -> Stop | None:
    """Why the loop ends here, or None: another round (recipe 4.8).

    It ends when all four hold: the last two rounds gained less than noise, no border is flagged, the box is at its
    floor, and the best trial's curve is healthy or saturated; or when time or rounds are spent.
    """
    if standing.verdict == "pipeline-suspect":
        return Stop(
            "The best trial's curve points to a fault in the data or the code, which no search mends.", "pipeline"
        )
    if standing.round >= standing.most_rounds:
        return Stop(f"All {standing.most_rounds} planned rounds are done.", "rounds")
    if standing.round_epochs is not None:
        return Stop(
            f"A round can afford trials of {standing.round_epochs:.2g} epochs, too short to refine by: the time goes "
            "to the final training.",
            "budget",
        )
    left, needed = standing.seconds_left, standing.seconds_for_round
    if left is not None and needed is not None and left < needed:
        return Stop(
            f"Another round would take about {needed:.0f} s; {left:.0f} s are left before the final training's share.",
            "budget",
        )
    gain = _gain(standing.best_scores)
    noise = max(2 * (standing.sigma or 0.0) / math.sqrt(max(standing.repeats, 1)), standing.delta)
    settled = standing.verdict in ("healthy", "too-many-steps", "not-enough-points", "noisy-validation")
    if len(standing.best_scores) < 3:  # the coarse search and two rounds: one round's standstill is no sign
        return None
    if not standing.length_tried:
        return None
    if gain is not None and gain < noise and not standing.border_flagged and settled and standing.at_floor:
        return Stop(
            f"The last rounds gained {max(gain, 0):.2g}, less than noise ({noise:.2g}); no border is flagged, the box "
            "is at its floor and the best curve has settled.",
            "converged",
        )
    return None


def has_settled(standing: Standing) -> bool:
    """Whether the last two rounds gained less than noise: the search at this length is done."""
    gain = _gain(standing.best_scores)
    noise = max(2 * (standing.sigma or 0.0) / math.sqrt(max(standing.repeats, 1)), standing.delta)
    return len(standing.best_scores) >= 3 and gain is not None and gain < noise


def read_decision(standing: Standing, stop: Stop | None, changes: Sequence[str], position: Position) -> StageResult:
    """The decide stage's result: on or out, and what was changed."""
    gain = _gain(standing.best_scores)
    if stop is not None:
        summary = stop.reason
    else:
        summary = "Another round: " + (" ".join(changes) if changes else "the box is refined around the best trials.")
    return StageResult(
        stage=StageName.DECIDE,
        verdict=Verdict.PASS if stop is None or stop.by in ("converged", "rounds", "budget") else Verdict.WARN,
        summary=summary,
        evidence={
            "best_scores": list(standing.best_scores),
            "gain": gain,
            "sigma_seed": standing.sigma,
            "delta": standing.delta,
            "border_flagged": standing.border_flagged,
            "at_floor": standing.at_floor,
            "verdict": standing.verdict,
            "stopped_by": stop.by if stop else None,
            "seconds_left": standing.seconds_left,
            "next_epochs": position.epochs,
            "next_trials": position.trials,
        },
        space=position.space.as_json(),
    )


def _gain(best_scores: Sequence[float]) -> float | None:
    """What the last two rounds gained over what was there before them."""
    if len(best_scores) < 2:
        return None
    return best_scores[max(len(best_scores) - 3, 0)] - best_scores[-1]


def _rescaled(position: Position, names: Sequence[str], change: Callable[[Scale], Scale | None], told: str) -> Change:
    """A position whose named dimensions have other scales, and a sentence that says from where to where."""
    scales: dict[str, Scale] = {}
    sentences = []
    for dimension in position.space.dimensions:
        if dimension.name not in names:
            continue
        scale = None if dimension.scale.hard else change(dimension.scale)
        if scale is None or scale == dimension.scale:
            continue
        scales[dimension.key] = scale
        sentences.append(f"{told.format(dimension.key)}: {_ends(dimension)} to {_ends_of(scale)}.")
    space = position.space.replace(scales) if scales else position.space
    return Change(dataclasses.replace(position, space=space), " ".join(sentences))


def _ends(dimension: Dimension) -> str:
    return _ends_of(dimension.scale)


def _ends_of(scale: Scale) -> str:
    low, high = getattr(scale, "low", None), getattr(scale, "high", None)
    return "its values" if low is None or high is None else f"[{low:.3g}, {high:.3g}]"
