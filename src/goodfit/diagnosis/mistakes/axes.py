"""Axes that are taken for one another."""

from __future__ import annotations

from goodfit.findings import Finding
from goodfit.recording.records import Recording
from goodfit.settings.doctor import DoctorSettings


def batch_dimension_mixup(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """A reshape on the way into a network that put numbers of several samples at each place of the batch axis."""
    torn = next((use for use in recording.reshapes if use.hits >= settings.hits), None)
    if torn is None:
        return None
    n = torn.before[0]
    return Finding(
        kind="batch-dimension-mixup",
        message=(
            f"A batch of shape {list(torn.before)} is reshaped to {list(torn.after)}: its {n} samples now seem to lie "
            f"along axis {torn.after.index(n, 1)}, but each place there holds numbers of several samples."
        ),
        action="Use transpose or permute to move an axis: view and reshape cut the numbers anew in their old order.",
        evidence={"before": list(torn.before), "after": list(torn.after), "batches": torn.hits},
        where=str(torn.site),
        confidence=0.95,
    )
