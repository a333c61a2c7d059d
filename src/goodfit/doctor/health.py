"""The bill of health: initial loss, overfit, rate, update ratio, gradient flow, dead units, generalisation."""

from __future__ import annotations

import math
import statistics

from goodfit.recording.records import EvaluationPass, OptimizerUse, Recording
from goodfit.report.numbers import number


def health_line(recording: Recording) -> str:
    """Each part with its figure, in the recipe's order; a part that could not be looked at says so."""
    return f"health: {recording.steps:,} steps; " + "; ".join(f"{name} {said}" for name, said in bill(recording))


def bill(recording: Recording) -> list[tuple[str, str]]:
    """The parts and what each of them says."""
    use = max(recording.optimised, key=lambda one: one.steps, default=None)
    return [
        ("initial loss", _initial_loss(recording)),
        ("last loss", _last_loss(recording)),
        ("overfit", _overfit(recording)),
        ("rate", _rate(use)),
        ("update/weight", _middle(use.ratios if use is not None else [])),
        ("gradient flow", _flow(recording)),
        ("dead units", _dead(recording)),
        ("generalisation", _generalisation(recording)),
    ]


_UNSEEN = "not seen"


def _finite(recording: Recording) -> list[float]:
    return [value for _, value in recording.step_losses if math.isfinite(value)]


def _initial_loss(recording: Recording) -> str:
    losses, checked = _finite(recording), recording.checked
    if not losses:
        return _UNSEEN
    expected = None if checked is None else checked.expected_loss
    return number(losses[0], 3) + ("" if expected is None else f" (outputs of 0: {number(expected, 3)})")


def _last_loss(recording: Recording) -> str:
    losses = _finite(recording)
    return number(statistics.median(losses[-9:]), 3) if losses else _UNSEEN


def _overfit(recording: Recording) -> str:
    """One batch by heart, and the control with zeroed inputs."""
    checked = recording.checked
    if checked is None or checked.first_loss is None or checked.learned_loss is None:
        return "not tried"
    went = f"{number(checked.first_loss, 3)} to {number(checked.learned_loss, 2)} on {checked.samples} samples"
    if checked.learned_steps is None:
        return f"not learned, {went}"
    zeroed = "" if checked.zeroed_loss is None else f", zeroed inputs {number(checked.zeroed_loss, 2)}"
    return f"{went} in {checked.learned_steps} steps{zeroed}"


def _rate(use: OptimizerUse | None) -> str:
    if use is None or not use.lrs:
        return _UNSEEN
    first, last = use.lrs[0][1], use.lrs[-1][1]
    return f"{number(first, 2)}{'' if first == last else f' to {number(last, 2)}'} ({use.name})"


def _middle(points: list[tuple[int, float]]) -> str:
    values = [value for _, value in points if math.isfinite(value)]
    return number(statistics.median(values), 2) if values else _UNSEEN


def _flow(recording: Recording) -> str:
    """The typical gradient of the first layer over that of the last."""
    typical = [
        statistics.median(values)
        for flow in recording.flows
        if (values := [rms for _, rms in flow.gradient_rms if math.isfinite(rms)])
    ]
    if len(typical) < 2 or typical[-1] <= 0:
        return _UNSEEN
    return f"{number(typical[0] / typical[-1], 2)} (first layer over last)"


def _dead(recording: Recording) -> str:
    dead = [one.dead for one in recording.activations if one.function == "relu" and one.samples]
    return f"{max(dead):.0%}" if dead else _UNSEEN


def _generalisation(recording: Recording) -> str:
    """The last evaluation on samples that were not trained on, beside the training at that time."""
    held_out = [one for one in recording.evaluations if one.forwards and one.known_samples < 0.5 * one.hashed_samples]
    for current in reversed(held_out):
        loss = _mean_loss(current)
        if loss is not None:
            near = [value for step, value in recording.step_losses if step <= current.step and math.isfinite(value)]
            training = f" (training {number(statistics.median(near[-9:]), 3)})" if near else ""
            return f"held-out loss {number(loss, 3)}{training}"
        if current.compared:
            near_right = [share for step, share, _ in recording.training_accuracy if step <= current.step]
            training = f" (training {statistics.fmean(near_right[-9:]):.1%})" if near_right else ""
            return f"held-out accuracy {current.right / current.compared:.1%}{training}"
    return "no evaluation seen"


def _mean_loss(current: EvaluationPass) -> float | None:
    total = sum(samples for value, samples in current.losses if math.isfinite(value))
    if not total:
        return None
    return sum(value * samples for value, samples in current.losses if math.isfinite(value)) / total
