"""`best/`: what it describes is rebuilt, networks of unlike shapes too."""

import torch
from torch import nn

from goodfit.best import Member, load_best, write_best
from goodfit.hyperparameters import Hyperparameters
from goodfit.training.ensemble import Merge, merged


def build(hp):
    return nn.Sequential(nn.Linear(4, hp.width), nn.ReLU(), nn.Linear(hp.width, 3))


def test_an_ensemble_of_unlike_widths_is_rebuilt(tmp_path):
    each = [{"width": width, "lr": 0.1} for width in (2, 5, 8)]
    models = [build(Hyperparameters(hp)).eval() for hp in each]
    files = {f"members/{i}.pt": Member(m.state_dict(), hp) for i, (m, hp) in enumerate(zip(models, each, strict=True))}
    write_best(
        tmp_path, task_name="made", source="", model=build, spec={}, hyperparameters=each[1], variant="ensemble",
        single=models[1].state_dict(), members=files, merge="probabilities",
    )  # fmt: skip
    x = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    expected = merged([model(x) for model in models], Merge.PROBABILITIES)
    assert torch.equal(load_best(tmp_path)(x), expected)
