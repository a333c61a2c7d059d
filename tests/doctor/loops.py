"""Small training loops, healthy and with one mistake each; run under `gf.watch` in the tests' own process."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

import goodfit as gf


def blobs(n: int = 256, features: int = 6, classes: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Points around one centre for each class."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, classes, (n,), generator=generator)
    centres = 2 * torch.randn(classes, features, generator=generator)
    return centres[y] + torch.randn(n, features, generator=generator), y


def lines(n: int = 256, features: int = 6, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A noisy linear function, [n, 1]."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, features, generator=generator)
    w = torch.randn(features, 1, generator=generator)
    return x, x @ w / features**0.5 + 0.1 * torch.randn(n, 1, generator=generator)


def net(features: int = 6, out: int = 3, *tail: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(features, 16), nn.ReLU(), nn.Linear(16, out), *tail)


def fit(model, opt, x, y, loss=F.cross_entropy, *, epochs: int = 4, batch: int = 32, clear: bool = True) -> None:
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(batch):
            if clear:
                opt.zero_grad()
            value = loss(model(x[rows]), y[rows])
            value.backward()
            opt.step()


def leading(work) -> tuple[str, list[gf.Finding]]:
    """Run a loop under watch: the kind of its first finding, and all of them."""
    torch.manual_seed(0)
    seen = gf.watch(extra_seconds=5.0)
    with seen:
        work()
    assert seen.recording.faults == []
    return seen.findings[0].kind, seen.findings
