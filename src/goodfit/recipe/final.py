"""The final training, judged: which peak rate, which weights (plain, averaged, an ensemble), and what the test says.

Pure: it reads per-sample scores on the validation samples, and chooses.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from goodfit.findings import Finding, Severity
from goodfit.recipe.result import StageName, StageResult, Verdict

FINAL_SCHEDULE = "cosine"  # where the task names none: recipe 4.8, linear or cosine decay


@dataclasses.dataclass(frozen=True, slots=True)
class Candidate:
    """One way to answer, with its scores on each validation sample (lower is better)."""

    name: str  # "plain", "averaged" or "ensemble"
    members: tuple[int, ...]  # trial numbers
    losses: np.ndarray  # float64 [samples]
    scores: np.ndarray  # float64 [samples]: the objective, lower is better; the losses where that is the objective

    @property
    def score(self) -> float:
        return float(self.scores.mean())

    @property
    def loss(self) -> float:
        return float(self.losses.mean())


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """b against a, paired over the same samples."""

    gain: float  # of the score; above 0: b is better
    standard_error: float
    loss_gain: float
    loss_standard_error: float

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of the gain."""
        return self.gain - 1.96 * self.standard_error, self.gain + 1.96 * self.standard_error

    def as_json(self) -> dict[str, Any]:
        """What is kept of it as evidence."""
        return {
            "gain": self.gain,
            "interval": list(self.interval),
            "loss_gain": self.loss_gain,
            "loss_standard_error": self.loss_standard_error,
        }

    @property
    def is_better(self) -> bool:
        """Better beyond noise in the score, or in the loss with the score not worse beyond noise.

        The loss tells more: on a few hundred samples an accuracy moves by whole samples only.
        """
        if self.gain > 2 * self.standard_error and self.gain > 0:
            return True
        holds = self.gain >= -self.standard_error
        return holds and self.loss_gain > 2 * self.loss_standard_error and self.loss_gain > 0


def compared(a: Candidate, b: Candidate) -> Comparison:
    """How much better b is than a, sample by sample (recipe 4.6: paired)."""
    gains, loss_gains = a.scores - b.scores, a.losses - b.losses
    root = math.sqrt(max(len(gains), 1))
    return Comparison(
        float(gains.mean()),
        float(gains.std(ddof=1) / root) if len(gains) > 1 else 0.0,
        float(loss_gains.mean()),
        float(loss_gains.std(ddof=1) / root) if len(loss_gains) > 1 else 0.0,
    )


def greedy_members(count: int, losses_of: Callable[[tuple[int, ...]], np.ndarray], most: int) -> tuple[int, ...]:
    """Greedy forward selection: add the member that helps most, until the best of the rest would harm beyond noise.

    A member that neither helps nor harms measurably is taken: on a few hundred validation samples the first pick is
    best mostly by luck, and an average over more members is the safer bet.

    Args:
        count: candidates 0..count-1.
        losses_of: the per-sample losses (float64 [samples]) of the ensemble of these members.
        most: members at most.

    Source: recipe 4.8; Caruana et al. 2004, without replacement; the tolerance of one standard error is ours.
    """
    chosen: tuple[int, ...] = ()
    current: np.ndarray | None = None
    while len(chosen) < min(most, count):
        options = [(losses_of((*chosen, i)), i) for i in range(count) if i not in chosen]
        losses, member = min(options, key=lambda option: float(option[0].mean()))
        if current is not None:
            harm = losses - current
            if float(harm.mean()) > float(harm.std()) / math.sqrt(len(harm)):
                break
        chosen, current = (*chosen, member), losses
    return chosen


def rival_schedules(hyperparameters: Mapping[str, Any], warmup: float) -> list[dict[str, Any]]:
    """Schedules to try against a cosine without warm-up, once all else is chosen; none where the user names one.

    Args:
        hyperparameters: the chosen ones; a schedule or a warm-up among them is the user's, or was searched.
        warmup: as a share of the training.

    Source: recipe 4.1 (constant to linear and cosine; warm-up last), row 52: schedules are tuned last.
    """
    if hyperparameters.get("schedule") is not None or hyperparameters.get("warmup") is not None:
        return []
    return [
        {"schedule": "linear"},
        {"schedule": "cosine", "warmup": warmup},
        {"schedule": "linear", "warmup": warmup},
    ]


