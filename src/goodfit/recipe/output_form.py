"""What the form of the outputs says of how the model ends, whatever the size of the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from goodfit.findings import Finding, Severity
from goodfit.training.measure.initial import InitialMeasured

WHERE = "stage initial-loss"


def form_findings(measured: InitialMeasured) -> Iterator[Finding]:
    """What the shapes and the range of outputs say directly: it outranks the size of the loss."""
    marks = measured.expected
    if marks is None:
        return
    if marks.broadcasts:
        yield Finding(
            kind="shape-broadcast-in-loss",
            message="Predictions and targets differ in shape, [n, 1] and [n], so each is compared with all others.",
            action="Give both the same shape: target[:, None] or prediction.squeeze(1).",
            evidence={"loss": marks.form},
            where=WHERE,
        )
    if marks.normalises and not marks.log_probabilities and measured.probabilities == "rows":
        classes = len(measured.mean_probabilities or (0, 0))
        floor = math.log(math.e + classes - 1) - 1
        yield Finding(
            kind="softmax-before-cross-entropy",
            message=(
                f"The model's outputs are probabilities already, and the loss applies softmax again: with {classes} "
                f"classes it cannot fall below {floor:.2f}."
            ),
            action="Remove the softmax at the end of the model; cross-entropy takes logits.",
            evidence={"classes": classes, "floor": floor, "initial_loss": float(np.mean(measured.losses[0]))},
            where=WHERE,
        )
    elif marks.log_probabilities and measured.probabilities not in ("log rows", ""):
        yield Finding(
            kind="wrong-loss-for-task",
            message="nll_loss takes log-probabilities, but the model puts out probabilities.",
            action="End the model in log_softmax, or give logits to cross_entropy.",
            where=WHERE,
        )
    elif marks.log_probabilities and measured.probabilities == "":
        yield Finding(
            kind="wrong-loss-for-task",
            message="nll_loss takes log-probabilities, but the model puts out numbers that are none.",
            action="Use cross_entropy, which applies the log-softmax itself.",
            where=WHERE,
        )
    elif marks.normalises and not marks.log_probabilities and measured.probabilities == "log rows":
        yield Finding(
            kind="softmax-before-cross-entropy",
            severity=Severity.INFO,
            message="The model ends in log-softmax and the loss applies it again: harmless, since it changes nothing.",
            action="Remove it, or use nll_loss.",
            where=WHERE,
        )
    elif measured.probabilities == "one":
        yield Finding(
            kind="wrong-output-activation",
            message="The model's only output is 1 whatever the input: a softmax over one unit.",
            action="Use a sigmoid (or logits with binary_cross_entropy_with_logits) for one output.",
            where=WHERE,
        )
    if measured.low is None or measured.high is None:
        return
    if marks.form.endswith("with logits") and measured.low >= 0 and measured.high <= 1:
        yield Finding(
            kind="sigmoid-before-bce-with-logits",
            message=(
                "The model's outputs stay between 0 and 1 however large its weights, and the loss applies the sigmoid "
                "again: it cannot fall below 0.31 for positives and 0.69 for negatives."
            ),
            action="Remove the sigmoid at the end of the model; this loss takes logits.",
            evidence={"low": measured.low, "high": measured.high},
            where=WHERE,
        )
    elif marks.squared or marks.form in ("mean absolute error", "smooth L1", "Huber loss"):
        yield from _unreachable(measured)


def _unreachable(measured: InitialMeasured) -> Iterator[Finding]:
    """Real targets that the last activation cannot produce."""
    low, high, least, most = measured.low, measured.high, measured.target_low, measured.target_high
    if low is None or high is None or least is None or most is None or measured.target_sd is None:
        return
    slack = 0.25 * measured.target_sd
    bounded_below = low >= 0 and least < -slack
    bounded_above = high <= 1.0 + 1e-6 and low >= -1.0 - 1e-6 and (most > 1.0 + slack or least < -1.0 - slack)
    if (bounded_below or bounded_above) and high > low:
        yield Finding(
            kind="wrong-output-activation",
            message=(
                f"The targets run from {least:.3g} to {most:.3g}, but the model's last activation only gives values "
                f"{'from 0 up' if not bounded_above else f'from {low:.2g} to {high:.2g}'}."
            ),
            action="End the model in a linear layer, or scale the targets into the activation's range.",
            evidence={"low": low, "high": high, "target_low": least, "target_high": most},
            where=WHERE,
            confidence=0.9,
        )
