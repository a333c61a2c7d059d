"""What curves say: the verdict, and all else that was seen."""

from __future__ import annotations

import dataclasses

from goodfit.diagnosis.curves import Curves, Series
from goodfit.diagnosis.levels import fit, gap, last_step, level, training_loss
from goodfit.diagnosis.recorded import RECORDED_RULES
from goodfit.diagnosis.rules import RULES
from goodfit.diagnosis.statistics import finite
from goodfit.findings import Finding, Severity
from goodfit.settings.curves import CurveSettings


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """The first match in the order of recipe 5 is the verdict; later ones are listed."""

    verdict: Finding
    others: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them, the verdict first."""
        return (self.verdict, *self.others)


def diagnose_curves(curves: Curves, settings: CurveSettings) -> Reading:
    """Read the curves of one training.

    Never raises for what the curves hold: what is missing or too short is a finding of its own (`not-enough-points`).
    A divergence and a clear mistake show in few points, too: they outrank it.
    """
    seen: list[tuple[int, bool, Finding]] = []
    points = settings.recorded_points if curves.is_external else settings.points
    for rule in RECORDED_RULES if curves.is_external else RULES:
        if {row for row, _, _ in seen} & set(rule.silenced_by):
            continue
        found = rule.look(curves, settings)
        if found is not None and all(found.kind != other.kind for _, _, other in seen):
            seen.append((rule.row, rule.is_annotation, found))
            if rule.row == 1:
                break  # what came before the explosion is not worth a verdict
    lacking = _lacking(curves, points)
    # a warning outranks what is only worth knowing, in the order of the rows otherwise
    ranked = sorted(seen, key=lambda item: (item[1], item[2].severity == Severity.INFO))
    findings = [found for _, _, found in ranked]
    if lacking is not None and not any(found.severity != Severity.INFO for found in findings):
        return Reading(lacking, tuple(findings))
    if not findings:
        return Reading(_healthy(curves, settings))
    return Reading(findings[0], tuple(findings[1:]))


def _training(curves: Curves) -> Series:
    return max(map(finite, (curves.train_loss, curves.step_loss)), key=len)


def _lacking(curves: Curves, points: int) -> Finding | None:
    """What keeps the rules from a verdict, which needs so many points; None where they have what they need."""
    train, val, metric = _training(curves), finite(curves.val_loss), finite(curves.val_metric)
    missing = []
    if not len(train):
        missing.append("training loss")
    if not len(val) and not len(metric):
        missing.append("validation loss or metric")
    counts = {"training": len(train), "validation": max(len(val), len(metric))}
    short = {name: count for name, count in counts.items() if 0 < count < points}
    if not missing and not short:
        return None
    parts = []
    if missing:
        parts.append(f"there is no {' and no '.join(missing)}")
    for name, count in short.items():
        parts.append(f"the {name} curve has {count} points where {points} are needed")
    need = max((points - count for count in short.values()), default=0)
    return Finding(
        kind="not-enough-points",
        message=f"The curves do not carry a verdict: {', and '.join(parts)}.",
        action=(
            f"Record {need} points more: evaluate more often or train longer."
            if need
            else f"Record the {' and the '.join(missing)} as well, at {points} points or more."
        ),
        evidence={"missing": missing, "points": counts, "needed": points},
        confidence=1.0,
    )


def _healthy(curves: Curves, settings: CurveSettings) -> Finding:
    """Row 17."""
    seen, attained = gap(curves, settings), fit(curves, settings)
    evidence = {"steps": last_step(curves), "train_loss": level(training_loss(curves, settings))}
    message = f"No rule fired over {last_step(curves):.0f} steps"
    if seen is not None:
        evidence |= {"gap": seen.share, "train": seen.train, "val": seen.val}
        message += f", with a gap to validation of {seen.share:.1%} of what was learned"
    if attained is not None:
        evidence["fit"] = attained.share
    return Finding(
        kind="healthy",
        message=message + ".",
        action="Refine around these hyperparameters, then train the final model.",
        evidence=evidence,
        confidence=0.8 if seen is not None else 0.6,
    )
