"""A trial's numbers as the kernel keeps them: flat, each row padded, with views that have the module's own shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from goodfit.training.engines.native.library import Parameter

PAD = 16  # source/vectors.h


def padded(count: int) -> int:
    """The next multiple of PAD."""
    return -(-count // PAD) * PAD


class Blocks:
    """Where each tensor lies in a flat array. A weight of a Linear is turned: [in][padded out], rows padded too."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        self.offsets: dict[str, int] = {}
        self.count = 0
        for name, shape in self.shapes.items():
            self.offsets[name] = self.count
            self.count += padded(shape[0]) * (padded(shape[1]) if len(shape) == 2 else 1)

    def empty(self, dtype: torch.dtype) -> Tensor:
        """A flat array of zeros."""
        return torch.zeros(self.count, dtype=dtype)

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """The tensors in a flat array, by name: reading and writing them reads and writes it."""
        views = {}
        for name, shape in self.shapes.items():
            at = flat[self.offsets[name] :]
            views[name] = (
                torch.as_strided(flat, shape, (1, padded(shape[0])), self.offsets[name])
                if len(shape) == 2
                else at[: shape[0]]
            )
        return views

    def filled(self, tensors: Mapping[str, Tensor], dtype: torch.dtype) -> Tensor:
        """A flat array with these values; zero where there is none."""
        flat = self.empty(dtype)
        for name, view in self.views(flat).items():
            if name in tensors:
                view.copy_(tensors[name].detach())
        return flat

    def parameters(self, modules: Mapping[str, nn.Parameter], ratios: Iterable[str]) -> list[Parameter]:
        """The blocks as the kernel reads them."""
        places = {name: place for place, name in enumerate(ratios)}
        blocks = []
        for name, shape in self.shapes.items():
            rows, columns = (shape[1], shape[0]) if len(shape) == 2 else (1, shape[0])
            block = Parameter(self.offsets[name], rows, columns, padded(columns))
            block.trained, block.ratio = int(modules[name].requires_grad), places.get(name, -1)
            blocks.append(block)
        return blocks
