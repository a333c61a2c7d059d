"""Whether the weights that training started from held it back: a few steps from fresh ones against all of it."""

from __future__ import annotations

import math

from goodfit.diagnosis.mistakes.flow import far_from_usual
from goodfit.doctor.replay import Replay, Variant
from goodfit.findings import Finding
from goodfit.recording.records import Recording
from goodfit.settings.doctor import DoctorSettings


def start_findings(recording: Recording, replay: Replay, settings: DoctorSettings) -> list[Finding]:
    """`bad-initialisation`, if a few steps from usual weights bring more than the whole training did.

    Tried where weights started far from the usual size, or where nothing was learned. Usual weights are normal ones of
    deviation 1/sqrt(fan-in) (LeCun and others 1998), with biases of 0.
    """
    main = max(recording.optimised, key=lambda use: use.steps)
    first, last = replay.first_loss(), replay.final_loss()
    if main.steps < settings.rate_steps_least or first <= 0 or not last > settings.start_left * first:
        return []
    odd = far_from_usual(recording, settings)
    if not odd and last < settings.start_unlearned * first and not _spreads_too_far(recording, settings):
        return []
    if not odd and any(use.dead_at_start >= settings.dead_untried for use in recording.activations):
        return []  # units that are dead from the start say more
    rates = [rate for _, rate in main.lrs]
    peak = max(rates) / rates[0] if rates and rates[0] > 0 else 1.0  # a warm-up's first rate would show nothing
    steps = min(3 * settings.steps_tried, main.steps // 2)
    reached: list[float] = []
    for seed in range(2):
        if not replay.has_time:
            return []
        reached.append(replay.judged(Variant(rate=peak, usual_weights=True), steps, seed))
        if not reached[-1] < settings.start_gain * last:
            return []
    started = (
        f"{odd[0].name} started at {odd[0].gain:.2g} times the usual size"
        if odd
        else "The weights that training started from held it back"
    )
    ended = f"{last:.3g}" if math.isfinite(last) else "no finite loss"
    use = max(recording.models, key=lambda one: one.training.passes)
    return [
        Finding(
            kind="bad-initialisation",
            message=(
                f"{started}: all {main.steps} steps took the loss from {first:.3g} to {ended}, "
                f"while {steps} steps from usual weights take it to {reached[0]:.3g}."
            ),
            action="Start weights at random numbers of deviation about 1/sqrt(inputs of a unit), as layers do.",
            evidence={
                "names": [p.name for p in odd[:8]],
                "times_the_usual": [p.gain for p in odd[:8]],
                "experiment": {
                    "remedy": "weights of deviation 1/sqrt(fan-in)",
                    "metric": f"training loss (without: after all {main.steps} steps; with: after {steps})",
                    "without": last if math.isfinite(last) else None,
                    "with": reached,
                    "seeds": len(reached),
                },
            },
            where=str(use.training_site or ""),
            confidence=0.93,
        )
    ]


def _spreads_too_far(recording: Recording, settings: DoctorSettings) -> bool:
    """Whether the first answers of a regression lay several times as far apart as its targets do."""
    return any(
        use.function in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "difference")
        and use.first_prediction.std > settings.start_spread * use.target.std > 0
        for use in recording.losses
        if use.trained
    )
