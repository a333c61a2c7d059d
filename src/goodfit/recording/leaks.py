"""Whether an input feature is the target itself, or follows it step by step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from goodfit.recording import tensors
from goodfit.recording.state import Forward, LossCall, State

_MOST_ROWS = 4096
_FEATURES = (3, 2000)
_GOALS = 64  # target values of a sample, at most


class LeakWatch:
    """Keeps inputs and targets of the first steps side by side."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._inputs: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._rows = 0
        self._ends = 0  # values of a window's last step; 0 where inputs are no windows
        state.on_trained.append(self.trained)

    def trained(self, forward: Forward, call: LossCall | None) -> None:
        """A trained pass and its loss."""
        if self._rows >= _MOST_ROWS or call is None or call.target is None or forward.inputs is None:
            return
        inputs, target = forward.inputs, call.target
        if inputs.ndim < 2 or not target.ndim or len(target) != len(inputs) or not len(target):
            return
        if inputs.ndim > 3 or (inputs.ndim == 3 and not target.is_floating_point()):
            return
        self._ends = inputs.shape[2] if inputs.ndim == 3 else 0
        inputs, target = inputs.detach().flatten(1), target.detach().reshape(len(target), -1)
        if not _FEATURES[0] <= inputs.shape[1] <= _FEATURES[1] or target.shape[1] > _GOALS:
            return
        if self._inputs and (self._inputs[0].shape[1], self._targets[0].shape[1]) != (inputs.shape[1], target.shape[1]):
            return
        self._inputs.append(inputs.double().clone())
        self._targets.append(target.double().clone())
        self._rows += len(inputs)

    def finish(self) -> None:
        """Look for a column that is a target up to scale and offset, rises with it, or is one value for each class."""
        if not self._inputs:
            return
        inputs, targets = _distinct(torch.cat(self._inputs), torch.cat(self._targets))
        recording = self.state.recording
        recording.leak_samples, recording.leak_columns = len(targets), 0
        if len(targets) < 24 or not bool(torch.isfinite(inputs).all() and torch.isfinite(targets).all()):
            return
        found: set[int] = set()
        for target in targets.T:
            classes = target.unique()
            if self._ends:  # a task may ask for what a window held earlier, but not for its own last step
                last = inputs[:, -self._ends :] if len(classes) > 64 else inputs[:, :0]
                same = (last == target[:, None]).all(0)
                found.update((torch.nonzero(same).flatten() + inputs.shape[1] - self._ends).tolist())
                continue
            columns = _equal_columns(inputs, target)
            if not len(columns) and targets.shape[1] == 1:
                if 2 < len(classes) <= 64 and len(classes) * 8 <= len(target):
                    columns = _constant_within_classes(inputs, target, classes)
                elif len(classes) > 64:
                    columns = _equal_columns(_ranks(inputs), _ranks(target[:, None])[:, 0])
            found.update(columns.tolist())
        # where most of what goes in is to come out, the task is to give it back
        if found and len(found) <= max(2, inputs.shape[1] // 4):
            recording.leak_column, recording.leak_columns = min(found), len(found)


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


def _ranks(values: Tensor) -> Tensor:
    """Places in the sorted order of each column: a monotone function of the target has the target's own."""
    return values.argsort(0).argsort(0).double()


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
