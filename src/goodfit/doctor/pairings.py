"""Whether labels belong to other samples of their batch: steps with the labels moved, where nothing was learned."""

from __future__ import annotations

import math

from torch import Tensor

from goodfit.doctor.replay import Change, Replay, Variant
from goodfit.findings import Finding
from goodfit.recording.records import Recording
from goodfit.settings.doctor import DoctorSettings


def _moved(by: int) -> Change:
    def change(target: Tensor) -> Tensor:
        return target.roll(by, 0)

    return change


_MOVES: tuple[tuple[str, Change], ...] = (
    ("in reverse order", lambda target: target.flip(0)),
    ("moved down by one", _moved(1)),
    ("moved up by one", _moved(-1)),
)


def pairing_findings(recording: Recording, replay: Replay, settings: DoctorSettings) -> list[Finding]:
    """`labels-misaligned`, if a network that learned nothing learns once the labels of each batch are moved."""
    first, last = replay.first_loss(), replay.final_loss()
    if not math.isfinite(first) or (math.isfinite(last) and last < settings.moved_unlearned * first):
        return []
    steps = 2 * settings.steps_tried
    for name, change in _MOVES:
        if not replay.has_time:
            return []
        given = replay.judged(Variant(), steps, 0)
        mended = [replay.judged(Variant(targets=change), steps, 0)]
        if not mended[0] < settings.moved_learned * first or not mended[0] < settings.moved_learned * given:
            continue
        mended.append(replay.judged(Variant(targets=change), steps, 1))
        if mended[1] >= settings.moved_learned * first:
            continue
        main = max(recording.models, key=lambda use: use.training.passes)
        return [
            Finding(
                kind="labels-misaligned",
                message=(
                    f"Inputs and labels of a batch do not belong together: as given, the loss went from {first:.3g} to "
                    f"{last:.3g}; with the labels {name}, {steps} steps take it to {mended[0]:.3g}."
                ),
                action="Look at how batches are put together: inputs and labels must be in the same order.",
                evidence={
                    "first_loss": first,
                    "last_loss": last if math.isfinite(last) else None,
                    "experiment": {
                        "remedy": f"the labels of each batch {name}",
                        "metric": f"training loss after {steps} steps, on batches that these did not see",
                        "without": given if math.isfinite(given) else None,
                        "with": mended,
                        "seeds": len(mended),
                    },
                },
                where=str(main.training_site or ""),
                confidence=0.95,
            )
        ]
    return []
