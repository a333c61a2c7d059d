"""Whether an input feature is the target itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from goodfit.recording import tensors
from goodfit.recording.state import Forward, LossCall, State

_MOST_ROWS = 4096
_FEATURES = (3, 2000)


class LeakWatch:
    """Keeps inputs and targets of the first steps side by side."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._inputs: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._rows = 0
        state.on_trained.append(self.trained)

    def trained(self, forward: Forward, call: LossCall | None) -> None:
        """A trained pass and its loss."""
        if self._rows >= _MOST_ROWS or call is None or call.target is None or forward.inputs is None:
            return
        inputs, target = forward.inputs, call.target
        if inputs.ndim != 2 or not _FEATURES[0] <= inputs.shape[1] <= _FEATURES[1] or len(target) != len(inputs):
            return
        if target.numel() != len(target):
            return
        if self._inputs and self._inputs[0].shape[1] != inputs.shape[1]:
            return
        self._inputs.append(inputs.detach().double().clone())
        self._targets.append(target.detach().double().flatten().clone())
        self._rows += len(inputs)

    @property
    def pairs(self) -> tuple[Tensor, Tensor] | None:
        """All rows kept, [n, features] and [n]."""
        return (torch.cat(self._inputs), torch.cat(self._targets)) if self._inputs else None

    def finish(self) -> None:
        """Look for a column that is the target up to scale and offset, or is constant within every class."""
        pairs = self.pairs
        if pairs is None:
            return
        inputs, target = _distinct(*pairs)
        recording = self.state.recording
        recording.leak_samples = len(target)
        if len(target) < 24 or float(target.std()) == 0:
            return
        recording.leak_columns = 0
        columns = _equal_columns(inputs, target)
        classes = target.unique()
        if not len(columns) and 2 < len(classes) <= 64 and len(classes) * 8 <= len(target):
            columns = _constant_within_classes(inputs, target, classes)
        if len(columns):
            recording.leak_column, recording.leak_columns = int(columns[0]), len(columns)


def _distinct(inputs: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    seen: dict[Any, int] = {}
    for row, number in enumerate(tensors.sample_hashes_all(inputs)):
        seen.setdefault(number, row)
    rows = torch.tensor(sorted(seen.values()))
    return inputs[rows], target[rows]


def _equal_columns(inputs: Tensor, target: Tensor) -> Tensor:
    centred, goal = inputs - inputs.mean(0), target - target.mean()
    spread = centred.square().sum(0).sqrt() * goal.norm()
    related = (centred * goal[:, None]).sum(0).abs() / spread.clamp_min(1e-300)
    return torch.nonzero((related > 1 - 1e-6) & (centred.abs().amax(0) > 0)).flatten()


def _constant_within_classes(inputs: Tensor, target: Tensor, classes: Tensor) -> Tensor:
    within = torch.zeros(inputs.shape[1], dtype=torch.float64)
    means = []
    for value in classes:
        rows = inputs[target == value]
        means.append(rows.mean(0))
        within = torch.maximum(within, (rows - rows.mean(0)).abs().amax(0))
    centres = torch.stack(means)
    apart = (centres.amax(0) - centres.amin(0)).abs()
    return torch.nonzero((apart > 0) & (within <= 1e-6 * apart)).flatten()
