"""Step 1: is the first loss what chance predicts? From measured first losses to a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from goodfit.findings import Finding, Severity
from goodfit.recipe.output_form import WHERE, form_findings
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.settings.initial_loss import InitialLossSettings
from goodfit.training.expected_loss import Expected
from goodfit.training.measure.flow import GradientFlow
from goodfit.training.measure.initial import InitialMeasured


def judge_initial_loss(
    measured: InitialMeasured,
    settings: InitialLossSettings,
    *,
    flow: GradientFlow | None = None,
    expected: float | None = None,
) -> StageResult:
    """The initial loss's verdict.

    Args:
        measured: first losses over several initialisations.
        settings: tolerances.
        flow: the watched backward pass, where there is one: names layers that explain a wrong loss.
        expected: what the user says the first loss should be; needed for a loss of (model, batch).

    Returns:
        Pass, warn or fail by recipe 2.1; skip where no expectation can be computed and the loss is finite.
        `next` has `initial_loss` and, where known, `expected_loss`, `chance_loss` (of the best constant output) and
        `floor_loss`.

    Source: recipe 2.1.
    """
    means = np.array([float(np.mean(losses)) for losses in measured.losses])
    first = float(np.median(means))
    marks = measured.expected
    evidence = {
        "initial_loss": first,
        "by_seed": means.tolist(),
        "batches": len(measured.losses[0]),
        "batch_size": measured.batch_size,
        "logit_sd": measured.output_sd,
    }
    if not np.isfinite(means).all():
        return _not_finite(means, evidence, flow)
    goal = expected if expected is not None else marks.at_zero if marks is not None else None
    if marks is not None:
        evidence |= {"loss": marks.form, "constant_loss": marks.constant, "floor_loss": marks.floor}
    following = {
        "initial_loss": first,
        "expected_loss": goal,
        "chance_loss": marks.constant if marks is not None else None,
        "floor_loss": marks.floor if marks is not None else None,
    }
    if goal is None:
        constant = marks.constant if marks is not None else None
        if constant is not None and constant > 0 and first > settings.constant_multiple * constant:
            finding = Finding(
                kind="initial-loss-off",
                message=(
                    f"The first loss, {first:.4g}, is more than {settings.constant_multiple:g} times that of the best "
                    f"constant output, {constant:.4g}."
                ),
                action="Scale the last layer's initial weights down and check the scale of the targets.",
                evidence={"initial_loss": first, "constant_loss": constant},
                where=WHERE,
            )
            return _result(Verdict.FAIL, finding.message, (finding,), evidence, following)
        why = "a loss of (model, batch) has no closed form" if marks is None else "this loss has no closed form"
        summary = f"The first loss is {first:.4g} and finite; {why}, so nothing more can be said of it."
        return _result(Verdict.SKIP, summary, (), evidence, following)
    noise = _noise(measured)
    judged = _against(means, noise, goal, measured, settings)
    evidence |= {
        "expected_loss": goal,
        "excess": first - goal,
        "standard_error": noise,
        "tolerance": judged.tolerance,
        "mean_probabilities": None
        if measured.mean_probabilities is None or len(measured.mean_probabilities) > 100
        else list(measured.mean_probabilities),
        "class_deviation": _deviation(measured),
    }
    findings = tuple(_findings(judged, measured, settings, flow))
    errors = any(finding.severity is Severity.ERROR for finding in findings)
    verdict = Verdict.FAIL if errors else judged.verdict
    if verdict is Verdict.PASS and any(finding.severity is Severity.WARNING for finding in findings):
        verdict = Verdict.WARN
    return _result(verdict, _summary(judged, measured), findings, evidence, following)


class _Judged:
    """The first losses held against their expectation."""

    def __init__(self, verdict: Verdict, reason: str, first: float, goal: float, tolerance: float) -> None:
        self.verdict, self.reason = verdict, reason
        self.first, self.goal, self.tolerance = first, goal, tolerance


def _noise(measured: InitialMeasured) -> float:
    """The median standard error of a seed's mean loss over its batches."""
    errors = [float(np.std(losses, ddof=1)) / math.sqrt(len(losses)) for losses in measured.losses if len(losses) > 1]
    return float(np.median(errors)) if errors else 0.0


