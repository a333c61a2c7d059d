"""Fashion-MNIST with a small convolutional network: BatchNorm and dropout."""

import torch.nn.functional as F
from fashion_data import load
from torch import nn

import goodfit as gf


def build(hp: gf.Hyperparameters) -> nn.Module:
    def block(inputs: int, outputs: int) -> list[nn.Module]:
        return [
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]

    return nn.Sequential(
        *block(1, hp.channels),
        *block(hp.channels, 2 * hp.channels),
        nn.Flatten(),
        nn.Dropout(hp.dropout),
        nn.Linear(2 * hp.channels * 7 * 7, 10),
    )


task = gf.Task(
    name="fashion-cnn",
    model=build,
    data=lambda: load(flat=False),
    loss=F.cross_entropy,
    metrics={"accuracy": gf.accuracy},
    objective="max val accuracy",
    space=gf.Space(
        lr=gf.log(1e-4, 1e-1),
        weight_decay=gf.log(1e-3, 1.0, zero=0.25),
        dropout=gf.linear(0.0, 0.5),
        channels=gf.powers_of_two(8, 32),
    ),
    start={"optimizer": "adamw", "batch_size": 128, "channels": 16, "dropout": 0.0},
)
