"""What a look at trials reads: scores on the fixed subsets, of one model or a whole stack, and the probe's samples."""

from __future__ import annotations

import functools

import numpy as np
from torch import nn

from goodfit.training.batches import Feed, fixed_subset, samples_in
from goodfit.training.engines.program import Program
from goodfit.training.engines.stack import Stack
from goodfit.training.evaluation import chunks_of, evaluate_model, evaluating
from goodfit.training.problem import Batch, Problem


def evaluated(model: nn.Module, problem: Problem, feed: Feed, suffix: str) -> dict[str, float]:
    """Points of the fixed subsets by series name."""
    points = {}
    for prefix, indices, of_val in (("train", feed.eval_train, False), ("val", feed.eval_val, True)):
        if len(indices):
            fetch = functools.partial(feed.fetch, of_val=of_val)
            values = evaluate_model(model, problem.loss, problem.metrics, fetch, indices)
            points.update({f"{prefix}_{name}{suffix}": value for name, value in values.items()})
    return points


def evaluated_together(
    program: Program, stack: Stack, problem: Problem, feed: Feed, suffix: str
) -> dict[str, np.ndarray]:
    """The same for all rows at once: float64 [rows] by series name; ".averaged" as suffix reads the averages.

    Raises:
        ValueError: a loss or metric is not one number a batch.
        Exception: whatever vmap has against a metric.
    """
    averaged, points = bool(suffix), {}
    weights, fixed = stack.all_parameters(averaged), stack.all_buffers(averaged)
    with evaluating(program.skeleton):
        for prefix, indices, of_val in (("train", feed.eval_train, False), ("val", feed.eval_val, True)):
            for chunk in chunks_of(indices) if len(indices) else ():
                batch = feed.fetch(chunk, of_val)
                share = samples_in(batch) / len(indices)
                for name, values in program.evaluate(weights, fixed, batch, problem.metrics).items():
                    series = f"{prefix}_{name}{suffix}"
                    if values.shape != (len(stack),):
                        raise ValueError(f"{name} is not one number a batch")
                    points[series] = points.get(series, 0.0) + values.double().cpu().numpy() * share
    return points


def probe_batch(feed: Feed) -> Batch:
    """The probe's samples: a fixed subset of the training samples."""
    return feed.fetch(feed.samples[fixed_subset(len(feed.samples), feed.regime.probe)])
