"""The answer to a question: the best of each value with its interval, and whether chance alone could tell them apart.

A value is judged by the mean of its few best trials, which hangs less on one lucky seed than its very best does. Were
the values all the same, those of one turn (which stand at the same places) could be exchanged without anybody's
noticing; so the difference found is held against those of exchanged turns. That is exact for any number of trials and
any noise. The interval is a bootstrap over turns.

Source: recipe 4.5 and 4.6; the exchange of labels within blocks is Fisher's, the correction for several comparisons
Westfall and Young's (1993).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goodfit.settings.search import SearchSettings
from goodfit.strategy.observation import Observation
from goodfit.strategy.questions import Question, pair_up, shown_value

Array = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class Slice:
    """One value of the question's hyperparameter, its nuisances tuned."""

    value: Any
    trials: int
    infeasible: int
    best: float | None  # score of its best trial; None: none was feasible
    level: float | None  # mean score of its few best, by which it is judged
    low: float  # 90 % interval of the level
    high: float
    best_trial: int | None
    p: float  # against the best value, corrected over all values; 1 for the best itself

    @property
    def name(self) -> str:
        return shown_value(self.value)


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the trials say to a question."""

    question: Question
    slices: tuple[Slice, ...]  # best first
    worse: tuple[Any, ...]  # values told from the best
    equal: tuple[Any, ...]  # values that were not
    sentence: str
    caveats: tuple[str, ...]

    @property
    def best(self) -> Slice:
        return self.slices[0]

    @property
    def is_told_apart(self) -> bool:
        """True where one value is better than every other by more than chance."""
        return not self.equal

    def as_json(self) -> dict[str, Any]:
        """The answer as it is kept: the goal, each value's figures, the sentence and the caveats."""
        return {
            "question": self.question.goal,
            "hyperparameter": self.question.scientific,
            "slices": [
                {f.name: getattr(one, f.name) for f in dataclasses.fields(one)} | {"name": one.name}
                for one in self.slices
            ],
            "worse": list(self.worse),
            "equal": list(self.equal),
            "answer": self.sentence,
            "caveats": list(self.caveats),
        }


def answer(
    question: Question,
    observations: Sequence[Observation],
    settings: SearchSettings | None = None,
    *,
    told: Callable[[float], float] = float,
    seed: int = 0,
) -> Answer:
    """Compare a question's values by their best trials.

    Args:
        observations: the question's trials, in turns; infeasible ones count as worse than all others.
        told: a score as people name it, for the sentence: the accuracy where a score is its negative.
        seed: of the exchanges and the bootstrap.

    Raises:
        ValueError: no trial of any value is feasible.
    """
    chosen = settings or SearchSettings()
    slices = pair_up(question, observations)
    scores = _in_turns(question, slices)
    if not np.isfinite(scores).any():
        raise ValueError("no trial of the question is feasible, so there is nothing to compare")
    generator = np.random.default_rng(seed)
    levels = levels_of(scores, chosen)
    lead = int(np.argmin(levels))
    p = _exchanged(scores, lead, chosen, generator)
    low, high = _interval(scores, chosen, generator)
    found = [
        _slice(value, slices[value], levels[i], low[i], high[i], 1.0 if i == lead else p[i])
        for i, value in enumerate(question.values)
    ]
    order = sorted(range(len(found)), key=lambda i: levels[i])
    ordered = tuple(found[i] for i in order)
    worse = tuple(one.value for one in ordered[1:] if one.p < chosen.question_p)
    equal = tuple(one.value for one in ordered[1:] if one.p >= chosen.question_p)
    sentence = _sentence(question, ordered, worse, equal, told)
    return Answer(question, ordered, worse, equal, sentence, question.caveats)


def levels_of(scores: Array, settings: SearchSettings) -> Array:
    """The mean of each value's best few: a tenth of its trials, three at least.

    Args:
        scores: [..., values, turns], infinite where infeasible.

    Returns:
        [..., values]; infinite where fewer trials than that are feasible.
    """
    turns = scores.shape[-1]
    top = min(max(settings.question_best_least, round(settings.question_best_share * turns)), turns)
    return np.sort(scores, axis=-1)[..., :top].mean(axis=-1)


def _in_turns(question: Question, slices: dict[Any, list[Observation]]) -> Array:
    """[values, turns]; a turn that some value has not had is left out."""
    turns = min(len(trials) for trials in slices.values())
    if turns == 0:
        raise ValueError("a value of the question has no trial, so there is nothing to compare")
    rows = [[math.inf if o.score is None else o.score for o in slices[v][:turns]] for v in question.values]
    return np.array(rows, dtype=float)


