"""How the learning rate moves over a run: tables of multipliers that every engine reads."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from goodfit.errors import TaskError

END_FACTOR = 1e-2  # recipe 4.8: decays end at or below this share of the peak
STEP_DROPS = 3  # of "step": so many equal drops ...
STEP_FACTOR = 0.1  # ... each by this factor (recipe 4.1: x0.1 per so many epochs)
ONE_CYCLE_START = 1 / 25  # PyTorch's OneCycleLR: div_factor
ONE_CYCLE_END = 1e-4 / 25  # the same: final_div_factor times div_factor, of the peak
ONE_CYCLE_RISE = 0.3  # the same: pct_start

Shape = Callable[[np.ndarray], np.ndarray]  # from progress in [0, 1] to multipliers


def _step(progress: np.ndarray) -> np.ndarray:
    return STEP_FACTOR ** np.minimum(np.floor(progress * (STEP_DROPS + 1)), STEP_DROPS)


def _inverse(progress: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + (1.0 / END_FACTOR - 1.0) * progress)


def _inverse_sqrt(progress: np.ndarray) -> np.ndarray:
    return 1.0 / np.sqrt(1.0 + (1.0 / END_FACTOR**2 - 1.0) * progress)


def _cosine(progress: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.cos(np.pi * progress))


def _one_cycle(progress: np.ndarray) -> np.ndarray:
    rise = 0.5 * (1.0 - np.cos(np.pi * np.minimum(progress / ONE_CYCLE_RISE, 1.0)))
    fall = 0.5 * (1.0 + np.cos(np.pi * np.clip((progress - ONE_CYCLE_RISE) / (1.0 - ONE_CYCLE_RISE), 0.0, 1.0)))
    up = ONE_CYCLE_START + (1.0 - ONE_CYCLE_START) * rise
    down = ONE_CYCLE_END + (1.0 - ONE_CYCLE_END) * fall
    return np.where(progress < ONE_CYCLE_RISE, up, down)


SHAPES: dict[str, Shape] = {
    "constant": np.ones_like,
    "step": _step,
    "exponential": lambda progress: END_FACTOR**progress,
    "inverse": _inverse,
    "cosine": _cosine,
    "linear": lambda progress: 1.0 - progress,
    "one-cycle": _one_cycle,
    "inverse-sqrt": _inverse_sqrt,
}


def multipliers(kind: str, steps: int, warmup: float = 0.0) -> np.ndarray:
    """The learning rate's multiplier at each step.

    Args:
        kind: a name in `SHAPES`. "one-cycle" leaves the momentum alone.
        steps: the schedule's length.
        warmup: share of the steps, in [0, 1), in which the multiplier rises linearly to the first of the shape;
            the shape then runs over the rest. The first step of a warm-up already moves: 1/n of the whole.

    Returns:
        float64 [steps]; decays end at `END_FACTOR` or below at the last step.

    Raises:
        TaskError: the kind is unknown, or warmup lies outside [0, 1).

    Source: recipe 4.1 and 4.8; "one-cycle": Smith and Topin 2019 with PyTorch's OneCycleLR shape.
    """
    if kind not in SHAPES:
        raise TaskError(f"There is no schedule named {kind!r}. Choose one of: {', '.join(SHAPES)}.")
    if not 0.0 <= warmup < 1.0:
        raise TaskError(f"warmup is the share of the run that warms up, from 0 to below 1, got {warmup}.")
    rising = min(math.ceil(warmup * steps), max(steps - 1, 0))
    falling = steps - rising
    progress = np.arange(falling, dtype=np.float64) / max(falling - 1, 1)
    shape = np.asarray(SHAPES[kind](progress), dtype=np.float64)
    first = shape[0] if falling else 1.0
    return np.concatenate([first * np.arange(1, rising + 1) / (rising + 1), shape])
