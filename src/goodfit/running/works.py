"""How the trials that a stage asks for become works for an executor: lengths, groups, and when they are looked at."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from goodfit.execution.work import CohortWork
from goodfit.training.engines import grouped
from goodfit.training.problem import Problem
from goodfit.training.trial import Regime, Segment, Trial

FORWARD = 1 / 3  # of a training step's arithmetic
EVALUATING_SHARE = 0.15  # of the training's cost
EVALUATIONS = 12  # points on a searched trial's evaluated curves
EVALUATED, EVALUATED_LEAST = 2000, 512  # samples in an evaluated subset
PROBES = 25  # gradient norms and update ratios a search's trial tells


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One trial that a stage asks for."""

    hyperparameters: Mapping[str, Any]
    seed: int
    parent: int | None = None  # go on from this trial's state
    steps: int | None = None  # None: the request's epochs
    is_scheduled: bool = False  # whether its schedule runs over its steps; the rate is constant otherwise
    schedule_steps: int | None = None  # the schedule's length, where the trial ends before it does
    progress: float = 0.0  # the part of the schedule that its parent has behind it; the rest runs over its own steps


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a stage asks to be trained; see `Trainer.train`."""

    key: str
    entries: Sequence[Entry]
    epochs: float | None
    regime: Regime
    evaluations: int
    eval_samples: int | None
    is_kept: bool
    problem: Problem  # the task's, or a stand-in for it
    counts_all: bool = False  # an epoch is as many steps as one over all samples, though only some are trained on
    kept_shares: tuple[float, ...] = ()  # of the length, after which states are kept besides the last

    @property
    def samples(self) -> int:
        """How many samples are trained on."""
        return len(self.problem.train) if self.regime.samples is None else len(self.regime.samples)

    def batch_size(self, hyperparameters: Mapping[str, Any]) -> int:
        if self.regime.batch_size is not None:
            return self.regime.batch_size
        return int(hyperparameters.get("batch_size", self.problem.default_batch_size))

    def steps_per_epoch(self, hyperparameters: Mapping[str, Any]) -> int:
        """Whole minibatches in the samples; at least one."""
        samples = len(self.problem.train) if self.counts_all else self.samples
        return max(1, samples // self.batch_size(hyperparameters))

    def steps(self, entry: Entry) -> int:
        """The step up to which an entry's trial goes."""
        if entry.steps is not None:
            return entry.steps
        return max(1, math.ceil((self.epochs or 1.0) * self.steps_per_epoch(entry.hyperparameters)))


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """Trials of one structure and length, which may train together."""

    trials: tuple[Trial, ...]
    start: int  # the step that all of them stand at
    steps: int  # up to which they go


def groups_of(
    request: Request, first_number: int, step_of: Callable[[int], int], without: Collection[int] = ()
) -> list[Group]:
    """The request's trials, numbered in the order of its entries, in groups.

    Args:
        request: what is asked for.
        first_number: of the first entry's trial.
        step_of: the step at which a parent stands, by its number.
        without: numbers that are left out, since their models cannot be built.

    Raises:
        TaskError: a model cannot be built.
    """
    by_length: dict[tuple[int, int], list[Trial]] = {}
    for number, entry in enumerate(request.entries, first_number):
        if number in without:
            continue
        steps = request.steps(entry)
        start = step_of(entry.parent) if entry.parent is not None else 0
        trial = Trial(number, entry.seed, _segments(entry, start, steps), entry.parent)
        by_length.setdefault((steps, start), []).append(trial)
    return [
        Group(tuple(alike[place] for place in places), start, steps)
        for (steps, start), alike in by_length.items()
        for places in grouped(request.problem, alike, request.regime)
    ]


def _segments(entry: Entry, start: int, steps: int) -> tuple[Segment, ...]:
    """From the trial's own beginning on; where it goes on within a schedule, what is left of that is stretched."""
    values = dict(entry.hyperparameters)
    if not entry.is_scheduled:
        return (Segment(0, values, 0),)
    if entry.progress > 0:
        return (
            Segment(0, values, round(start / entry.progress)),
            Segment(start, values, steps - start, entry.progress),
        )
    return (Segment(0, values, entry.schedule_steps or steps),)


def work_of(
    request: Request, cohort: tuple[Trial, ...], group: Group, engine: str, validation: int, checkpoints: Path
) -> CohortWork:
    """The work that trains some trials of a group together.

    Args:
        validation: samples in the validation split.
        checkpoints: the folder of the states that are kept, and of the parents' states (named, not written, here).
    """
    key = f"{request.key}/{cohort[0].number}"
    file = f"{key.replace('/', '-')}.pt"
    has_parents = any(trial.parent is not None for trial in cohort)
    return CohortWork(
        key=key,
        trials=cohort,
        regime=_looked_at(request, cohort[0], group, validation),
        to_step=group.steps,
        engine=engine,
        parents=checkpoints / f"parents-{file}" if has_parents else None,
        checkpoint=checkpoints / file if request.is_kept else None,
        kept_steps=_kept_steps(request.kept_shares, group),
    )


def _kept_steps(shares: Sequence[float], group: Group) -> tuple[int, ...]:
    """The steps on the way, growing, that lie at these shares of a group's length."""
    length = group.steps - group.start
    steps = {group.start + round(share * length) for share in shares}
    return tuple(sorted(step for step in steps if group.start < step < group.steps))


def _looked_at(request: Request, first: Trial, group: Group, validation: int) -> Regime:
    """The request's regime, with steps to evaluate and to probe at where it names none."""
    regime, length = request.regime, group.steps - group.start
    if not regime.eval_steps:
        trained = length * request.batch_size(first.hyperparameters)
        size = request.eval_samples or affordable_evaluation(trained, request.evaluations)
        regime = dataclasses.replace(
            regime,
            eval_steps=evaluation_steps(group.start, group.steps, request.evaluations),
            eval_train=min(size, request.samples, max(validation, 1)),
            eval_val=min(size, validation),
        )
    if request.is_kept and not regime.probe_every:  # rules of curves read gradient norms and update ratios
        regime = dataclasses.replace(regime, probe_every=max(10, length // PROBES))
    return regime


def evaluation_steps(start: int, to_step: int, count: int) -> tuple[int, ...]:
    """`count` steps spread evenly from `start` to `to_step`, both ends among them.

    A trial that starts at 0 is also evaluated within its first hundredth: rules read the start of a curve there.
    """
    steps = {round(s) for s in np.linspace(start, to_step, count)}
    if start == 0:
        steps.add(max(1, to_step // 100))
    else:
        steps.discard(start)  # the parent's curve has that point
    return tuple(sorted(steps))


def affordable_evaluation(samples_trained: int, evaluations: int) -> int:
    """Samples in each of the two evaluated subsets, so that evaluating costs about a seventh of training.

    It may cost twice that where a subset would have fewer than `EVALUATED` samples otherwise, which rank trials badly;
    with fewer than `EVALUATED_LEAST` a curve says nothing, whatever it costs. Small data stays whole.
    """

    def size(share: float) -> int:
        return int(share * samples_trained / (FORWARD * 2 * evaluations))

    return max(size(EVALUATING_SHARE), min(size(2 * EVALUATING_SHARE), EVALUATED), EVALUATED_LEAST)


def evaluating_steps(regime: Regime, batch_size: int, start: int, end: int) -> float:
    """What the evaluations from one step to another cost, in training steps."""
    looks = sum(start < step <= end or step == start == 0 for step in regime.eval_steps)
    return looks * FORWARD * (regime.eval_train + regime.eval_val) / batch_size