def _against(
    means: np.ndarray, noise: float, goal: float, measured: InitialMeasured, settings: InitialLossSettings
) -> _Judged:
    first = float(np.median(means))
    marks = measured.expected
    per_sum = marks is not None and marks.sums
    scale = abs(goal)
    within = max(settings.standard_errors * noise, settings.relative * scale)
    if marks is not None and (marks.nats or marks.squared) and not per_sum:
        classes = len(measured.mean_probabilities) if measured.mean_probabilities is not None else 2
        spread = settings.sane_output_sd**2
        # Logits of spread σ cost about σ²/2·(1 - 1/C) nats; outputs of spread σ cost σ² in squared error, where the
        # targets' own size is that of the expectation (mean y², at zero outputs).
        sane = spread / 2 * (1 - 1 / classes) if marks.nats else spread * scale
        above = max(within, sane)
    else:
        above = within
    # Either a plain start (at zero) or a final bias set to the prior is right.
    constant = marks.constant if marks is not None and marks.constant is not None else goal
    if per_sum:
        return _Judged(Verdict.FAIL, "sum", first, goal, above)
    # Pretrained or leaking models are too good at every initialisation; a lucky one is not.
    if float(means.max()) < min(goal, constant) - within:
        return _Judged(Verdict.FAIL, "too good", first, goal, within)
    if abs(first - goal) <= above or abs(first - constant) <= within or constant <= first <= goal:
        return _Judged(Verdict.PASS, "", first, goal, above)
    if first < goal:
        return _Judged(Verdict.PASS, "", first, goal, above)
    nats = marks is None or marks.nats
    fails = first - goal > (settings.fail_nats if nats else settings.fail_relative * max(scale, 1e-12))
    return _Judged(Verdict.FAIL if fails else Verdict.WARN, "too high", first, goal, above)


def _findings(
    judged: _Judged, measured: InitialMeasured, settings: InitialLossSettings, flow: GradientFlow | None
) -> Iterator[Finding]:
    marks = measured.expected
    structural = tuple(form_findings(measured))
    yield from structural
    cause = structural[0].kind if structural and structural[0].severity is not Severity.INFO else None
    numbers = {
        "initial_loss": judged.first,
        "expected_loss": judged.goal,
        "ratio": judged.first / judged.goal if judged.goal else None,
        "logit_sd": measured.output_sd,
    }
    if judged.reason == "sum":
        yield Finding(
            kind="initial-loss-off",
            message=(
                f"The first loss is {judged.first:.4g}, {judged.first / (judged.goal or math.inf):.3g} times the "
                f"{judged.goal:.4g} of chance, because it is summed over the {measured.batch_size} samples of a batch."
            ),
            action='Use reduction="mean" or divide by the batch size; else gradients and rates grow with the batch.',
            evidence=numbers | {"batch_size": measured.batch_size, "reason": "sum"},
            where=WHERE,
            follows_from=cause,
        )
    elif judged.reason == "too good":
        constant = marks.constant if marks is not None else None
        yield Finding(
            kind="initial-loss-too-good",
            message=(
                f"Before any training the loss is {judged.first:.4g}, clearly below the {judged.goal:.4g} of chance"
                f"{'' if constant is None else f' and the {constant:.4g} of the best constant guess'}, at every "
                f"of {len(measured.losses)} initialisations."
            ),
            action="Look for the target among the inputs, or a pretrained head; if it is pretrained, use --force.",
            evidence=numbers | {"constant_loss": constant},
            where=WHERE,
            confidence=0.95,
            follows_from=cause,
        )
    elif judged.reason == "too high":
        yield _too_high(judged, measured, settings, numbers, cause, flow)
    if marks is not None and marks.constant is not None and marks.at_zero is not None and not structural:
        gain = judged.first - marks.constant
        limit = max(settings.easy_gain_nats, settings.easy_gain_relative * abs(judged.first))
        if (marks.nats or marks.squared) and judged.reason in ("", "too high") and gain > limit:
            what = "the log prior of the classes" if marks.nats else "the targets' mean"
            yield Finding(
                kind="easy-gain-at-start",
                message=(
                    f"The first {gain:.3g} of the loss's fall will only teach the last layer the best constant guess "
                    f"({marks.constant:.4g})."
                ),
                action=f"Set the last layer's bias to {what} and its weights small.",
                evidence={"initial_loss": judged.first, "constant_loss": marks.constant, "easy_gain": gain},
                where=WHERE,
            )


