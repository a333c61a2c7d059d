"""What a larger batch would bring: how a step's time grows with it, and how noisy the gradient is (recipe 4.7)."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.training.batches import Feed, fixed_subset
from goodfit.training.dropout import silence_random_modules
from goodfit.training.faults import telling
from goodfit.training.measure.reading import WHAT, quiet
from goodfit.training.optimizers import Choice, torch_optimizer
from goodfit.training.problem import Problem
from goodfit.training.splits import seeded
from goodfit.training.structure import built
from goodfit.training.trial import Regime

PARTS = 8  # micro-batches that a batch is split into: their gradients give both sizes at the price of one
TIMED = 3  # steps of each size, of which the middle one counts


@dataclasses.dataclass(frozen=True, slots=True)
class NoiseScale:
    """Gradient noise over a short training with a constant rate."""

    small: int  # samples a micro-batch
    large: int  # samples a batch
    steps: int  # averaged over
    signal: float  # |G|², of the true gradient
    noise: float  # S, the trace of the samples' covariance

    @property
    def samples(self) -> float | None:
        """B_simple = S / |G|²: batches far above it waste data. None where noise hides the signal."""
        return self.noise / self.signal if self.signal > 0 and self.noise > 0 else None


@dataclasses.dataclass(frozen=True, slots=True)
class Throughput:
    """Time of a step at doubling batch sizes."""

    sizes: tuple[int, ...]
    seconds: tuple[float, ...]  # of a step
    out_of_memory: bool  # whether memory ended the doubling; the last of `sizes` is then the largest that fits


def noise_scale(problem: Problem, hyperparameters: Mapping[str, Any], seed: int, *, steps: int) -> NoiseScale | None:
    """The gradient's noise scale, from the squared norms of gradients of two batch sizes.

    The batch is the trial's own, or PARTS × 4 samples where that is larger; dropout is off. Both averages are taken
    before they are divided: either may be negative on a draw.

    Args:
        hyperparameters: with the rate to train at.
        seed: of the weights and of the order of batches.
        steps: taken, and averaged over; 50 or more.

    Returns:
        None where there are too few samples for eight micro-batches of four.

    Source: McCandlish et al. 2018, appendix A; recipe 4.7.
    """
    own = int(hyperparameters.get("batch_size", problem.default_batch_size))
    small = max(own // PARTS, 4)
    large = small * PARTS
    if large > len(problem.train):
        return None
    feed = Feed(problem, Regime(), large)
    model = _model(problem, hyperparameters, seed)
    optimizer = torch_optimizer(Choice.read(hyperparameters, regularised=False), model.parameters())
    of_small = of_large = 0.0
    with telling(WHAT), seeded(seed), quiet():
        for step in range(steps):
            total: list[Tensor] | None = None
            parts = feed.indices(seed, step).split(small)
            for part in parts:
                gradients = _gradients(problem, model, feed.fetch(part))
                of_small += _squared(gradients) / len(parts)
                total = gradients if total is None else [a + b for a, b in zip(total, gradients, strict=True)]
            assert total is not None
            mean = [gradient / len(parts) for gradient in total]
            of_large += _squared(mean)
            for parameter, gradient in zip(_trained(model), mean, strict=True):
                parameter.grad = gradient
            optimizer.step()
    of_small, of_large = of_small / steps, of_large / steps
    signal = (large * of_large - small * of_small) / (large - small)
    noise = (of_small - of_large) / (1 / small - 1 / large)
    return NoiseScale(small, large, steps, signal, noise)


def throughput(
    problem: Problem,
    hyperparameters: Mapping[str, Any],
    seed: int,
    *,
    clock: Callable[[], float],
    seconds: float,
    first: int,
) -> Throughput:
    """Time steps at doubling batch sizes, from `first` on, until the data, the memory or `seconds` are used up."""
    sizes: list[int] = []
    taken: list[float] = []
    began, size = clock(), first
    while size <= len(problem.train) and (not sizes or clock() - began < seconds):
        try:
            taken.append(_step_seconds(problem, hyperparameters, seed, size, clock))
        except (torch.OutOfMemoryError, MemoryError):
            return Throughput(tuple(sizes), tuple(taken), True)
        sizes.append(size)
        size *= 2
    return Throughput(tuple(sizes), tuple(taken), False)


def _step_seconds(
    problem: Problem, hyperparameters: Mapping[str, Any], seed: int, size: int, clock: Callable[[], float]
) -> float:
    model = _model(problem, hyperparameters, seed)
    optimizer = torch_optimizer(Choice.read(hyperparameters, regularised=False), model.parameters())
    batch = problem.train.fetch(fixed_subset(len(problem.train), size))
    times = []
    with seeded(seed), quiet():  # running out of memory is an answer here, not an error
        for _ in range(TIMED + 1):  # the first one builds caches
            before = clock()
            for parameter, gradient in zip(_trained(model), _gradients(problem, model, batch), strict=True):
                parameter.grad = gradient
            optimizer.step()
            if problem.device.type == "cuda":
                torch.cuda.synchronize(problem.device)
            times.append(clock() - before)
    return statistics.median(times[1:])


def _model(problem: Problem, hyperparameters: Mapping[str, Any], seed: int) -> nn.Module:
    model = built(problem, hyperparameters, seed).train()
    silence_random_modules(model)
    return model


def _trained(model: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _gradients(problem: Problem, model: nn.Module, batch: Any) -> list[Tensor]:
    trained = _trained(model)
    found = torch.autograd.grad(problem.loss(model, batch), trained, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(trained, found, strict=True)]


def _squared(gradients: Sequence[Tensor]) -> float:
    return float(sum(gradient.double().square().sum() for gradient in gradients))
