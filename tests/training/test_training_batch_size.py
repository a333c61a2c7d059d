import itertools

import pytest
import torch
from torch import nn

from goodfit.training.measure import batch_size
from goodfit.training.measure.batch_size import noise_scale, throughput
from goodfit.training.problem import Loss, Problem
from goodfit.training.splits import ResidentSplit


class Point(nn.Module):
    """A parameter vector; with the loss below its gradient at a sample is the sample itself."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(20))

    def forward(self, x):
        return x @ self.weight


def known(spread: float, samples: int = 4096) -> Problem:
    """Gradients of mean 1 in each of 20 directions and sd `spread`: |G|² is 20, S is 20 spread²."""
    x = 1.0 + spread * torch.randn(samples, 20, generator=torch.Generator().manual_seed(0))
    split = ResidentSplit((x, torch.zeros(samples)))
    return Problem(lambda hp: Point(), Loss(lambda prediction, y: prediction.mean()), {}, split, split)


@pytest.mark.parametrize("spread", [1.0, 3.0, 10.0])
def test_the_noise_scale_is_that_of_a_known_gradient(spread):
    found = noise_scale(known(spread), {"lr": 0.0, "optimizer": "sgd", "batch_size": 64}, 0, steps=300)
    assert found is not None
    assert found.samples == pytest.approx(spread**2, rel=0.25)


def test_few_samples_have_no_noise_scale():
    assert noise_scale(known(1.0, samples=20), {"lr": 0.0, "optimizer": "sgd"}, 0, steps=1) is None


def test_doubling_ends_where_the_data_do():
    ticks = itertools.count()
    found = throughput(known(1.0, samples=64), {"lr": 0.1}, 0, clock=lambda: float(next(ticks)), seconds=1e9, first=8)
    assert found.sizes == (8, 16, 32, 64)
    assert found.seconds == (1.0, 1.0, 1.0, 1.0)
    assert not found.out_of_memory


def test_doubling_ends_where_memory_does_and_says_so(monkeypatch):
    def refuse(problem, model, batch):
        if len(batch[0]) > 16:
            raise torch.OutOfMemoryError("no more")
        return [torch.zeros_like(parameter) for parameter in model.parameters()]

    monkeypatch.setattr(batch_size, "_gradients", refuse)
    ticks = itertools.count()
    found = throughput(known(1.0), {"lr": 0.1}, 0, clock=lambda: float(next(ticks)), seconds=1e9, first=8)
    assert (found.sizes, found.out_of_memory) == ((8, 16), True)
