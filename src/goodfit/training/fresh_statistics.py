"""BatchNorm's running statistics for weights that no training step ever had, such as an average's."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from goodfit.training.problem import Problem
from goodfit.training.splits import fetch_seeded

SAMPLES = 4096  # training samples that the statistics are taken from, at most


def refresh_statistics(model: nn.Module, problem: Problem, batch_size: int) -> bool:
    """Replace running means and variances by those of the weights at hand, over training samples; dropout stays off.

    A smoothed copy of the running statistics belongs to the weights that training went through, not to their average.

    Returns:
        Whether the model has such statistics; one without is left as it is.

    Source: Izmailov et al. 2018, Averaging Weights Leads to Wider Optima, section 3.2; recipe 4.8.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None]
    if not norms:
        return False
    momenta = [norm.momentum for norm in norms]
    count = min(SAMPLES, len(problem.train))
    size = min(max(batch_size, 2), count)
    chosen = torch.arange(count) * len(problem.train) // count
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
        norm.train()
    with torch.no_grad():
        for indices in chosen[: count // size * size].split(size):
            problem.loss(model, fetch_seeded(problem.train, indices, int(indices[0])))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()
    return True
