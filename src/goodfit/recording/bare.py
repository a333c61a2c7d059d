"""Parameters that no module owns: tensors held by an optimiser, or found as weights in the graph of a loss."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.recording import graph, tensors
from goodfit.recording.forwards import gain_of, rows_alike
from goodfit.recording.records import ParameterUse
from goodfit.recording.state import State

_FRAMES = 6  # of the user's code that are searched for a tensor's name
_ITEMS = 200  # of a list, dict or object searched for it
LINEAR = "Linear"  # the role of a weight that inputs are multiplied by


class BareWatch:
    """Gives tensors without a module the record that a module's parameters have."""

    def __init__(self, state: State) -> None:
        self.state = state

    def hold(self, parameter: Tensor) -> ParameterUse | None:
        """The record of a tensor that an optimiser holds; made where no network was seen to own it."""
        state, key = self.state, id(parameter)
        known = state.parameter_uses.get(key)
        if known is not None and state.alive(key) is parameter:
            return known
        if not tensors.is_plain(parameter):
            return None
        entry = ParameterUse(
            name=self._name(parameter),
            model=None,
            layer="",
            shape=tuple(parameter.shape),
            requires_grad=parameter.requires_grad,
            is_bare=True,
        )
        state.parameter_uses[key] = entry
        state.parameters[key] = weakref.ref(parameter)
        state.bare[key] = entry
        state.recording.parameters.append(entry)
        self._take_role(entry, parameter)
        return entry

    def found(self, leaf: Tensor) -> ParameterUse | None:
        """The record of a leaf that a loss depends on, where it is a parameter or takes the place of a weight."""
        if isinstance(leaf, nn.Parameter) or self._is_weight(leaf):
            return self.hold(leaf)
        return None

    def roles(self, root: Tensor) -> None:
        """Tell which leaves inputs are multiplied by, and how their units lie."""
        for weight, units_last in graph.weights(root):
            self.state.weights[id(weight)] = (weakref.ref(weight), units_last)
            entry = self.state.parameter_uses.get(id(weight))
            if entry is not None and not entry.role:
                self._take_role(entry, weight)

    def _is_weight(self, leaf: Tensor) -> bool:
        known = self.state.weights.get(id(leaf))
        return known is not None and known[0]() is leaf

    def _take_role(self, entry: ParameterUse, weight: Tensor) -> None:
        if not self._is_weight(weight):
            return
        entry.role, entry.units_last = LINEAR, self.state.weights[id(weight)][1]
        if entry.gain is None:
            entry.gain = gain_of(weight, units_last=entry.units_last)
        if (entry.is_bare or entry.units_last) and weight.ndim == 2:
            entry.rows_alike = min(weight.shape) >= 2 and rows_alike(weight.T if entry.units_last else weight)

    def _name(self, parameter: Tensor) -> str:
        frame, looked = self.state.sites.frame(), 0
        while frame is not None and looked < _FRAMES:
            name = _named(parameter, frame)
            if name:
                return name
            frame, looked = frame.f_back, looked + 1
        return f"a tensor of shape {list(parameter.shape)}"


def _named(parameter: Tensor, frame: FrameType) -> str:
    for name, value in _variables(frame):
        if value is parameter:
            return name
    for name, value in _variables(frame):
        for key, item in _items(value):
            if item is parameter:
                return f"{name}{key}"
    return ""


def _variables(frame: FrameType) -> Iterator[tuple[str, Any]]:
    yield from list(frame.f_locals.items())
    if frame.f_locals is not frame.f_globals:
        yield from list(frame.f_globals.items())


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in list(value.items())[:_ITEMS]:
            yield f"[{key!r}]", item
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value[:_ITEMS]):
            yield f"[{index}]", item
    elif hasattr(value, "__dict__") and not isinstance(value, (type, torch.Tensor)) and not callable(value):
        for key, item in list(vars(value).items())[:_ITEMS]:
            yield f".{key}", item
