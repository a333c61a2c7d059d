"""What the curves of a recorded loop say, held to a stricter measure than curves that somebody asked about.

A script that was run for a look need not be trained to its end: what only says that it could be better is worth
knowing, and no alarm.
"""

from __future__ import annotations

import dataclasses
import math
import statistics

from goodfit.diagnosis.reading import diagnose_curves
from goodfit.diagnosis.recorded_curves import curves_of
from goodfit.findings import Finding, Severity
from goodfit.recording.records import Recording
from goodfit.settings.curves import CurveSettings
from goodfit.settings.doctor import DoctorSettings

_ALARMS = {"diverged", "overfitting", "lr-too-high", "lr-too-low", "loss-spikes", "lr-schedule-wrong"}
_NEVER_TOLD = {"healthy", "not-enough-points", "noisy-validation"}


def diverged(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """A loss, gradient or weight that is not finite, or a loss that ended far above its start."""
    seen = recording.not_finite
    finite = [(step, value) for step, value in recording.step_losses if math.isfinite(value)]
    place = str(recording.backward_site or "")
    if seen is not None:
        return Finding(
            kind="diverged",
            message=f"The {seen.what} became not finite at step {seen.step} and training cannot recover from that.",
            action="Lower the learning rate by a factor of 10, or clip the gradients; look at the step named first.",
            evidence={"step": seen.step, "first_in": seen.what, "loss_before_over_first": seen.grew},
            where=str(seen.site or place),
            confidence=0.95,
        )
    if len(finite) < 10 or recording.is_adversarial:
        return None
    first = sorted(value for _, value in finite[:3])[1]
    tail = sorted(value for _, value in finite[-max(5, len(finite) // 5) :])
    end = tail[len(tail) // 2]
    if first > 0 and end > settings.diverged_times * first and tail[len(tail) // 4] > settings.diverged_times * first:
        return Finding(
            kind="diverged",
            message=f"The training loss went from {first:.3g} to {end:.3g} and stayed there.",
            action="Lower the learning rate by a factor of 10, or clip the gradients.",
            evidence={
                "first_loss": first,
                "last_loss": end,
                "steps": recording.steps,
                "weights_blew_up": _blew_up(recording, settings),
            },
            where=place,
            confidence=0.9,
        )
    return None


def _blew_up(recording: Recording, settings: DoctorSettings) -> bool:
    """Whether weights grew many times over, or steps were as large as they: a loss may rise for better reasons.

    Returns that grow with what a policy earns, tasks that get harder, and penalties that set in raise it as well.
    """
    for use in recording.optimised:
        norms = [norm for _, norm in use.weight_norms if norm > 0]
        ratios = [ratio for _, ratio in use.ratios]
        if not norms or not all(math.isfinite(value) for value in (*norms, *ratios)):
            return True
        if norms[-1] > settings.blown_up * norms[0]:
            return True
        if ratios and statistics.median(ratios[len(ratios) // 4 :]) > settings.ratio_high:
            return True
    return not recording.optimised  # updates by hand: their sizes were not seen


def excess_regularisation(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Weight decay or dropout strong enough to be tried without; the experiment decides."""
    main = max(recording.optimised, key=lambda use: use.steps, default=None)
    if main is None or recording.is_adversarial or main.steps < 10:
        return None
    dropped = max((use.dropout for use in recording.models if use.trained_parameters), default=0.0)
    if settings.dropout_strong <= dropped < 1:
        what, evidence = f"Dropout of {dropped:g}", {"dropout": dropped}
    elif main.weight_decay >= settings.decay_strong:
        what, evidence = f"A weight decay of {main.weight_decay:g}", {"weight_decay": main.weight_decay}
    else:
        return None
    return Finding(
        kind="excess-regularisation",
        message=f"{what} keeps the network from fitting its training data.",
        action="Lower it by a factor of 10 (weight decay) or to 0.2 to 0.5 (dropout).",
        evidence=evidence,
        where=str(main.site or main.step_site or ""),
        confidence=0.8,
    )


def too_few_steps(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """The last quarter of the training still brought a large part of all that it brought, at a steady rate."""
    points = [value for _, value in recording.step_losses if math.isfinite(value)]
    if recording.is_adversarial or recording.ended not in ("done", "exit") or len(points) < settings.few_points:
        return None
    if recording.not_finite is not None:
        return None
    quarter = len(points) // 4
    first = statistics.median(points[:3])
    third, last = points[-2 * quarter : -quarter], points[-quarter:]
    fall, gain = first - statistics.fmean(last), statistics.fmean(third) - statistics.fmean(last)
    error = math.hypot(statistics.stdev(third), statistics.stdev(last)) / math.sqrt(quarter)
    if fall <= 0.05 * abs(first) or gain < settings.few_gain * fall or gain < 5 * error:
        return None
    if statistics.fmean(last) < settings.few_left * abs(first):
        return None  # what is left to gain is little
    return Finding(
        kind="too-few-steps",
        severity=Severity.INFO,  # as an alarm it was as often wrong as right: demonstrations end early
        message=(
            f"Training ended while it was still improving fast: the last quarter of {recording.steps} steps brought "
            f"{gain / fall:.0%} of the whole fall of the loss, from {first:.3g} to {statistics.fmean(last):.3g}."
        ),
        action="Train several times longer.",
        evidence={"steps": recording.steps, "share_of_last_quarter": gain / fall, "last_loss": statistics.fmean(last)},
        where=str(recording.backward_site or ""),
        confidence=0.5,
    )


def of_curves(recording: Recording, settings: DoctorSettings, curve_settings: CurveSettings) -> list[Finding]:
    """The findings of the rules of curves; an alarm only where the rule is sure and the kind is one."""
    curves = curves_of(recording)
    if curves is None:
        return []
    place = str(recording.backward_site or "")
    told = []
    for finding in diagnose_curves(curves, curve_settings).findings:
        if finding.kind in _NEVER_TOLD:
            continue
        alarms = finding.kind in _ALARMS and finding.confidence >= settings.curve_confidence
        if finding.kind == "diverged" and "first_loss" in finding.evidence:
            # a loss below 0 may be one of several that take turns, and has no scale
            alarms = alarms and finding.evidence["first_loss"] > 0 and _blew_up(recording, settings)
        if finding.kind == "overfitting":
            alarms = alarms and _is_severe(recording, settings)
        if finding.kind in ("lr-too-high", "lr-too-low"):
            alarms = False  # tried by experiment where that can be
        told.append(
            dataclasses.replace(
                finding,
                where=finding.where if ":" in finding.where else place,
                severity=None if alarms else Severity.INFO,
            )
        )
    return told


def _is_severe(recording: Recording, settings: DoctorSettings) -> bool:
    curves = curves_of(recording)
    if curves is None or curves.val_loss is None or len(curves.val_loss) < 8:
        return False
    values = curves.val_loss.values
    best, end = float(values.min()), float(values[-3:].mean())
    return best > 0 and end > settings.overfit_rise * best