def _too_high(
    judged: _Judged,
    measured: InitialMeasured,
    settings: InitialLossSettings,
    numbers: Mapping[str, object],
    cause: str | None,
    flow: GradientFlow | None,
) -> Finding:
    excess = judged.first - judged.goal
    explained = ""
    deviation = _deviation(measured)
    evidence: dict[str, object] = dict(numbers) | {"excess": excess, "class_deviation": deviation}
    spread = f" (outputs spread by {measured.output_sd:.2g})" if measured.output_sd is not None else ""
    action = "Scale the last layer's initial weights down (by 10 to 100) and set its bias to zero."
    marks = measured.expected
    if deviation is not None and deviation > settings.favoured_class and measured.mean_probabilities is not None:
        favoured = int(np.argmax(measured.mean_probabilities))
        explained = f"; class {favoured} gets a mean probability of {max(measured.mean_probabilities):.2f}"
        evidence["favoured_class"] = favoured
        action = "Set the last layer's bias to zero (or to the log prior of the classes) and scale its weights down."
    elif marks is not None and not marks.nats and measured.target_sd:
        evidence["in_variances_of_target"] = judged.first / measured.target_sd**2
        action = "Scale the last layer's initial weights down and standardise the targets."
    if flow is not None and flow.layers:
        widest = max(flow.layers, key=lambda layer: layer.sd if math.isfinite(layer.sd) else math.inf)
        evidence["widest_layer"], evidence["widest_layer_sd"] = widest.name, widest.sd
    return Finding(
        kind="initial-loss-off",
        severity=Severity.WARNING,
        message=(
            f"The first loss is {judged.first:.4g} where chance predicts {judged.goal:.4g}{spread}{explained}: the "
            "untrained net is sure of wrong answers."
        ),
        action=action,
        evidence=evidence,
        where=WHERE,
        confidence=0.95 if judged.verdict is Verdict.FAIL else 0.8,
        follows_from=cause,
    )


def _deviation(measured: InitialMeasured) -> float | None:
    """The largest distance of a class's mean probability from its uniform share (recipe row 21)."""
    if measured.mean_probabilities is None:
        return None
    share = 1.0 / len(measured.mean_probabilities)
    return max(abs(probability - share) for probability in measured.mean_probabilities)


def _not_finite(means: np.ndarray, evidence: dict[str, object], flow: GradientFlow | None) -> StageResult:
    bad = int((~np.isfinite(means)).sum())
    layer = next((one.name for one in flow.layers if not math.isfinite(one.sd)), None) if flow is not None else None
    finding = Finding(
        kind="numerical-nan",
        message=(
            f"The first loss is not finite at {bad} of {len(means)} initialisations"
            f"{'' if layer is None else f'; the first layer with such an output is {layer}'}."
        ),
        action="Look for NaN in the data, log or sqrt of zero, a division by zero, or far too large initial weights.",
        evidence={"not_finite": bad, "of": len(means), "layer": layer},
        where=WHERE,
    )
    return _result(Verdict.FAIL, finding.message, (finding,), evidence, {})


def _summary(judged: _Judged, measured: InitialMeasured) -> str:
    marks: Expected | None = measured.expected
    said = f"The first loss is {judged.first:.4g}"
    if judged.verdict is Verdict.PASS:
        low = marks.constant if marks is not None else None
        near = (
            f"between chance, {judged.goal:.4g}, and the best constant guess, {low:.4g}"
            if low is not None and judged.first < judged.goal - judged.tolerance
            else f"as chance predicts, {judged.goal:.4g}"
        )
        return f"{said}, {near}."
    summed = ": it is summed over the batch" if judged.reason == "sum" else ""
    return f"{said} where chance predicts {judged.goal:.4g}{summed}."


def _result(
    verdict: Verdict,
    summary: str,
    findings: tuple[Finding, ...],
    evidence: dict[str, object],
    following: dict[str, object],
) -> StageResult:
    return StageResult(
        stage=StageName.INITIAL_LOSS,
        verdict=verdict,
        summary=summary,
        findings=findings,
        evidence=evidence,
        next=following,
    )
