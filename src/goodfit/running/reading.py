"""From a trial's outcome to the curves that rules read, and to what the search knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from goodfit.diagnosis.curves import Curves, Series
from goodfit.running.outcome import Outcome
from goodfit.strategy.observation import Observation
from goodfit.task import Objective
from goodfit.training.trial import Status


def curves_of(
    outcome: Outcome,
    family: Mapping[int, Outcome],
    objective: Objective,
    context: Mapping[str, Any],
    *,
    samples: tuple[int, int],
    regularised: bool,
    dead_fraction: float | None = None,
) -> Curves:
    """A trial's curves, those of the trials that it went on from included.

    Args:
        outcome: the trial.
        family: all outcomes by number, to find parents in.
        objective: which metric is read.
        context: landmarks from the first steps: chance_loss, uniform_loss, chance_metric, best_metric, ...
        samples: behind each train and each val point.
        regularised: whether dropout, smoothing or augmentation is on.
    """
    line = [outcome]
    while line[0].trial.parent is not None and line[0].trial.parent in family:
        line.insert(0, family[line[0].trial.parent])

    def series(name: str) -> Series | None:
        points: dict[int, float] = {}
        for member in line:
            points.update(member.series.get(name, {}))
        if not points:
            return None
        steps = np.array(sorted(points), dtype=np.float64)
        return Series(steps, np.array([points[int(s)] for s in steps]))

    metric = objective.metric if objective.metric != "loss" else None
    names = {name for member in line for name in member.series}
    diverged = outcome.status is Status.DIVERGED
    return Curves(
        step_loss=series("step_loss"),
        train_loss=series("train_loss"),
        val_loss=series("val_loss"),
        train_metric=series(f"train_{metric}") if metric else None,
        val_metric=series(f"val_{metric}") if metric else None,
        val_metric_averaged=series(f"val_{metric}.averaged") if metric else None,
        metric=metric,
        maximise=objective.maximise,
        lr=series("lr"),
        grad_norm=series("grad_norm"),
        update_ratios={
            name.removeprefix("update_ratio/"): found
            for name in sorted(names)
            if name.startswith("update_ratio/") and (found := series(name)) is not None
        },
        steps_per_epoch=outcome.steps_per_epoch,
        train_samples=samples[0],
        val_samples=samples[1],
        regularised=regularised,
        dead_fraction=dead_fraction,
        diverged_at=outcome.step if diverged else None,
        diverged_reason=outcome.reason if diverged else "",
        **context,
    )


def observation_of(outcome: Outcome, objective: Objective) -> Observation:
    """What the search knows of a trial that has ended."""
    value = outcome.last(f"val_{objective.metric}") if outcome.is_feasible else None
    return Observation(
        number=outcome.number,
        hyperparameters=dict(outcome.hyperparameters),
        score=None if value is None else objective.score(value),
        status=str(outcome.status),
        epochs=outcome.epochs,
        seed=outcome.trial.seed,
        loss=outcome.last("val_loss") if outcome.is_feasible else None,
    )
