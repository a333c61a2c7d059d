"""The loss before training, over several initialisations, and what explains it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from goodfit.training.batches import fixed_subset
from goodfit.training.expected_loss import Expected, expected_loss
from goodfit.training.faults import telling
from goodfit.training.measure.reading import LOOKED_AT, WHAT, probing, quiet
from goodfit.training.problem import Batch, Problem, as_pair
from goodfit.training.structure import built

SUMS_TO_ONE = 1e-4  # how near to 1 a row of probabilities sums (recipe 6.2)
ROWS_THAT_DO = 0.99  # share of rows that must (recipe 6.2)


@dataclasses.dataclass(frozen=True, slots=True)
class InitialMeasured:
    """The loss before training, over several initialisations, and what explains it."""

    losses: tuple[np.ndarray, ...]  # per seed, the loss of each batch, float64 [batches]
    batch_size: int
    samples: int
    expected: Expected | None  # None for a loss of (model, batch)
    output_sd: float | None  # over the outputs of a sample (classes) or the samples (one output): logit spread
    mean_probabilities: tuple[float, ...] | None  # of the classes, worst seed, where the loss is over classes
    target_mean: float | None  # of real targets
    target_sd: float | None
    probabilities: str  # "rows", "log rows", "columns", "one" where outputs are already normalised; else ""
    low: float | None  # of the outputs when the weights are blown up: what the last activation can produce
    high: float | None
    target_low: float | None
    target_high: float | None


def measure_initial(
    problem: Problem,
    hyperparameters: Mapping[str, Any],
    seed: int,
    *,
    samples: int = 1024,
    batches: int = 10,
    seeds: int = 4,
) -> InitialMeasured:
    """The first loss of `seeds` initialisations on the same samples.

    Args:
        problem: what is trained.
        hyperparameters: those of the model.
        seed: the first trial seed; the others follow it.
        samples: at most this many of the training split.
        batches: fewest batches, where that leaves 16 samples in each (BatchNorm needs them).
        seeds: how many initialisations.
    """
    indices = fixed_subset(len(problem.train), samples, LOOKED_AT)
    wanted = int(hyperparameters.get("batch_size", problem.default_batch_size))
    size = max(min(wanted, len(indices) // batches), min(16, len(indices)))
    chunks = [chunk for chunk in indices.split(size) if len(chunk) == size or len(indices) < size]
    losses, outputs = [], []
    for number in range(seeds):
        model = built(problem, hyperparameters, seed + number)
        with telling(WHAT), torch.no_grad(), probing(model), quiet():
            run = [_loss_and_output(problem, model, problem.train.fetch(chunk)) for chunk in chunks]
        losses.append(np.array([loss for loss, _ in run]))
        outputs.append([output for _, output in run])
    if problem.loss.of_model or outputs[0][0] is None:
        return InitialMeasured(
            tuple(losses), size, len(chunks) * size, None, None, None, None, None, "", None, None, None, None
        )
    inputs, target = as_pair(problem.train.fetch(indices[: min(len(indices), 512)]))
    model = built(problem, hyperparameters, seed)
    with telling(WHAT), torch.no_grad(), probing(model), quiet():
        prediction = model(inputs)
        low, high = _reach(model, inputs)
    expected = expected_loss(problem.loss.function, prediction, target)
    joined = [torch.cat([part.flatten(2) if part.ndim > 2 else part for part in seed_]) for seed_ in outputs]
    real = isinstance(target, Tensor) and target.is_floating_point()
    return InitialMeasured(
        losses=tuple(losses),
        batch_size=size,
        samples=len(chunks) * size,
        expected=expected,
        output_sd=float(np.median([_spread(one, expected.nats) for one in joined])),
        mean_probabilities=_favoured([_class_rows(one) for one in joined]) if expected.normalises else None,
        target_mean=float(target.double().mean()) if real else None,
        target_sd=float(target.double().std(correction=0)) if real else None,
        probabilities=_normalised(joined),
        low=low,
        high=high,
        target_low=float(target.min()) if real else None,
        target_high=float(target.max()) if real else None,
    )


def _loss_and_output(problem: Problem, model: nn.Module, batch: Batch) -> tuple[float, Tensor | None]:
    if problem.loss.of_model:
        return float(problem.loss(model, batch)), None
    inputs, target = as_pair(batch)
    output = model(inputs)
    loss = float(problem.loss.function(output, target))
    return loss, output.double().cpu() if isinstance(output, Tensor) else None


def _spread(outputs: Tensor, classes: bool) -> float:
    """Logit spread σ_z: around each sample's own mean where outputs compete, else around the mean of all."""
    if classes and outputs.ndim > 1 and outputs.shape[1] > 1:
        return float(outputs.std(dim=1, correction=0).square().mean().sqrt())
    return float(outputs.square().mean().sqrt())


def _class_rows(outputs: Tensor) -> Tensor:
    """[n, classes] of outputs [n, classes, ...]."""
    return outputs if outputs.ndim == 2 else outputs.movedim(1, -1).reshape(-1, outputs.shape[1])


def _favoured(rows: Sequence[Tensor]) -> tuple[float, ...]:
    """The mean predicted distribution over classes: that of the median seed by its largest share."""
    means = sorted((one.softmax(dim=1).mean(dim=0) for one in rows), key=lambda mean: float(mean.max()))
    return tuple(means[len(means) // 2].tolist())


def _normalised(outputs: Sequence[Tensor]) -> str:
    """Whether outputs [n, C] come out of a softmax or log-softmax, and over which axis; in every initialisation."""

    def ones(sums: Tensor) -> bool:
        return float(((sums - 1.0).abs() <= SUMS_TO_ONE).double().mean()) >= ROWS_THAT_DO

    def kind(one: Tensor) -> str:
        if one.ndim < 2 or not bool(one.isfinite().all()):
            return ""
        if one.shape[1] == 1:
            return "one" if bool((one == 1).all()) else ""
        within = bool((one >= 0).all()) and bool((one <= 1).all())
        if within and ones(one.sum(dim=1)):
            return "rows"
        if bool((one <= 0).all()) and ones(one.exp().sum(dim=1)):
            return "log rows"
        return ""

    kinds = {kind(one) for one in outputs}
    return kinds.pop() if len(kinds) == 1 else ""


def _reach(model: nn.Module, inputs: Any) -> tuple[float | None, float | None]:
    """The least and greatest output when the weights are blown up, with either sign: bounds of the last activation."""
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    low, high = math.inf, -math.inf
    for factor in (30.0, -30.0):
        for name, parameter in model.named_parameters():
            parameter.copy_(before[name] * factor)
        outputs = model(inputs)
        if not isinstance(outputs, Tensor) or not bool(outputs.isfinite().all()):
            return None, None
        low, high = min(low, float(outputs.min())), max(high, float(outputs.max()))
    return low, high
