"""Learning-rate schedules that do something else than was meant."""

from __future__ import annotations

from goodfit.findings import Finding
from goodfit.recording.records import OptimizerUse, Recording, SchedulerUse
from goodfit.settings.doctor import DoctorSettings


def lr_schedule_wrong(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Never stepped, stepped at the wrong rhythm, or decayed to next to nothing early on."""
    if recording.ended != "done" and recording.ended != "exit":
        return None
    main = max(recording.optimised, key=lambda use: use.steps, default=None)
    if main is None or main.steps < 10 or recording.is_adversarial:
        return None
    for use in recording.schedulers:
        found = _of_scheduler(use, main)
        if found is not None:
            return found
    return _decayed_early(recording, main, settings)


def _of_scheduler(use: SchedulerUse, main: OptimizerUse) -> Finding | None:
    if use.calls == 0 and use.name not in ("SWALR",):
        return _finding(
            f"{use.name} was built but its step() was never called: the learning rate stays where it began.",
            "Call scheduler.step() once an epoch (or once a batch, where its lengths are counted in batches).",
            {"calls": 0, "steps": main.steps},
            use.site,
            0.9,
        )
    if use.name == "CosineAnnealingLR" and use.total and use.calls > 1.9 * use.total and use.total < main.steps:
        return _finding(
            f"{use.name} has T_max={use.total} but was stepped {use.calls} times: the rate goes down and up again "
            f"{use.calls / (2 * use.total):.1f} times.",
            "Step it once for each unit that T_max counts: epochs or batches.",
            {"calls": use.calls, "T_max": use.total, "steps": main.steps},
            use.call_site or use.site,
            0.93,
        )
    if use.name == "OneCycleLR" and use.total and use.calls < 0.5 * use.total and main.steps >= 0.5 * use.total:
        return _finding(
            f"{use.name} was told of {use.total} steps but was stepped {use.calls} times in {main.steps} updates: its "
            "cycle is never finished.",
            "Step it after every batch.",
            {"calls": use.calls, "total_steps": use.total, "steps": main.steps},
            use.call_site or use.site,
            0.93,
        )
    return None


def _decayed_early(recording: Recording, main: OptimizerUse, settings: DoctorSettings) -> Finding | None:
    if any(use.name == "ReduceLROnPlateau" for use in recording.schedulers) or len(main.lrs) < 3:
        return None
    peak = max(rate for _, rate in main.lrs)
    first, last = main.lrs[0][0], main.steps
    low = next((i for i, (_, rate) in enumerate(main.lrs) if rate < settings.rate_gone * peak), None)
    if low is None or peak <= 0 or last < 20:
        return None
    start = main.lrs[low][0]
    if any(rate >= settings.rate_gone * peak for _, rate in main.lrs[low:]):
        return None  # it rises again, or it was a warm-up
    share = (last - start) / max(last - first, 1)
    if share < settings.rate_gone_share:
        return None
    use = next((s for s in recording.schedulers if s.calls), None)
    return _finding(
        f"The learning rate is below {settings.rate_gone:.0%} of its peak from step {start} of {last} on: "
        f"{share:.0%} of the training hardly moves anything.",
        "Step the scheduler once an epoch rather than once a batch, or make its decay longer.",
        {"peak": peak, "from_step": start, "steps": last, "last_lr": main.lrs[-1][1], "share": share},
        (use.call_site or use.site) if use is not None else main.site,
        0.92,
    )


def _finding(message: str, action: str, evidence: dict[str, object], site: object, confidence: float) -> Finding:
    return Finding(
        kind="lr-schedule-wrong",
        message=message,
        action=action,
        evidence=evidence,
        where=str(site or ""),
        confidence=confidence,
    )
