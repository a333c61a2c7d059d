"""Gradients that are not cleared between steps, and steps that come to nothing."""

from __future__ import annotations

from goodfit.findings import Finding
from goodfit.recording.records import Recording
from goodfit.settings.doctor import DoctorSettings


def missing_zero_grad(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Old gradients were still there at every backward pass between two steps of the optimiser that owns them.

    Accumulation clears before its next window, a GAN's other network before its own pass, and closures inside: none of
    them is this.
    """
    for use in recording.optimised:
        if use.windows >= settings.hits and use.uncleared >= max(settings.hits, settings.uncleared * use.windows):
            norms = [norm for _, norm in use.gradient_norms]
            return Finding(
                kind="missing-zero-grad",
                message=(
                    f"The gradients of {use.name} are not cleared: at {use.uncleared} of {use.windows} "
                    "steps looked at, "
                    "those of the step before were still there and the new ones were added to them."
                ),
                action="Call optimizer.zero_grad() once before every backward pass that begins a step.",
                evidence={
                    "steps": use.windows,
                    "uncleared": use.uncleared,
                    "gradient_norm_ratio": max(norms) / norms[0] if norms and norms[0] else None,
                },
                where=_place(use.step_site, recording.backward_site),
                confidence=0.97 if use.uncleared > 0.9 * use.windows else 0.9,
            )
    if (
        recording.manual_windows >= settings.hits
        and recording.manual_uncleared > settings.share * recording.manual_windows
    ):
        return Finding(
            kind="missing-zero-grad",
            message=(
                f"The parameters are updated by hand, and at {recording.manual_uncleared} of "
                f"{recording.manual_windows} "
                "updates looked at the gradients of the one before were never cleared."
            ),
            action="Set each parameter's grad to None after it was used.",
            evidence={"steps": recording.manual_windows, "uncleared": recording.manual_uncleared},
            where=_place(recording.backward_site),
            confidence=0.9,
        )
    return None


def optimizer_step_missing(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Backward passes without a step, or steps that change nothing."""
    if recording.backwards < max(settings.hits, 5):
        return None
    for use in recording.optimised:
        if use.looked >= settings.hits and use.backwards and use.cleared_before_step > 0.8 * use.looked:
            return Finding(
                kind="optimizer-step-missing",
                message=(
                    f"{use.name} steps on cleared gradients: at {use.cleared_before_step} of {use.looked} steps all "
                    "gradients were gone although a backward pass had just run, so no step changes anything."
                ),
                action="Clear the gradients before the backward pass, not between it and the step.",
                evidence={"steps": use.looked, "cleared_before_step": use.cleared_before_step},
                where=_place(use.step_site),
                confidence=0.95,
            )
        rates = [rate for _, rate in use.lrs]
        if use.steps >= 5 and rates and max(rates) == 0.0:
            return Finding(
                kind="optimizer-step-missing",
                message=f"{use.name} steps with a learning rate of 0, so no step changes anything.",
                action="Give the optimiser a learning rate above 0.",
                evidence={"steps": use.steps, "lr": 0.0},
                where=_place(use.site, use.step_site),
                confidence=0.95,
            )
    if recording.optimised or recording.manual_updates:
        return None
    reached = [p for p in recording.parameters if p.reached and p.requires_grad]
    if not reached or max(p.reached for p in reached) < 5:
        return None
    if not recording.optimizers and not any(p.reached >= 10 for p in reached):
        return None
    built = recording.optimizers[0] if recording.optimizers else None
    if built is None and not recording.losses:
        return None  # gradients for their own sake: saliency, checks
    return Finding(
        kind="optimizer-step-missing",
        message=(
            f"{recording.backwards} backward passes ran but no optimiser ever took a step and no parameter changed, so "
            "nothing is learned."
        ),
        action="Call optimizer.step() after the backward pass.",
        evidence={"backward_passes": recording.backwards, "steps": 0},
        where=_place(recording.backward_site, built.site if built else None),
        confidence=0.95 if built else 0.8,
    )


def _place(*sites: object) -> str:
    return next((str(site) for site in sites if site is not None), "")
