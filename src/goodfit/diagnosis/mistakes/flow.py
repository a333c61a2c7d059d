"""What flows through the layers: numbers that are not finite, gradients that vanish or explode, units that are dead."""

from __future__ import annotations

import itertools
import math
import statistics

from goodfit.findings import Finding
from goodfit.recording.records import LayerFlow, ParameterUse, Recording
from goodfit.settings.doctor import DoctorSettings

_GREW = 10.0  # a loss this many times its start before the first NaN: the steps were too large


def numerical_nan(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """A first value that is not finite while the weights and the loss before were sound: an operation or the data."""
    seen = recording.not_finite
    if seen is None or not seen.parameters_finite:
        return None
    from_data = seen.what in ("inputs", "targets")
    if not from_data and not seen.operation:
        return None
    if not from_data and "overflow" in seen.operation and seen.grew > _GREW:
        return None
    what = f"{seen.what} that are not finite" if from_data else seen.operation
    if from_data and seen.operation:
        what += f" (made by {seen.operation})"
    return Finding(
        kind="numerical-nan",
        message=(
            f"At step {seen.step} the {seen.what if not from_data else 'loss'} became not finite because of "
            f"{what}, while "
            "all weights were still finite."
        ),
        action=(
            "Remove or replace the missing values before training."
            if from_data
            else "Keep the operation away from that point: clamp its input, add a small number, or use a stable form."
        ),
        evidence={"step": seen.step, "first_in": seen.what, "operation": seen.operation},
        where=str(seen.site or recording.backward_site or ""),
        confidence=0.93,
    )


def bad_initialisation(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Layers whose units are all alike and stay so, or a start whose outputs are far too large."""
    alike = [
        p
        for p in recording.parameters
        if p.rows_alike and p.rows_alike_at_end and p.ran + p.reached >= settings.hits and p.in_optimizer
    ]
    alike = [p for p in alike if (p.is_linear or p.layer.startswith(("LSTM", "GRU", "RNN"))) and _units(p) >= 4]
    if alike and recording.steps >= 5:
        first = alike[0]
        model = recording.models[first.model] if first.model is not None else None
        return Finding(
            kind="bad-initialisation",
            message=(
                f"All {_units(first)} units of {first.name} start with the same weights and still have the same after "
                f"{recording.steps} steps: they can only learn the same thing."
            ),
            action="Start the weights at random numbers (PyTorch's default does); only biases may all be equal.",
            evidence={"layers": len(alike), "names": [p.name for p in alike[:8]], "steps": recording.steps},
            where=str((model.training_site if model else None) or ""),
            confidence=0.95,
        )
    for use in recording.losses:
        if use.function != "cross_entropy" or not use.classes or use.first_value is None or use.trained < 3:
            continue
        expected = math.log(use.classes)
        owner = next((m for m in recording.models if m.trained_parameters), None)
        if use.summed or use.classes < 2 or (owner is not None and (owner.loaded or owner.is_tied)):
            continue
        excess = use.first_value - expected
        if excess > settings.initial_excess * max(expected, 1.0) and use.first_prediction.std > 3.0:
            return Finding(
                kind="bad-initialisation",
                message=(
                    f"The first loss is {use.first_value:.3g} where {use.classes} classes give "
                    f"{expected:.3g}: the first "
                    f"outputs spread by {use.first_prediction.std:.3g}, so the network is sure of wrong answers."
                ),
                action="Draw smaller weights (PyTorch's default), and check the scale of the inputs.",
                evidence={
                    "first_loss": use.first_value,
                    "expected": expected,
                    "output_std": use.first_prediction.std,
                },
                where=str(use.site),
                confidence=0.85,
            )
    return _stuck_at_zero(recording, settings) or _stuck_by_start(recording, settings)


def far_from_usual(recording: Recording, settings: DoctorSettings) -> list[ParameterUse]:
    """Trained weights that inputs are multiplied by and that started far larger or smaller than usual."""
    kinds = ("LSTM", "GRU", "RNN")
    return [
        p
        for p in recording.parameters
        if (p.in_optimizer or (p.model is None and p.reached > 0))
        and not p.loaded
        and (p.is_linear or p.layer.startswith(kinds))
        and p.gain is not None
        and not settings.gain_low <= p.gain <= settings.gain_high
    ]


def _stuck_at_zero(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Weights that start at 0 and multiply each other: no gradient ever comes back to any of them."""
    weights = [p for p in recording.parameters if p.in_optimizer and len(p.shape) >= 2 and p.gradients >= settings.hits]
    stuck = [p for p in weights if p.gain == 0.0 and p.zero_gradients == p.gradients]
    if not stuck or len(stuck) < len(weights):
        return None
    return Finding(
        kind="bad-initialisation",
        message=(
            f"All weights ({', '.join(p.name for p in stuck[:3])}) start at 0, and their gradients are exactly 0 at "
            f"every one of {stuck[0].gradients} steps looked at: each is multiplied by "
            "another that is 0, so none ever moves."
        ),
        action="Start all but one of the factors at small random numbers.",
        evidence={"layers": len(stuck), "names": [p.name for p in stuck[:8]], "steps": recording.steps},
        where=_where(recording),
        confidence=0.96,
    )


def _stuck_by_start(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Weights far from the usual size in most layers, in a training that learned nothing."""
    odd = far_from_usual(recording, settings)
    weights = [p for p in recording.parameters if p.is_linear and p.reached]
    if recording.is_adversarial or len(odd) < max(2, 0.5 * len(weights)) or not _learned_nothing(recording, settings):
        return None
    gains = [p.gain for p in odd if p.gain is not None]
    return Finding(
        kind="bad-initialisation",
        message=(
            f"{len(odd)} of {len(weights)} weights start at {min(gains):.2g} to {max(gains):.2g} times the usual size, "
            f"and in {recording.steps} steps nothing was learned: what goes in or comes back is lost on the way."
        ),
        action="Start weights at random numbers of deviation about 1/sqrt(inputs of a unit), as layers do.",
        evidence={"layers": len(odd), "names": [p.name for p in odd[:8]], "times_the_usual": gains[:8]},
        where=_where(recording),
        confidence=0.85,
    )


def _learned_nothing(recording: Recording, settings: DoctorSettings) -> bool:
    """Whether the training loss ended where it began."""
    losses = [value for _, value in recording.step_losses if math.isfinite(value)]
    if len(losses) < settings.few_points:
        return False
    return statistics.median(losses[-5:]) > settings.start_unlearned * statistics.median(losses[:3]) > 0


def _units(parameter: ParameterUse) -> int:
    return parameter.shape[-1 if parameter.units_last else 0]


def vanishing_gradient(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Gradients of the first weights orders of magnitude below those of the last, all through training."""
    flows = _of_one_model(recording)
    if len(flows) < 4:
        return None
    first, last = _typical(flows[0]), max(_typical(flow) for flow in flows[-2:])
    limit = settings.vanishing_unlearned if _learned_nothing(recording, settings) else settings.vanishing
    if last <= 0 or first / last > limit or not first > 0:
        return None
    between = [_typical(flow) for flow in flows]
    falling = sum(a < b for a, b in itertools.pairwise(between))
    if falling < 0.6 * (len(between) - 1):
        return None
    return Finding(
        kind="vanishing-gradient",
        message=(
            f"Gradients vanish on their way back: those of {flows[0].name} are {first / last:.1e} times those of "
            f"{flows[-1].name}, over {len(flows)} layers, so the first layers do not learn."
        ),
        action="Use ReLU-like activations, normalisation or residual connections, and a matching initialisation.",
        evidence={"ratio": first / last, "first": first, "last": last, "layers": len(flows)},
        where=_where(recording),
        confidence=0.88,
    )


def exploding_gradient(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Gradient norms that are huge against the weights, or growing by orders of magnitude towards the first layers."""
    for use in recording.optimised:
        norms = [norm for _, norm in use.gradient_norms if math.isfinite(norm)]
        weights = [norm for _, norm in use.weight_norms if norm > 0]
        if len(norms) < 3 or not weights:
            continue
        early = statistics.median(norms[:3])
        ratio = early / weights[0]
        losses = [abs(value) for _, value in recording.step_losses[:3] if math.isfinite(value)]
        # a loss summed over samples and outputs has gradients as large as itself: no fault of the network's
        relative = early * weights[0] / max(statistics.median(losses), 1e-12) if losses else math.inf
        if ratio < settings.exploding or relative < settings.exploding_relative:
            continue
        return Finding(
            kind="exploding-gradient",
            message=(
                f"Gradients explode: their norm is {early:.3g} at the first steps (largest seen {max(norms):.3g}), "
                f"{ratio:.3g} times that of the weights."
            ),
            action="Clip the gradient norm, scale the weights' start down, or normalise within the network.",
            evidence={
                "first_norm": early,
                "largest_norm": max(norms),
                "weight_norm": weights[0],
                "relative_change_of_loss": relative if math.isfinite(relative) else None,
            },
            where=str(use.step_site or ""),
            confidence=0.85,
        )
    return None


def dead_relu(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Layers in which a large part of the ReLU units is zero for every sample of the last batches."""
    dead = [
        a
        for a in recording.activations
        if a.function == "relu" and a.units >= 8 and a.samples >= 200 and a.dead >= settings.dead and not a.is_output
    ]
    if not dead:
        return None
    worst = max(dead, key=lambda a: a.dead)
    return Finding(
        kind="dead-relu",
        message=(
            f"{worst.dead:.0%} of the {worst.units} ReLU units at {worst.place} are zero for every one of "
            f"{worst.samples:,} samples ({worst.dead_at_start:.0%} at the start): they have stopped learning."
        ),
        action="Lower the learning rate, start biases at 0, or use a leaky ReLU.",
        evidence={"dead": worst.dead, "dead_at_start": worst.dead_at_start, "units": worst.units, "layers": len(dead)},
        where=str(worst.site or ""),
        confidence=0.85,
    )


def saturated_activation(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Sigmoid or tanh layers that sit in their flat parts from the start."""
    flat = [
        a
        for a in recording.activations
        if a.function in ("sigmoid", "tanh")
        and a.units >= 4
        and a.samples
        and not a.is_output
        and min(a.saturated, a.saturated_at_start) >= settings.saturated
    ]
    if not flat or recording.is_adversarial:
        return None
    worst = max(flat, key=lambda a: a.saturated)
    return Finding(
        kind="saturated-activation",
        message=(
            f"{worst.saturated:.0%} of what {worst.function} gives at {worst.place} lies in its flat part, "
            "from the start "
            "on, where hardly any gradient passes."
        ),
        action="Scale the inputs and the initial weights down, or use ReLU.",
        evidence={"saturated": worst.saturated, "at_start": worst.saturated_at_start, "layers": len(flat)},
        where=str(worst.site or ""),
        confidence=0.85,
    )


def missing_nonlinearity(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Linear layers that could be one: the layer between them is no narrower than both its neighbours."""
    pairs = [
        pair
        for pair in recording.linear_pairs
        if pair.hits >= min(settings.hits, recording.backwards) and _is_superfluous(pair.shapes)
    ]
    pairs = [p for p in pairs if p.names[0] != p.names[1]]
    if not pairs:
        return None
    first = pairs[0]
    model = next((use for use in recording.models if use.training.passes), None)
    return Finding(
        kind="missing-nonlinearity",
        message=(
            f"{first.names[0]} and {first.names[1]} follow each other with no nonlinearity between them, so together "
            "they can do no more than one linear layer."
            + (f" The same holds for {len(pairs) - 1} more pairs." if len(pairs) > 1 else "")
        ),
        action="Put a nonlinearity such as nn.ReLU() between them.",
        evidence={"pairs": [list(p.names) for p in pairs[:8]], "steps": recording.steps},
        where=str((model.training_site if model else None) or ""),
        confidence=0.9,
    )


def update_ratio_off(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Updates that are orders of magnitude off the usual thousandth of the weights, for most of the training."""
    for use in recording.optimised:
        ratios = [ratio for _, ratio in use.ratios if math.isfinite(ratio)]
        if len(ratios) < 8:
            continue
        middle = statistics.median(ratios[len(ratios) // 4 :])
        if settings.ratio_low <= middle <= settings.ratio_high:
            continue
        high = middle > settings.ratio_high
        return Finding(
            kind="update-ratio-off",
            message=(
                f"A step changes the weights by {middle:.1e} of their size (median), where 1e-3 is usual: "
                + ("far too much." if high else "hardly anything.")
            ),
            action=f"{'Lower' if high else 'Raise'} the learning rate by a factor of 10 and compare.",
            evidence={"median_ratio": middle, "usual": 1e-3, "steps": len(ratios)},
            where=str(use.site or use.step_site or ""),
            confidence=0.7,
        )
    return None


def _of_one_model(recording: Recording) -> list[LayerFlow]:
    """The weight matrices of the network that was trained most, in the order of its parameters."""
    if recording.is_adversarial:
        return []
    counts: dict[int | None, int] = {}
    for flow in recording.flows:
        counts[flow.model] = counts.get(flow.model, 0) + 1
    if not counts:
        return []
    most = max(counts, key=lambda key: counts[key])
    kinds = ("Linear", "Conv")
    order = {p.name: place for place, p in enumerate(recording.parameters)}  # optimisers may hold them in another one
    flows = [f for f in recording.flows if f.model == most and f.layer.startswith(kinds) and len(f.gradient_rms) >= 4]
    return flows if most is None else sorted(flows, key=lambda flow: order.get(flow.name, len(order)))


def _typical(flow: LayerFlow) -> float:
    return statistics.median(rms for _, rms in flow.gradient_rms)


def _is_superfluous(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> bool:
    first, second = shapes
    if len(first) == 2 and len(second) == 2:
        return first[0] >= min(first[1], second[0]) and first[0] == second[1]
    if len(first) == len(second) and len(first) > 2:
        spatial = math.prod(first[2:]) > 1 and math.prod(second[2:]) > 1
        return spatial and first[0] == second[1] and first[0] >= min(first[1], second[0])
    return False


def _where(recording: Recording) -> str:
    model = next((use for use in recording.models if use.training.passes), None)
    return str((model.training_site if model else None) or recording.backward_site or "")
