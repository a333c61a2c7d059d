"""Whether the learning rate is far off: a few steps at another rate against the whole training."""

from __future__ import annotations

import math
import statistics

from goodfit.doctor.replay import Replay, Variant
from goodfit.findings import Finding
from goodfit.recording.records import Recording
from goodfit.settings.doctor import DoctorSettings


def rate_findings(recording: Recording, replay: Replay, settings: DoctorSettings) -> list[Finding]:
    """`lr-too-high` or `lr-too-low`, if a few steps at a far lower or higher rate beat all steps of the script."""
    main = max(recording.optimised, key=lambda use: use.steps)
    if main.steps < settings.rate_steps_least or not main.lrs:
        return []
    steps = min(settings.steps_tried, main.steps // 2)
    first, last = replay.first_loss(), replay.final_loss()
    if not math.isfinite(first):
        return []
    found = _other_rate(replay, settings, steps, (0.1, 0.01), first, last)
    if found is not None:
        return [_finding(recording, "lr-too-high", first, last, steps, found)]
    moved = first - last
    if not math.isfinite(last):
        return []
    ratios = [ratio for _, ratio in main.ratios]
    if ratios and statistics.median(ratios) > settings.rate_low_ratio:
        return []
    found = _other_rate(replay, settings, steps, (10.0, 100.0, 1e3, 1e4, 1e5), first, last)
    if found is None:
        return []
    reachable = first - statistics.median(found[1])
    if moved > settings.rate_low_fall * reachable:
        return []
    return [_finding(recording, "lr-too-low", first, last, steps, found)]


def _other_rate(
    replay: Replay, settings: DoctorSettings, steps: int, factors: tuple[float, ...], first: float, last: float
) -> tuple[float, list[float]] | None:
    """The factor at which a few steps beat the whole training clearly, with the losses of all seeds."""
    for factor in factors:
        if not replay.has_time:
            return None
        once = replay.judged(Variant(rate=factor), steps, 0)
        if not _beats(once, first, last, settings):
            continue
        losses = [once]
        for seed in range(1, settings.seeds_tried):
            if replay.has_time:
                losses.append(replay.judged(Variant(rate=factor), steps, seed))
        if all(_beats(loss, first, last, settings) for loss in losses):
            return factor, losses
    return None


def _beats(loss: float, first: float, last: float, settings: DoctorSettings) -> bool:
    if not math.isfinite(loss) or loss >= first - 0.02 * abs(first):
        return False
    return not math.isfinite(last) or last - loss > settings.rate_margin * (first - loss)


def _finding(
    recording: Recording, kind: str, first: float, last: float, steps: int, found: tuple[float, list[float]]
) -> Finding:
    main = max(recording.optimised, key=lambda use: use.steps)
    factor, losses = found
    rate = main.lrs[0][1]
    reached = statistics.median(losses)
    low = kind == "lr-too-low"
    ended = f"{last:.3g}" if math.isfinite(last) else "no finite loss"
    return Finding(
        kind=kind,
        message=(
            f"The learning rate {rate:.3g} is far too {'low' if low else 'high'}: {main.steps} steps took "
            "the loss from "
            f"{first:.3g} to {ended}, while {steps} steps at {rate * factor:.3g} take it to {reached:.3g}."
        ),
        action=f"Set the learning rate near {rate * factor:.1g} and search around it.",
        evidence={
            "lr": rate,
            "steps": main.steps,
            "first_loss": first,
            "last_loss": last if math.isfinite(last) else None,
            "experiment": {
                "remedy": f"the learning rate times {factor:g}",
                "metric": f"training loss (without: after all {main.steps} steps; with: after {steps})",
                "without": last if math.isfinite(last) else None,
                "with": [loss if math.isfinite(loss) else None for loss in losses],
                "seeds": len(losses),
            },
        },
        where=str(main.site or main.step_site or ""),
        confidence=0.9,
    )
