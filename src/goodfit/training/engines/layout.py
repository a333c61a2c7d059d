"""How a model's weights lie in memory: convolutions on a processor run faster with their channels last."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

DTYPES = (torch.float32, torch.bfloat16)  # those that oneDNN, whose kernels gain, computes in


def gains(model: nn.Module) -> bool:
    """Whether there is a convolution over images whose windows overlap: measured to gain; patches and points lose."""
    return any(
        type(module) is nn.Conv2d and any(k > s for k, s in zip(module.kernel_size, module.stride, strict=True))
        for module in model.modules()
    )


def changed(model: nn.Module, plain_after: tuple[str, ...]) -> nn.Module:
    """The model with its channels last, in place, but for what comes out of the modules of these names."""
    modules = dict(model.named_modules())
    for name in plain_after:
        modules[name].register_forward_hook(_plain_output)
    return model.to(memory_format=torch.channels_last)  # ty: ignore[no-matching-overload]  torch's stub lacks it


def note_images(model: nn.Module, seen: list[str]) -> None:
    """Have the names of modules noted, as they run, whose outputs are images that do not lie plainly."""

    def noting(name: str) -> Any:
        def note(module: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim == 4 and not output.is_contiguous():
                seen.append(name)

        return note

    for name, module in model.named_modules():
        if not any(module.children()):
            module.register_forward_hook(noting(name))


def _plain_output(module: nn.Module, inputs: Any, output: Any) -> Any:
    return output.contiguous() if isinstance(output, Tensor) else output
