"""Row 6: a loss that goes up and down, and a loss with spikes."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.curves import Curves, Series
from goodfit.diagnosis.levels import first_loss, guessing, jitter, level, median_ratio, place, span, training_loss
from goodfit.diagnosis.statistics import MAD_TO_SIGMA, finite, mann_kendall, median_of_five, noise
from goodfit.findings import Finding
from goodfit.settings.curves import CurveSettings

_LOWER = (
    "Divide the learning rate by 3 and lower the top of its range; if that does not calm it, clip gradients at their "
    "90th percentile."
)


def oscillating(curves: Curves, settings: CurveSettings) -> Finding | None:
    """The loss on the same samples goes up and down without getting anywhere.

    The minibatch loss alone cannot show it: its jitter may be the batches'. On fixed samples only the parameters move.
    Rises as a share of all movement are 0 for a steady fall and a half for none at all.
    """
    losses = finite(curves.train_loss)
    if len(losses) < settings.points:
        return None
    late = Series(losses.steps[len(losses) // 4 :], losses.values[len(losses) // 4 :])
    moves = np.diff(late.values)
    path = float(np.abs(moves).sum())
    if path <= 0:
        return None
    rises = float(moves.clip(0).sum()) / path
    shake, scale = noise(late.values), span(curves, settings)
    z = mann_kendall(late.values)
    amplitude = shake / scale
    if (
        rises < settings.oscillation_rise
        or amplitude < settings.oscillation_amplitude
        or shake < settings.oscillation_ratio * max(abs(level(losses)), 1e-12)
        or z <= -settings.z_medium
    ):
        return None
    turns = float(np.mean(np.sign(moves[1:]) != np.sign(moves[:-1]))) if len(moves) > 1 else 0.0
    ratio = median_ratio(curves)
    second = (ratio is not None and ratio > settings.ratio_high) or float(losses.values.max()) > guessing(curves).loss
    return Finding(
        kind="lr-too-high",
        message=(
            f"The training loss is oscillating: it goes up and down by about {shake:.3g} from point to point "
            f"({amplitude:.0%} of what there is to gain) with no net progress (z {z:.1f} over the last three quarters)."
        ),
        action=_LOWER,
        evidence={
            "shape": "oscillating",
            "amplitude": shake,
            "share_of_span": amplitude,
            "rises": rises,
            "turns": turns,
            "z": z,
            **({"update_ratio": ratio} if ratio is not None else {}),
        },
        confidence=0.95 if second and amplitude > 2 * settings.oscillation_amplitude else 0.7,
    )


def unstable(curves: Curves, settings: CurveSettings) -> Finding | None:
    """After a fall the loss rises again by more than a quarter of it and stays up (recipe 3.2)."""
    losses = training_loss(curves, settings)
    if len(losses) < settings.points:
        return None
    medians = median_of_five(losses.values) if len(losses) >= 20 else losses.values
    thrown = _thrown(curves, settings, losses, medians)
    if thrown is not None:
        return thrown
    lowest = int(np.argmin(medians))
    fallen = float(medians[: lowest + 1].max() - medians[lowest])
    end = level(losses)
    rise = end - float(medians[lowest])
    shake = noise(losses.values[: lowest + 1]) if lowest >= 4 else jitter(losses)
    if (
        lowest == 0
        or fallen < settings.plateau_fall * span(curves, settings)
        or rise <= settings.unstable_rise * fallen
        or rise <= settings.unstable_sigmas * shake
    ):
        return None
    step = float(losses.steps[lowest])
    return Finding(
        kind="lr-too-high",
        message=(
            f"Training is unstable: the loss fell to {medians[lowest]:.4g} by {place(curves, step)}, then went up "
            f"again by {rise:.4g} ({rise / fallen:.0%} of the fall) and ended at {end:.4g}."
        ),
        action=_LOWER,
        evidence={"shape": "unstable", "lowest": medians[lowest], "last": end, "rise": rise, "fall": fallen},
        where=place(curves, step),
        confidence=0.8,
    )


def _thrown(curves: Curves, settings: CurveSettings, losses: Series, medians: np.ndarray) -> Finding | None:
    """The loss went far above its start on the way and has not made up for it since."""
    start, end = first_loss(curves), level(losses)
    highest = float(medians.max())
    if not (start > 0 and highest > settings.explosion_factor * start and end > start - 0.5 * span(curves, settings)):
        return None
    step = float(losses.steps[int(np.argmax(medians))])
    return Finding(
        kind="lr-too-high",
        message=(
            f"Training was thrown off: the loss rose from {start:.4g} to {highest:.4g} by {place(curves, step)} and "
            f"ended at {end:.4g}, on a plateau that it does not leave."
        ),
        action=_LOWER,
        evidence={"shape": "thrown onto a plateau", "first": start, "highest": highest, "last": end},
        where=place(curves, step),
        confidence=0.9,
    )


def spikes(curves: Curves, settings: CurveSettings) -> Finding | None:
    """Sudden rises of the minibatch loss that recover within tens of steps, 2 or more per 1,000 steps.

    A median of 5 goes first: a single hard batch is none. A spike also has to matter beside the loss of guessing.
    """
    losses = finite(curves.step_loss)
    if len(losses) < 100:
        return None
    apart = float(np.median(np.diff(losses.steps)))
    medians = median_of_five(losses.values)
    half = max(int(settings.spike_back / max(apart, 1e-12)), 5)
    base = _running_median(medians, half)
    rest = medians - base
    sigma = MAD_TO_SIGMA * float(np.median(np.abs(rest - np.median(rest))))
    mad = sigma / MAD_TO_SIGMA
    # batches differ by more where the loss is higher: the jitter of that quarter of the run counts, if it is larger
    near = np.maximum(mad, np.concatenate([np.full(len(q), np.median(np.abs(q))) for q in np.array_split(rest, 4)]))
    high = rest > np.maximum(settings.spike_mads * near, settings.spike_height * span(curves, settings))
    high[:half] = False  # the steep start stands above its own running median
    starts = np.flatnonzero(high[1:] & ~high[:-1]) + 1
    ends = np.flatnonzero(~high[1:] & high[:-1]) + 1
    recovered = [s for s in starts if any(s < e <= s + half for e in ends)]
    per_1000 = 1000 * len(recovered) / (len(losses) * apart)
    if len(recovered) < 2 or per_1000 < settings.spikes_per_1000:
        return None
    tallest = max(recovered, key=lambda s: float(rest[s : s + half].max()))
    return Finding(
        kind="loss-spikes",
        message=(
            f"The minibatch loss spikes {len(recovered)} times ({per_1000:.1f} per 1,000 steps) and comes back; the "
            f"tallest adds {rest[tallest : tallest + half].max():.3g} near {place(curves, losses.steps[tallest])}."
        ),
        action=_LOWER + " A larger batch helps if only single batches are behind it.",
        evidence={
            "spikes": len(recovered),
            "per_1000_steps": per_1000,
            "mad": mad,
            "steps": [int(losses.steps[s]) for s in recovered[:10]],
        },
        where=place(curves, losses.steps[recovered[0]]),
        confidence=0.8 if len(recovered) >= 4 else 0.7,
    )


def _running_median(values: np.ndarray, half: int) -> np.ndarray:
    """Median over 2 half + 1 points, fewer at the ends."""
    padded = np.pad(values, half, mode="reflect" if len(values) > half else "edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)
