"""What a stage of the recipe says: the record behind each entry of `steps` in result.json."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from goodfit.findings import Finding, most_important_first, plain


class StageName(StrEnum):
    """The recipe's parts, in order; the contract calls them steps."""

    DATA = "data"
    INITIAL_LOSS = "initial-loss"
    OVERFIT = "overfit"
    LEARNING_RATE = "learning-rate"
    COARSE = "coarse"
    FINE = "fine"
    CURVES = "curves"
    DECIDE = "decide"
    FINAL = "final"


class Verdict(StrEnum):
    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"  # stops the recipe unless forced
    SKIP = "skip"  # does not apply; the summary says why


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """A verdict with the evidence for it. `next` is what later stages need and no reader: it is not in result.json."""

    stage: StageName
    verdict: Verdict
    summary: str  # one sentence, with its numbers
    findings: tuple[Finding, ...] = ()
    evidence: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    round: int = 1
    trials: int = 0
    epochs: float = 0.0
    seconds: float = 0.0
    space: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # the box that was searched, as JSON
    next: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The contract's object."""
        return {
            "step": str(self.stage),
            "round": self.round,
            "verdict": str(self.verdict),
            "summary": self.summary,
            "findings": [finding.kind for finding in self.findings],
            "evidence": plain(self.evidence),
            "trials": self.trials,
            "epochs": plain(float(self.epochs)),
            "seconds": plain(round(float(self.seconds), 3)),
            "space": plain(self.space),
        }


def best_of_one(hyperparameters: Mapping[str, Any], val: Mapping[str, float | None]) -> dict[str, Any]:
    """The contract's `best` where one trial is the best so far and nothing was tested."""
    return {
        "hyperparameters": dict(hyperparameters),
        "val": dict(val),
        "test": {},
        "seeds": 1,
        "spread": 0.0,
        "variant": "plain",
    }


def contract_document(
    *,
    task: str,
    seed: int,
    status: str,
    results: Sequence[StageResult],
    best: Mapping[str, Any] | None,
    findings: Sequence[Finding],
    trials: int,
    epochs: float,
    seconds: float,
) -> dict[str, Any]:
    """result.json (design 2.3), of a run and of a search alike; what is not finite is None."""
    return plain(
        {
            "version": 1,
            "task": task,
            "seed": seed,
            "status": status,
            "steps": [result.as_json() for result in results],
            "best": best,
            "findings": [finding.as_json() for finding in most_important_first(findings)],
            "trials": trials,
            "epochs": epochs,
            "seconds": round(seconds, 3),
        }
    )
