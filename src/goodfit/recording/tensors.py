"""Small figures of tensors, taken without a random number, a gradient, or a warning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from goodfit.recording.records import Spread

MOST_ROWS = 512  # of a batch that is looked at
MOST_FEATURES = 4096  # of a sample that are looked at one by one
MOST_VALUES = 1_000_000

_directions: dict[int, Tensor] = {}


def is_plain(tensor: Any) -> bool:
    """Whether a value is a tensor whose numbers can be read here and now."""
    return (
        isinstance(tensor, Tensor)
        and tensor.layout == torch.strided
        and tensor.device.type != "meta"
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    )


def tensors_in(value: Any, depth: int = 3) -> Iterator[Tensor]:
    """The tensors of nested tuples, lists, dicts and dataclass-like outputs."""
    if isinstance(value, Tensor):
        yield value
    elif depth and isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item, depth - 1)
    elif depth and isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item, depth - 1)


def few(tensor: Tensor) -> Tensor:
    """A tensor's first rows, as float, within a million values."""
    tensor = tensor.detach()
    if tensor.ndim and tensor.numel() > MOST_VALUES:
        tensor = tensor[: max(1, MOST_VALUES * len(tensor) // tensor.numel())]
    return tensor.double() if tensor.dtype == torch.float64 else tensor.float()


def add_spread(spread: Spread, values: Tensor) -> None:
    """Join a batch's figures; values that are not finite are left out."""
    if not values.numel():
        return
    squares, mean = torch.var_mean(values, correction=0)
    low, high = torch.aminmax(values)
    figures = (float(mean), float(squares) * values.numel(), float(low), float(high))
    if all(figure == figure and abs(figure) != float("inf") for figure in figures):
        spread.add(values.numel(), *figures)


def sample_hashes(inputs: Tensor) -> list[int]:
    """A number for each sample, equal for equal samples; for finding a sample again in another batch."""
    rows = inputs.detach()[:MOST_ROWS].flatten(1)
    width = rows.shape[1]
    direction = _directions.get(width)
    if direction is None or direction.device != rows.device:
        places = torch.arange(1, width + 1, dtype=torch.float64, device=rows.device)
        direction = _directions[width] = (
            torch.frac(places * 0.6180339887498949 + places.square() * 0.3141592653e-3) + 0.5
        )
    # to 10 digits: sums of the same numbers may differ in the last ones between batch shapes
    return [hash(f"{number:.9e}") for number in (rows.double() @ direction).tolist()]


def feature_figures(inputs: Tensor) -> tuple[list[float], list[float]]:
    """Means and standard deviations of the features over samples (of channels, for images)."""
    rows = few(inputs[:MOST_ROWS])
    rows = rows.transpose(0, 1).flatten(1).T if rows.ndim >= 4 else rows.flatten(1)
    rows = rows[:, :MOST_FEATURES]
    variance, mean = torch.var_mean(rows, dim=0, correction=0)
    return mean.tolist(), variance.sqrt().tolist()


def sample_hashes_all(inputs: Tensor) -> list[int]:
    """`sample_hashes` of every row."""
    return [number for start in range(0, len(inputs), MOST_ROWS) for number in sample_hashes(inputs[start:])]
