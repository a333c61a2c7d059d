"""Fashion-MNIST with a multilayer perceptron."""

import torch.nn.functional as F
from fashion_data import load
from torch import nn

import goodfit as gf


def build(hp: gf.Hyperparameters) -> nn.Module:
    return nn.Sequential(
        nn.Linear(784, hp.width),
        nn.ReLU(),
        nn.Dropout(hp.dropout),
        nn.Linear(hp.width, hp.width // 2),
        nn.ReLU(),
        nn.Dropout(hp.dropout),
        nn.Linear(hp.width // 2, 10),
    )


task = gf.Task(
    name="fashion-mlp",
    model=build,
    data=lambda: load(flat=True),
    loss=F.cross_entropy,
    metrics={"accuracy": gf.accuracy},
    objective="max val accuracy",
    space=gf.Space(
        lr=gf.log(1e-4, 1e-1),
        weight_decay=gf.log(1e-3, 1.0, zero=0.25),
        dropout=gf.linear(0.0, 0.5),
        width=gf.powers_of_two(128, 512),
    ),
    start={"optimizer": "adamw", "batch_size": 128, "width": 256, "dropout": 0.0},
)
