"""Where on the axis of recorded curves a finding points: what the plots mark."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from goodfit.findings import Finding, plain

# key of the evidence -> what stands beside the mark
PLACES: Mapping[str, str] = {
    "best_step": "best",
    "cut_at": "rate cut",
    "reached_at": "nothing since",
    "step": "broke",
    "lowest_at": "lowest",
    "highest_at": "highest",
    "plateau_end": "plateau ends",
    "from": "rises from",
}
MOST = 6  # marks for one finding


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """One place."""

    at: float
    label: str


def marks_of(finding: Finding) -> list[Mark]:
    """The places that a finding's evidence names."""
    evidence = plain(finding.evidence)
    marks = [Mark(float(evidence[key]), label) for key, label in PLACES.items() if _is_number(evidence.get(key))]
    steps = evidence.get("steps")
    if isinstance(steps, list):
        marks += [Mark(float(at), "spike") for at in steps if _is_number(at)]
    return marks[:MOST]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
