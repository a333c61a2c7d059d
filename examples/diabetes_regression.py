"""A real regression: the progression of diabetes in 442 patients, from ten measurements."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from torch import nn

import goodfit as gf


def load() -> gf.Data:
    inputs, target = load_diabetes(return_X_y=True, scaled=False)
    inputs, target = torch.tensor(inputs, dtype=torch.float32), torch.tensor(target, dtype=torch.float32)[:, None]
    rest, test = train_test_split(torch.arange(len(target)), test_size=0.2, random_state=0)
    train, val = train_test_split(rest, test_size=0.25, random_state=0)
    inputs = (inputs - inputs[train].mean(0)) / inputs[train].std(0)
    target = (target - target[train].mean()) / target[train].std()
    return gf.Data(
        train=(inputs[train], target[train]), val=(inputs[val], target[val]), test=(inputs[test], target[test])
    )


def build(hp: gf.Hyperparameters) -> nn.Module:
    return nn.Sequential(nn.Linear(10, hp.width), nn.ReLU(), nn.Dropout(hp.dropout), nn.Linear(hp.width, 1))


task = gf.Task(
    name="diabetes-regression",
    model=build,
    data=load,
    loss=F.mse_loss,
    objective="min val loss",
    space=gf.Space(
        lr=gf.log(1e-4, 1e-1),
        weight_decay=gf.log(1e-3, 1.0, zero=0.25),
        dropout=gf.linear(0.0, 0.5),
        width=gf.powers_of_two(16, 128),
    ),
    start={"optimizer": "adamw", "batch_size": 32, "width": 32, "dropout": 0.0},
)
