"""The winner among candidates that were repeated over seeds: by the mean; where noise decides, the cheaper one."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from goodfit.findings import Finding
from goodfit.settings.search import SearchSettings
from goodfit.space import Space
from goodfit.strategy.noise import adopt
from goodfit.strategy.observation import Observation
from goodfit.strategy.surrogate import places_of


@dataclasses.dataclass(frozen=True, slots=True)
class Candidate:
    """A configuration with its scores over fresh seeds."""

    trial: int  # the number of the trial that it was found by
    hyperparameters: Mapping[str, Any]
    scores: tuple[float | None, ...]  # one for each seed, lower is better; None: diverged or failed
    cost: float = 1.0  # of one training, in any unit that is the same for all
    basin: float = 0.0  # how wide its basin is, from `basin_width`; larger is wider

    @property
    def mean(self) -> float:
        """Of its scores; infinite where a seed diverged."""
        values = [score for score in self.scores if score is not None]
        return float(np.mean(values)) if values and len(values) == len(self.scores) else math.inf

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds; 0 for one."""
        values = [score for score in self.scores if score is not None]
        return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Winner:
    """The candidate to go on with."""

    index: int  # among the candidates
    candidate: Candidate
    within_noise: tuple[int, ...]  # trials of the others that cannot be told from the best by mean
    findings: tuple[Finding, ...]
    reasons: tuple[str, ...]


def choose_among_repeats(
    candidates: Sequence[Candidate],
    sigma: float | None = None,
    settings: SearchSettings | None = None,
    *,
    told: Callable[[float], float] = float,
) -> Winner:
    """The best by mean, unless noise could have put it there: then the cheaper, and at equal cost the wider basin.

    A candidate that diverged with any seed comes after all that never did. A cheaper rival, and an equally dear
    one with a wider basin, wins unless the best is probably better (P ≥ 0.75).

    Args:
        sigma: the standard deviation over seeds; None: pooled from the candidates themselves.
        told: a score as people name it, for the sentences: the accuracy where a score is its negative.

    Raises:
        ValueError: there is no candidate.

    Source: recipe 4.6.
    """
    chosen = settings or SearchSettings()
    if not candidates:
        raise ValueError("there is no candidate to choose from")
    noise = _pooled(candidates) if sigma is None else sigma
    order = sorted(range(len(candidates)), key=lambda i: (candidates[i].mean, candidates[i].cost, -candidates[i].basin))
    lead = candidates[order[0]]
    if not math.isfinite(lead.mean):
        fewest = min(range(len(candidates)), key=lambda i: candidates[i].scores.count(None) / len(candidates[i].scores))
        reason = f"Trial {candidates[fewest].trial} was taken: every candidate diverged with some seed, it least often."
        return Winner(fewest, candidates[fewest], (), (), (reason,))
    rivals, cheaper, wider = [], [], []
    for i in order[1:]:
        rival = candidates[i]
        if not math.isfinite(rival.mean):
            continue
        verdict = adopt(_feasible(lead), _feasible(rival), noise, settings=chosen)
        if verdict.gain > verdict.needed:
            continue
        rivals.append(rival.trial)
        if verdict.probability >= chosen.adoption_probability:
            continue  # not proven, but the best is probably better: no tie
        if rival.cost <= chosen.cheaper_share * lead.cost:
            cheaper.append(i)
        elif rival.cost <= lead.cost and rival.basin > lead.basin:
            wider.append(i)
    index = order[0]
    why = "it has the best mean"
    if cheaper:
        index = min(cheaper, key=lambda i: (candidates[i].cost, candidates[i].mean))
        why = f"it costs {candidates[index].cost / lead.cost:.0%} of the best by mean, trial {lead.trial}"
    elif wider:
        index = max(wider, key=lambda i: candidates[i].basin)
        why = f"its neighbours do better than those of the best by mean, trial {lead.trial}"
    winner = candidates[index]
    against = "" if winner is lead else f" against {told(lead.mean):.4g}"
    reason = (
        f"Trial {winner.trial} was taken: {why}; mean {told(winner.mean):.4g} over "
        f"{_seeds(len(winner.scores))}{against}, noise {noise:.2g} a seed."
    )
    findings = (_within_noise(winner, lead, rivals, noise, why, told),) if rivals else ()
    return Winner(index, winner, tuple(rivals), findings, (reason,))


def _within_noise(
    winner: Candidate, lead: Candidate, rivals: Sequence[int], noise: float, why: str, told: Callable[[float], float]
) -> Finding:
    others = ", ".join(str(trial) for trial in rivals[:5])
    return Finding(
        kind="winner-within-noise",
        message=(
            f"Over {_seeds(len(lead.scores))} the best by mean, trial {lead.trial} ({told(lead.mean):.4g}), cannot be "
            f"told from trial{'s' if len(rivals) > 1 else ''} {others}: noise is {noise:.2g} a seed. "
            f"Trial {winner.trial} was taken: {why}."
        ),
        action="Go on with it; more seeds or a larger validation set would tell them apart, if it mattered.",
        evidence={
            "winner": winner.trial,
            "best_by_mean": lead.trial,
            "mean": told(winner.mean),
            "best_mean": told(lead.mean),
            "sigma": noise,
            "seeds": len(lead.scores),
            "within_noise": list(rivals),
        },
        where=f"trial {winner.trial}",
    )


def _seeds(count: int) -> str:
    return f"{count} seed{'s' if count != 1 else ''}"


def _feasible(candidate: Candidate) -> list[float]:
    return [score for score in candidate.scores if score is not None]


def _pooled(candidates: Sequence[Candidate]) -> float:
    groups = [_feasible(c) for c in candidates]
    degrees = sum(max(len(g) - 1, 0) for g in groups)
    squares = sum(float(np.var(g)) * len(g) for g in groups if len(g) > 1)
    return math.sqrt(squares / degrees) if degrees else 0.0


def basin_width(space: Space, observations: Sequence[Observation], trial: int, neighbours: int = 3) -> float:
    """How well a trial's nearest neighbours do: minus their mean score, so that larger is a wider basin.

    Args:
        trial: its number among the observations.
        neighbours: how many of the nearest feasible trials are asked; distances are between places on the scales.

    Returns:
        -infinity where there is no neighbour.

    Raises:
        KeyError: no observation has this number.
    """
    own = next((o for o in observations if o.number == trial), None)
    if own is None:
        raise KeyError(f"there is no trial {trial} among the observations")
    others = [o for o in observations if o.is_feasible and o.number != trial]
    if not others:
        return -math.inf
    units, active = places_of(space, [own, *others])
    apart = np.abs(units[1:] - units[0]) + 1.0 * (active[1:] != active[0])
    nearest = np.argsort(np.sqrt((apart**2).sum(axis=1)), kind="stable")[:neighbours]
    return -float(np.mean([others[i].score for i in nearest]))
