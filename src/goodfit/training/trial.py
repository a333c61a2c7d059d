"""What a trial is, and what an engine is asked to do with it: the records that cross every seam.

A trial is a list of segments (the hyperparameters in force from a step on) with an optional parent. A state is
everything that a trial is at a step: it can be saved, moved to another engine and gone on with. Halving, resume and
rewinding rest on these two alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Status(StrEnum):
    """Where a trial is in its life; kept in ledgers."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"  # ended early on purpose: its goal was reached, or the stage had no time left
    DIVERGED = "diverged"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


ASKED_TO_LEAVE = "asked to leave"  # the reason of a stopped trial that whoever waits for it had no more time for
LEFT_OUT = "Left out: the stage's time was up."  # ... and of one that never began


@dataclasses.dataclass(frozen=True, slots=True)
class Segment:
    """The hyperparameters in force from a step on.

    Those that change the network's structure are the same in every segment of a trial.
    """

    start: int  # step
    hyperparameters: Mapping[str, Any]
    schedule_steps: int  # the schedule's length in steps, counted from `start`; 0: constant rate
    progress: float = 0.0  # the part of the schedule that is behind at `start`, in [0, 1)


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """One training with one set of hyperparameters and one seed.

    Its initial weights, its data order and its dropout masks depend on `seed` alone.
    """

    number: int  # unique in its study
    seed: int
    segments: tuple[Segment, ...]
    parent: int | None = None  # the trial whose state it went on from

    @property
    def hyperparameters(self) -> Mapping[str, Any]:
        """Those of the last segment."""
        return self.segments[-1].hyperparameters


@dataclasses.dataclass(slots=True)
class TrialState:
    """Everything that a trial is after `step` steps, on the CPU, in plain tensors by the module's own names."""

    step: int
    parameters: dict[str, Tensor]
    buffers: dict[str, Tensor]
    optimizer: dict[str, dict[str, Tensor]]  # slot ("momentum_buffer", "exp_avg", ...) -> parameter -> tensor
    average: dict[str, Tensor]  # the Polyak average of parameters and float buffers; empty where it is off
    initial_loss: float | None = None  # the first step's loss, against which an explosion is judged
    recent_losses: tuple[float, ...] = ()  # the last step losses, whose median is judged
    pass_loss_sum: float = 0.0  # of the step losses since the pass over the data began ...
    pass_steps: int = 0  # ... and how many they are: their mean is what a fitted goal asks for


@dataclasses.dataclass(frozen=True, slots=True)
class Regime:
    """How a cohort trains and how it is looked at; the same for all its trials."""

    samples: tuple[int, ...] | None = None  # train on these samples of the training split only; None: on all
    batch_size: int | None = None  # None: each trial's own
    regularised: bool = True  # False: weight decay, dropout, label smoothing, clipping, schedule and average off
    zero_inputs: bool = False  # the negative control: floating-point inputs are zero, token inputs are token 0
    redraw_targets: bool = False  # planted fault for tests: targets drawn anew at every step
    eval_steps: tuple[int, ...] = ()  # evaluate after this many steps; 0 is before the first
    eval_train: int = 0  # samples in the fixed subset of the training samples that is evaluated
    eval_val: int = 0  # the same of the validation split
    probe: int = 0  # samples whose single losses are kept at eval_steps (batch statistics, dropout off)
    probe_every: int = 0  # steps between gradient norms and update ratios; 0: none
    explosion_factor: float = 3.0  # diverged when the median of the last losses exceeds this times the first
    explosion_sds: float = 10.0  # where the loss may be negative: this many sd of the samples' losses above the first
    explosion_window: int = 5  # step losses whose median is judged
    fitted_fraction: float | None = None  # stop a trial whose loss fell to this share of its first ...
    fitted_floor: float = 0.0  # ... counted from this floor, with every sample right where there are classes


@dataclasses.dataclass(frozen=True, slots=True)
class Points:
    """Part of a trial's curve. `step_loss` is the running loss of the minibatches."""

    trial: int
    series: str  # step_loss, lr, grad_norm, update_ratio/<parameter>, {train,val}_{loss,<metric>}[.averaged]
    steps: np.ndarray  # int64 [n]
    values: np.ndarray  # float64 [n]

    def __reduce__(self) -> tuple[Any, ...]:
        # A quarter of what a frozen dataclass of two arrays costs to send: a tiny trial's curves are short.
        return _points, (self.trial, self.series, self.steps.tobytes(), self.values.tobytes())


def _points(trial: int, series: str, steps: bytes, values: bytes) -> Points:
    import numpy as np

    # A bytearray's view can be written to, as an array that was sent whole could.
    return Points(trial, series, np.frombuffer(bytearray(steps), np.int64), np.frombuffer(bytearray(values)))


@dataclasses.dataclass(frozen=True, slots=True)
class Probed:
    """A trial's losses on each of the probe's samples, before or after training: a pair for recipe 3.1."""

    trial: int
    step: int
    losses: np.ndarray  # float64 [samples]
    output_spread: float  # standard deviation of the outputs over the samples; 0: the same whatever the input
    dead_fraction: float  # of ReLU units, the largest share in one layer that is zero on every probe sample


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """How a trial's part of the work ended."""

    trial: int
    status: Status
    step: int  # steps done; for a diverged trial the first bad step
    reason: str = ""  # one sentence, with the numbers; names the first bad tensor of a diverged trial


Event = Points | Probed | Ended
