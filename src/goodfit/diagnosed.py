"""Curves recorded by any tool in, findings out: what stands behind `gf.diagnose` and `goodfit diagnose`."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

from goodfit.curve_files.reading import read_columns, read_file
from goodfit.curve_files.recorded import RecordedRun
from goodfit.diagnosis.reading import Reading, diagnose_curves
from goodfit.errors import CurvesError
from goodfit.findings import Finding, most_important_first
from goodfit.settings import Settings

_SEEN_IN = {  # the series that a kind's place is on, the first one that was recorded
    "overfitting": ("val_loss", "val_metric"),
    "noisy-validation": ("val_metric", "val_loss"),
    "lr-schedule-wrong": ("lr",),
    "loss-spikes": ("step_loss", "train_loss"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class DiagnosedRun:
    """One training's curves and what they say."""

    run: RecordedRun
    reading: Reading

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The verdict first, each with its place: "val_loss, epoch 7", "run b, train_loss, step 300"."""
        return tuple(dataclasses.replace(f, where=self._place(f)) for f in self.reading.findings)

    def _place(self, finding: Finding) -> str:
        columns = self.run.columns
        fields = _SEEN_IN.get(finding.kind, ("train_loss", "step_loss", "val_loss"))
        column = next((columns[field] for field in fields if field in columns), "") if finding.where else ""
        return ", ".join(filter(None, (f"run {self.run.name}" if self.run.name else "", column, finding.where)))


def diagnose(source: Any, *, classes: int | None = None, settings: Settings | None = None) -> list[Finding]:
    """What recorded curves say, most important first.

    Args:
        source: the path of a CSV, TSV, JSON or JSON lines file or of TensorBoard event files; or columns: a mapping of
            names to equally long lists, a data frame, a list of records, a Keras History.
        classes: how many classes the targets have: the loss and the accuracy of guessing follow from it.
        settings: other thresholds than the defaults.

    Returns:
        The findings of all runs in it; where no rule fires, one of kind "healthy" or "not-enough-points".

    Raises:
        CurvesError: it cannot be read, or holds no curves.
    """
    return all_findings(diagnosed(source, classes=classes, settings=settings))


def diagnosed(source: Any, *, classes: int | None = None, settings: Settings | None = None) -> list[DiagnosedRun]:
    """The same by run, with the curves."""
    if classes is not None and classes < 2:
        raise CurvesError(f"classes must be 2 or more, got {classes}.")
    is_path = isinstance(source, (str, os.PathLike))
    runs = read_file(os.fspath(source), classes) if is_path else read_columns(source, classes)
    thresholds = (settings or Settings()).curves
    return [DiagnosedRun(run, diagnose_curves(run.curves, thresholds)) for run in runs]


def all_findings(runs: Sequence[DiagnosedRun]) -> list[Finding]:
    """Of one run as they are, the verdict first; of several runs the worst first."""
    findings = [finding for run in runs for finding in run.findings]
    return findings if len(runs) == 1 else most_important_first(findings)
