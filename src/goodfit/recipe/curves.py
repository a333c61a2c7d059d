"""Step 6: the best trials' curves, read in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from goodfit.diagnosis.reading import Reading
from goodfit.findings import Severity
from goodfit.recipe.result import StageName, StageResult, Verdict


def read_stage(readings: Sequence[tuple[int, Reading]], round_: int) -> StageResult:
    """The stage's verdict: that of the best trial's curves, and how the others agree.

    Args:
        readings: (trial number, reading) of the top trials, best first.
        round_: of the loop.
    """
    if not readings:
        return StageResult(
            stage=StageName.CURVES,
            verdict=Verdict.SKIP,
            summary="No trial ended well, so there is no curve to read.",
            round=round_,
        )
    number, best = readings[0]
    kinds = Counter(reading.verdict.kind for _, reading in readings)
    same = kinds[best.verdict.kind]
    severity = best.verdict.severity
    told = f"Trial {number}: {best.verdict.message}"
    if len(readings) > 1:
        told += (
            f" The other {len(readings) - 1} of the top say the same."
            if same == len(readings)
            else f" Of the top {len(readings)}, {same} say so; "
            + ", ".join(f"{count} {kind}" for kind, count in kinds.items() if kind != best.verdict.kind)
            + "."
        )
    return StageResult(
        stage=StageName.CURVES,
        verdict=Verdict.WARN if severity in (Severity.ERROR, Severity.WARNING) else Verdict.PASS,
        summary=told,
        findings=best.findings,
        evidence={
            "verdicts": [
                {
                    "trial": trial,
                    "verdict": reading.verdict.kind,
                    "message": reading.verdict.message,
                    "confidence": reading.verdict.confidence,
                    "also": [finding.kind for finding in reading.others],
                }
                for trial, reading in readings
            ]
        },
        round=round_,
    )
