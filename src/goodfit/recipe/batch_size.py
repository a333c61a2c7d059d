"""Is the batch a sensible one? From throughput and noise to a sentence. Pure; recipe 4.7."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from goodfit.findings import Finding
from goodfit.settings.learning_rate import LearningRateSettings
from goodfit.training.measure.batch_size import NoiseScale, Throughput


def knee(throughput: Throughput, settings: LearningRateSettings) -> int | None:
    """The batch size from which doubling it no more than doubles a step's time without any gain in samples a second.

    None where the largest one that was tried still gained.
    """
    pairs = list(zip(throughput.sizes, throughput.seconds, strict=True))
    for (size, seconds), (_, doubled) in pairwise(pairs):
        if 2 * seconds / max(doubled, 1e-12) < settings.batch_gain:
            return size
    return None


def read_batch_size(
    batch_size: int, noise: NoiseScale | None, throughput: Throughput | None, settings: LearningRateSettings
) -> tuple[dict[str, Any], Finding | None]:
    """What is kept as evidence, and `batch-size-too-large` where a smaller batch would do as well and cost less.

    It takes both: a batch well above the noise scale, and one at which samples a second have long ceased to rise.
    """
    scale = None if noise is None else noise.samples
    turn = None if throughput is None else knee(throughput, settings)
    evidence: dict[str, Any] = {"batch_size": batch_size, "noise_scale": scale, "throughput_rises_up_to": turn}
    if noise is not None:
        evidence |= {"measured_with": [noise.small, noise.large], "over_steps": noise.steps}
    if throughput is not None:
        evidence["step_seconds"] = dict(zip(map(str, throughput.sizes), throughput.seconds, strict=True))
        evidence["largest_that_fits"] = throughput.sizes[-1] if throughput.out_of_memory and throughput.sizes else None
    if scale is None or turn is None or batch_size <= settings.batch_waste * scale or batch_size <= turn:
        return evidence, None
    return evidence, Finding(
        kind="batch-size-too-large",
        message=(
            f"A batch of {batch_size} is well above the gradient's noise scale, {scale:.3g} samples, and samples a "
            f"second no longer rise from {turn} on: a smaller batch takes more steps for the same data and time."
        ),
        action=f"Try a batch of about {max(turn, _power_of_two(scale))}, with the rate sought again.",
        evidence=evidence,
        where="stage learning-rate",
        confidence=0.7,
    )


def _power_of_two(value: float) -> int:
    """The power of two nearest to a positive number, at least 1, by ratio."""
    power = 1
    while power * 2**0.5 < value:
        power *= 2
    return power
