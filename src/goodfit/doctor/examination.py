"""What a recording says, remedies tried on copies included: the findings, causes first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from goodfit.diagnosis.causes import facts, in_order, outcomes, signals
from goodfit.diagnosis.mistakes.dynamics import of_curves as of_recorded_curves
from goodfit.doctor.batches import tests_of_batches
from goodfit.doctor.capacity import capacity_finding
from goodfit.doctor.checks import checks
from goodfit.doctor.experiments import UNSUPPORTED, confirmed
from goodfit.doctor.lengths import length_findings
from goodfit.doctor.mixing import turned_axis
from goodfit.doctor.pairings import pairing_findings
from goodfit.doctor.preparation import preparation_confirmed
from goodfit.doctor.rates import rate_findings
from goodfit.doctor.regularising import regularisation_confirmed
from goodfit.doctor.replay import Replay, Unable
from goodfit.doctor.starts import start_findings
from goodfit.findings import Finding, Severity
from goodfit.recording.records import Recording
from goodfit.settings import Settings
from goodfit.settings.doctor import DoctorSettings

if TYPE_CHECKING:
    from goodfit.recording.recorder import Recorder


def examine(
    recording: Recording, settings: Settings, recorder: Recorder | None = None, extra_seconds: float = 0.0
) -> list[Finding]:
    """The findings of a recording, most important first; `healthy` alone where there is none.

    Args:
        recording: what was seen.
        settings: what the rules decide by.
        recorder: where batches and weights were kept; without it nothing is tried.
        extra_seconds: what experiments may take.
    """
    own = settings.doctor
    replay = _replay(recording, recorder, extra_seconds)
    of_facts = facts(recording, own)
    if recorder is not None and extra_seconds > 0:
        of_facts = [
            preparation_confirmed(f, recorder, own) if f.kind == "train-eval-preprocessing-mismatch" else f
            for f in of_facts
        ]
    if recorder is not None and extra_seconds > 0 and not recording.is_adversarial:
        of_facts += tests_of_batches(recording, recorder, own)
    of_signals, of_outcomes = signals(recording, own), outcomes(recording, own)
    could_be_tried = all(finding.severity == Severity.INFO for finding in of_facts)
    if recorder is not None:
        of_signals = [
            regularisation_confirmed(f, recording, recorder, replay if could_be_tried else None, own)
            if f.kind == "excess-regularisation"
            else f
            for f in of_signals
        ]
    regularised = any(f.kind == "excess-regularisation" and f.severity != Severity.INFO for f in of_signals)
    of_starts: list[Finding] = []
    if replay is not None and could_be_tried and not regularised:
        of_facts += tried(turned_axis, recording, replay, own) or tried(pairing_findings, recording, replay, own)
        if all(finding.severity == Severity.INFO for finding in of_facts):
            of_starts = tried(start_findings, recording, replay, own)
    # with a fact known, rates are no question: the figures would be those of the broken loop
    of_rates: list[Finding] = []
    if replay is not None and all(finding.severity == Severity.INFO for finding in of_facts):
        of_facts = confirmed(of_facts, recording, replay, own)
        of_signals = confirmed(of_signals, recording, replay, own)
        if all(finding.severity == Severity.INFO for finding in of_signals if finding.kind not in _OF_RATES):
            of_rates = tried(rate_findings, recording, replay, own)
            if any(finding.kind == "lr-too-high" for finding in of_rates):
                of_signals = sorted(of_signals, key=lambda finding: finding.kind in _OF_RATES)
    else:
        of_facts = confirmed(of_facts, recording, replay, own)
        of_signals = confirmed(of_signals, recording, None, own)
    if of_starts:
        of_signals = [*of_starts, *(finding for finding in of_signals if finding.kind != of_starts[0].kind)]
    of_outcomes = confirmed(of_outcomes, recording, replay, own)
    told = (*of_facts, *of_signals, *of_rates, *of_outcomes)
    if replay is not None and all(finding.severity == Severity.INFO for finding in told):
        of_lengths = tried(length_findings, recording, replay, own)
        of_outcomes = [*of_lengths, *(f for f in of_outcomes if f.kind not in {one.kind for one in of_lengths})]
    before = [f for f in of_signals if f.kind not in _OF_RATES]
    after = [f for f in of_signals if f.kind in _OF_RATES]
    of_curves = of_recorded_curves(recording, own, settings.curves)
    silent = all(f.severity == Severity.INFO for f in (*of_facts, *of_signals, *of_rates, *of_outcomes, *of_curves))
    if recorder is not None and replay is not None and silent:
        of_outcomes = [*of_outcomes, *tried_capacity(recording, recorder, replay, own)]
    known = {finding.kind for finding in (*of_facts, *of_signals, *of_rates, *of_outcomes)}
    of_curves = [finding for finding in of_curves if finding.kind not in known]
    of_checks = [] if recorder is None or replay is None else checks(recording, recorder.kept, replay, own)
    return with_health(in_order(of_facts, before, of_rates, after, of_outcomes, of_checks, of_curves), recording)


_OF_RATES = ("dead-relu", "exploding-gradient")  # what too high a rate does too


def _replay(recording: Recording, recorder: Recorder | None, seconds: float) -> Replay | None:
    """The means to try remedies; None where the steps cannot be computed again."""
    if recorder is None or seconds <= 0 or recorder.optimizer is None or recording.is_adversarial:
        return None
    use = max(recording.optimised, key=lambda one: one.steps)
    rate = max((lr for step, lr in use.lrs[:1]), default=None)
    try:
        return Replay(recorder.kept, recorder.optimizer, rate, recording.clip_norm, seconds)
    except Unable:
        return None


def tried(
    findings: Callable[[Recording, Replay, DoctorSettings], list[Finding]],
    recording: Recording,
    replay: Replay,
    settings: DoctorSettings,
) -> list[Finding]:
    """What an experiment finds; nothing where a replay fails."""
    try:
        return findings(recording, replay, settings)
    except Exception as error:  # the user's own code, run in a way it was not written for
        recording.opaque.append(f"an experiment failed ({type(error).__name__}: {error})")
        return []


def tried_capacity(recording: Recording, recorder: Recorder, replay: Replay, settings: DoctorSettings) -> list[Finding]:
    """`underfitting-capacity`, if experiments prove it; none where they fail."""
    try:
        finding = capacity_finding(recording, recorder.kept, replay, settings)
    except Exception as error:  # the user's own code, run in a way it was not written for
        recording.opaque.append(f"an experiment failed ({type(error).__name__}: {error})")
        return []
    return [] if finding is None else [finding]


def with_health(found: list[Finding], recording: Recording) -> list[Finding]:
    """`healthy` where nothing was found, or `not-enough-points` where there was no training to look at.

    Suspicions that their experiment did not support are no hints: they are dropped where nothing is wrong.
    """
    if any(finding.severity != Severity.INFO for finding in found):
        return found
    if recording.backwards == 0:
        said = "No backward pass was seen" + (f" ({', '.join(recording.opaque)})" if recording.opaque else "") + "."
        return [
            Finding(
                kind="not-enough-points",
                message=said,
                action="Run a script that trains with PyTorch in this process.",
                evidence={"steps": recording.steps, "backward_passes": 0},
            ),
            *found,
        ]
    found = [finding for finding in found if finding.confidence > UNSUPPORTED]
    if found:
        return found
    return [
        Finding(
            kind="healthy",
            message=f"No mistake was seen in {recording.steps:,} steps.",
            action="Nothing needs to be done.",
            evidence={"steps": recording.steps, "opaque": recording.opaque},
            confidence=0.8 if not recording.opaque else 0.5,
        ),
    ]
