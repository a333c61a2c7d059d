"""What a recording says, remedies tried on copies included: the findings, causes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from goodfit.diagnosis.causes import facts, in_order, signals
from goodfit.findings import Finding, Severity
from goodfit.recording.records import Recording
from goodfit.settings import Settings

if TYPE_CHECKING:
    from goodfit.recording.recorder import Recorder


def examine(
    recording: Recording, settings: Settings, recorder: Recorder | None = None, extra_seconds: float = 0.0
) -> list[Finding]:
    """The findings of a recording, most important first; `healthy` leads where nothing above info was seen.

    Args:
        recording: what was seen.
        settings: what the rules decide by.
        recorder: where batches and weights were kept; without it nothing is tried.
        extra_seconds: what experiments may take.
    """
    found = in_order(facts(recording, settings.doctor), signals(recording, settings.doctor), [])
    return with_health(found, recording)


def with_health(found: list[Finding], recording: Recording) -> list[Finding]:
    """Add `healthy`, or `not-enough-points` where there was no training to look at."""
    if any(finding.severity != Severity.INFO for finding in found):
        return found
    if recording.backwards == 0:
        said = "No backward pass was seen" + (f" ({', '.join(recording.opaque)})" if recording.opaque else "") + "."
        return [
            Finding(
                kind="not-enough-points",
                message=said,
                action="Run a script that trains with PyTorch in this process.",
                evidence={"steps": recording.steps, "backward_passes": 0},
            ),
            *found,
        ]
    return [
        Finding(
            kind="healthy",
            message=f"No mistake was seen in {recording.steps:,} steps.",
            action="Nothing needs to be done.",
            evidence={"steps": recording.steps, "opaque": recording.opaque},
            confidence=0.8 if not recording.opaque else 0.5,
        ),
        *found,
    ]
