"""How a model's weights lie in memory: convolutions on a processor run faster with their channels last."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.training.batches import Feed
from goodfit.training.dropout import begin_step, counter_dropouts
from goodfit.training.problem import Batch, Problem
from goodfit.training.splits import seeded
from goodfit.training.structure import structure_of

DTYPES = (torch.float32, torch.bfloat16)  # those that oneDNN, whose kernels gain, computes in
TOLERANCE = 1e-3  # relative, of the first loss and its gradients: far above rounding, far below another computation
_TRIES = 4  # places at which a model that asks for plain memory is given it
_KEPT = 256  # structures remembered in this process

_answers: dict[tuple[str, Any], tuple[str, ...] | None] = {}


def lay_out(model: nn.Module, problem: Problem, feed: Feed) -> nn.Module:
    """The model with its channels last, in place, where that is likely to pay and shown to compute the same.

    A model that reads its tensors' memory, as `x.view(n, -1)` after a convolution does, is given a plain copy there.
    One batch is computed both ways; if one of them fails or they differ, the model stays as it is.
    """
    if problem.device.type != "cpu" or problem.dtype not in DTYPES or not gains(model):
        return model
    key = structure_of(model), feed.batch_size
    if key not in _answers:
        if len(_answers) >= _KEPT:
            _answers.pop(next(iter(_answers)))
        _answers[key] = _plain_places(model, problem, feed)
    places = _answers[key]
    return model if places is None else _changed(model, places)


def gains(model: nn.Module) -> bool:
    """Whether there is a convolution over images whose windows overlap: measured to gain; patches and points lose."""
    return any(
        type(module) is nn.Conv2d and any(k > s for k, s in zip(module.kernel_size, module.stride, strict=True))
        for module in model.modules()
    )


def _changed(model: nn.Module, plain_after: tuple[str, ...]) -> nn.Module:
    """The model with its channels last, but for what comes out of these modules."""
    modules = dict(model.named_modules())
    for name in plain_after:
        modules[name].register_forward_hook(_plain_output)
    return model.to(memory_format=torch.channels_last)  # ty: ignore[no-matching-overload]  torch's stub lacks it


def _plain_output(module: nn.Module, inputs: Any, output: Any) -> Any:
    return output.contiguous() if isinstance(output, Tensor) else output


def _plain_places(model: nn.Module, problem: Problem, feed: Feed) -> tuple[str, ...] | None:
    """Modules after which memory must lie plainly; None: the model cannot be changed at all."""
    batch = feed.fetch(feed.samples[: feed.batch_size])
    try:
        expected = _computed(copy.deepcopy(model), problem, batch)
    except Exception:
        return None  # the training itself will say what is wrong
    places: tuple[str, ...] = ()
    for _ in range(_TRIES):
        tried = _changed(copy.deepcopy(model), places)
        seen: list[str] = []
        _note_images(tried, seen)
        try:
            found = _computed(tried, problem, batch)
        except Exception:
            if not seen or seen[-1] in places:
                return None
            places = (*places, seen[-1])
            continue
        return places if _is_same(expected, found) else None
    return None


def _note_images(model: nn.Module, seen: list[str]) -> None:
    """Have the names of modules noted, as they run, whose outputs are images that do not lie plainly."""

    def noting(name: str) -> Any:
        def note(module: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim == 4 and not output.is_contiguous():
                seen.append(name)

        return note

    for name, module in model.named_modules():
        if not any(module.children()):
            module.register_forward_hook(noting(name))


def _computed(model: nn.Module, problem: Problem, batch: Batch) -> list[Tensor]:
    """The loss and the gradients of a batch, in training mode."""
    model.train()
    begin_step(counter_dropouts(model).values())
    with seeded(0):
        loss = problem.loss(model, batch)
        loss.backward()
    return [loss.detach(), *(p.grad for p in model.parameters() if p.grad is not None)]


def _is_same(expected: list[Tensor], found: list[Tensor]) -> bool:
    """Measured by the largest gradient: one that is zero up to rounding, as before a BatchNorm, tells nothing."""
    if len(expected) != len(found):
        return False
    scales = [expected[0].abs(), *[max((g.norm() for g in expected[1:]), default=expected[0])] * (len(expected) - 1)]
    return all(
        one.shape == other.shape and bool((one - other).norm() <= TOLERANCE * scale)
        for one, other, scale in zip(expected, found, scales, strict=True)
    )
