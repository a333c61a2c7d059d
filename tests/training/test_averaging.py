"""Averages of other decays, rebuilt from one that was kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from goodfit.training.averaging import decay_at, decay_of, mixed_average, profile, rebuilding, update_average
from goodfit.training.fresh_statistics import refresh_statistics
from goodfit.training.problem import Loss, Problem
from goodfit.training.splits import ResidentSplit

LENGTH = 1200


def averaged(path: torch.Tensor, decay: float) -> list[torch.Tensor]:
    """The average after each update, as engines keep it."""
    kept, found = torch.zeros(path.shape[1], dtype=path.dtype), []
    for step, weights in enumerate(path):
        update_average([kept], [weights], 1.0 - decay_at(decay, step))
        found.append(kept.clone())
    return found


@pytest.fixture(scope="module")
def path() -> torch.Tensor:
    """Weights that wander: [updates, tensor]."""
    return torch.randn(LENGTH, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64).cumsum(0)


@pytest.mark.parametrize("decay", [0.5, 0.95, 0.995])
def test_a_profile_gives_the_average_that_engines_keep(path, decay):
    weights = torch.tensor(profile(decay, LENGTH, LENGTH))
    torch.testing.assert_close(weights @ path, averaged(path, decay)[-1], rtol=0, atol=1e-9)


def test_the_kept_average_is_rebuilt_exactly_and_the_plain_weights_nearly():
    steps = [600, 900, LENGTH]
    own = rebuilding(0.98, steps, 0.98)
    assert own.averages[-1] == pytest.approx(1.0, abs=1e-6)
    assert own.likeness == pytest.approx(1.0, abs=1e-6)
    assert rebuilding(0.98, steps, 1e-9).last == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("half_life", "least"), [(0.05, 0.8), (0.1, 0.8)])
def test_other_averages_are_nearer_to_the_true_ones_than_the_kept_one_is(path, half_life, least):
    kept_decay, wanted = decay_of(0.025 * LENGTH), decay_of(half_life * LENGTH)
    steps = [round(share * LENGTH) for share in (0.25, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)] + [LENGTH]
    kept, true = averaged(path, kept_decay), averaged(path, wanted)[-1]
    mixture = rebuilding(kept_decay, steps, wanted)
    assert mixture.likeness > least
    assert sum(mixture.averages) + mixture.last == pytest.approx(1.0)
    rebuilt = mixed_average(mixture, [{"w": kept[step - 1]} for step in steps], {"w": path[-1]})["w"]
    assert float((rebuilt - true).norm()) < 0.6 * float((kept[-1] - true).norm())


def test_half_a_life_and_its_decay():
    assert decay_of(138.28) ** 138.28 == pytest.approx(0.5)
    assert np.isclose(decay_of(138.28), 0.995, atol=1e-5)


def test_running_statistics_become_those_of_the_weights_at_hand():
    generator = torch.Generator().manual_seed(1)
    inputs, target = torch.randn(512, 6, generator=generator), torch.zeros(512, dtype=torch.long)
    model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    split = ResidentSplit((inputs, target))
    loss = Loss(nn.functional.cross_entropy, of_model=False)
    problem = Problem(build=lambda hp: model, loss=loss, metrics={}, train=split, val=split)
    with torch.no_grad():
        model[0].weight.mul_(3.0).add_(0.1)  # as an average would: weights that the statistics never saw
    assert refresh_statistics(model, problem, 64)
    with torch.no_grad():
        hidden = model[0](inputs)
    torch.testing.assert_close(model[1].running_mean, hidden.mean(0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(model[1].running_var, hidden.var(0), rtol=0.05, atol=1e-3)
    assert model[1].momentum == 0.1
    assert not any(module.training for module in model.modules())
    assert not refresh_statistics(nn.Linear(6, 2), problem, 64)
