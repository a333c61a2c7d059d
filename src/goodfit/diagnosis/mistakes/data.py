"""Data that are in the wrong order, leak, or are prepared in two ways."""

from __future__ import annotations

import math
from collections.abc import Sequence

from goodfit.findings import Finding
from goodfit.recording.records import EvaluationPart, EvaluationPass, ModelUse, Recording, Spread
from goodfit.settings.doctor import DoctorSettings


def no_shuffle(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Batches of one class each, or nearly: their classes differ far more than those of batches drawn at random.

    A sampler of the user's own is an order chosen on purpose.
    """
    order = recording.labels
    if order is None:
        return _sorted_goals(recording, settings)
    if recording.is_adversarial or order.batches < 6:
        return None
    if any(loader.custom_order and not loader.weighted_sampler for loader in recording.loaders):
        return None
    trained = [loader for loader in recording.loaders if loader.trained_batches]
    if trained and all(loader.shuffled for loader in trained):
        return None
    z = (order.chi_square - order.degrees) / math.sqrt(2 * order.degrees) if order.degrees else 0.0
    if z < settings.sorted_z or order.purity - order.expected_purity < settings.sorted_purity:
        return None
    loader = max(trained, key=lambda use: use.trained_batches, default=None)
    site = loader.site if loader is not None else None
    model = next((use for use in recording.models if use.training.passes), None)
    return Finding(
        kind="no-shuffle",
        message=(
            f"Training batches come sorted by class: {order.purity:.0%} of a batch is its commonest class, "
            "where batches "
            f"drawn at random would have {order.expected_purity:.0%}."
        ),
        action="Shuffle the training data: DataLoader(..., shuffle=True), or torch.randperm for batches made by hand.",
        evidence={
            "batches": order.batches,
            "classes": order.classes,
            "purity": order.purity,
            "purity_at_random": order.expected_purity,
            "z": z,
        },
        where=str(site or (model.training_site if model else None) or ""),
        confidence=0.95,
    )


def _sorted_goals(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """The same of regression: a batch's targets are alike, and rise or fall from batch to batch."""
    order = recording.goals
    if order is None or recording.is_adversarial:
        return None
    trained = [loader for loader in recording.loaders if loader.trained_batches]
    if any(loader.custom_order for loader in trained) or (trained and all(loader.shuffled for loader in trained)):
        return None
    if order.within > settings.sorted_within or order.one_way < settings.sorted_one_way:
        return None
    loader = max(trained, key=lambda use: use.trained_batches, default=None)
    model = next((use for use in recording.models if use.training.passes), None)
    return Finding(
        kind="no-shuffle",
        message=(
            f"Training batches come sorted by target: within a batch targets have {order.within:.0%} of the variance "
            f"that they have altogether, and {order.one_way:.0%} of the batches go the same way."
        ),
        action="Shuffle the training data: DataLoader(..., shuffle=True), or torch.randperm for batches made by hand.",
        evidence={"batches": order.batches, "variance_within": order.within, "one_way": order.one_way},
        where=str((loader.site if loader else None) or (model.training_site if model else None) or ""),
        confidence=0.9,
    )


def labels_misaligned(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """The same inputs come up again and again, each time with another label, as if those were dealt out at random."""
    seen = recording.repeats
    if seen is None or recording.is_adversarial or seen.inputs < settings.repeated_inputs:
        return None
    if seen.repeats < settings.repeats_least or seen.chance > settings.imbalance:
        return None
    agree = seen.agreeing / seen.repeats
    if agree > seen.chance + 3 * math.sqrt(seen.chance * (1 - seen.chance) / seen.repeats) + 0.02:
        return None
    model = next((use for use in recording.models if use.training.passes), None)
    return Finding(
        kind="labels-misaligned",
        message=(
            f"The same input comes with other labels each time: of {seen.repeats} that came up again, {agree:.0%} had "
            f"the label that they had before, where chance alone gives {seen.chance:.0%}."
        ),
        action="Draw one index for a batch, and take inputs and labels by that same index.",
        evidence={"repeats": seen.repeats, "agreeing": agree, "chance": seen.chance, "inputs": seen.inputs},
        where=str((model.training_site if model else None) or ""),
        confidence=0.96,
    )


def data_leakage(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """The target among the inputs, or evaluation samples that were trained on."""
    if recording.leak_column is not None and recording.leak_samples >= 24:
        model = next((use for use in recording.models if use.training.passes), None)
        return Finding(
            kind="data-leakage",
            message=(
                f"Input feature {recording.leak_column} is the target itself: over {recording.leak_samples} different "
                "samples one follows exactly from the other."
            ),
            action="Take the target's column out of the inputs.",
            evidence={"feature": recording.leak_column, "samples": recording.leak_samples},
            where=str((model.training_site if model else None) or ""),
            confidence=0.93,
        )
    if recording.hashed_training < 20:
        return None
    passes = [p for p in recording.evaluations if p.hashed_samples >= 20 and p.step > 0 and not p.names_training]
    for current in reversed(passes):
        use = recording.models[current.model]
        if not use.trained_parameters or recording.is_adversarial or _repeats_by_chance(use):
            continue
        if use.training.passes > 1.5 * max((o.looked for o in recording.optimised), default=1):
            continue  # run several times a step: pairs and triplets are formed anew from samples that were seen
        if current.distinct_samples < 0.8 * current.hashed_samples:
            continue  # few different samples: the same ones come by chance
        judged = [part for part in current.parts if part.is_judged] or current.parts
        hashed, known = sum(part.hashed for part in judged), sum(part.known for part in judged)
        share = known / hashed
        # a training set of which only a part was looked at seems to be known in part
        whole = share > 0.9 * recording.coverage
        if not whole and share > 0.6 * recording.coverage and recording.coverage < 0.98:
            continue
        if known < settings.known_samples or share < settings.known_share:
            continue
        if not whole and not any(_is_mixed(part, recording) for part in judged):
            continue  # some passes are of training samples alone, the others of none: two sets, kept apart
        if whole and not current.names_held_out and not _is_a_part(current, recording):
            continue  # scored on its training data, and not called anything else
        return Finding(
            kind="data-leakage",
            message=(
                f"{known} of {hashed} samples of an evaluation were trained on "
                f"({share:.0%}), so its score says little about new data."
            ),
            action="Split the data once, before anything else, so that no sample is in both parts.",
            evidence={"samples": hashed, "trained_on": known, "share": share},
            where=str(current.site or ""),
            confidence=0.9 if not whole else 0.8,
        )
    return None


def _is_mixed(part: EvaluationPart, recording: Recording) -> bool:
    """Whether one forward pass holds samples that were trained on beside others that were not."""
    of_training = 0.95 if recording.coverage >= 0.98 else 0.6 * recording.coverage
    return part.known >= 2 and part.known <= of_training * part.hashed


def _repeats_by_chance(use: ModelUse) -> bool:
    """Whether equal inputs are no wonder: short rows of whole numbers."""
    return use.input_is_integer and math.prod(use.input_shape[1:]) < 12


def _is_a_part(current: EvaluationPass, recording: Recording) -> bool:
    """Whether the only samples ever evaluated are a part cut from the training set, as a test set would be."""
    if recording.coverage < 0.98 or current.hashed_samples != current.samples or current.compared == 0:
        return False
    if not 0.05 < current.distinct_samples / max(recording.distinct_training, 1) < 0.5:
        return False
    return all(p.known_samples == p.hashed_samples for p in recording.evaluations if p.hashed_samples)


def train_eval_preprocessing_mismatch(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Evaluation inputs whose scale or offset is another one than that of training inputs."""
    for use in recording.models:
        if not use.trained_parameters or recording.is_adversarial or len(use.feature_means) == 0:
            continue
        found = [
            (p, figures)
            for p in recording.evaluations
            if p.model == use.number and p.step > 0 and p.samples >= 8
            if (figures := _mismatch(use, p, settings)) is not None
        ]
        looked = [p for p in recording.evaluations if p.model == use.number and p.step > 0 and _is_judged(p)]
        looked = looked or [p for p, _ in found]
        if not found or len(found) < 0.5 * len(looked):
            continue
        current, (scale, shift) = found[-1]
        how = f"{scale:.3g} times the spread" if not 2 / 3 < scale < 1.5 else f"shifted by {shift:.2g} deviations"
        return Finding(
            kind="train-eval-preprocessing-mismatch",
            message=(
                f"Evaluation inputs are prepared differently from training inputs: {how} (training mean "
                f"{use.input_train.mean:.3g}, deviation {use.input_train.std:.3g}; evaluation "
                f"{current.inputs.mean:.3g}, "
                f"{current.inputs.std:.3g})."
            ),
            action="Apply the same scaling, with the training set's figures, to all splits.",
            evidence={
                "scale_ratio": scale,
                "shift_deviations": shift,
                "train_mean": use.input_train.mean,
                "train_std": use.input_train.std,
                "eval_mean": current.inputs.mean,
                "eval_std": current.inputs.std,
            },
            where=str(current.site or ""),
            confidence=0.92,
        )
    return None


def _mismatch(use: ModelUse, current: EvaluationPass, settings: DoctorSettings) -> tuple[float, float] | None:
    """Median ratio of spreads and median shift over the features, if one of them is off."""
    if len(current.feature_means) != len(use.feature_means):
        return None
    rows = list(zip(use.feature_means, use.feature_stds, current.feature_means, current.feature_stds, strict=True))
    typical = _median([s for _, s, _, _ in rows])
    kept = [(m, s, em, es) for m, s, em, es in rows if s > 1e-3 * typical and s > 0]
    if not kept:
        return None
    scale = _median([es / s for _, s, _, es in kept])
    shift = _median([abs(em - m) / s for m, s, em, _ in kept])
    few = 3 / math.sqrt(max(current.feature_samples, 1))
    if not _is_judged(current):  # pictures, samples, tables: made on inputs of any kind
        gross = settings.preprocessing_gross
        return (scale, shift) if not 1 / gross < scale < gross and current.feature_samples >= 32 else None
    if not 1 / settings.preprocessing_scale < scale < settings.preprocessing_scale and current.feature_samples >= 16:
        return scale, shift
    if shift > settings.preprocessing_shift + few:
        return scale, shift
    return (scale, shift) if _ranges_differ(use, current, settings) else None


def _is_judged(current: EvaluationPass) -> bool:
    return bool(current.scored) or current.names_held_out


def _ranges_differ(use: ModelUse, current: EvaluationPass, settings: DoctorSettings) -> bool:
    """Whether inputs fill one customary range in training and another one in evaluations: [0, 1] and [-1, 1]."""
    if current.inputs.count < settings.range_values or use.input_train.count < settings.range_values:
        return False
    before, now = _range(use.input_train), _range(current.inputs)
    return before is not None and now is not None and before != now


def _range(spread: Spread) -> tuple[float, float] | None:
    for low, high in ((0.0, 1.0), (-1.0, 1.0), (-0.5, 0.5), (0.0, 16.0), (0.0, 255.0)):
        span = high - low
        if abs(spread.low - low) <= 1e-3 * span and abs(spread.high - high) <= 1e-3 * span:
            return low, high
    return None


def class_imbalance(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Uneven classes, no weights, and the rarer ones are hardly ever answered."""
    if any(loader.weighted_sampler for loader in recording.loaders) or recording.is_adversarial:
        return None
    for use in recording.losses:
        if use.trained < 10 or len(use.recalls) < 2:
            continue
        if use.function not in ("cross_entropy", "nll_loss") and not use.function.startswith("binary_cross"):
            continue
        counts = {label: seen for label, (_, seen) in use.recalls.items()}
        total = sum(counts.values())
        common = max(counts, key=lambda label: counts[label])
        share = counts[common] / max(total, 1)
        rare = [(right, seen) for label, (right, seen) in use.recalls.items() if label != common and seen >= 3]
        if share < settings.imbalance or total < 100 or not rare:
            continue
        recall = sum(right for right, _ in rare) / sum(seen for _, seen in rare)
        if recall > settings.minority_recall:
            continue
        return Finding(
            kind="class-imbalance",
            message=(
                f"Class {common} makes up {share:.0%} of the labels, and the network falls back on it: it finds "
                f"{recall:.0%} of the rarer ones."
            ),
            action="Weigh the loss by class (weight, pos_weight), or sample the rarer classes more often.",
            evidence={"commonest_share": share, "rare_recall": recall, "classes": len(counts), "samples": total},
            where=str(use.site),
            confidence=0.85,
        )
    return None


def unnormalised_inputs(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Inputs of large scale or offset, or features of very different scales, into a layer that does not normalise."""
    for use in recording.models:
        if not use.trained_parameters or use.input_is_integer or not use.feature_stds or use.starts_normalising:
            continue
        seen = use.input_train
        moving = [s for s in use.feature_stds if s > 0]
        if not moving or not math.isfinite(seen.std):
            continue
        uneven = max(moving) / max(_quantile(moving, 0.1), 1e-12)
        large = seen.std > settings.input_scale or abs(seen.mean) > settings.input_scale
        offset = abs(seen.mean) > settings.input_scale * seen.std and abs(seen.mean) > 3
        if not large and not offset and not (uneven > settings.input_uneven and max(moving) > settings.input_scale / 2):
            continue
        return Finding(
            kind="unnormalised-inputs",
            message=(
                f"Inputs are not normalised: mean {seen.mean:.3g}, deviation {seen.std:.3g}, from {seen.low:.3g} to "
                f"{seen.high:.3g}; deviations of single features differ by a factor of {uneven:.3g}."
            ),
            action="Subtract each feature's mean and divide by its deviation, both of the training set.",
            evidence={"mean": seen.mean, "std": seen.std, "low": seen.low, "high": seen.high, "uneven": uneven},
            where=str(use.training_site or ""),
            confidence=0.8,
        )
    return None


def unnormalised_targets(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Regression targets far from the scale of what the network puts out at the start."""
    for use in recording.losses:
        if use.function not in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "difference") or use.trained < 3:
            continue
        goal, first = use.target, use.first_prediction
        size = math.hypot(goal.mean, goal.std)
        if size <= settings.target_scale or size < 10 * math.hypot(first.mean, first.std):
            continue
        return Finding(
            kind="unnormalised-targets",
            message=(
                f"Targets have mean {goal.mean:.3g} and deviation {goal.std:.3g}, while the network starts "
                "with outputs "
                f"of mean {first.mean:.3g} and deviation {first.std:.3g}: most of the training goes into the scale."
            ),
            action="Standardise the targets for training and scale the predictions back.",
            evidence={
                "target_mean": goal.mean,
                "target_std": goal.std,
                "first_output_mean": first.mean,
                "first_output_std": first.std,
            },
            where=str(use.site),
            confidence=0.8,
        )
    return None


def _median(values: Sequence[float]) -> float:
    return _quantile(values, 0.5)


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0
