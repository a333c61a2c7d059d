"""Steps 4 and 5, judged: what a search stage's trials say before any box is moved. Pure; recipe 2.4 and 2.5."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from goodfit.findings import Finding
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.settings.budget import BudgetSettings
from goodfit.strategy.observation import Observation


@dataclasses.dataclass(frozen=True, slots=True)
class Searched:
    """A search stage's trials, as its verdict reads them."""

    observations: Sequence[Observation]
    metric: str
    maximise: bool
    chance: float | None  # the metric of the best constant answer
    standard_error: float  # of the metric on the validation samples
    sigma: float | None  # over seeds
    epochs: float
    space: Mapping[str, Any]  # the box, as JSON

    def natural(self, score: float) -> float:
        """A score as the user names it."""
        return -score if self.maximise else score


def read_search(stage: StageName, round_: int, searched: Searched, findings: Sequence[Finding]) -> StageResult:
    """The verdict on a search stage.

    It passes where three trials beat chance by five standard errors and fewer than half were infeasible; the spread
    among trials tells whether they were long enough.
    """
    feasible = sorted((o for o in searched.observations if o.score is not None), key=_order)
    lost = len(searched.observations) - len(feasible)
    evidence: dict[str, Any] = {
        "trials": len(searched.observations),
        "infeasible": lost,
        "epochs": searched.epochs,
        "chance": searched.chance,
        "sigma_seed": searched.sigma,
        "standard_error": searched.standard_error,
    }
    if not feasible:
        return StageResult(
            stage=stage,
            verdict=Verdict.FAIL,
            summary=(
                f"All {lost} trials diverged or failed: the box or the code is wrong."
                if lost
                else "No trial was begun: the first steps took the time that there was; give the run a larger budget."
            ),
            findings=tuple(findings),
            evidence=evidence,
            round=round_,
            space=searched.space,
        )
    scores = np.array([o.score for o in feasible], dtype=float)
    best = feasible[0]
    natural = [searched.natural(s) for s in scores]
    above = _beat_chance(natural, searched)
    noise = 2 * max(searched.sigma or 0.0, searched.standard_error)
    middle = float(np.median(scores))
    insensitive = len(scores) >= 4 and middle - scores[0] < noise and float(scores.max() - scores[0]) < noise
    evidence |= {
        "best": natural[0],
        "best_trial": best.number,
        "median": searched.natural(middle),
        "better_than_chance": above,
        "insensitive_or_too_short": insensitive,
        "best_hyperparameters": dict(best.hyperparameters),
    }
    verdict = Verdict.PASS
    told = f"{len(feasible)} of {len(searched.observations)} trials of {searched.epochs:g} epochs ended well"
    said = (
        f"{told}; best val {searched.metric} {natural[0]:.4g} (trial {best.number}), median {natural_text(evidence)}."
    )
    if above is not None and above < min(3, len(feasible)):
        verdict = Verdict.WARN
        said += f" Only {above} beat chance ({searched.chance:.4g}) by five standard errors."
    if lost > len(feasible):
        verdict = Verdict.WARN
        said += f" {lost} were lost: more than half."
    if insensitive:
        said += " Their spread is within noise: this box makes no difference, or the trials are too short."
    return StageResult(
        stage=stage,
        verdict=verdict,
        summary=said,
        findings=tuple(findings),
        evidence=evidence,
        round=round_,
        space=searched.space,
    )


def natural_text(evidence: Mapping[str, Any]) -> str:
    return f"{evidence['median']:.4g}"


def _beat_chance(natural: Sequence[float], searched: Searched) -> int | None:
    if searched.chance is None:
        return None
    margin = 5 * searched.standard_error
    sign = 1 if searched.maximise else -1
    return sum(sign * (value - searched.chance) > margin for value in natural)


def _order(observation: Observation) -> tuple[float, float]:
    """Best first; equal scores by the loss."""
    score = observation.score if observation.score is not None else math.inf
    return score, observation.loss if observation.loss is not None else math.inf


def ranked(observations: Sequence[Observation], delta: float = 0.0) -> list[Observation]:
    """The feasible ones, best first; scores that cannot be told from the best are ordered by the validation loss.

    Args:
        observations: any.
        delta: the smallest difference of scores that counts: the validation set's standard error (recipe 4.6,
            differences below it are not ranked). The loss of the same samples is the less noisy of the two.
    """
    order = sorted((o for o in observations if o.score is not None), key=_order)
    if not order or order[0].score is None:
        return order
    limit = order[0].score + delta
    tied = [o for o in order if o.score is not None and o.score <= limit]
    return sorted(tied, key=lambda o: (math.inf if o.loss is None else o.loss, o.score)) + order[len(tied) :]


def standard_error_of(metric_value: float, samples: int, is_share: bool) -> float:
    """Of a metric on a validation set; 0 where it is not a share and nothing is known of its spread (recipe 4.6)."""
    if not is_share or samples < 1:
        return 0.0
    p = min(max(metric_value, 0.5 / samples), 1 - 0.5 / samples)
    return math.sqrt(p * (1 - p) / samples)


def planned_epochs(settings: BudgetSettings, coarse: float, task_epochs: float | None) -> float:
    """Epochs of the first finer round: more than the coarse ones, and no more than a full training."""
    epochs = max(settings.fine_epochs, coarse)
    return min(epochs, max(task_epochs, coarse)) if task_epochs else epochs
