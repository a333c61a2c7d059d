"""From a Recording to findings, causes first: a fact of the program leads, what follows from it is folded under it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from goodfit.diagnosis.mistakes import FACTS, OUTCOMES, SIGNALS, Mistake
from goodfit.findings import Finding, Severity
from goodfit.recording.records import Recording
from goodfit.settings.doctor import DoctorSettings


def facts(recording: Recording, settings: DoctorSettings) -> list[Finding]:
    """What the rules of facts see, in their order."""
    return _seen(FACTS, recording, settings)


def signals(recording: Recording, settings: DoctorSettings) -> list[Finding]:
    """What the rules of statistics see, in their order."""
    return _seen(SIGNALS, recording, settings)


def outcomes(recording: Recording, settings: DoctorSettings) -> list[Finding]:
    """How the training went."""
    return _seen(OUTCOMES, recording, settings)


def in_order(of_facts: Sequence[Finding], *groups: Sequence[Finding]) -> list[Finding]:
    """One list: each group's first finding leads those behind it, and a group leads the groups behind it.

    Facts stand for themselves, so several may lead; signals and curves describe one training together, so only the
    first of them does.
    """
    leading = [f for f in of_facts if f.severity != Severity.INFO]
    ordered = [*leading, *(f for f in of_facts if f.severity == Severity.INFO)]
    leader = leading[0].kind if leading else None
    for group in groups:
        for finding in group:
            if finding.severity == Severity.INFO:
                ordered.append(finding)
            elif leader is None:
                leader = finding.kind
                ordered.append(finding)
            elif finding.kind != leader:
                ordered.append(dataclasses.replace(finding, follows_from=leader))
    rank = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
    return sorted(ordered, key=lambda f: rank[f.severity] if f.severity else 0)


def _seen(rules: Sequence[Mistake], recording: Recording, settings: DoctorSettings) -> list[Finding]:
    found: list[Finding] = []
    for rule in rules:
        finding = rule(recording, settings)
        if finding is not None and all(finding.kind != other.kind for other in found):
            found.append(finding)
    return found
