"""Whether training ended too early: the script's own loop, gone on with from where it stopped, on a copy."""

from __future__ import annotations

import math

from goodfit.doctor.replay import Replay
from goodfit.findings import Finding, Severity
from goodfit.recording.records import OptimizerUse, Recording
from goodfit.settings.doctor import DoctorSettings


def length_findings(recording: Recording, replay: Replay, settings: DoctorSettings) -> list[Finding]:
    """`too-few-steps`, if the same steps gone on with soon bring as much again as all of the training did.

    The steps go over the batches that were kept; what they bring is read on other batches than those.
    """
    main = max(recording.optimised, key=lambda use: use.steps)
    epochs = _epochs(recording, main)
    if recording.ended not in ("done", "exit") or epochs is None or epochs > settings.short_epochs:
        return []
    broken_off = any(use.batches and use.trained_batches and main.steps < use.batches for use in recording.loaders)
    if broken_off or main.steps < settings.hits:
        return []  # a look at the first steps: said elsewhere
    first, last = replay.first_loss(), replay.final_loss()
    if not (math.isfinite(first) and math.isfinite(last)) or last > first or last <= settings.short_left * abs(first):
        return []  # what is left to gain is little, or the training did not work, which is another question
    reached: list[tuple[int, float]] = []
    for gone, loss in replay.continued([3 * main.steps, 7 * main.steps, 15 * main.steps], settings.steps_continued):
        reached.append((gone, loss))
        if not math.isfinite(loss):
            return []
    if not reached:
        return []
    taken, best = min(reached, key=lambda pair: pair[1])
    share = (last - best) / max(first - best, 1e-12)
    few = epochs <= settings.few_epochs
    fall = (last - best) / max(abs(last), 1e-12)
    enough = share >= settings.few_share and fall >= settings.few_fall
    if few and not enough and fall < settings.few_gone:
        return []
    if not few and (share < settings.short_share or fall < settings.short_fall):
        return []
    return [
        Finding(
            kind="too-few-steps",
            severity=Severity.INFO,  # demonstrations end early on purpose, and only their author knows
            message=(
                f"Training ended early: {main.steps} steps took the loss from {first:.3g} to {last:.3g}, and "
                f"{taken} more of the same kind take it on to {best:.3g}."
            ),
            action="Train several times longer, until the validation loss stops falling.",
            evidence={
                "steps": main.steps,
                "epochs": epochs,
                "share_still_to_come": share,
                "experiment": {
                    "remedy": f"{taken} steps more",
                    "metric": "training loss on batches that these steps did not see",
                    "without": last,
                    "with": [best],
                    "seeds": 1,
                },
            },
            where=str(main.step_site or main.site or ""),
            confidence=0.85,
        )
    ]


def _epochs(recording: Recording, main: OptimizerUse) -> float | None:
    """How often the training set was gone over, as far as samples could be told apart; None where they could not."""
    if recording.epoch_starts:
        return float(len(recording.epoch_starts))
    if not recording.distinct_training or not main.looked or recording.coverage < 0.5:
        return None  # a stream of samples, all new
    # where only some steps were looked at, the others count as they do
    return recording.hashed_training / recording.distinct_training * main.steps / main.looked
