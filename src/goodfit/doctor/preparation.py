"""Whether evaluation inputs were prepared wrongly: with the training inputs' figures they must be answered better.

Figures alone do not tell a forgotten scaling from data that differ by nature: a later part of a series, clean samples
beside noisy ones, a grid to plot over.
"""

from __future__ import annotations

import copy
import dataclasses

import torch
from torch import Tensor, nn

from goodfit.doctor.capacity import told
from goodfit.findings import Finding, Severity
from goodfit.recording.kept import Kept
from goodfit.recording.recorder import Recorder
from goodfit.recording.tensors import tensors_in
from goodfit.settings.doctor import DoctorSettings

_UNPROVEN = 0.3  # confidence of what its experiment did not support
_COUNTS = 0.02  # share of answers, below which a difference is no evidence either way


def preparation_confirmed(finding: Finding, recorder: Recorder, settings: DoctorSettings) -> Finding:
    """The finding with its experiment; info where that speaks against it, or where it is neither gross nor tried."""
    try:
        tried = _errors(recorder)
    except Exception as error:  # the user's own code, run in a way it was not written for
        recorder.recording.opaque.append(f"an experiment failed ({type(error).__name__}: {error})")
        tried = None
    ratio, gross = finding.evidence["scale_ratio"], settings.preprocessing_gross
    is_gross = not 1 / gross < ratio < gross
    if tried is None:
        return finding if is_gross else dataclasses.replace(finding, severity=Severity.INFO, confidence=_UNPROVEN)
    given, aligned = tried[0].value, tried[1].value
    counts = tried[0].counts
    evidence = {
        **finding.evidence,
        "experiment": {
            "remedy": "evaluation inputs brought to the training inputs' mean and deviation by feature",
            "metric": tried[0].metric,
            "without": given,
            "with": aligned,
            "seeds": 1,
        },
    }
    if aligned < given - max(settings.remedy_gain * given, counts):
        return dataclasses.replace(finding, evidence=evidence, confidence=0.96)
    if is_gross and abs(aligned - given) <= counts:
        return dataclasses.replace(finding, evidence=evidence)  # the network does not mind, the program is wrong still
    return dataclasses.replace(finding, evidence=evidence, severity=Severity.INFO, confidence=_UNPROVEN)


@dataclasses.dataclass(frozen=True, slots=True)
class EvaluatedError:
    """How wrong a network is on evaluated samples."""

    value: float
    metric: str
    counts: float  # a difference below it is no evidence


def evaluated_error(model: nn.Module, kept: Kept, held: tuple[Tensor, Tensor]) -> EvaluatedError | None:
    """The error of a network in eval mode on inputs and labels of evaluations; None where they cannot be compared."""
    rows, labels = held
    if any(
        len(given) != 1 or given[0].shape[1:] != rows.shape[1:]
        for given in (list(tensors_in((batch.args, batch.kwargs))) for batch in kept.batches)
    ):
        return None
    model.eval()
    with torch.no_grad():
        out = next(tensors_in(model(rows)))
    if out.ndim == 2 and out.shape[1] == 1:
        out = out[:, 0]
    classed = kept.name in ("cross_entropy", "nll_loss")
    both = told(out, labels.long() if classed else labels.to(out.dtype), kept.name)
    if both is None:
        return None
    answers, true = both
    if classed or kept.name.startswith("binary_cross_entropy"):
        return EvaluatedError(float((answers != true).double().mean()), "share of wrong answers", _COUNTS)
    return EvaluatedError(float((answers.double() - true.double()).square().mean()), "mean squared error", 0.0)


def _errors(recorder: Recorder) -> tuple[EvaluatedError, EvaluatedError] | None:
    """The error on evaluated samples, as they were given and brought in line."""
    kept, held = recorder.kept, recorder.pairs.held_out
    if kept.model is None or held is None or not kept.batches:
        return None
    rows, labels = held
    model = copy.deepcopy(kept.model)
    given = evaluated_error(model, kept, held)
    learned = torch.cat([next(tensors_in((batch.args, batch.kwargs))) for batch in kept.batches])
    if given is None or not rows.is_floating_point() or not learned.is_floating_point():
        return None
    (mean, std), (own_mean, own_std) = _figures(learned), _figures(rows)
    aligned = evaluated_error(model, kept, (((rows - own_mean) / own_std * std + mean).to(rows.dtype), labels))
    return None if aligned is None else (given, aligned)


def _figures(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of every feature, or of every channel of images: [1, ...]."""
    axes = [0, *range(2, inputs.ndim)] if inputs.ndim >= 4 else [0]
    variance, mean = torch.var_mean(inputs.double(), dim=axes, correction=0, keepdim=True)
    # a feature that is constant in one of the sets keeps its scale
    return mean, torch.where(variance > 0, variance, torch.ones_like(variance)).sqrt()
