"""Whether a network is too small for its task: neither more training nor another rate helps it, a wide one fits."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.doctor.replay import Replay, Variant
from goodfit.findings import Finding
from goodfit.recording.kept import Kept
from goodfit.recording.records import Recording
from goodfit.recording.tensors import sample_hashes_all, tensors_in
from goodfit.settings.doctor import DoctorSettings

_REGRESSION = frozenset({"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "difference"})
_WIDTH = 128  # of the reference's two hidden layers
_PASSES = 60  # over the rows that it learns from
_MOST_INPUTS = 4096
_SAME = 0.98  # correlation of targets with inputs from which they are the same thing


@dataclasses.dataclass(frozen=True, slots=True)
class _Rows:
    """Different samples of the kept batches: what the script's network says of them, and what is true."""

    inputs: Tensor  # [rows, features]
    targets: Tensor  # int64 [rows], or float [rows, outputs]
    answers: Tensor  # the network's: the same
    is_class: bool
    is_held: Tensor  # bool [rows]: judged by, and not learned from by the reference


def capacity_finding(recording: Recording, kept: Kept, replay: Replay, settings: DoctorSettings) -> Finding | None:
    """`underfitting-capacity`, where experiments prove it.

    A wide network that learns from two thirds of the kept samples must do far better on the other third than the
    script's own does (which was trained on all of them), while further training of a copy, at its rate, at thrice and
    at a third of it, does not bring the copy nearer.
    """
    rows = _rows_of(kept, replay.final_model())
    if rows is None or int((~rows.is_held).sum()) < settings.capacity_rows or not rows.is_held.any():
        return None
    own = _error(rows.answers, rows)
    spread = float(rows.targets[rows.is_held].double().var(0, correction=0).mean()) if not rows.is_class else 1.0
    if own < settings.capacity_gap * spread:
        return None
    parameters = recording.models[kept.module_number].parameters
    wide = _wide(rows)
    if parameters * settings.capacity_smaller > sum(p.numel() for p in wide.parameters()):
        return None
    reference = _error(_learned(wide, rows), rows)
    gap = own - reference
    if gap < settings.capacity_gap * spread or reference > 0.5 * own:
        return None
    main = max(recording.optimised, key=lambda use: use.steps)
    steps = min(max(settings.capacity_steps, main.steps // 2), 4 * settings.capacity_steps)
    tried: dict[str, float] = {}
    for factor in (1.0, 3.0, 1 / 3):
        if not replay.has_time:
            return None
        model = replay.trained(Variant(rate=factor, from_end=True), steps, 0)
        again = _rows_of(kept, model)
        if again is None:
            return None
        tried[f"{factor:.2g}"] = error = _error(again.answers, rows)
        if own - error > settings.capacity_reached * gap:
            return None
    use = recording.models[kept.module_number]
    what = "of the answers wrong" if rows.is_class else "mean squared error"
    shown = (f"{own:.0%}", f"{reference:.0%}") if rows.is_class else (f"{own:.3g}", f"{reference:.3g}")
    return Finding(
        kind="underfitting-capacity",
        message=(
            f"{use.name} with {parameters:,} parameters is too small for the task: it ends at {shown[0]} ({what}), "
            f"{steps} more steps at three rates bring no more, and a network with two layers of {_WIDTH} units "
            f"reaches {shown[1]} on samples that it has not even seen."
        ),
        action="Make the hidden layers several times wider, or add a layer.",
        evidence={
            "parameters": parameters,
            "error": own,
            "after_more_steps": tried,
            "experiment": {
                "remedy": f"two hidden layers of {_WIDTH} units",
                "metric": "share of wrong answers" if rows.is_class else "mean squared error",
                "without": own,
                "with": reference,
                "seeds": 1,
            },
        },
        where=str(use.training_site or ""),
        confidence=0.9,
    )


def _rows_of(kept: Kept, model: nn.Module) -> _Rows | None:
    inputs, targets, answers = [], [], []
    is_class = kept.name not in _REGRESSION
    model.eval()
    with torch.no_grad():
        for batch in kept.batches:
            given = list(tensors_in((batch.args, batch.kwargs)))
            target = batch.target
            if len(given) != 1 or not given[0].is_floating_point() or target.ndim == 0 or len(target) != len(given[0]):
                return None
            out = next(tensors_in(model(*batch.args, **batch.kwargs))).reshape(batch.shape)
            both = told(out, target, kept.name)
            if both is None:
                return None
            inputs.append(given[0].flatten(1).float())
            answers.append(both[0])
            targets.append(both[1])
    if len({part.shape[1] for part in inputs}) != 1 or inputs[0].shape[1] > _MOST_INPUTS:
        return None
    x, y, said = torch.cat(inputs), torch.cat(targets), torch.cat(answers)
    if not is_class and _are_inputs(x, y):
        return None
    hashes = sample_hashes_all(x)
    first = {number: row for row, number in reversed(list(enumerate(hashes)))}
    chosen = sorted(first.values())
    held = torch.tensor([hashes[row] % 3 == 0 for row in chosen])
    return _Rows(x[chosen], y[chosen], said[chosen], is_class, held)


def told(out: Tensor, target: Tensor, name: str) -> tuple[Tensor, Tensor] | None:
    """What was answered and what is true, one row a sample; None where that cannot be compared."""
    if name in _REGRESSION:
        if out.shape != target.shape:
            return None
        return out.flatten(1).float() if out.ndim > 1 else out[:, None].float(), target.reshape(len(target), -1).float()
    if name.startswith("binary_cross_entropy"):
        if out.shape != target.shape or out.numel() != len(out):
            return None
        return (out.flatten() > (0 if name.endswith("logits") else 0.5)).long(), (target.flatten() > 0.5).long()
    if name in ("cross_entropy", "nll_loss") and out.ndim == 2 and target.ndim == 1 and not target.is_floating_point():
        return out.argmax(1), target
    return None


def _are_inputs(inputs: Tensor, targets: Tensor) -> bool:
    """Whether targets are the inputs, or nearly so: a narrow network is meant to be narrow then."""
    if inputs.shape != targets.shape:
        return inputs.shape[1] > 1 and targets.shape[1] >= max(2, inputs.shape[1] // 2)
    both = torch.stack([inputs.flatten(), targets.flatten()]).double()
    return float(torch.corrcoef(both)[0, 1]) > _SAME or inputs.shape[1] > 4


def _error(answers: Tensor, rows: _Rows) -> float:
    said, true = answers[rows.is_held], rows.targets[rows.is_held]
    if rows.is_class:
        return float((said != true).double().mean())
    value = float((said.double() - true.double()).square().mean())
    return value if math.isfinite(value) else math.inf


def _wide(rows: _Rows) -> nn.Sequential:
    outputs = int(rows.targets.max()) + 1 if rows.is_class else rows.targets.shape[1]
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(rows.inputs.shape[1], _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, _WIDTH), nn.ReLU(),
        nn.Linear(_WIDTH, outputs),
    )  # fmt: skip


def _learned(model: nn.Module, rows: _Rows) -> Tensor:
    """What the reference answers to all rows, after it has learned from those that it is not judged by."""
    learned = ~rows.is_held
    std, mean = torch.std_mean(rows.inputs[learned], dim=0, correction=0)
    x = (rows.inputs - mean) / std.clamp_min(1e-6)
    y: Any = rows.targets
    spread, middle = (torch.ones(1), torch.zeros(1)) if rows.is_class else torch.std_mean(y[learned], dim=0)
    y = y if rows.is_class else (y - middle) / spread.clamp_min(1e-12)
    loss: Any = nn.functional.cross_entropy if rows.is_class else nn.functional.mse_loss
    places = learned.nonzero().flatten()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
    generator = torch.Generator().manual_seed(0)
    with torch.enable_grad():
        for _ in range(_PASSES):
            for chosen in places[torch.randperm(len(places), generator=generator)].split(64):
                optimizer.zero_grad()
                loss(model(x[chosen]), y[chosen]).backward()
                optimizer.step()
    with torch.no_grad():
        out = model(x)
    return out.argmax(1) if rows.is_class else out * spread.clamp_min(1e-12) + middle
