"""Small real problems for the gates, healthy and with one planted fault each."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from gate_driver import problem_of
from sklearn import datasets
from torch import Tensor, nn

from goodfit.training.problem import Problem


def standardised(table: Any) -> Tensor:
    inputs = torch.as_tensor(table, dtype=torch.float32)
    return (inputs - inputs.mean(0)) / (inputs.std(0) + 1e-8)


def digits() -> tuple[Tensor, Tensor]:
    bunch = datasets.load_digits()
    return standardised(bunch.data), torch.as_tensor(bunch.target)


def diabetes() -> tuple[Tensor, Tensor]:
    bunch = datasets.load_diabetes()
    return standardised(bunch.data), standardised(bunch.target)[:, None]


def table(name: str) -> tuple[Tensor, Tensor]:
    bunch = getattr(datasets, f"load_{name}")()
    return standardised(bunch.data), torch.as_tensor(bunch.target)


class Perceptron(nn.Module):
    """Layers of `width` hidden units; `hp.width` wins."""

    def __init__(
        self,
        hp: Any = None,
        *,
        inputs: int = 64,
        outputs: int = 10,
        width: int = 32,
        layers: int = 1,
        last_scale: float = 1.0,
        init_sd: float | None = None,
        favoured: float = 0.0,
        detached: bool = False,
        end: nn.Module | None = None,
    ) -> None:
        super().__init__()
        width = width if hp is None else hp.get("width", width)
        sizes = [inputs] + [width] * layers
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.last, self.detached, self.end = nn.Linear(sizes[-1], outputs), detached, end or nn.Identity()
        with torch.no_grad():
            if init_sd is not None:
                for parameter in self.parameters():
                    if parameter.ndim == 2:
                        nn.init.normal_(parameter, std=init_sd)
            self.last.weight.mul_(last_scale)
            self.last.bias[0] += favoured

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = layer(x).relu()
        return self.end(self.last(x.detach() if self.detached else x))


class ConvNet(nn.Module):
    """Two convolutions with BatchNorm on 8x8 images."""

    def __init__(self, hp: Any = None) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(64, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x.view(-1, 1, 8, 8))


class Recurrent(nn.Module):
    """A GRU over the rows of 8x8 images."""

    def __init__(self, hp: Any = None, batch_first: bool = True) -> None:
        super().__init__()
        self.gru = nn.GRU(8, 24, batch_first=batch_first)
        self.last = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.view(-1, 8, 8)
        states = self.gru(rows)[0]
        return self.last(states.mean(1))


class Attentive(nn.Module):
    """One transformer block over the rows of 8x8 images."""

    def __init__(self, hp: Any = None) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 16)
        self.block = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.norm, self.last = nn.LayerNorm(16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.norm(self.block(self.embed(x.view(-1, 8, 8))).mean(1)))


class Redrawn:
    """Reads the same inputs with targets drawn anew every time."""

    def __init__(self, inputs: Tensor, classes: int = 10) -> None:
        self.inputs, self.classes = inputs, classes

    def __len__(self) -> int:
        return len(self.inputs)

    def fetch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        return self.inputs[indices], torch.randint(self.classes, (len(indices),))


def digits_problem(build: Any = Perceptron, loss: Any = F.cross_entropy) -> Problem:
    return problem_of(*digits(), build, loss)


def table_problem(name: str, loss: Any = F.cross_entropy) -> Problem:
    inputs, target = table(name)
    outputs = int(target.max()) + 1
    return problem_of(inputs, target, lambda hp: Perceptron(hp, inputs=inputs.shape[1], outputs=outputs), loss)


def diabetes_problem(loss: Any = F.mse_loss, **settings: Any) -> Problem:
    return problem_of(*diabetes(), lambda hp: Perceptron(hp, inputs=10, outputs=1, **settings), loss)
