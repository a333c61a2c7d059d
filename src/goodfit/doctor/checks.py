"""The recipe's own checks on what a script did: one recorded batch learned by heart, the same with zeroed inputs.

They run on copies, after the experiments and in the time that those left. What they give stands in the bill of health;
findings come of the two answers that no healthy script gives.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from goodfit.doctor.replay import Replay, Variant
from goodfit.findings import Finding
from goodfit.recording.kept import Kept, KeptBatch
from goodfit.recording.records import Checked, Recording
from goodfit.recording.tensors import tensors_in
from goodfit.settings.doctor import DoctorSettings
from goodfit.training.expected_loss import lowest_loss, recognise

_BETWEEN = 10  # steps between two looks at the clock


def checks(recording: Recording, kept: Kept, replay: Replay, settings: DoctorSettings) -> list[Finding]:
    """Fill `recording.checked`, and give what no healthy script shows.

    `cannot-overfit-sample`: the loss of a few samples cannot be moved. `overfits-without-inputs`: they are learned with
    all inputs zero.
    """
    checked = recording.checked = Checked()
    try:
        batch = _few_samples(kept.early[0], kept.options, settings.overfit_samples)
        learning = _Learning(kept, replay, batch, settings)
        checked.expected_loss = learning.expected_loss()
        if not replay.has_time:
            return []
        rate = learning.by_heart(checked)
        if checked.learned_steps is None:
            return learning.stuck(checked, recording)
        return learning.control(checked, recording, rate)
    except Exception as error:  # the user's own code, run in a way it was not written for
        recording.opaque.append(f"a check failed ({type(error).__name__}: {error})")
        return []


class _Learning:
    """One small batch, trained on until it is learned: without dropout and decay, by Adam at several rates."""

    def __init__(self, kept: Kept, replay: Replay, batch: KeptBatch, settings: DoctorSettings) -> None:
        self._kept, self._replay, self._batch, self._settings = kept, replay, batch, settings
        assert kept.model is not None
        like = next(kept.model.parameters())
        self._blank = torch.zeros(batch.shape, dtype=like.dtype, device=batch.target.device)

    def expected_loss(self) -> float | None:
        """The loss of outputs that say nothing; None where there is none."""
        with torch.no_grad():
            value = self._given(self._blank)
        return float(value) if bool(torch.isfinite(value)) else None

    def by_heart(self, checked: Checked) -> float:
        """Train at one rate after another until the samples are learned; the best rate."""
        settings = self._settings
        checked.samples = self._batch.shape[0] if self._batch.shape else 1
        best = settings.overfit_rates[0]
        for rate in settings.overfit_rates:
            losses = self._trained(self._batch, rate, settings.overfit_steps, settings.overfit_left)
            if not losses:
                return best
            checked.first_loss = losses[0]
            lowest = min((loss for loss in losses if math.isfinite(loss)), default=math.inf)
            if checked.learned_loss is None or lowest < checked.learned_loss:
                checked.learned_loss, best = lowest, rate
            if lowest <= settings.overfit_left * losses[0]:
                checked.learned_steps = len(losses) - 1
                break
        return best

    def stuck(self, checked: Checked, recording: Recording) -> list[Finding]:
        """The loss never moved, although there was something to learn."""
        first, lowest, settings = checked.first_loss, checked.learned_loss, self._settings
        if first is None or lowest is None or not self._replay.has_time or not math.isfinite(lowest):
            return []
        if lowest < (1 - settings.overfit_flat) * first or first <= 0:
            return []
        floor = lowest_loss(self._given, self._blank, shared=False)
        if floor is None or first - floor < settings.overfit_room * first:
            return []
        rates = settings.overfit_rates
        return [
            Finding(
                kind="cannot-overfit-sample",
                message=(
                    f"{checked.samples} samples of one recorded batch cannot be learned by heart: on a copy, "
                    f"{settings.overfit_steps} steps of Adam at {len(rates)} rates leave the loss at {lowest:.3g} of "
                    f"{first:.3g}, where outputs of free choice reach {floor:.3g}."
                ),
                action="Look for what keeps gradients from the weights, or the inputs from the outputs.",
                evidence={
                    "first_loss": first,
                    "lowest_loss": lowest,
                    "floor": floor,
                    "samples": checked.samples,
                    "steps": settings.overfit_steps,
                    "rates": list(rates),
                },
                where=_where(recording, self._kept),
                confidence=0.9,
            )
        ]

    def control(self, checked: Checked, recording: Recording, rate: float) -> list[Finding]:
        """The same with all inputs zero: a network that still learns the samples has their targets from elsewhere."""
        settings, learned = self._settings, checked.learned_loss or 0.0
        if checked.samples < settings.control_samples or not self._replay.has_time:
            return []
        constant = checked.constant_loss = lowest_loss(self._given, self._blank, shared=True)
        if constant is None or constant - learned <= settings.overfit_room * (checked.first_loss or 0.0):
            return []  # one output for all does as well
        zeroed = dataclasses.replace(self._batch, args=_zeroed(self._batch.args), kwargs=_zeroed(self._batch.kwargs))
        steps = max(2 * (checked.learned_steps or 0), settings.control_steps)
        losses = self._trained(zeroed, rate, steps, 0.0)
        lowest = min((loss for loss in losses if math.isfinite(loss)), default=None)
        checked.zeroed_loss = lowest
        if lowest is None or lowest - learned >= settings.control_share * (constant - learned):
            return []
        return [
            Finding(
                kind="overfits-without-inputs",
                message=(
                    f"With all inputs set to zero, {checked.samples} samples of one recorded batch are still learned "
                    f"(loss {lowest:.3g}, where the best constant output has {constant:.3g}): the targets reach the "
                    "network by another way."
                ),
                action="Look for the target in the network's state, or in the order of the batch.",
                evidence={
                    "loss_with_zeroed_inputs": lowest,
                    "loss_with_inputs": checked.learned_loss,
                    "constant_loss": constant,
                    "samples": checked.samples,
                },
                where=_where(recording, self._kept),
                confidence=0.9,
            )
        ]

    def _given(self, free: Tensor) -> Tensor:
        """The loss of outputs of free choice, in the form that it takes."""
        kept, target = self._kept, self._batch.target
        outputs = free if kept.function is None else recognise(kept.function).link(free)
        if kept.name == "difference":
            return (outputs - target).square().mean()
        assert kept.function is not None
        value = kept.function(outputs, target, **kept.options)
        return value if value.ndim == 0 else value.mean()

    def _trained(self, batch: KeptBatch, rate: float, steps: int, until: float) -> list[float]:
        """The loss before each step, and after the last; empty where the time ran out before that."""
        replay = self._replay
        variant = Variant(no_dropout=True)
        torch.manual_seed(0)
        model = replay.fresh(variant)
        parameters = [p for p in model.parameters() if p.requires_grad]
        if not parameters:
            return []
        optimizer = torch.optim.Adam(parameters, rate)
        losses: list[float] = []
        with torch.enable_grad():
            for step in range(steps + 1):
                if step % _BETWEEN == 0 and not replay.has_time:
                    return []
                loss = replay.loss(model, batch, variant)
                losses.append(float(loss.detach()))
                if not math.isfinite(losses[-1]) or losses[-1] <= until * losses[0] or step == steps:
                    break
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return losses


def _few_samples(batch: KeptBatch, options: dict[str, Any], count: int) -> KeptBatch:
    """The first samples of a batch, where all of its tensors surely lie along the first axis; else the whole."""
    given = [batch.target, *tensors_in((batch.args, batch.kwargs))]
    n = batch.shape[0] if batch.shape else 0
    one_each = n > count and all(t.ndim > 0 and len(t) == n for t in given)
    if not one_each or any(t.ndim and len(t) == n for t in tensors_in(options)):
        return batch

    def cut(value: Tensor) -> Tensor:
        return value[:count]

    return dataclasses.replace(
        batch,
        args=_mapped(batch.args, cut),
        kwargs=_mapped(batch.kwargs, cut),
        target=cut(batch.target),
        shape=(count, *batch.shape[1:]),
    )


def _zeroed(value: Any) -> Any:
    return _mapped(value, torch.zeros_like)


def _mapped(value: Any, function: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return {key: _mapped(item, function) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_mapped(item, function) for item in value)
    return value


def _where(recording: Recording, kept: Kept) -> str:
    return str(recording.models[kept.module_number].training_site or "")
