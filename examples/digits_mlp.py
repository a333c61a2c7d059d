"""Handwritten digits with a multilayer perceptron: the smallest complete task."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

import goodfit as gf


def load() -> gf.Data:
    images, labels = load_digits(return_X_y=True)
    images = (torch.tensor(images, dtype=torch.float32) - 4.884) / 6.017  # mean and sd of all pixels
    labels = torch.tensor(labels)
    train, test = train_test_split(torch.arange(len(labels)), test_size=0.2, random_state=0, stratify=labels)
    return gf.Data(train=(images[train], labels[train]), test=(images[test], labels[test]))  # val is split off


def build(hp: gf.Hyperparameters) -> nn.Module:
    layers: list[nn.Module] = []
    inputs = 64
    for _ in range(hp.layers):
        layers += [nn.Linear(inputs, hp.width), nn.ReLU(), nn.Dropout(hp.dropout)]
        inputs = hp.width
    return nn.Sequential(*layers, nn.Linear(inputs, 10))


task = gf.Task(
    name="digits-mlp",
    model=build,
    data=load,
    loss=F.cross_entropy,
    metrics={"accuracy": gf.accuracy},
    objective="max val accuracy",
    space=gf.Space(
        gf.when(optimizer="sgd", momentum=gf.reverse_log(0.5, 0.99)),
        optimizer=gf.choice("sgd", "adamw"),
        lr=gf.log(1e-4, 1e-1),
        weight_decay=gf.log(1e-5, 1e-1, zero=0.25),
        dropout=gf.linear(0.0, 0.5),
        width=gf.powers_of_two(32, 256),
        layers=gf.integer(1, 3),
    ),
)
