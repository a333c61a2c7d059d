"""Suspicions tried on copies: one that its remedy confirms carries both figures, one that it does not is lowered."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Sequence

import torch
from torch import Tensor

from goodfit.doctor.replay import Change, Replay, Variant
from goodfit.findings import Finding, Severity
from goodfit.recording.records import Recording
from goodfit.recording.tensors import tensors_in
from goodfit.settings.doctor import DoctorSettings

UNSUPPORTED = 0.3  # confidence of a suspicion whose remedy changed nothing


@dataclasses.dataclass(frozen=True, slots=True)
class Remedy:
    """What is compared: the script as it was, and mended."""

    name: str
    without: Variant
    mended: Variant
    metric: str = "training loss"
    certain: bool = False  # a fact of the program: the finding stands whatever the experiment says


def confirmed(
    findings: Sequence[Finding], recording: Recording, replay: Replay | None, settings: DoctorSettings
) -> list[Finding]:
    """The findings, with experiments where a remedy can be tried; suspicions without support drop to info."""
    told = []
    for finding in findings:
        if finding.severity == Severity.INFO or "experiment" in finding.evidence:
            told.append(finding)
            continue
        if finding.kind == "diverged":
            told.append(_risen(finding, recording, replay, settings))
            continue
        remedy = _remedy(finding, recording, replay)
        if remedy is None or replay is None or not replay.has_time:
            told.append(_untried(finding, settings))
            continue
        try:
            told.append(_tried(finding, remedy, replay, settings))
        except Exception as error:  # the user's own code, run in a way it was not written for
            recording.opaque.append(f"an experiment failed ({type(error).__name__}: {error})")
            told.append(_untried(finding, settings))
    return told


def _risen(finding: Finding, recording: Recording, replay: Replay | None, settings: DoctorSettings) -> Finding:
    """A loss that ended far above its start: the same batches must tell the same of the weights at both ends."""
    if finding.evidence.get("weights_blew_up", True):
        return finding
    try:
        if replay is not None and replay.final_loss() > settings.diverged_times * replay.first_loss():
            return finding
    except Exception as error:  # the user's own code, run in a way it was not written for
        recording.opaque.append(f"an experiment failed ({type(error).__name__}: {error})")
    return dataclasses.replace(finding, severity=Severity.INFO, confidence=UNSUPPORTED)


def _untried(finding: Finding, settings: DoctorSettings) -> Finding:
    """A suspicion that nothing can be tried for counts only where its figures are gross."""
    gross = True
    if finding.kind == "unnormalised-inputs":
        gross = max(abs(finding.evidence["mean"]), finding.evidence["std"]) > 3 * settings.input_scale
    elif finding.kind == "unnormalised-targets":
        gross = max(abs(finding.evidence["target_mean"]), finding.evidence["target_std"]) > 3 * settings.target_scale
    elif finding.kind == "update-ratio-off":
        gross = False
    elif finding.kind == "dead-relu":
        gross = finding.evidence["dead"] > settings.dead_untried
    return finding if gross else dataclasses.replace(finding, severity=Severity.INFO)


def _tried(finding: Finding, remedy: Remedy, replay: Replay, settings: DoctorSettings) -> Finding:
    without, mended = [], []
    for seed in range(settings.seeds_tried):
        if not replay.has_time and without:
            break
        without.append(replay.judged(remedy.without, settings.steps_tried, seed))
        mended.append(replay.judged(remedy.mended, settings.steps_tried, seed))
    helps = _helps(without, mended, settings)
    if not helps and remedy.certain:
        return finding
    evidence = {
        **finding.evidence,
        "experiment": {
            "remedy": remedy.name,
            "metric": f"{remedy.metric} after {settings.steps_tried} steps",
            "without": [value if math.isfinite(value) else None for value in without],
            "with": [value if math.isfinite(value) else None for value in mended],
            "seeds": len(without),
        },
    }
    if helps:
        return dataclasses.replace(finding, evidence=evidence, confidence=max(finding.confidence, 0.95))
    return dataclasses.replace(finding, evidence=evidence, severity=Severity.INFO, confidence=UNSUPPORTED)


def _helps(without: list[float], mended: list[float], settings: DoctorSettings) -> bool:
    pairs = list(zip(without, mended, strict=True))
    if not all(math.isfinite(b) for _, b in pairs):
        return False
    if not all(math.isfinite(a) for a, _ in pairs):
        return True
    gain = statistics.median(a - b for a, b in pairs)
    return all(b < a for a, b in pairs) and gain > settings.remedy_gain * abs(statistics.median(without))


def _remedy(finding: Finding, recording: Recording, replay: Replay | None) -> Remedy | None:
    if replay is None:
        return None
    plain = Variant()
    if finding.kind == "missing-zero-grad":
        return Remedy("gradients cleared before every step", Variant(clear=False), plain, certain=True)
    if finding.kind == "eval-mode-while-training":
        return Remedy("the network in train mode", Variant(training=False), plain, certain=True)
    if finding.kind == "softmax-before-cross-entropy":
        return Remedy("the softmax left out", plain, Variant(outputs=lambda p: p.clamp_min(1e-12).log()), certain=True)
    if finding.kind == "sigmoid-before-bce-with-logits":
        return Remedy("the sigmoid left out", plain, Variant(outputs=lambda p: p.logit(1e-6)), certain=True)
    if finding.kind == "unnormalised-inputs":
        return Remedy("inputs standardised", plain, Variant(inputs=_standardiser(replay)))
    if finding.kind == "unnormalised-targets":
        targets = torch.cat([b.target.detach().flatten().double() for b in replay.training_batches])
        mean, std = float(targets.mean()), max(float(targets.std(correction=0)), 1e-12)
        power = 1 if "l1" in (recording.losses[0].function if recording.losses else "") else 2
        return Remedy(
            "targets standardised",
            Variant(scale_loss=std**power),
            Variant(targets=lambda t: (t - mean) / std),
            metric="training loss over the targets' variance",
        )
    if finding.kind == "bad-initialisation":
        return Remedy("weights drawn anew", plain, Variant(redraw=True), certain="layers" in finding.evidence)
    if finding.kind == "update-ratio-off":
        factor = 0.1 if finding.evidence["median_ratio"] > 1e-3 else 10.0
        return Remedy(f"the learning rate times {factor:g}", plain, Variant(rate=factor))
    return None


def _standardiser(replay: Replay) -> Change:
    inputs = [next((t for t in tensors_in(b.args) if t.is_floating_point()), None) for b in replay.training_batches]
    rows = torch.cat([t.detach().double() for t in inputs if t is not None])
    images = rows.ndim >= 4
    axes = [d for d in range(rows.ndim) if not (d == 1 and images) and not (d == rows.ndim - 1 and not images)]
    variance, mean = torch.var_mean(rows, dim=axes, correction=0, keepdim=True)
    std = variance.sqrt().clamp_min(1e-6)

    def change(value: Tensor) -> Tensor:
        return ((value - mean) / std).to(value.dtype)

    return change
