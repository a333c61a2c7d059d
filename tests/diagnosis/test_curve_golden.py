"""Recorded curves of real trainings in, what the rules say of them out, as text to read in a diff."""

from pathlib import Path

import pytest
from golden_files import read_curves
from planted import PLANTED, healthy

from goodfit.diagnosis.reading import Reading, diagnose_curves
from goodfit.settings.curves import CurveSettings

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.csv"))
RIGHT = {planted.name: planted.right for planted in (*PLANTED, *healthy())}


def as_text(reading: Reading) -> str:
    """A line per finding; the numbers are in the sentences, rounded there."""
    return "".join(
        f"{finding.kind} ({finding.severity}, {finding.confidence:.2f}): {finding.message}\n"
        for finding in reading.findings
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_findings_of_recorded_curves(path, update_golden):
    seen = as_text(diagnose_curves(read_curves(path), CurveSettings()))
    expected = path.with_suffix(".expected")
    if update_golden:
        expected.write_text(seen)
    assert seen == expected.read_text()


def test_most_recorded_conditions_are_named_rightly():
    """At least 95 % of the recorded faults get a right verdict (recipe 10), and no healthy curve an alarm."""
    right, alarms, faults = 0, [], 0
    for path in FILES:
        reading = diagnose_curves(read_curves(path), CurveSettings())
        if path.stem.startswith("healthy-"):
            alarms += [(path.stem, f.kind) for f in reading.findings if f.severity != "info"]
            continue
        faults += 1
        right += reading.verdict.kind in RIGHT[path.stem]
    assert faults >= 40
    assert right / faults >= 0.95
    assert alarms == []
