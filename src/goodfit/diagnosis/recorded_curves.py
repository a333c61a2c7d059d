"""The curves of a recorded loop, as the rules of curves read them."""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np

from goodfit.diagnosis.curves import Curves, Series
from goodfit.recording.records import EvaluationPass, Recording

_BLOCKS = 40  # points that training accuracies of batches are joined into


def curves_of(recording: Recording) -> Curves | None:
    """Training and validation curves; None where one loop has no one loss (several optimisers taking turns)."""
    if recording.is_adversarial or len(recording.step_losses) < 8:
        return None
    main = max(recording.optimised, key=lambda use: use.steps, default=None)
    held_out = [p for p in recording.evaluations if _is_held_out(p, recording)]
    losses = [use for use in recording.losses if use.trained]
    classes = next((use.classes for use in losses if use.function == "cross_entropy" and use.classes), None)
    starts = recording.epoch_starts
    gaps = [b - a for a, b in itertools.pairwise(starts) if b > a]
    val_loss = _series([(p.step, _mean(p.losses)) for p in held_out if p.losses])
    accuracy = _series([(p.step, p.right / p.compared) for p in held_out if p.compared])
    has_metric = len(accuracy) > 0 if accuracy is not None else False
    return Curves(
        step_loss=_series(recording.step_losses),
        val_loss=val_loss,
        train_metric=_joined(recording.training_accuracy) if has_metric else None,
        val_metric=accuracy,
        metric="accuracy" if has_metric else None,
        lr=_series(main.lrs) if main is not None and len(main.lrs) > 1 else None,
        grad_norm=_series(main.gradient_norms) if main is not None else None,
        update_ratios={"median": _series(main.ratios) or Series(np.empty(0), np.empty(0))} if main else {},
        steps_per_epoch=statistics.median(gaps) if gaps else None,
        val_samples=max((p.samples for p in held_out), default=0) or None,
        uniform_loss=math.log(classes) if classes else None,
        chance_loss=math.log(classes) if classes else None,
        best_metric=1.0 if has_metric else None,
        regularised=True,  # augmentation cannot be seen, so a better validation says nothing
    )


def _is_held_out(current: EvaluationPass, recording: Recording) -> bool:
    use = recording.models[current.model]
    if not use.trained_parameters or not current.scored or current.names_training:
        return False
    return not current.hashed_samples or current.known_samples < 0.5 * current.hashed_samples


def _mean(losses: list[tuple[float, int]]) -> float:
    total = sum(count for _, count in losses)
    return sum(value * count for value, count in losses) / max(total, 1)


def _series(points: list[tuple[int, float]]) -> Series | None:
    if not points:
        return None
    last = dict(points)
    steps = sorted(last)
    return Series(np.array(steps, np.float64), np.array([last[s] for s in steps], np.float64))


def _joined(points: list[tuple[int, float, int]]) -> Series | None:
    if len(points) < 2:
        return None
    parts = np.array_split(np.arange(len(points)), min(_BLOCKS, len(points)))
    steps = [float(np.mean([points[i][0] for i in part])) for part in parts]
    values = [
        sum(points[i][1] * points[i][2] for i in part) / max(sum(points[i][2] for i in part), 1) for part in parts
    ]
    return Series(np.array(steps), np.array(values))
