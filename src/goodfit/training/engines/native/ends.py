"""Where a native trial breaks: the first bad step and what broke, found on the plain model."""

from __future__ import annotations

import torch
from torch import nn

from goodfit.training.batches import Feed
from goodfit.training.counter import keys
from goodfit.training.divergence import not_finite_reason
from goodfit.training.dropout import begin_step, counter_dropouts
from goodfit.training.problem import Problem
from goodfit.training.regularisers import TrainingLoss


def not_finite_at(
    model: nn.Module, problem: Problem, feed: Feed, seed: int, step: int, value: float
) -> tuple[int, str]:
    """The first bad step and its reason, of a loss that came out as `value`.

    Args:
        model: in the state that it had before the step, in training mode.
        problem: what it trains.
        feed: its batches.
        seed: of the trial.
        step: at which the loss was not finite.
        value: that loss.
    """
    dropouts = list(counter_dropouts(model).values())
    if dropouts:
        table = keys([seed], range(step, step + 1), len(dropouts))[0, 0]
        for dropout, key in zip(dropouts, torch.from_numpy(table), strict=True):
            dropout.key = key
    begin_step(dropouts)
    loss = TrainingLoss(model, problem.loss)
    return not_finite_reason(model, lambda _, batch: loss(batch), feed.batch(seed, step), value, step)
