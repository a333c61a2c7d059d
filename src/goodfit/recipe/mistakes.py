"""Mistakes that the doctor's rules see in the user's model, loss or data, told in the stage that ran them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from goodfit.findings import Finding, Severity
from goodfit.recipe.result import StageResult, Verdict


def with_mistakes(result: StageResult, found: Sequence[Finding], told: Sequence[Finding] = ()) -> StageResult:
    """The stage's result with what the rules saw.

    A mistake of level error stops the recipe as any gate does: training cannot work like this. It leads, since it is
    the cause of which a loss that is off is the symptom.

    Args:
        found: by the rules, causes first.
        told: by this and earlier stages: a kind that was told is not told again.
    """
    known = {finding.kind for finding in (*told, *result.findings)}
    new = [finding for finding in found if finding.kind not in known]
    loud = [finding for finding in new if finding.severity is not Severity.INFO]
    if not loud:
        return dataclasses.replace(result, findings=(*result.findings, *new))
    stops = any(finding.severity is Severity.ERROR for finding in loud)
    verdict = Verdict.FAIL if stops else result.verdict if result.verdict is Verdict.FAIL else Verdict.WARN
    return dataclasses.replace(
        result,
        verdict=verdict,
        summary=loud[0].message if stops else f"{result.summary} {loud[0].message}",
        findings=(*new, *result.findings),
    )
