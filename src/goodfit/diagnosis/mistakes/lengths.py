"""How long a training was, and on how much it was judged: too long, too short, noise, an easy gain at its start."""

from __future__ import annotations

import math
import statistics

import numpy as np

from goodfit.diagnosis.curves import Series
from goodfit.diagnosis.recorded_curves import curves_of
from goodfit.diagnosis.statistics import median_of_five
from goodfit.findings import Finding
from goodfit.recording.records import EvaluationPass, LossUse, Recording
from goodfit.settings.doctor import DoctorSettings

_REGRESSION = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "difference")


def noisy_validation(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Every evaluation is of so few samples that one more right answer moves its score by percents."""
    passes = [p for p in recording.evaluations if _is_validation(p, recording)]
    if recording.is_adversarial or not passes:
        return None
    largest = max(passes, key=lambda p: p.samples)
    # several forward passes of one evaluation may be of the same samples; a sequence has many answers
    seen = max(p.samples / max(p.forwards, 1) for p in passes)
    answers = max(p.answers / max(p.forwards, 1) for p in passes)
    if answers > settings.few_validated or largest.answers > 2 * settings.few_validated:
        return None
    if recording.distinct_training < settings.few_validated_share * seen:
        return None
    return Finding(
        kind="noisy-validation",
        message=(
            f"Evaluations are of {seen:.0f} samples each, beside {recording.distinct_training:,} that are trained on: "
            f"one sample more or less moves an accuracy by {1 / seen:.0%}."
        ),
        action="Evaluate on a tenth of the data or more, always the same samples.",
        evidence={
            "samples": seen,
            "training_samples": recording.distinct_training,
            "evaluations": len(passes),
            "standard_error_at_90_percent": math.sqrt(0.09 / seen),
        },
        where=str(largest.site or ""),
        confidence=0.9,
    )


def _is_validation(current: EvaluationPass, recording: Recording) -> bool:
    use = recording.models[current.model]
    if not use.trained_parameters or not current.scored or current.names_training or current.samples < 1:
        return False
    if not (current.compared or current.losses):
        return False
    return not current.hashed_samples or current.known_samples < 0.5 * current.hashed_samples


def too_many_steps(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Of many evaluations, those of the first part are as good as any later one."""
    curves = curves_of(recording)
    if curves is None or curves.step_loss is None or (curves.val_samples or 0) < settings.many_validated:
        return None
    series = [
        (name, sign, found)
        for name, sign, found in (("accuracy", 1.0, curves.val_metric), ("loss", -1.0, curves.val_loss))
        if found is not None and len(found) >= settings.many_evaluations and np.isfinite(found.values).all()
    ]
    if not series:
        return None
    name, sign, main = series[0]
    share = _levelled_at(main, sign, settings, curves.val_samples)
    if share > settings.many_share:
        return None
    if (
        name == "accuracy"
        and len(series) > 1
        and _levelled_at(series[1][2], -1.0, settings, None) > 2 * settings.many_share
    ):
        return None
    at = float(main.steps[0] + share * (main.steps[-1] - main.steps[0]))
    losses, steps = median_of_five(curves.step_loss.values), curves.step_loss.steps
    first, then, end = losses[0], float(np.median(losses[steps >= at][:9])), float(np.median(losses[-9:]))
    if not then - end <= settings.many_learned * (first - end):
        return None  # the training loss still falls: slow, and perhaps to come
    return Finding(
        kind="too-many-steps",
        message=(
            f"The validation {name} has not improved since step {at:.0f} of {recording.steps}: the last "
            f"{1 - share:.0%} of the training brought nothing."
        ),
        action="Train about a third as long, or stop early and keep the best weights.",
        evidence={"levelled_at_step": at, "share_of_run": share, "evaluations": len(main), "steps": recording.steps},
        where=str(recording.backward_site or ""),
        confidence=0.85,
    )


def _levelled_at(series: Series, sign: float, settings: DoctorSettings, samples: int | None) -> float:
    """The share of the run after which a series got better by less than its noise and what counts."""
    values = sign * median_of_five(series.values)
    late = series.values[len(values) // 2 :]
    noise = float(np.median(np.abs(np.diff(late)))) if len(late) > 2 else 0.0
    if sign > 0:
        best = min(float(values.max()), 1.0)
        counts = max(settings.many_counts, 1.5 * math.sqrt(best * (1 - best) / samples) if samples else 0.0)
    else:
        counts = settings.many_counts * abs(float(series.values[0]))
    near = np.flatnonzero(values >= float(values.max()) - max(counts, noise))
    steps = series.steps
    return float(steps[near[0]] - steps[0]) / max(float(steps[-1] - steps[0]), 1e-12)


def overfitting(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """The validation loss turned and rose far, or answers known by heart are worth much less on new samples."""
    curves = curves_of(recording)
    if curves is None:
        return None
    first = statistics.median(value for _, value in recording.step_losses[:3])
    end = statistics.fmean(value for _, value in recording.step_losses[-5:])
    if not (math.isfinite(first) and math.isfinite(end)) or end > settings.overfit_fitted * first:
        return None
    place = str(recording.backward_site or "")
    val = curves.val_loss
    if val is not None and len(val) >= 8 and np.isfinite(val.values).all():
        smooth = median_of_five(val.values)
        best, last = int(np.argmin(smooth)), float(smooth[-3:].mean())
        low = float(smooth[best])
        if (
            best <= settings.overfit_turned * len(val)
            and last > settings.overfit_rise * low
            and last - low > settings.overfit_counts * abs(first)
        ):
            return Finding(
                kind="overfitting",
                message=(
                    f"The validation loss was lowest, {low:.3g}, at step {val.steps[best]:.0f} of {recording.steps} "
                    f"and rose to {last:.3g} since, while the training loss fell to {end:.3g}."
                ),
                action="Stop at the best validation loss; then regularise more, or use more data or a smaller network.",
                evidence={"best_val_loss": low, "at_step": float(val.steps[best]), "last_val_loss": last,
                          "last_training_loss": end},
                where=place,
                confidence=0.9,
            )  # fmt: skip
    train, held = curves.train_metric, curves.val_metric
    if train is None or held is None or (curves.val_samples or 0) < 50 or not len(train) or not len(held):
        return None
    late = held.values[held.steps >= 0.9 * train.steps[-1]]  # an evaluation of earlier weights says nothing of these
    if not len(late):
        return None
    known, new = float(train.values[-3:].mean()), float(late.max())
    if known < 0.97 or known - new < settings.overfit_gap:
        return None
    return Finding(
        kind="overfitting",
        message=f"Training samples are answered {known:.0%} right, new ones {new:.0%}: they are known by heart.",
        action="Regularise more (weight decay, dropout, augmentation), or use more data or a smaller network.",
        evidence={"train_accuracy": known, "val_accuracy": new, "last_training_loss": end},
        where=place,
        confidence=0.85,
    )


def easy_gain_at_start(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Most of the first loss is what the best constant answer would take off it."""
    for use in recording.losses:
        found = _constant_loss(use, recording)
        if found is None or use.trained < 1 or use.weighted:
            continue
        first, constant = found
        if first - constant < settings.easy_gain * abs(first) or constant < 0:
            continue
        return Finding(
            kind="easy-gain-at-start",
            message=(
                f"The first loss is {first:.3g}, and the best constant answer would have {constant:.3g}: that part of "
                "the fall is only the output layer learning its bias."
            ),
            action="Set the last bias to the logarithm of the classes' shares, or to the targets' mean.",
            evidence={"first_loss": first, "constant_loss": constant},
            where=str(use.site),
            confidence=0.85,
        )
    return None


def _constant_loss(use: LossUse, recording: Recording) -> tuple[float, float] | None:
    """The first loss, and that of the best constant answer."""
    if use.first_value is None or not math.isfinite(use.first_value) or use.summed:
        return None
    if use.function == "cross_entropy" and use.classes and recording.label_entropy is not None:
        if use.first_value > 1.5 * math.log(use.classes) + 0.5:
            return None  # far above guessing: the start is bad, which is more than a bias
        return use.first_value, recording.label_entropy
    if use.function in ("mse_loss", "difference") and use.target.count >= 8:
        return use.first_value, use.target.std**2
    return None


def not_enough_points(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """A training of a handful of steps, of which nothing can be said."""
    if not 0 < recording.steps < settings.few_steps or recording.ended not in ("done", "exit", "enough"):
        return None
    if any(use.is_closure for use in recording.optimised):
        return None  # a step of L-BFGS is many evaluations
    return Finding(
        kind="not-enough-points",
        message=f"Training took {recording.steps} steps, too few to say how it goes.",
        action="Train for some hundred steps, or several passes over the data.",
        evidence={"steps": recording.steps, "needed": settings.few_steps},
        where=str(recording.backward_site or ""),
        confidence=0.9,
    )
