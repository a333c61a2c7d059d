"""Findings: what a rule saw, the numbers it saw, and what to do about it; and the vocabulary of their kinds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

Json = Any  # str, int, float, bool, None, and lists and dicts of these


class Severity(StrEnum):
    """How much a finding matters: `error` spoils the result, `warning` costs quality or time, `info` does neither."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return ("error", "warning", "info").index(self.value)


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """One word of the vocabulary."""

    severity: Severity  # the default; evidence can lower it, never raise it above
    about: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule saw, with the evidence for it.

    Raises:
        ValueError: the kind is not in the vocabulary, the severity is above the kind's own, or the confidence is not
            within 0 and 1.
    """

    kind: str  # from KINDS; kept in ledgers, so it is never renamed
    message: str  # one sentence: what is wrong
    action: str  # one sentence: what to do
    evidence: Mapping[str, Json] = dataclasses.field(default_factory=dict)
    where: str = ""  # "trial 7, step 0", "train.py:41", "stage overfit"
    confidence: float = 1.0  # 0 to 1
    severity: Severity | None = None  # None: the kind's default
    follows_from: str | None = None  # the kind that this one is a consequence of; it is info then

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is not in the vocabulary of findings")
        default = KINDS[self.kind].severity
        severity = default if self.severity is None else Severity(self.severity)
        if self.follows_from is not None:
            severity = Severity.INFO
        if severity.rank < default.rank:
            raise ValueError(f"{self.kind} is at most {default.value}, not {severity.value}")
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence must be within 0 and 1, got {self.confidence}")
        object.__setattr__(self, "severity", severity)

    def as_json(self) -> dict[str, Json]:
        """The contract's object; not-a-number and infinity are None."""
        document: dict[str, Json] = {
            "kind": self.kind,
            "severity": str(self.severity),
            "message": self.message,
            "evidence": plain(self.evidence),
            "action": self.action,
            "where": self.where,
            "confidence": plain(self.confidence),
        }
        if self.follows_from is not None:
            document["follows_from"] = self.follows_from
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Json]) -> Finding:
        """The finding that `as_json` wrote."""
        fields: dict[str, Any] = {**document, "severity": Severity(document["severity"])}
        return cls(**fields)


def most_important_first(findings: Iterable[Finding]) -> list[Finding]:
    """Worst severity first, then the surest; the order given otherwise stays."""
    return sorted(findings, key=lambda f: (f.severity.rank if f.severity else 0, -f.confidence))


