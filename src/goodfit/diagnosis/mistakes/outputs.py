"""What is handed to the loss: probabilities where logits are due, activations that cannot give the targets, shapes."""

from __future__ import annotations

import math

from goodfit.findings import Finding, Severity
from goodfit.recording.records import LossUse, Recording
from goodfit.settings.doctor import DoctorSettings

_SQUARED = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "difference")
_BOUNDED = (*_SQUARED[:-1], "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")
_LOG_RATES = {"Sigmoid": (1.0, math.e), "Tanh": (1 / math.e, math.e), "Relu": (1.0, math.inf)}  # rates that these allow
_CEILED = ("Clamp", "Hardtanh", "Relu6", "Hardsigmoid")


def softmax_before_cross_entropy(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Rows that are distributions already, into a loss that applies log-softmax."""
    for use in _trained(recording, settings, "cross_entropy"):
        if use.producer_dims and _producer(use).startswith("Softmax") and _over_batch(use):
            continue  # the wrong axis is the finding
        if use.probabilities >= settings.probability_rows * use.trained and (use.classes or 0) > 1:
            floor = _floor(use.classes or 2)
            return Finding(
                kind="softmax-before-cross-entropy",
                message=(
                    "Probabilities go into cross_entropy, which applies log-softmax itself: the loss "
                    "cannot fall below "
                    f"{floor:.3g} for {use.classes} classes, and gradients are small."
                ),
                action="Leave the softmax out and give the raw outputs (logits) to the loss.",
                evidence={
                    "losses": use.trained,
                    "with_probabilities": use.probabilities,
                    "lowest_possible_loss": floor,
                    "operation": _producer(use) or "unknown",
                },
                where=str(use.site),
                confidence=0.97,
            )
        if use.log_probabilities >= settings.probability_rows * use.trained and _producer(use).startswith("LogSoftmax"):
            return Finding(
                kind="softmax-before-cross-entropy",
                severity=Severity.INFO,
                message=(
                    "Log-probabilities go into cross_entropy, which applies log-softmax again; that changes nothing."
                ),
                action="Use nll_loss, or leave the log-softmax out.",
                evidence={"losses": use.trained, "with_log_probabilities": use.log_probabilities},
                where=str(use.site),
                confidence=0.9,
            )
    return None


def sigmoid_before_bce_with_logits(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Numbers within 0 and 1 made by a sigmoid (or a softmax), into a loss that applies the sigmoid."""
    for use in _trained(recording, settings, "binary_cross_entropy_with_logits"):
        producer = _producer(use)
        if producer.startswith(_CEILED):
            continue
        made = producer.startswith(("Sigmoid", "Softmax"))
        unmade = use.within_unit == use.trained and use.prediction.std > 0.02 and use.trained >= 10 and not producer
        if (made and use.within_unit >= settings.probability_rows * use.trained) or unmade:
            return Finding(
                kind="sigmoid-before-bce-with-logits",
                message=(
                    "Sigmoid outputs go into binary_cross_entropy_with_logits, which applies the sigmoid itself: its "
                    "answers stay between 0.5 and 0.73 and the loss cannot fall below 0.31."
                ),
                action="Leave the sigmoid out and give the raw outputs (logits) to the loss.",
                evidence={"losses": use.trained, "within_0_and_1": use.within_unit, "operation": producer or "unknown"},
                where=str(use.site),
                confidence=0.97 if made else 0.8,
            )
    return None


def wrong_softmax_dim(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """A softmax over the samples of a batch, or over an axis of one entry."""
    for use in recording.softmaxes:
        if use.calls < settings.hits:
            continue
        if use.summed_elsewhere > settings.share * use.calls:
            return Finding(
                kind="wrong-softmax-dim",
                message=(
                    f"{use.function} runs over axis {use.dim} of weights of shape {list(use.shape)}, but the weighted "
                    "sum that follows runs over another axis: the weights of one sum do not add up to 1."
                ),
                action="Let the softmax run over the axis that is summed over: the last one before `weights @ values`.",
                evidence={"calls": use.calls, "shape": list(use.shape), "dim": use.dim},
                where=str(use.site),
                confidence=0.93,
            )
        single_unit = len(use.shape) == 2 and use.shape[1] == 1
        if use.over_batch > settings.softmax_over_batch * use.calls:
            return Finding(
                kind="wrong-softmax-dim",
                message=(
                    f"{use.function} runs over axis {use.dim}, along which the samples of the batch lie (shape "
                    f"{list(use.shape)}), so the samples compete with each other and no row sums to 1."
                ),
                action=f"Let it run over the classes: {use.function}(x, dim=1).",
                evidence={"calls": use.calls, "over_batch": use.over_batch, "shape": list(use.shape), "dim": use.dim},
                where=str(use.site),
                confidence=0.95,
            )
        if use.size_one == use.calls and not single_unit:
            return Finding(
                kind="wrong-softmax-dim",
                message=(
                    f"{use.function} runs over axis {use.dim}, which has one entry (shape "
                    f"{list(use.shape)}): what comes "
                    "out is 1 everywhere, whatever goes in."
                ),
                action="Let it run over the axis along which the weights are to sum to 1.",
                evidence={"calls": use.calls, "shape": list(use.shape), "dim": use.dim},
                where=str(use.site),
                confidence=0.95,
            )
    return _rows_do_not_sum(recording, settings)


def _rows_do_not_sum(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """A softmax made the prediction, but along the axis of the classes it gives no distribution."""
    for use in recording.losses:
        producer = _producer(use)
        if use.trained < settings.hits or not producer.startswith(("Softmax", "LogSoftmax")):
            continue
        (prediction, _), _ = use.shapes.most_common(1)[0]
        classed = use.function in ("nll_loss", "cross_entropy")
        if not (classed and (use.classes or 0) > 1) and not (len(prediction) == 2 and prediction[1] > 1):
            continue
        logs = producer.startswith("Log")
        if (use.log_probabilities if logs else use.probabilities) > (1 - settings.probability_rows) * use.trained:
            continue
        return Finding(
            kind="wrong-softmax-dim",
            message=(
                f"The {'log-' if logs else ''}softmax before {use.function} does not run over the classes: along them, "
                f"in predictions of shape {list(prediction)}, its rows do not sum to 1."
            ),
            action="Let it run over the axis of the classes.",
            evidence={"losses": use.trained, "shape": list(prediction), "operation": producer},
            where=str(use.site),
            confidence=0.93,
        )
    return None


def shape_broadcast_in_loss(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Prediction and target of different shapes meet, and every prediction is held against every target."""
    for use in recording.losses:
        if use.trained < settings.hits or use.differing < settings.share * use.trained or use.broadcast_blowup < 2:
            continue
        (prediction, target), _ = next(
            (pair for pair in use.shapes.most_common() if pair[0][0] != pair[0][1]), (((), ()), 0)
        )
        if not _is_accident(prediction, target):
            continue
        return Finding(
            kind="shape-broadcast-in-loss",
            message=(
                f"The prediction has shape {list(prediction)} and the target {list(target)}: they are "
                "broadcast, so that "
                "every prediction is held against every target, and the best answer is the targets' mean."
            ),
            action="Give both the same shape, for example prediction.squeeze(1) or target.unsqueeze(1).",
            evidence={
                "prediction": list(prediction),
                "target": list(target),
                "times_the_elements": use.broadcast_blowup,
                "losses": use.trained,
            },
            where=str(use.site),
            confidence=0.97,
        )
    return _by_hand(recording, settings)


def maximised_loss(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """A loss that is 0 for the best answer, whose negative is minimised: training makes the answers worse."""
    if recording.is_adversarial:
        return None
    for use in recording.losses:
        if use.function not in _BOUNDED or use.trained < settings.hits or use.negative:
            continue
        if use.opposed < 0.9 * use.trained or _is_answered(use, recording):
            continue
        return Finding(
            kind="pipeline-suspect",
            message=(
                f"What is minimised is {use.opposed_by:.3g} times {use.function}: every step makes the answers worse."
            ),
            action="Give the loss itself to backward(), without the minus sign.",
            evidence={"reason": "the loss is maximised", "times": use.opposed_by, "losses": use.trained},
            where=str(use.site),
            confidence=0.95,
        )
    return None


def _is_answered(use: LossUse, recording: Recording) -> bool:
    """Whether the same loss is minimised elsewhere as often: inputs are moved uphill, as for adversarial examples."""
    return any(
        other.function == use.function and not other.opposed and other.trained >= 0.5 * use.trained
        for other in recording.losses
        if other is not use
    )


def wrong_output_activation(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """A last activation whose range does not hold the targets, or that leaves the loss nothing to choose."""
    for use in recording.softmaxes:
        if use.calls >= settings.hits and use.size_one == use.calls and len(use.shape) == 2 and use.shape[1] == 1:
            return Finding(
                kind="wrong-output-activation",
                message=(
                    f"{use.function} runs over a single output unit: it gives 1 for every sample, whatever goes in."
                ),
                action=(
                    "Use a sigmoid with binary cross-entropy for one unit, or one unit per class with cross-entropy."
                ),
                evidence={"calls": use.calls, "shape": list(use.shape)},
                where=str(use.site),
                confidence=0.97,
            )
    for use in recording.losses:
        if use.trained < settings.hits:
            continue
        found = _range_finding(use, settings)
        if found is not None:
            return found
    return None


def _range_finding(use: LossUse, settings: DoctorSettings) -> Finding | None:
    producer = _producer(use)
    share, given, fits = 0.0, "", ""
    if use.function in (*_SQUARED, "gaussian_nll_loss"):
        if producer.startswith(("Relu", "Softplus", "ThresholdBackward", "Exp")) and "Relu6" not in producer:
            share, given, fits = use.target_below_zero, "numbers of 0 and more", "below 0"
        elif producer.startswith(("Sigmoid", "Softmax", "Hardsigmoid")):
            share, given, fits = use.target_outside_unit, "numbers between 0 and 1", "outside of them"
        elif producer.startswith("Tanh"):
            share, given, fits = use.target_outside_two, "numbers between -1 and 1", "outside of them"
    elif use.function in ("cross_entropy", "binary_cross_entropy_with_logits"):
        if producer.startswith(("Relu", "ThresholdBackward")) and "Relu6" not in producer:
            share, given, fits = 1.0, "logits of 0 and more", ""
        elif use.function == "cross_entropy" and producer.startswith(("Sigmoid", "Tanh")):
            share, given, fits = 1.0, "logits within a span of 1 or 2", ""
        elif use.function == "cross_entropy" and use.classes == 1:
            share, given, fits = 1.0, "one logit per sample, whose softmax is 1 whatever it is,", ""
        elif producer.startswith("Tanh") and use.target_whole_numbers == use.trained:
            share, given, fits = 1.0, "logits between -1 and 1, probabilities of 0.27 to 0.73,", ""
    elif use.function == "binary_cross_entropy" and producer.startswith("Softmax"):
        if use.probabilities > settings.share * use.trained > 2 * use.target_rows_sum_to_one:
            share, given, fits = 1.0, "numbers that sum to 1, although a sample may have several labels or none", ""
    elif use.function == "poisson_nll_loss" and use.options.get("log_input", True):
        name = next((name for name in _LOG_RATES if producer.startswith(name)), "")
        low, high = _LOG_RATES.get(name, (0.0, math.inf))
        if use.target.mean < low or use.target.high > 2 * high:
            share, given, fits = 1.0, f"logarithms of rates of {low:.2g} to {high:.3g}", ""
    if share <= settings.target_outside:
        return None
    name = producer.removesuffix("Backward0") or "The network"
    tail = f", but {share:.0%} of the targets lie {fits}" if fits else ", which the targets and the loss do not go with"
    return Finding(
        kind="wrong-output-activation",
        message=f"{name} at the output gives only {given}{tail}.",
        action="Leave the last activation out and give the loss the layer's raw outputs.",
        evidence={"operation": producer, "share_of_targets_outside": share, "losses": use.trained},
        where=str(use.site),
        confidence=0.93,
    )


def wrong_loss_for_task(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """A loss that does not go with its targets or with what the network puts out."""
    for use in recording.losses:
        if use.trained < settings.hits:
            continue
        message = action = ""
        evidence: dict[str, object] = {"losses": use.trained}
        if use.function == "nll_loss" and use.above_zero > settings.share * use.trained:
            message = (
                "nll_loss is given probabilities"
                if use.probabilities > settings.share * use.trained
                else "nll_loss is given raw outputs"
            ) + ", but it takes log-probabilities: its value has no lower bound that means anything."
            action = "Use cross_entropy on the raw outputs, or apply log_softmax first."
            evidence["with_values_above_0"] = use.above_zero
        elif use.function == "kl_div" and use.above_zero > settings.share * use.trained and use.within_unit:
            message = "kl_div is given probabilities as its first argument, but it takes log-probabilities."
            action = "Apply log_softmax to the first argument."
        elif use.function.startswith("binary_cross_entropy") and use.target_outside_unit > settings.target_outside:
            message = (
                f"{use.function} is given targets outside 0 and 1 ({use.target.low:g} to "
                f"{use.target.high:g}), for which "
                "it means nothing."
            )
            action = (
                "Use cross_entropy for class numbers, a regression loss for measurements, or make the targets 0 or 1."
            )
            evidence |= {"lowest_target": use.target.low, "highest_target": use.target.high}
        elif use.function == "cross_entropy" and not use.target_is_integer_type and not use.target_rows_sum_to_one:
            if use.target_outside_unit > settings.target_outside or not use.target_whole_numbers:
                message = "cross_entropy is given continuous targets that are no probabilities."
                action = "Use a regression loss such as mse_loss."
                evidence |= {"lowest_target": use.target.low, "highest_target": use.target.high}
        elif use.function in _SQUARED and _are_class_numbers(use, settings):
            message = (
                f"A squared or absolute error is taken of class numbers ({len(use.target_values)} classes): it treats "
                "class 2 as twice class 1."
            )
            action = "Give the network one output per class and use cross_entropy."
            evidence["classes"] = len(use.target_values)
        if message:
            return Finding(
                kind="wrong-loss-for-task",
                message=message,
                action=action,
                evidence=evidence,
                where=str(use.site),
                confidence=0.92,
            )
    return None


def _are_class_numbers(use: LossUse, settings: DoctorSettings) -> bool:
    values = sorted(use.target_values)
    return (
        use.target_was_class_number > 0.9 * use.trained
        and use.target_whole_numbers == use.trained
        and use.target_values_full
        and 3 <= len(values) <= settings.whole_values
        and values == [float(i) for i in range(int(values[0]), int(values[0]) + len(values))]
        and values[0] in (0.0, 1.0)
    )


def _trained(recording: Recording, settings: DoctorSettings, function: str) -> list[LossUse]:
    return [use for use in recording.losses if use.function == function and use.trained >= settings.hits]


def _producer(use: LossUse) -> str:
    return use.producers.most_common(1)[0][0] if use.producers else ""


def _over_batch(use: LossUse) -> bool:
    dim, _ = use.producer_dims.most_common(1)[0]
    (prediction, _), _ = use.shapes.most_common(1)[0]
    return len(prediction) == 2 and dim in (0, -2)


def _by_hand(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """The same in arithmetic written by hand: [n, 1] meets [n] on the way to the loss."""
    for use in recording.broadcasts:
        if use.hits < settings.hits:
            continue
        return Finding(
            kind="shape-broadcast-in-loss",
            message=(
                f"On the way to the loss a tensor of shape {list(use.shapes[0])} meets one of shape "
                f"{list(use.shapes[1])}: they are broadcast to {use.shapes[0][0]} by {use.shapes[0][0]} numbers, each "
                "sample held against every other."
            ),
            action="Give both the same shape, for example by squeeze(1) or unsqueeze(1).",
            evidence={"left": list(use.shapes[0]), "right": list(use.shapes[1]), "times": use.hits},
            where=str(use.site),
            confidence=0.95,
        )
    return None


def _is_accident(prediction: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """[n, 1] with [n], [n, k, 1] with [n, k]: the same numbers, laid out differently."""
    if not prediction or not target:
        return False
    squeezed = tuple(d for d in prediction if d != 1), tuple(d for d in target if d != 1)
    return squeezed[0] == squeezed[1] and len(prediction) != len(target)


def _floor(classes: int) -> float:
    return math.log(math.e + classes - 1) - 1
