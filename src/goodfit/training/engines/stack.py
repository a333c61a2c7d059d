"""Many trials' weights, buffers and optimiser slots in one place: flat rows for updating, named views for computing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from goodfit.training.losses import LossWatch
from goodfit.training.optimizers import Choice, RowOptimizer
from goodfit.training.states import copied, load_into, state_buffers
from goodfit.training.trial import TrialState


class Stack:
    """The rows of a cohort. A row is a trial; rows never change places but in `keep`.

    `weights` is flat, [rows, weights of one model]; `views` are its parameters by name, [rows, *shape]. Parameters
    that are not trained stand in `constants`, like `buffers` stacked by name.
    """

    def __init__(self, models: Sequence[nn.Module], trained: Sequence[str], has_average: bool) -> None:
        """
        Args:
            models: one a row, with the weights to begin with; all of one structure.
            trained: names of the parameters that get gradients.
            has_average: whether a Polyak average is kept for any row.
        """
        named = [dict(model.named_parameters()) for model in models]
        self.trained = tuple(trained)
        self.shapes = {name: named[0][name].shape for name in self.trained}
        with torch.no_grad():
            self.weights = torch.stack([torch.cat([p[n].reshape(-1) for n in self.trained]) for p in named])
            self.constants = {n: torch.stack([p[n].detach() for p in named]) for n in named[0] if n not in self.shapes}
            buffers = [dict(state_buffers(model)) for model in models]
            self.buffers = {n: torch.stack([b[n] for b in buffers]) for n in buffers[0]}
            self.average = self.weights.clone() if has_average else None
            self.average_buffers = {n: b.clone() for n, b in self._float_buffers().items()} if has_average else {}
        self.views = self.named(self.weights)
        self.gradient = torch.empty_like(self.weights)

    def __len__(self) -> int:
        return len(self.weights)

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """Views by parameter name of a flat tensor: [rows, *shape]."""
        views, start = {}, 0
        for name, shape in self.shapes.items():
            views[name] = flat[:, start : start + shape.numel()].view(len(flat), *shape)
            start += shape.numel()
        return views

    def gather(self, gradients: dict[str, Tensor]) -> Tensor:
        """The gradients by name as one flat tensor (the same one each time)."""
        rows = len(self)
        return torch.cat([gradients[name].reshape(rows, -1) for name in self.trained], dim=1, out=self.gradient)

    def all_parameters(self, averaged: bool = False) -> dict[str, Tensor]:
        """Trained and constant parameters by name: [rows, *shape]."""
        views = self.named(self.average) if averaged and self.average is not None else self.views
        return {**views, **self.constants}

    def all_buffers(self, averaged: bool = False) -> dict[str, Tensor]:
        return {**self.buffers, **self.average_buffers} if averaged else self.buffers

    def update_average(self, share: Tensor) -> None:
        """Move the averages towards the weights; `share` is [rows, 1], 1 - decay."""
        if self.average is None:
            return
        self.average.lerp_(self.weights, share.to(self.weights))
        for name, kept in self.average_buffers.items():
            kept.lerp_(self.buffers[name], share.to(kept).view(-1, *(1,) * (kept.ndim - 1)))

    def set_average(self, row: int, average: dict[str, Tensor]) -> None:
        """Put a stored average into a row, or the current weights where there is none."""
        if self.average is None:
            return
        for name, view in self.named(self.average).items():
            view[row].copy_(average.get(name, self.views[name][row]))
        for name, kept in self.average_buffers.items():
            kept[row].copy_(average.get(name, self.buffers[name][row]))

    def keep(self, rows: list[int]) -> None:
        """Only these rows go on, in this order."""
        self.weights = self.weights[rows].clone()
        self.constants = {name: value[rows].clone() for name, value in self.constants.items()}
        self.buffers = {name: value[rows].clone() for name, value in self.buffers.items()}
        self.average = None if self.average is None else self.average[rows].clone()
        self.average_buffers = {name: value[rows].clone() for name, value in self.average_buffers.items()}
        self.views = self.named(self.weights)
        self.gradient = torch.empty_like(self.weights)

    def write_into(self, model: nn.Module, row: int) -> None:
        """Copy a row's weights and buffers into a plain model of the same structure."""
        load_into(model, TrialState(0, self._row(self.all_parameters(), row), self._row(self.buffers, row), {}, {}))

    def state(self, row: int, optimizer: RowOptimizer, has_average: bool, step: int, watch: LossWatch) -> TrialState:
        """A row's state after `step` steps."""
        slots = {slot: self._row(self.named(values), row) for slot, values in optimizer.slots.items()}
        if optimizer.kind != "sgd":
            updates = optimizer.updates[row, 0].to(torch.float32)
            slots["step"] = {name: updates.clone() for name in self.trained}
        average: dict[str, Tensor] = {}
        if has_average and self.average is not None:
            average = {**self._row(self.named(self.average), row), **self._row(self.constants, row)}
            average.update(self._row(self.average_buffers, row))
        return TrialState(
            step=step,
            parameters=self._row(self.all_parameters(), row),
            buffers=self._row(self.buffers, row),
            optimizer=slots,
            average=average,
            **watch.kept(),
        )

    def load_slots(self, row: int, optimizer: RowOptimizer, state: TrialState) -> None:
        """Put a state's optimiser slots into a row; slots of another kind of optimiser are left out."""
        for slot, values in optimizer.slots.items():
            stored = state.optimizer.get(slot, {})
            for name, view in self.named(values).items():
                if name in stored:
                    view[row].copy_(stored[name])
        if any(slot in state.optimizer for slot in optimizer.slots):
            steps = state.optimizer.get("step", {})
            optimizer.updates[row] = max((float(value) for value in steps.values()), default=0.0)

    def _float_buffers(self) -> dict[str, Tensor]:
        return {name: buffer for name, buffer in self.buffers.items() if buffer.is_floating_point()}

    @staticmethod
    def _row(stacked: dict[str, Tensor], row: int) -> dict[str, Tensor]:
        return {name: copied(values[row]) for name, values in stacked.items()}


def row_optimizer(stack: Stack, choices: list[Choice], states: Sequence[TrialState | None]) -> RowOptimizer:
    """An optimiser over the stack's rows that goes on from the states."""
    optimizer = RowOptimizer(choices, stack.weights)
    for row, state in enumerate(states):
        if state is not None:
            stack.load_slots(row, optimizer, state)
    return optimizer


def is_finite_rows(flat: Tensor) -> list[bool]:
    """Whether each row holds finite numbers only. A sum may overflow, so doubtful rows are looked at closely."""
    sums = flat.sum(1).tolist()
    return [math.isfinite(s) or bool(torch.isfinite(flat[row]).all()) for row, s in enumerate(sums)]
