"""The digits of scikit-learn: 1,797 images of 8×8 pixels, ten classes; a multilayer perceptron with dropout."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

import goodfit as gf


def load() -> gf.Data:
    """A fifth for the test, a fifth of the rest for validation, both stratified and always the same."""
    images, labels = load_digits(return_X_y=True)
    images = torch.tensor(images / 16.0 - 0.3053, dtype=torch.float32) / 0.3761  # the mean and sd of all pixels
    labels = torch.tensor(labels)
    rest, test = train_test_split(torch.arange(len(labels)), test_size=0.2, random_state=0, stratify=labels)
    train, val = train_test_split(rest, test_size=0.2, random_state=0, stratify=labels[rest])
    return gf.Data(
        train=(images[train], labels[train]), val=(images[val], labels[val]), test=(images[test], labels[test])
    )


def build(hp: gf.Hyperparameters) -> nn.Module:
    return nn.Sequential(
        nn.Linear(64, hp.width),
        nn.ReLU(),
        nn.Dropout(hp.dropout),
        nn.Linear(hp.width, hp.width),
        nn.ReLU(),
        nn.Dropout(hp.dropout),
        nn.Linear(hp.width, 10),
    )


task = gf.Task(
    name="digits",
    model=build,
    data=load,
    loss=F.cross_entropy,
    metrics={"accuracy": gf.accuracy},
    objective="max val accuracy",
    space=gf.Space(
        lr=gf.log(1e-4, 1e-1),
        weight_decay=gf.log(1e-3, 1.0, zero=0.25),
        dropout=gf.linear(0.0, 0.5),
        width=gf.powers_of_two(64, 256),
    ),
    start={"optimizer": "adamw", "batch_size": 32, "width": 128, "dropout": 0.0},
)
