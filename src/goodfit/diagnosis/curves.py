"""One training's curves, as rules read them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np


@dataclasses.dataclass(frozen=True, slots=True)
class Series:
    """Values at steps that grow."""

    steps: np.ndarray  # float64 [n], growing
    values: np.ndarray  # float64 [n]; nan where missing

    def __len__(self) -> int:
        return len(self.steps)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """What is known of one training. All but the losses may be missing; a rule that lacks its input stays silent.

    `train_*` and `val_*` are evaluated in eval mode, without augmentation, on fixed subsets; `step_loss` is the running
    loss of the minibatches.
    """

    step_loss: Series | None = None
    train_loss: Series | None = None
    val_loss: Series | None = None
    train_metric: Series | None = None
    val_metric: Series | None = None
    val_metric_averaged: Series | None = None  # the same for the Polyak average
    metric: str | None = None  # the metric's name
    maximise: bool = True  # whether a higher metric is better
    lr: Series | None = None
    grad_norm: Series | None = None
    update_ratios: Mapping[str, Series] = dataclasses.field(default_factory=dict)  # by parameter
    steps_per_epoch: float | None = None
    train_samples: int | None = None  # behind each train_* point
    val_samples: int | None = None  # behind each val_* point
    chance_loss: float | None = None  # of the best constant prediction
    uniform_loss: float | None = None  # of outputs near zero: log C for C classes
    chance_metric: float | None = None
    floor_loss: float = 0.0  # the lowest attainable
    best_metric: float | None = None  # the highest attainable (1 for an accuracy)
    regularised: bool = False  # dropout, augmentation or label smoothing is on
    dead_fraction: float | None = None  # of ReLU units, the largest share in one layer
    diverged_at: int | None = None  # the first bad step
    diverged_reason: str = ""
    smallest_difference: float | None = None  # the difference in the metric (or the loss) that counts
    axis: str = "step"  # what the steps count: "step", "epoch" or "row"
    is_external: bool = (
        False  # recorded by another tool: train_* may be means over the minibatches since the last point
    )
