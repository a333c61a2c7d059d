"""A trial's model as it stands before its first step, and what engines read of it there."""

from __future__ import annotations

import math

import torch
from torch import nn

from goodfit.training.batches import Feed, fixed_subset
from goodfit.training.course import course_of
from goodfit.training.divergence import explosion_limit
from goodfit.training.dropout import counter_dropouts, exchange_dropout, silence_random_modules
from goodfit.training.probing import probe, single_losses
from goodfit.training.problem import Problem, as_pair
from goodfit.training.structure import built
from goodfit.training.trial import Regime, Trial

SPREAD_SAMPLES = 64  # samples for the losses' spread at the start, asked only where a loss may be negative


def start_model(problem: Problem, trial: Trial, step: int, regime: Regime) -> nn.Module:
    """The trial's model with its initial weights, dropouts exchanged, as the segment at this step builds it."""
    hyperparameters = course_of(trial, regime).at(step).hyperparameters
    model = exchange_dropout(built(problem, hyperparameters, trial.seed)).to(problem.device)
    if not regime.regularised:
        silence_random_modules(model)
    return model


def dropout_rates(model: nn.Module) -> list[float]:
    """The probability of each exchanged dropout, in order."""
    return [dropout.p for dropout in counter_dropouts(model).values()]


def limit_of(problem: Problem, trial: Trial, regime: Regime, feed: Feed, initial_loss: float | None) -> float:
    """The trial's explosion limit; a loss that may be negative is judged by the spread of its samples at the start."""

    def spread() -> float:
        model = start_model(problem, trial, 0, regime)
        batch = feed.fetch(feed.samples[fixed_subset(len(feed.samples), SPREAD_SAMPLES)])
        if problem.loss.of_model:
            return float(probe(model, problem.loss, batch, trial.number, 0).losses.std())
        inputs, target = as_pair(batch)
        model.eval()
        with torch.no_grad():
            return float(single_losses(problem.loss.function, model(inputs), target).std())

    if initial_loss is None:
        return math.inf
    return explosion_limit(initial_loss, regime.explosion_factor, regime.fitted_floor, regime.explosion_sds, spread)
