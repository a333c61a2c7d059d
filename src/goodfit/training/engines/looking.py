"""What a look at trials reads: scores on the fixed subsets, of one model or a whole stack, and the probe's samples."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

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


class RowsEvaluation:
    """Points of a stack's rows: all in one pass, as long as the metrics allow it."""

    def __init__(self, program: Program, problem: Problem, feed: Feed) -> None:
        self._program, self._problem, self._feed = program, problem, feed
        self._goes_together = True

    def points(
        self, stack: Stack, rows: Sequence[int], suffix: str, alone: Callable[[int], nn.Module]
    ) -> Iterator[tuple[int, dict[str, float]]]:
        """Each of these rows with its points by series name.

        Args:
            stack: the weights of all rows.
            rows: those that are asked for.
            suffix: ".averaged" reads the averages.
            alone: gives a row's model by itself, with its averages where the suffix asks for them.
        """
        if self._goes_together and rows:
            try:
                points = evaluated_together(self._program, stack, self._problem, self._feed, suffix)
            except Exception:  # a metric that vmap cannot run: each row by itself, which raises what is the user's
                self._goes_together = False
            else:
                for row in rows:
                    yield row, {series: float(by_row[row]) for series, by_row in points.items()}
                return
        for row in rows:
            yield row, evaluated(alone(row), self._problem, self._feed, suffix)


def probe_batch(feed: Feed) -> Batch:
    """The probe's samples: a fixed subset of the training samples."""
    return feed.fetch(feed.samples[fixed_subset(len(feed.samples), feed.regime.probe)])