def plain(value: Any) -> Json:
    """A value as JSON holds it: numbers of other libraries as Python's, NaN and infinity as None."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy's and torch's arrays and scalars
        return plain(value.tolist())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return str(value)


def _kind(severity: str, about: str) -> Kind:
    return Kind(Severity(severity), about)


KINDS: Mapping[str, Kind] = {
    # Mistakes in a training script
    "missing-zero-grad": _kind(
        "error",
        "Gradients are not cleared (or not often enough) between optimiser steps, so each step "
        "uses a pile of old gradients; deliberate accumulation (several backward passes, one "
        "step, then a clear) is not this.",
    ),
    "eval-mode-while-training": _kind(
        "error",
        "Dropout or BatchNorm layers are in eval mode during forward passes whose gradients "
        "update them or the layers around them, without the net being frozen on purpose.",
    ),
    "train-mode-while-evaluating": _kind(
        "error", "Validation or test passes run with dropout or BatchNorm in train mode."
    ),
    "softmax-before-cross-entropy": _kind(
        "error",
        "Probabilities (or log-probabilities, which are harmless and only info) are given to a "
        "loss that applies log-softmax itself.",
    ),
    "sigmoid-before-bce-with-logits": _kind(
        "error", "Sigmoid outputs are given to a loss that applies the sigmoid itself."
    ),
    "wrong-softmax-dim": _kind(
        "error", "Softmax or log-softmax runs over the wrong axis (the batch axis, a size-one axis)."
    ),
    "wrong-loss-for-task": _kind(
        "error",
        "The loss does not fit the kind of target (squared error on class numbers, NLL on "
        "probabilities, cross-entropy on a continuous target).",
    ),
    "wrong-output-activation": _kind(
        "error",
        "The last activation cannot produce the targets (ReLU or sigmoid on standardised targets, "
        "softmax over one unit).",
    ),
    "exploding-gradient": _kind(
        "error",
        "Gradient norms grow by orders of magnitude through depth or time, so updates blow up; "
        "clipping or better conditioning is missing.",
    ),
    "vanishing-gradient": _kind(
        "warning",
        "Gradients of the early layers are orders of magnitude below those of the late ones, so "
        "the early layers do not learn.",
    ),
    "numerical-nan": _kind(
        "error",
        "NaN or infinity in inputs, activations, loss, gradients or parameters that starts from "
        "an operation or the data rather than from a too large step.",
    ),
    "dead-relu": _kind("warning", "A large part of the ReLU units of a layer output zero for every sample."),
    "saturated-activation": _kind("warning", "Sigmoid or tanh units sit in their flat parts for nearly all samples."),
    "bad-initialisation": _kind(
        "warning",
        "Initial weights or biases are too large, too small, or identical within a layer (initial "
        "loss far from the expected value, or symmetry never broken).",
    ),
    "parameters-not-in-optimizer": _kind(
        "error",
        "Parameters used in the forward pass are held by no optimiser (layers in a plain list, "
        "optimiser built for another model or for a part only).",
    ),
    "optimizer-step-missing": _kind(
        "error", "Backward passes run but no optimiser step is taken, or the step never changes anything."
    ),
    "frozen-parameters": _kind(
        "error",
        "Layers that were never trained or loaded have requires_grad off, so they stay at their random start.",
    ),
    "dead-graph-detach": _kind(
        "error",
        "The autograd graph is cut (detach, .data, item, numpy, a rebuilt tensor, no_grad), so "
        "layers before the cut get no gradient.",
    ),
    "unnormalised-inputs": _kind(
        "warning",
        "Input features have scales or offsets that hinder training (raw columns in the hundreds, "
        "pixels 0..255 into a net made for unit scale).",
    ),
    "unnormalised-targets": _kind(
        "warning", "Regression targets have a scale or offset far from what the net puts out at the start."
    ),
    "train-eval-preprocessing-mismatch": _kind(
        "error", "Evaluation inputs are preprocessed differently from training inputs."
    ),
    "shape-broadcast-in-loss": _kind(
        "error",
        "Prediction and target differ in shape and are broadcast in the loss, e.g. [N,1] with [N].",
    ),
    "batch-dimension-mixup": _kind(
        "error",
        "Information flows between the samples of a batch (batch axis taken for time, view instead of transpose).",
    ),
    "labels-misaligned": _kind(
        "error",
        "Inputs and labels are paired wrongly (one shuffled or shifted without the other) or labels are random.",
    ),
    "no-shuffle": _kind(
        "warning",
        "Training batches come in an order related to the label (sorted by class) and are not shuffled.",
    ),
    "class-imbalance": _kind(
        "warning",
        "The model falls back on the majority class because classes are very uneven and nothing makes up for it.",
    ),
    "data-leakage": _kind("error", "The inputs contain the target, or evaluation samples are in the training set."),
    "missing-nonlinearity": _kind("warning", "Linear layers follow each other with no nonlinearity between them."),
    "update-ratio-off": _kind(
        "warning",
        "The update/weight ratio is orders of magnitude from about 1e-3 with no more precise cause given.",
    ),
    # Training dynamics
    "lr-too-high": _kind(
        "warning",
        "The learning rate is so high that the loss jumps, oscillates with no net progress, or is "
        "thrown onto a plateau.",
    ),
    "lr-too-low": _kind(
        "warning",
        "The learning rate is so low that the parameters hardly move in the training given (with "
        "it the flat loss whose accuracy rises: scores move just enough to flip the arg-max; the "
        "message says so).",
    ),
    "lr-schedule-wrong": _kind(
        "warning",
        "The schedule makes the rate wrong: stepped at the wrong frequency, decayed to zero early, or never stepped.",
    ),
    "overfitting": _kind(
        "warning",
        "The gap between training and validation is too big: validation has turned and risen well "
        "above its best, or has gone flat while training keeps improving (recipe.md section 5, "
        "rows 9 and 10).",
    ),
    "underfitting-capacity": _kind(
        "warning",
        "The model is too small for the task: training and validation error level off together at a poor value.",
    ),
    "too-few-steps": _kind(
        "warning",
        "Training ends while training and validation are still improving at a sensible learning rate: train longer.",
    ),
    "excess-regularisation": _kind(
        "warning",
        "Weight decay, penalty or dropout is so strong that the model cannot fit the training data.",
    ),
    "diverged": _kind(
        "error",
        "Loss, gradients or weights became non-finite, or the loss rose far above its start and "
        "stayed there; the first bad step and tensor are named.",
    ),
    "loss-spikes": _kind(
        "warning", "Sudden rises of the loss that recover within tens of steps, often enough to matter."
    ),
    "easy-gain-at-start": _kind(
        "info",
        "A hockey stick: most of the early fall is only the output layer learning the best "
        "constant prediction; set the final bias and scale instead.",
    ),
    "too-many-steps": _kind("warning", "The best point came early and nothing has changed since: cut the epochs."),
    "pipeline-suspect": _kind(
        "error",
        "The curve points to the data or to a bug: training loss rising over a long stretch, a "
        "loss that repeats with the epoch, validation better than training beyond what dropout, "
        "augmentation or averaging explain, outputs that do not depend on the inputs; "
        "`evidence.reason` says which.",
    ),
    "noisy-validation": _kind(
        "warning", "The validation metric's noise is larger than the differences being compared."
    ),
    "not-enough-points": _kind("info", "Too few points, or columns missing, for a verdict; says which."),
    "healthy": _kind("info", "No rule fired; then it is the only finding above silence."),
    # The recipe and the search
    "initial-loss-off": _kind(
        "warning",
        "The first loss is not what chance predicts; evidence has both and the logit spread that "
        "explains the difference.",
    ),
    "initial-loss-too-good": _kind(
        "error",
        "The first loss is clearly below chance: leak, pretrained head, or labels among the inputs.",
    ),
    "cannot-overfit-sample": _kind(
        "error",
        "A tiny sample cannot be learned at any rate tried; `evidence.cause` names the remedy that worked, if one did.",
    ),
    "overfits-without-inputs": _kind("error", "With inputs zeroed the sample is still learned: the targets leak."),
    "no-stable-learning-rate": _kind("error", "No rate makes the loss go down without exploding."),
    "learning-rate-at-edge": _kind(
        "info",
        "The best rate sits at the edge of stability: warm-up, clipping or another initialisation may help.",
    ),
    "best-on-border": _kind(
        "warning", "The best trials crowd a border of the range of a hyperparameter; the range was extended."
    ),
    "many-infeasible-trials": _kind(
        "warning", "A large share of trials diverged or failed: the box or the code is wrong."
    ),
    "insensitive": _kind("info", "A hyperparameter makes no measurable difference in this box."),
    "too-few-trials": _kind("info", "The space is too thinly sampled to believe its shape."),
    "winner-within-noise": _kind(
        "info",
        "The best trial is not distinguishable from others over seeds; the simpler or cheaper one was taken.",
    ),
    "dropout-not-working": _kind("warning", "Dropout does not help at this size: use a bigger network."),
    "grid-is-wasteful": _kind(
        "warning",
        "A grid over three or more hyperparameters: most trials repeat values of those that matter.",
    ),
    "wrong-scale": _kind(
        "warning",
        "A hyperparameter whose effect multiplies is declared on a linear scale over more than a decade.",
    ),
    "batch-size-too-large": _kind("info", "Doubling the batch brings no more throughput, or exceeds the noise scale."),
    "not-batchable": _kind("info", "The model cannot train in a batched cohort; the operator is named."),
    "native-engine-unused": _kind(
        "info", "The network could train in the native engine, which was not built here or differs; why is told."
    ),
}
