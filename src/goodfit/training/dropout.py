"""Dropout whose masks come from counters, in the place of nn.Dropout in every engine."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from goodfit.training.counter import kept, threshold_of

# Leading dimensions that share no mask; those after them are dropped together. None: every element has its own.
_OWN_DIMENSIONS: dict[type[nn.Module], int | None] = {
    nn.Dropout: None,
    nn.Dropout1d: 2,
    nn.Dropout2d: 2,
    nn.Dropout3d: 2,
}
_UNBATCHED_DIMENSIONS = {nn.Dropout1d: 2, nn.Dropout3d: 4}  # nn.Dropout2d reads three dimensions as a batch


class CounterDropout(nn.Module):
    """Dropout with the mask a hash of (trial seed, step, layer, use, index).

    `key`, `threshold` and `scale` are buffers, so that under vmap each trial has its own; they are no part of a
    trial's state. `uses` counts the calls since `begin_step`, so that a layer used twice drops differently.
    """

    key: Tensor  # int32 [2]
    threshold: Tensor  # int32 scalar
    scale: Tensor  # minus 1 / (1 - p): `kept` gives -1

    def __init__(self, replaces: type[nn.Module], p: float) -> None:
        super().__init__()
        self.replaces = replaces
        self.uses = 0
        self.active = True
        self.register_buffer("key", torch.ones(2, dtype=torch.int32), persistent=False)
        self.register_buffer("threshold", torch.zeros((), dtype=torch.int32), persistent=False)
        self.register_buffer("scale", torch.zeros((), dtype=torch.float64), persistent=False)
        self.p = p
        self.set_rate(p)

    def set_rate(self, p: float) -> None:
        """Drop each element with probability p from now on."""
        self.p = p
        threshold, scale = rate_constants(p)
        self.threshold.fill_(threshold)
        self.scale.fill_(scale)

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and self.active):
            return x
        use, self.uses = self.uses, self.uses + 1
        shape = _mask_shape(self.replaces, x.shape)
        mask = kept(shape.numel(), self.key, use, self.threshold).view(shape)
        return x * (mask.to(x.dtype) * self.scale.to(x.dtype))

    def extra_repr(self) -> str:
        return f"p={self.p}, in the place of {self.replaces.__name__}"


def rate_constants(p: float) -> tuple[int, float]:
    """The threshold and the (negated) scale of a dropout probability; p = 1 drops everything."""
    return threshold_of(p), (-1.0 / (1.0 - p) if p < 1.0 else 0.0)


def exchange_dropout(model: nn.Module) -> nn.Module:
    """The model with each nn.Dropout, Dropout1d, 2d and 3d exchanged for a CounterDropout, in place.

    Returns:
        the same object, or the new module where the model itself was a dropout.
    """
    exchanged: dict[int, nn.Module] = {}

    def replacement(module: nn.Module) -> nn.Module:
        if type(module) not in _OWN_DIMENSIONS:
            return module
        if id(module) not in exchanged:
            new = CounterDropout(type(module), float(module.p))  # ty: ignore[invalid-argument-type]
            new.train(module.training)
            exchanged[id(module)] = new
        return exchanged[id(module)]

    for parent in list(model.modules()):
        for name, child in parent._modules.items():
            if child is not None:
                parent._modules[name] = replacement(child)
    return replacement(model)


def counter_dropouts(model: nn.Module) -> dict[str, CounterDropout]:
    """The model's exchanged dropouts by module name, each once, in order."""
    return {name: module for name, module in model.named_modules() if isinstance(module, CounterDropout)}


def begin_step(dropouts: Iterable[CounterDropout]) -> None:
    """Count uses from zero again."""
    for dropout in dropouts:
        dropout.uses = 0


def silence_random_modules(model: nn.Module) -> None:
    """Turn off every dropout that the model's modules name, also those inside recurrent and attention layers."""
    for module in model.modules():
        if isinstance(module, CounterDropout):
            module.active = False
        elif isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
        elif isinstance(module, (nn.RNNBase, nn.MultiheadAttention)):
            module.dropout = 0.0


def _mask_shape(replaces: type[nn.Module], shape: torch.Size) -> torch.Size:
    own = _OWN_DIMENSIONS[replaces]
    if own is None:
        return shape
    if len(shape) == _UNBATCHED_DIMENSIONS.get(replaces):
        own = 1
    return torch.Size((*shape[:own], *(1 for _ in shape[own:])))