def choose_paired(rivals: Sequence[Candidate | None], order: Sequence[float]) -> int:
    """The index of the best rival, compared sample by sample on the same samples.

    Rivals whose scores cannot be told from the best one's (by one standard error of the paired differences) go by
    their losses; those whose losses cannot be told from the lowest either go by `order`.

    Args:
        rivals: None for one that ended badly.
        order: where nothing tells rivals apart, the lowest is taken: the smaller rate, the incumbent.

    Raises:
        ValueError: none ended well.

    Source: recipe 4.6, differences below the noise are not ranked, comparisons are paired; one standard error is ours.
    """
    good = [(i, rival) for i, rival in enumerate(rivals) if rival is not None]
    if not good:
        raise ValueError("no run under decay ended with a finite loss")
    best = min((rival for _, rival in good), key=lambda rival: (rival.score, rival.loss))
    tied = []
    for i, rival in good:
        comparison = compared(rival, best)
        if comparison.gain <= comparison.standard_error:
            tied.append((i, rival))
    lowest = min((rival for _, rival in tied), key=lambda rival: rival.loss)
    equal = []
    for i, rival in tied:
        comparison = compared(rival, lowest)
        if comparison.loss_gain <= comparison.loss_standard_error:
            equal.append(i)
    return min(equal, key=lambda i: order[i])


def smallest_told_apart(comparisons: Sequence[Comparison], samples: int) -> Finding | None:
    """A note where the validation samples tell none of the differences compared on them, by the score or by the loss.

    Args:
        comparisons: all that the final training decided by, paired.
        samples: validation samples behind each.

    Source: recipe 4.6, 4.8 (small validation sets called out: standard error against difference).
    """
    held = [c for c in comparisons if c.standard_error > 0]
    told = [abs(c.gain) > 2 * c.standard_error or abs(c.loss_gain) > 2 * c.loss_standard_error for c in held]
    if not held or any(told):
        return None
    largest = max(held, key=lambda c: abs(c.gain) / c.standard_error)
    error = min(c.standard_error for c in held)
    needed = math.inf if abs(largest.gain) < 1e-12 else samples * (2 * largest.standard_error / abs(largest.gain)) ** 2
    enough = f"about {needed:,.0f} would" if needed < 1e9 else "no number would"
    return Finding(
        kind="noisy-validation",
        severity=Severity.INFO,
        message=(
            f"{samples:,} validation samples tell none of the {len(held)} differences apart that the final training "
            f"compared on them: differences below {2 * error:.2g} are noise, and the clearest was "
            f"{abs(largest.gain):.2g} with a standard error of {largest.standard_error:.2g}."
        ),
        action=f"Read nothing into these choices; to tell the clearest apart {enough} be needed.",
        evidence={
            "samples": samples,
            "differences": [c.gain for c in held],
            "standard_errors": [c.standard_error for c in held],
            "samples_needed": needed if needed < 1e9 else None,
        },
        where="stage final",
    )


def choose_variant(
    plain: Candidate, averaged: Candidate | None, ensemble: Candidate | None
) -> tuple[Candidate, dict[str, Any]]:
    """The candidate that won, and the comparisons it won by. The simpler one stays unless beaten beyond noise."""
    best, evidence = plain, {}
    for rival in (averaged, ensemble):
        if rival is None:
            continue
        comparison = compared(best, rival)
        evidence[f"{rival.name}_against_{best.name}"] = comparison.as_json() | {"adopted": comparison.is_better}
        if comparison.is_better:
            best = rival
    return best, evidence


def interval_of_mean(values: np.ndarray) -> tuple[float, float]:
    """A 95 % interval of the mean of per-sample values [n].

    Wilson's for shares (all values 0 or 1), else the normal one.
    """
    n, mean = len(values), float(values.mean())
    z = 1.96
    if np.isin(values, (0.0, 1.0)).all():
        centre = (mean + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(mean * (1 - mean) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return centre - half, centre + half
    half = z * float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    return mean - half, mean + half


def read_final(
    *,
    variant: Candidate,
    weights: str,
    evidence: Mapping[str, Any],
    metric: str,
    maximise: bool,
    seeds_scores: Sequence[float],
    val: Mapping[str, float],
    test: Mapping[str, float],
    test_interval: tuple[float, float] | None,
    findings: Sequence[Finding] = (),
) -> StageResult:
    """The final stage's result, with its sentence; `weights` is what answers where no ensemble does."""
    spread = float(np.std(seeds_scores, ddof=1)) if len(seeds_scores) > 1 else 0.0
    what = f"an ensemble of {len(variant.members)}" if variant.name == "ensemble" else weights
    told = f"val {metric} {val[metric]:.4g}"
    if test:
        told = f"test {metric} {test[metric]:.4g}"
        if test_interval is not None:
            told += f" (95 % interval {test_interval[0]:.4g} to {test_interval[1]:.4g})"
        told += f", val {val[metric]:.4g}"
    summary = f"{what[0].upper()}{what[1:]} won: {told}; {len(seeds_scores)} seeds spread by {spread:.2g}."
    return StageResult(
        stage=StageName.FINAL,
        verdict=Verdict.PASS,
        summary=summary,
        findings=tuple(findings),
        evidence={
            **evidence,
            "variant": variant.name,
            "members": list(variant.members),
            "seeds_val": [(-s if maximise else s) for s in seeds_scores],
            "spread": spread,
            "val": dict(val),
            "test": dict(test),
            "test_interval": list(test_interval) if test_interval else None,
        },
    )