def _exchanged(scores: Array, lead: int, settings: SearchSettings, generator: np.random.Generator) -> Array:
    """How often exchanged turns put some value as far behind the best one as each is: [values]."""
    mixed = np.repeat(scores[None], settings.question_exchanges, axis=0)
    mixed = generator.permuted(mixed, axis=1)  # values within each turn
    chance = np.sort(levels_of(mixed, settings), axis=-1)
    widest = _behind(chance[:, -1], chance[:, 0])
    found = levels_of(scores, settings)
    behind = _behind(found, found[lead])
    p = (1 + (widest[None] >= behind[:, None] - 1e-12).sum(axis=1)) / (1 + len(widest))
    # A value that has no level, since too few of its trials train, is judged by just that.
    return np.where(np.isfinite(found), p, _lost_more_often(scores, lead))


def _lost_more_often(scores: Array, lead: int) -> Array:
    """A two-sided sign test for each value: in how many turns it alone was infeasible, and in how many the best alone.

    Corrected for the number of values that the best one is compared with (Bonferroni).
    """
    lost = ~np.isfinite(scores)
    alone, best_alone = (lost & ~lost[lead]).sum(axis=1), (~lost & lost[lead]).sum(axis=1)
    tails = [
        2 * sum(math.comb(int(n), k) for k in range(int(a), int(n) + 1)) / 2.0 ** int(n)
        for a, n in zip(alone, alone + best_alone, strict=True)
    ]
    return np.minimum(np.array(tails) * (len(scores) - 1), 1.0)


def _behind(levels: Array, best: Array | float) -> Array:
    """By how much; infinite against a finite one, 0 where neither is finite."""
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(levels - best, nan=0.0, posinf=math.inf)


def _interval(scores: Array, settings: SearchSettings, generator: np.random.Generator) -> tuple[Array, Array]:
    """The 90 % interval of every value's level over resampled turns."""
    turns = scores.shape[1]
    drawn = generator.integers(0, turns, (settings.bootstrap_draws, turns))
    levels = levels_of(scores[:, drawn].transpose(1, 0, 2), settings)
    low, high = np.quantile(levels, [0.05, 0.95], axis=0, method="nearest")
    return low, high


def _slice(value: Any, trials: Sequence[Observation], level: float, low: float, high: float, p: float) -> Slice:
    feasible = [o for o in trials if o.score is not None]
    best = min(feasible, key=lambda o: (o.score, o.number)) if feasible else None
    return Slice(
        value=value,
        trials=len(trials),
        infeasible=len(trials) - len(feasible),
        best=None if best is None else best.score,
        level=float(level) if math.isfinite(level) else None,
        low=float(low),
        high=float(high),
        best_trial=None if best is None else best.number,
        p=float(p),
    )


def _sentence(
    question: Question,
    slices: Sequence[Slice],
    worse: Sequence[Any],
    equal: Sequence[Any],
    told: Callable[[float], float],
) -> str:
    best = slices[0]
    by_name = {one.name: one for one in slices}

    def figure(one: Slice) -> str:
        if one.level is None:
            return "too few trials that train"
        ends = sorted(told(end) for end in (one.low, one.high))
        return f"{told(one.level):.4g} (90 % interval {ends[0]:.4g} to {ends[1]:.4g})"

    behind = ", ".join(f"{shown_value(v)} {figure(by_name[shown_value(v)])}" for v in (*worse, *equal))
    p = max((by_name[shown_value(v)].p for v in worse), default=1.0)
    least = min((by_name[shown_value(v)].p for v in equal), default=1.0)
    name = question.scientific
    each = f"{best.trials} trials each"
    if question.is_on_or_off:
        helps = best.value != 0
        if not equal:
            verb = f"{name} helps" if helps else f"{name} does not help, it harms"
            return f"{verb}: the best {'with' if helps else 'without'} it reach {figure(best)}, {behind}, p = {p:.2g}."
        return (
            f"That {name} helps or harms cannot be told over {each} (p = {least:.2g}): {best.name} {figure(best)}, "
            f"{behind}."
        )
    if not equal:
        return f"{name} = {best.name} is best over {each}: {figure(best)} against {behind}, p = {p:.2g}."
    same = " and ".join([best.name, *(shown_value(v) for v in equal)])
    also = f"; {' and '.join(shown_value(v) for v in worse)} is worse (p = {p:.2g})" if worse else ""
    return (
        f"{name} = {same} cannot be told apart over {each} (p = {least:.2g}): {best.name} {figure(best)}, "
        f"{behind}{also}."
    )
