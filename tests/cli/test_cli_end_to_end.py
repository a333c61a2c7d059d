"""The command line with real tasks: exit statuses, Ctrl-C and kill -9, documents and reports."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from schemas import assert_valid

TASK = """
import torch, torch.nn.functional as F
from torch import nn
import goodfit as gf
from goodfit.demos.digits import load

SCALE = 1.0

def build(hp):
    model = nn.Sequential(nn.Linear(64, hp.width), nn.ReLU(), nn.Linear(hp.width, 10))
    with torch.no_grad():
        model[-1].weight.mul_(SCALE)
    return model

task = gf.Task(
    name="small", model=build, data=load, loss=F.cross_entropy, metrics={"accuracy": gf.accuracy},
    objective="max val accuracy", space=gf.Space(lr=gf.log(1e-4, 1e-1), width=gf.powers_of_two(16, 32)),
    start={"batch_size": 32, "width": 32},
)
"""
SETTINGS = {
    "overfit.steps": "120",
    "overfit.passes": "20",
    "learning_rate.steps": "60",
    "learning_rate.confirm_steps": "80",
    "learning_rate.confirm_seeds": "2",
    "budget.fine_trials_least": "2",
    "budget.repeat_seeds": "2",
    "budget.most_rounds": "1",
    "budget.peak_factors": "1.0",
    "budget.final_seeds": "2",
}
QUICK = ["--workers", "1", *(word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}"))]
PLAN = ["--trials", "4", "--epochs", "2", *QUICK]


def started(words: list[str], folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "GOODFIT_CACHE": str(folder / "cache"), "COLUMNS": "80", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "goodfit", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(words: list[str], folder: Path) -> tuple[int, str, str]:
    process = started(words, folder)
    out, errors = process.communicate(timeout=300)
    return process.returncode, out, errors


def wait_for_trials(process: subprocess.Popen[str], ledger: Path, stage: str) -> None:
    """Until the ledger shows a trial of this stage, by looking as anyone may while the run writes."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        if ledger.exists():
            try:
                connection = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
                found = connection.execute("SELECT count(*) FROM trials WHERE stage = ?", (stage,)).fetchone()[0]
                connection.close()
                if found:
                    return
            except sqlite3.OperationalError:
                pass  # the tables are not there yet
    raise AssertionError(f"no trial of the {stage} stage within two minutes")


def result_of(folder: Path) -> dict[str, Any]:
    document = json.loads((folder / "result.json").read_text())
    assert_valid(document, "result")
    return without_seconds(document)


def without_seconds(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: without_seconds(value) for key, value in document.items() if key != "seconds"}
    return [without_seconds(value) for value in document] if isinstance(document, list) else document


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("cli")
    (place / "task.py").write_text(TASK)
    (place / "broken.py").write_text(TASK.replace("SCALE = 1.0", "SCALE = 10.0").replace('"small"', '"broken"'))
    return place


@pytest.fixture(scope="module")
def done(folder: Path) -> tuple[Path, str, str]:
    """A run that ended well, with what it printed."""
    status, out, errors = ended(["run", "task.py", *PLAN, "--out", "done", "--json"], folder)
    assert status == 0, errors
    return folder / "done", out, errors


def test_a_run_ends_with_0_and_json_prints_the_document_alone(done):
    place, out, errors = done
    document = json.loads(out)
    assert_valid(document, "result")
    assert document == json.loads((place / "result.json").read_text())
    assert document["status"] == "done"
    assert "learning rate" in errors
    assert "Traceback" not in errors


def test_a_folder_that_holds_a_run_is_refused(done, folder):
    before = (done[0] / "ledger.db").read_bytes()
    status, _, errors = ended(["run", "task.py", *PLAN, "--out", "done"], folder)
    assert status == 2
    assert "already holds a run" in errors
    assert "--resume" in errors
    assert (done[0] / "ledger.db").read_bytes() == before


def test_the_report_is_made_again_from_the_ledger_alone(done, folder):
    place = done[0]
    report = (place / "report.html").read_text()
    hidden = [place / "report.html", place / "result.json"]
    kept = [path.read_bytes() for path in hidden]
    for path in hidden:
        path.unlink()
    status, out, errors = ended(["report", "done"], folder)
    again = (place / "report.html").read_text()
    for path, content in zip(hidden, kept, strict=True):
        path.write_bytes(content)
    assert status == 0, errors
    assert out.strip().endswith("report.html")
    assert again == report


def test_a_broken_start_ends_with_1_and_says_what_to_do(folder):
    status, out, errors = ended(["check", "broken.py", *QUICK, "--out", "broken", "--json"], folder)
    assert status == 1, errors
    document = json.loads(out)
    assert_valid(document, "result")
    assert document["status"] == "stopped"
    named = next(f for f in document["findings"] if f["kind"] == "initial-loss-off")
    assert named["action"]


@pytest.mark.slow
def test_ctrl_c_ends_with_3_and_the_last_line_is_a_command_that_goes_on(folder, done):
    process = started(["run", "task.py", *PLAN, "--out", "cut"], folder)
    wait_for_trials(process, folder / "cut" / "ledger.db", "learning-rate")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 3, errors
    last = errors.strip().splitlines()[-1]
    found = re.search(r"goodfit run .*$", last)
    assert found is not None, last
    words = shlex.split(found[0])[1:]
    assert "--resume" in words
    status, _, errors = ended(words, folder)
    assert status == 0, errors
    assert result_of(folder / "cut") == result_of(done[0])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_run_killed_at_random_moments_ends_as_an_undisturbed_one(folder, done, seed):
    draw, out = random.Random(seed), f"killed-{seed}"
    ledger = folder / out / "ledger.db"
    words = ["run", "task.py", *PLAN, "--out", out]
    kills = 0
    for stage in draw.sample(["overfit", "coarse", "fine", "final"], k=2):
        process = started(words if not ledger.exists() else [*words, "--resume"], folder)
        try:
            wait_for_trials(process, ledger, stage)
        except AssertionError:
            break  # it ended before that moment
        until = time.perf_counter() + draw.uniform(0, 0.3)
        while time.perf_counter() < until:
            pass
        process.kill()
        process.communicate()
        kills += 1
        connection = sqlite3.connect(ledger)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()
    assert kills
    status, _, errors = ended([*words, "--resume"], folder)
    assert status == 0, errors
    assert result_of(folder / out) == result_of(done[0])


@pytest.mark.slow
def test_a_budget_in_seconds_is_kept_within_a_tenth(folder):
    status, out, errors = ended(["demo", "digits", "--budget", "30s", "--out", "timed", "--json"], folder)
    assert status == 0, errors
    document = json.loads(out)
    assert document["seconds"] <= 33
    assert document["best"]["val"]["accuracy"] > 0.9
