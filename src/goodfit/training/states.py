"""Between a trial's state and a module with its optimiser."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from goodfit.errors import TaskError
from goodfit.training.dropout import CounterDropout
from goodfit.training.losses import LossWatch
from goodfit.training.optimizers import SLOTS
from goodfit.training.trial import TrialState


def state_buffers(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The model's buffers that belong to a trial's state: all but the exchanged dropouts' constants."""
    for prefix, module in model.named_modules():
        if not isinstance(module, CounterDropout):
            for name, buffer in module.named_buffers(recurse=False):
                yield (f"{prefix}.{name}" if prefix else name), buffer


def averaged_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and floating-point buffers by name: what a Polyak average covers."""
    tensors: dict[str, Tensor] = dict(model.named_parameters())
    tensors.update({name: buffer for name, buffer in state_buffers(model) if buffer.is_floating_point()})
    return tensors


def copied(tensor: Tensor) -> Tensor:
    """A copy on the CPU that shares nothing."""
    return tensor.detach().to("cpu", copy=True).contiguous()


def load_into(model: nn.Module, state: TrialState, averaged: bool = False) -> None:
    """Put a state's weights and buffers (or their average) into a model, in place.

    Raises:
        TaskError: the state was made by another structure.
    """
    values = {**state.parameters, **state.buffers}
    if averaged:
        values.update(state.average)
    targets = {**dict(model.named_parameters()), **dict(state_buffers(model))}
    if values.keys() != targets.keys() or any(values[name].shape != targets[name].shape for name in targets):
        odd = sorted(
            name
            for name in values.keys() | targets.keys()
            if name not in values or name not in targets or values[name].shape != targets[name].shape
        )
        raise TaskError(
            f"A stored state does not fit the model that these hyperparameters build ({', '.join(odd[:3])} differ); "
            "was the task's file changed since? Begin a new run."
        )
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(values[name])


class HasSlots(Protocol):
    """An optimiser with each parameter's slots by name, as torch.optim keeps them."""

    @property
    def state(self) -> MutableMapping[Any, Any]: ...


def load_optimizer(optimizer: HasSlots, kind: str, model: nn.Module, state: TrialState) -> None:
    """Put a state's slots into an optimiser; slots of another kind of optimiser are left out."""
    steps = state.optimizer.get("step", {})
    for name, parameter in model.named_parameters():
        slots = {slot: state.optimizer[slot][name] for slot in SLOTS[kind] if name in state.optimizer.get(slot, {})}
        if not slots:
            continue
        # Laid out like the parameter: kernels of a single pass go through both by address.
        held = {s: torch.empty_like(parameter, requires_grad=False).copy_(value) for s, value in slots.items()}
        if kind != "sgd":
            held["step"] = steps.get(name, torch.tensor(0.0)).to(parameter.device, torch.float32, copy=True)
        optimizer.state[parameter] = held


def state_from(
    model: nn.Module,
    optimizer: HasSlots,
    average: dict[str, Tensor],
    step: int,
    watch: LossWatch,
) -> TrialState:
    """The state of a module, its optimiser and its average after `step` steps."""
    slots: dict[str, dict[str, Tensor]] = {}
    for name, parameter in model.named_parameters():
        for slot, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                slots.setdefault(slot, {})[name] = copied(value)
    return TrialState(
        step=step,
        parameters={name: copied(value) for name, value in model.named_parameters()},
        buffers={name: copied(value) for name, value in state_buffers(model)},
        optimizer=slots,
        average={name: copied(value) for name, value in average.items()},
        **watch.kept(),
    )
