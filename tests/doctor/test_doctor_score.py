"""The scorer counts rightly, whatever the doctor says."""

from __future__ import annotations

import json

import pytest
import score
from score import Outcome, Run, Script

# Facts of the code, and healthy scripts that resemble them.
CERTAIN = ("missing-zero-grad", "parameters-not-in-optimizer", "shape-broadcast-in-loss", "eval-mode-while-training")
TRICKY = ("frozen backbone", "mc-dropout", "ema copy", "distillation")


def finding(kind: str, severity: str) -> dict[str, str]:
    return {"kind": kind, "severity": severity, "message": ""}


def outcome(label: str, *said: tuple[str, str], accept: tuple[str, ...] = ()) -> Outcome:
    script = Script(file=f"dev/{label}.py", split="dev", label=label, accept=accept)
    return score.judge(script, Run(tuple(finding(*one) for one in said)))


def test_the_label_first_counts_as_detected_first_and_listed():
    one = outcome("no-shuffle", ("no-shuffle", "warning"), ("lr-too-high", "warning"))
    assert (one.detected, one.first, one.listed) == (True, True, True)


def test_an_accepted_kind_counts_as_the_label():
    assert outcome("diverged", ("lr-too-high", "warning"), accept=("lr-too-high",)).first
    assert not outcome("diverged", ("lr-too-high", "warning")).first


def test_another_cause_is_detected_but_not_right():
    one = outcome("no-shuffle", ("lr-too-high", "error"), ("no-shuffle", "info"))
    assert (one.detected, one.first, one.listed) == (True, False, True)


def test_info_alone_detects_only_the_kinds_that_are_info_by_default():
    assert not outcome("no-shuffle", ("no-shuffle", "info")).detected
    assert outcome("easy-gain-at-start", ("easy-gain-at-start", "info")).detected
    assert outcome("easy-gain-at-start", ("healthy", "info"), ("easy-gain-at-start", "info")).first
    assert not outcome("no-shuffle", ("healthy", "info"), ("no-shuffle", "info")).first
    assert not outcome("easy-gain-at-start", ("healthy", "info")).detected


def test_a_healthy_script_is_alarmed_by_warnings_and_errors_only():
    assert not outcome("healthy", ("healthy", "info")).alarmed
    assert not outcome("healthy", ("too-many-steps", "info")).alarmed
    assert outcome("healthy", ("too-many-steps", "warning")).alarmed


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"), [(9, 10, 0.5958, 0.9821), (0, 20, 0.0, 0.1611), (50, 50, 0.9287, 1.0)]
)
def test_wilsons_interval_agrees_with_published_values(hits, of, low, high):
    assert score.wilson(hits, of) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_wilsons_interval_of_nothing_says_nothing():
    assert score.wilson(0, 0) == (0.0, 1.0)


def test_totals_and_table_count_the_faulty_by_kind_and_the_healthy_apart():
    seen = [
        outcome("no-shuffle", ("no-shuffle", "warning")),
        outcome("no-shuffle", ("lr-too-high", "warning")),
        outcome("healthy", ("lr-too-high", "warning")),
        outcome("healthy", ("healthy", "info")),
    ]
    figures = {name: text.split(" ")[0] for name, text in score.totals(seen)}
    assert figures == {
        "detected": "2/2",
        "right cause first": "1/2",
        "cause in list": "1/2",
        "false alarms on healthy": "1/2",
    }
    assert score.by_kind(seen) == [("no-shuffle", 2, 2, 1, 1, "lr-too-high 1")]
    assert [line.split()[0] for line in score.misses(seen)] == ["wrong", "false"]


def test_a_small_sample_holds_many_kinds_and_healthy_scripts():
    sample = score.spread(score.read_manifest(score.OPEN[0]), 40)
    assert len(sample) == 40
    assert 10 <= sum(s.label == "healthy" for s in sample) <= 30
    assert len({s.label for s in sample}) >= 15


def test_a_result_is_kept_until_script_or_source_change(tmp_path, monkeypatch):
    runs = []

    def doctor(path, timeout_seconds, *, warm):
        runs.append(path)
        return Run((finding("no-shuffle", "warning"),), "", 1.0)

    monkeypatch.setattr(score, "run_doctor", doctor)
    script = score.read_manifest(score.OPEN[0])[0]
    first = score.cached_run(script, "source", tmp_path, 1.0)
    assert score.cached_run(script, "source", tmp_path, 1.0) == first
    assert len(runs) == 1
    score.cached_run(script, "other source", tmp_path, 1.0)
    assert len(runs) == 2
    assert [json.loads(kept.read_text())["failed"] for kept in tmp_path.iterdir()] == ["", ""]


def test_a_failure_is_told_and_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(score, "run_doctor", lambda path, timeout_seconds, *, warm: Run((), "no document: boom"))
    script = score.read_manifest(score.OPEN[0])[0]
    run = score.cached_run(script, "source", tmp_path, 1.0)
    assert not list(tmp_path.iterdir())
    assert "boom" in score.misses([score.judge(Script("dev/a.py", "dev", "no-shuffle"), run)])[0]


def the_first_of_dev(wanted, holds) -> list[Script]:
    """For each that is wanted, the manifest's first script of the open half for which `holds`, where there is one."""
    dev = score.read_manifest(score.OPEN[0])
    found = [next((script for script in dev if holds(script, want)), None) for want in wanted]
    return [script for script in found if script is not None]


@pytest.mark.slow
def test_the_doctor_names_certain_faults_and_is_silent_on_what_resembles_them():
    faulty = the_first_of_dev(CERTAIN, lambda script, kind: script.label == kind)
    healthy = the_first_of_dev(TRICKY, lambda script, tag: script.label == "healthy" and tag in script.tags)
    assert (len(faulty), len(healthy)) == (4, 4)
    seen = [score.judge(script, score.run_doctor(score.CORPUS / script.file, 240)) for script in faulty + healthy]
    told = "\n".join(score.misses(seen))
    assert not [one for one in seen if one.run.failed], told
    assert sum(one.first for one in seen[:4]) >= 3, told
    assert sum(one.alarmed for one in seen[4:]) <= 1, told
