"""Whether the samples of a batch are kept apart: one sample changed, and the batch axis turned."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.doctor.replay import Replay, Variant, turnable
from goodfit.findings import Finding
from goodfit.recording.kept import KeptBatch
from goodfit.recording.recorder import Recorder
from goodfit.recording.records import Recording
from goodfit.recording.tensors import tensors_in
from goodfit.settings.doctor import DoctorSettings

_ACTION = (
    "Find where the batch axis is taken for another one: batch_first=True for recurrent and attention layers, "
    "transpose or permute instead of view or reshape."
)
_PLACES = 4  # samples changed, one after the other


def mixed_samples(recording: Recording, recorder: Recorder, settings: DoctorSettings) -> Finding | None:
    """Change one sample, and watch the outputs of the others, in eval mode, with the last weights and the first."""
    kept = recorder.kept
    batch = next((b for b in kept.batches if lies_along_first_axis(b, recording)), None)
    if batch is None:
        return None
    assert kept.model is not None
    model = copy.deepcopy(kept.model)
    model.eval()
    if any(isinstance(m, nn.modules.batchnorm._BatchNorm) and not m.track_running_stats for m in model.modules()):
        return None
    n = len(next(tensors_in((batch.args, batch.kwargs))))
    moved = _moved(model, batch, n)
    if moved is not None and not moved and kept.weights is not None:
        model.load_state_dict(kept.weights)  # training may have taught it to leave the other samples out
        moved = _moved(model, batch, n)
    if not moved:
        return None
    use = recording.models[kept.module_number]
    return Finding(
        kind="batch-dimension-mixup",
        message=(
            f"The samples of a batch are not kept apart in {use.name}: changing one of {n} samples changes "
            f"the outputs of others by up to {max(moved):.0%} of their spread, in eval mode."
        ),
        action=_ACTION,
        evidence={"samples": n, "samples_changed": _PLACES, "others_moved": len(moved), "largest_move": max(moved)},
        where=str(use.training_site or ""),
        confidence=0.93,
    )


def _moved(model: nn.Module, batch: KeptBatch, n: int) -> list[float] | None:
    """How far other samples' outputs move, over their spread, for each changed sample that moves any.

    None where it can't be told; empty where fewer than two samples move others.
    """
    with torch.no_grad():
        before = outputs_of(model, batch, n)
        again = outputs_of(model, batch, n)
        if before is None or again is None or not torch.equal(before, again):
            return None  # random in eval mode, too
        if _needs_all(model, batch, n):
            return None  # a graph's nodes: the network takes them all or none
        found = []
        for place in sorted({0, n // 3, n // 2, n - 1}):
            order = list(range(n))
            order[place] = (place + n // 2 + 1) % n
            try:
                after = outputs_of(model, batch, n, order)
            except (RuntimeError, ValueError, AssertionError):  # lengths that must stay sorted: they stay then
                after = outputs_of(model, batch, n, order, least=2)
            if after is None:
                return None
            apart = (after - before).abs().amax(1)
            own = float(apart[place])
            others = [i for i in range(n) if i != place]
            scale = max(own, float(before.std()), 1e-12)
            if float(apart[others].max()) > 1e-3 * scale:
                found.append(float(apart[others].max()) / scale)
    return found if len(found) >= min(2, n) else []


def turned_axis(recording: Recording, replay: Replay, settings: DoctorSettings) -> list[Finding]:
    """Layers that take the first axis for time, where they learn far better once it is the batch."""
    layers = turnable(replay.final_model())
    if not layers:
        return []
    main = max(recording.optimised, key=lambda one: one.steps)
    rates = [rate for _, rate in main.lrs]
    peak = max(rates) / rates[0] if rates and rates[0] > 0 else 1.0  # a warm-up's first rate would show nothing
    steps, last = 3 * settings.steps_tried, replay.final_loss()
    mended: list[float] = []
    for seed in range(2):
        if not replay.has_time:
            return []
        mended.append(replay.judged(Variant(rate=peak, batch_first=True), steps, seed))
        if not mended[-1] < settings.turned_gain * last:
            return []
    use = max(recording.models, key=lambda one: one.training.passes)
    return [
        Finding(
            kind="batch-dimension-mixup",
            message=(
                f"{layers[0]} takes the first axis of its inputs for time, but samples lie along it: "
                f"all {main.steps} steps took the loss to {last:.3g}, and {steps} with batch_first=True take it to "
                f"{mended[0]:.3g}."
            ),
            action=_ACTION,
            evidence={
                "layers": len(layers),
                "experiment": {
                    "remedy": "batch_first=True",
                    "metric": f"training loss (without: after all {main.steps} steps; with: after {steps})",
                    "without": last if math.isfinite(last) else None,
                    "with": mended,
                    "seeds": len(mended),
                },
            },
            where=str(use.training_site or ""),
            confidence=0.93,
        )
    ]


def lies_along_first_axis(batch: KeptBatch, recording: Recording) -> bool:
    """Whether a batch's samples surely lie along the first axis of all inputs.

    They do where there is one target for each, where rows were picked by an index, and where a loader says so.
    """
    given = list(tensors_in((batch.args, batch.kwargs)))
    if not given or any(t.ndim < 1 or len(t) != len(given[0]) for t in given) or len(given[0]) < 3:
        return False
    if all(t.ndim < 2 for t in given):
        return False
    n, target = len(given[0]), batch.target
    per_sample = target.ndim > 0 and len(target) == n and bool(batch.shape) and batch.shape[0] == n
    if per_sample and (target.ndim == 1 or target[0].numel() == 1):
        return True
    if batch.picked:
        return True
    sizes = {loader.batch_size for loader in recording.loaders if loader.trained_batches}
    return n in sizes and all(n not in t.shape[1:] for t in given)


def _needs_all(model: nn.Module, batch: KeptBatch, n: int) -> bool:
    """Whether the network cannot take a part of the batch."""
    try:
        return outputs_of(model, batch, n, list(range(n - 1))) is None
    except (RuntimeError, IndexError, ValueError, AssertionError):
        return True


def outputs_of(
    model: nn.Module, batch: KeptBatch, n: int, order: list[int] | None = None, least: int = 1
) -> Tensor | None:
    """What the network puts out, a row a sample: [len(order), ...]; None where that is not what it puts out.

    A network may draw random numbers in eval mode, too: it gets the same ones each time. Inputs of fewer axes than
    `least` keep their order.
    """
    torch.manual_seed(0)
    args, kwargs = (batch.args, batch.kwargs) if order is None else _picked((batch.args, batch.kwargs), n, order, least)
    out = next(tensors_in(model(*args, **kwargs)), None)
    rows = n if order is None else len(order)
    if out is None or not out.is_floating_point() or out.ndim == 0 or len(out) != rows:
        return None
    return out.detach().double().reshape(rows, -1)


def _picked(value: Any, n: int, order: list[int], least: int) -> Any:
    """The same nest of tuples, lists and dicts with the given rows of every tensor that has a row a sample."""
    if isinstance(value, Tensor):
        return value[order] if value.ndim >= least and len(value) == n else value
    if isinstance(value, dict):
        return {key: _picked(item, n, order, least) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_picked(item, n, order, least) for item in value)
    return value
