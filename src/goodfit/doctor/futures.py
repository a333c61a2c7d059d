"""Whether a network that is to say what comes next has it among its inputs."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.findings import Finding
from goodfit.recording.kept import KeptBatch
from goodfit.recording.recorder import Recorder
from goodfit.recording.records import Recording
from goodfit.recording.tensors import tensors_in
from goodfit.settings.doctor import DoctorSettings

_SHORTEST = 4  # places of a sequence
_SHIFTED = 0.9  # share of targets that are the next input


def seen_futures(recording: Recording, recorder: Recorder, settings: DoctorSettings) -> Finding | None:
    """`data-leakage`, where targets are the next inputs, and later inputs change the answers at earlier places."""
    kept = recorder.kept
    batch = next(iter(kept.batches), None)
    if batch is None or kept.model is None:
        return None
    ahead = [
        (tokens, axis) for tokens in tensors_in((batch.args, batch.kwargs)) for axis in _axes(tokens, batch.target)
    ]
    if not ahead:
        return None
    model = copy.deepcopy(kept.model)
    model.eval()
    # a translator may copy: it sees all of its source by right, but not of the words that it has said so far
    moved = [_moved_by_later(model, batch, tokens, axis) for tokens, axis in ahead]
    if any(share is None or share < settings.future_moved for share in moved):
        return None
    tokens, axis = ahead[0]
    use = recording.models[kept.module_number]
    return Finding(
        kind="data-leakage",
        message=(
            f"{use.name} is to say what comes next in sequences of {tokens.shape[axis]} places, and sees it: changing "
            "the second half of its inputs changes its answers to the first half, by "
            f"{max(filter(None, moved)):.0%} of their spread."
        ),
        action="Mask what lies ahead: a causal mask in attention, padding on the left alone, one direction of reading.",
        evidence={"places": tokens.shape[axis], "earlier_answers_moved": max(filter(None, moved))},
        where=str(use.training_site or ""),
        confidence=0.95,
    )


def _axes(tokens: Tensor, target: Tensor) -> list[int]:
    """The axis of time, if the targets are the inputs moved on by one along it; none otherwise."""
    if tokens.ndim != 2 or tokens.is_floating_point() or target.is_floating_point() or target.numel() != tokens.numel():
        return []
    goal, found = target.reshape(tokens.shape), []
    for axis in (0, 1):
        places = tokens.shape[axis]
        if places < _SHORTEST:
            continue
        following = tokens.narrow(axis, 1, places - 1)
        before = goal.narrow(axis, 0, places - 1)
        same = float((goal == tokens).double().mean())
        if float((following == before).double().mean()) >= _SHIFTED > same:
            found.append(axis)
    return found


def _moved_by_later(model: nn.Module, batch: KeptBatch, tokens: Tensor, axis: int) -> float | None:
    """How far answers to the first half of the places move, over their spread, as the later inputs are changed."""
    half, places = tokens.shape[axis] // 2, tokens.shape[axis]
    changed = tokens.clone()
    changed.narrow(axis, half, places - half).copy_(tokens.flip(1 - axis).narrow(axis, half, places - half))
    if bool((changed == tokens).all()):
        return None
    with torch.no_grad():
        before = _answers(model, batch, tokens, tokens)
        again = _answers(model, batch, tokens, tokens)
        after = _answers(model, batch, tokens, changed)
    if before is None or again is None or after is None or not torch.equal(before, again):
        return None
    first = before.narrow(axis, 0, half)
    return float((after.narrow(axis, 0, half) - first).abs().max()) / max(float(first.std()), 1e-12)


def _answers(model: nn.Module, batch: KeptBatch, tokens: Tensor, put: Tensor) -> Tensor | None:
    """What the network puts out for each place, [*, *, answers], with other tokens put in their place."""
    torch.manual_seed(0)
    args, kwargs = _put((batch.args, batch.kwargs), tokens, put)
    for out in tensors_in(model(*args, **kwargs)):
        if not out.is_floating_point() or out.ndim < 2:
            continue
        if tuple(out.shape[:2]) == tuple(tokens.shape) or out.shape[0] == tokens.numel():
            return out.detach().double().reshape(*tokens.shape, -1)
    return None


def _put(value: Any, old: Tensor, new: Tensor) -> Any:
    if value is old:
        return new
    if isinstance(value, dict):
        return {key: _put(item, old, new) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_put(item, old, new) for item in value)
    return value
