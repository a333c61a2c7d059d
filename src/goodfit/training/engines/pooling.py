"""ReLU before max pooling, computed after it: of four numbers one is left, and the maximum is the same either way.

So are the gradients: they go to the largest number of a window where that is above zero, and nowhere where none is.
"""

from __future__ import annotations

import collections
import types

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def pairs(model: nn.Module) -> list[tuple[nn.ReLU, nn.MaxPool2d]]:
    """Each ReLU that stands before a max pooling in a sequence, with the pooling; nobody else uses either."""
    members = [child for module in model.modules() for child in module._modules.values() if child is not None]
    uses = collections.Counter(map(id, members))
    return [
        (first, second)
        for module in model.modules()
        if type(module) is nn.Sequential
        for first, second in zip(list(module._modules.values()), list(module._modules.values())[1:], strict=False)
        if type(first) is nn.ReLU
        and type(second) is nn.MaxPool2d
        and not second.return_indices
        and uses[id(first)] == uses[id(second)] == 1
        and not any((m._forward_hooks or m._forward_pre_hooks or m._backward_hooks) for m in (first, second))
    ]


def pool_first(model: nn.Module) -> nn.Module:
    """Have these pairs change places, in place; names and state stay.

    Only where gradients are wanted: who looks at the model without them sees its own order.
    """
    for relu, pooling in pairs(model):
        relu.forward = types.MethodType(_relu_later, relu)
        pooling.forward = types.MethodType(_pool_and_relu, pooling)
    return model


def _relu_later(relu: nn.ReLU, inputs: Tensor) -> Tensor:
    return inputs if torch.is_grad_enabled() else nn.ReLU.forward(relu, inputs)


def _pool_and_relu(pooling: nn.MaxPool2d, inputs: Tensor) -> Tensor:
    pooled = nn.MaxPool2d.forward(pooling, inputs)
    return F.relu_(pooled) if torch.is_grad_enabled() else pooled
