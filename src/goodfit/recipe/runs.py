"""A short training as the gates read it, and what they ask for next."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from goodfit.training.trial import ASKED_TO_LEAVE, LEFT_OUT, Ended, Event, Points, Probed, Status, Trial


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Trainings that a stage wants next: every rate with every seed, side by side in one cohort.

    All of them start from the weights of their seed and see the same minibatches.
    """

    key: str  # "ladder", "bisect-6", "confirm-1"; the runs that answer it carry it
    about: str  # for people: "6 rates × 300 steps on 20 samples"
    rates: tuple[float, ...]
    seeds: tuple[int, ...] = (0,)  # added to the study's seed
    steps: int
    samples: tuple[int, ...] | None = None  # train on these only, and probe all of them; None: on all
    batch_size: int | None = None  # None: the task's
    regularised: bool = True
    zero_inputs: bool = False
    fitted_fraction: float | None = None  # stop a run whose loss fell to this share of its first ...
    fitted_floor: float = 0.0  # ... counted from this floor
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # hyperparameters other than the rate
    reinitialise: bool = False  # build the model by `measure.reinitialised`


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """One short training with a constant rate."""

    lr: float
    seed: int = 0
    key: str = ""  # of the ask that it answers
    steps: int  # asked for
    step_losses: np.ndarray  # float64 [steps done]
    before: np.ndarray  # probe losses per sample before training, float64 [samples]
    after: np.ndarray | None = None  # the same samples at the end; None: it did not get there
    spread_before: float | None = None  # of the outputs over the samples
    spread_after: float | None = None
    dead: float = 0.0  # at the end
    grad_norms: np.ndarray = dataclasses.field(default_factory=lambda: np.empty(0))
    update_ratios: np.ndarray = dataclasses.field(default_factory=lambda: np.empty(0))  # medians over parameters
    accuracy_before: float | None = None  # on training samples, where there are classes
    accuracy_after: float | None = None
    accuracy_samples: int = 0
    status: Status = Status.DONE
    ended_step: int = 0
    reason: str = ""
    fitted: bool = False  # stopped because its goal was reached
    was_cut: bool = False  # stopped, or never begun, because time was up: it says nothing
    first_loss: float = math.nan

    def __post_init__(self) -> None:
        if math.isnan(self.first_loss):
            first = float(np.mean(self.before)) if len(self.before) else math.nan
            object.__setattr__(self, "first_loss", first)

    @property
    def last_loss(self) -> float:
        """The probe's mean loss at the end, else that of the last steps; nan where neither is there."""
        if self.after is not None and len(self.after):
            return float(np.mean(self.after))
        tail = self.step_losses[-1:] if self.fitted else self.step_losses[-5:]
        return float(np.mean(tail)) if len(tail) else math.nan

    @property
    def finite(self) -> bool:
        return math.isfinite(self.last_loss) and self.status is not Status.DIVERGED

    def fall(self, floor: float = 0.0) -> float:
        """D of recipe 3.1: the share of the way from the first loss to the floor; in sd of the losses where that way
        is not positive (a loss that may be negative). nan where the end was not reached.
        """
        way = self.first_loss - floor
        if way <= 0 or bool((self.before < floor).any()):
            way = max(float(np.std(self.before)), 1e-12)
        return (self.first_loss - self.last_loss) / way

    @property
    def z(self) -> float:
        """The paired differences' mean over its standard error; 0 where they cannot be paired."""
        if self.after is None or len(self.after) != len(self.before) or len(self.before) < 2:
            return 0.0
        differences = self.before - self.after
        if not np.isfinite(differences).all():
            return -math.inf
        mean, error = float(differences.mean()), float(differences.std(ddof=1)) / math.sqrt(len(differences))
        if error == 0.0:
            return 0.0 if mean == 0.0 else math.copysign(math.inf, mean)
        return mean / error

    @property
    def accuracy_z(self) -> float:
        """The rise of the accuracy in standard errors; 0 where there is none."""
        if self.accuracy_before is None or self.accuracy_after is None or self.accuracy_samples < 2:
            return 0.0
        n = self.accuracy_samples
        rates = (self.accuracy_before, self.accuracy_after)
        error = math.sqrt(sum(max(p * (1 - p), 1.0 / n) / n for p in rates))
        return (self.accuracy_after - self.accuracy_before) / error


def run_of(trial: Trial, events: Iterable[Event], *, key: str, steps: int, accuracy: str = "", samples: int = 0) -> Run:
    """The run that a trial's events tell.

    Args:
        trial: one segment, a constant rate.
        events: of this trial or of its whole cohort, in order.
        key: of the ask that it answers.
        steps: asked for.
        accuracy: the name of the metric that is an accuracy; "" where there is none.
        samples: that this metric is evaluated on.
    """
    series: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    probes: list[Probed] = []
    ended: Ended | None = None
    for event in events:
        if event.trial != trial.number:
            continue
        if isinstance(event, Points):
            series.setdefault(event.series, []).append((event.steps, event.values))
        elif isinstance(event, Probed):
            probes.append(event)
        else:
            ended = event
    joined = {name: np.concatenate([values for _, values in parts]) for name, parts in series.items()}
    ratios = [values for name, values in joined.items() if name.startswith("update_ratio/")]
    shortest = min((len(values) for values in ratios), default=0)
    metric = joined.get(f"train_{accuracy}", np.empty(0)) if accuracy else np.empty(0)
    losses = joined.get("step_loss", np.empty(0))
    first = probes[0] if probes else None
    last = probes[-1] if len(probes) > 1 else None
    diverged = ended is not None and ended.status is Status.DIVERGED
    was_cut = ended is not None and ended.status is Status.STOPPED and ended.reason in (ASKED_TO_LEAVE, LEFT_OUT)
    return Run(
        lr=float(trial.hyperparameters["lr"]),
        seed=trial.seed,
        key=key,
        steps=steps,
        step_losses=losses,
        before=first.losses if first is not None else losses[:1],
        after=None if last is None or diverged else last.losses,
        spread_before=first.output_spread if first is not None else None,
        spread_after=last.output_spread if last is not None else None,
        dead=last.dead_fraction if last is not None else 0.0,
        grad_norms=joined.get("grad_norm", np.empty(0)),
        update_ratios=np.median([values[:shortest] for values in ratios], axis=0) if shortest else np.empty(0),
        accuracy_before=float(metric[0]) if len(metric) else None,
        accuracy_after=float(metric[-1]) if len(metric) > 1 else None,
        accuracy_samples=samples,
        status=ended.status if ended is not None else Status.INTERRUPTED,
        ended_step=ended.step if ended is not None else len(losses),
        reason=ended.reason if ended is not None else "",
        fitted=ended is not None and ended.status is Status.STOPPED and ended.step < steps and not was_cut,
        was_cut=was_cut,
    )
