"""The whole recipe on the digits: every contract of a run's end, on one real run."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_runs import build, digits, small, small_run, snapshot

import goodfit as gf
from goodfit import api
from goodfit.demos.digits import load
from goodfit.errors import FolderError, TestSetLocked
from goodfit.opened import Opened
from goodfit.recipe.progress import ProgressEvent, StageEnded, StageStarted
from schemas import assert_valid

STEPS = ["data", "initial-loss", "overfit", "learning-rate", "coarse", "fine", "curves", "decide", "final"]


@dataclasses.dataclass
class Watched:
    """A run, with what was seen of it from the outside while it went on."""

    result: gf.Result
    opened: Opened
    openings: list[tuple[str, int]]  # how often the test set had been opened when a stage began and ended


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    held: list[Opened] = []
    openings: list[tuple[str, int]] = []

    class Prying:
        def see(self, event: ProgressEvent) -> None:
            if isinstance(event, StageStarted):
                test = held[0].test
                assert test is not None
                openings.append((f"{event.stage} begins", test.openings))
                with pytest.raises(TestSetLocked):
                    test.fetch(torch.arange(3))
            if isinstance(event, StageEnded):
                assert held[0].test is not None
                openings.append((f"{event.result.stage} ends", held[0].test.openings))

    with pytest.MonkeyPatch.context() as patch:
        real = api.open_task
        patch.setattr(api, "open_task", lambda *given: held.append(real(*given)) or held[0])
        result = small_run(digits(), tmp_path_factory.mktemp("whole") / "run", watcher=Prying())
    return Watched(result, held[0], openings)


def test_a_run_ends_done_with_all_its_steps_in_order(watched):
    assert watched.result.status == "done"
    assert [step["step"] for step in watched.result.document["steps"]] == STEPS
    assert all(step["verdict"] in ("pass", "warn") for step in watched.result.document["steps"])


def test_its_document_is_what_the_schema_says_and_what_lies_in_its_folder(watched):
    assert_valid(watched.result.document, "result")
    assert json.loads((watched.result.out / "result.json").read_text()) == watched.result.document
    assert snapshot(watched.result.out).memos["result"] == watched.result.document


def test_its_figures_agree_with_the_ledger(watched):
    document, seen = watched.result.document, snapshot(watched.result.out)
    assert document["trials"] == len(seen.trials) == sum(step["trials"] for step in document["steps"])
    assert document["epochs"] == pytest.approx(sum(step["epochs"] for step in document["steps"]))
    assert seen.study.status == "done"
    assert {trial.status for trial in seen.trials} <= {"done", "stopped", "diverged"}
    assert all(trial.ended_at is not None for trial in seen.trials)


def test_it_learns_the_digits(watched):
    best = watched.result.best
    assert best.val["accuracy"] > 0.85
    assert best.test["accuracy"] > 0.85
    assert document_spread(watched.result) < 0.1


def document_spread(result: gf.Result) -> float:
    return result.document["best"]["spread"]


def test_the_test_set_is_opened_once_and_in_the_final_step(watched):
    assert watched.openings[-2:] == [("final begins", 0), ("final ends", 1)]
    assert all(count == 0 for _, count in watched.openings[:-1])
    told = [d.what for d in snapshot(watched.result.out).decisions if "test set" in d.what]
    assert told == ["The test set is opened, once."]
    with pytest.raises(TestSetLocked, match="opened once"):
        watched.opened.test.unlock()


def test_every_decision_is_told_with_its_reason(watched):
    decisions = snapshot(watched.result.out).decisions
    assert len(decisions) >= 4
    assert all(d.what.strip() and d.why.strip() for d in decisions)


def test_the_ledgers_views_are_read_with_plain_sql(watched):
    with sqlite3.connect(f"file:{watched.result.out / 'ledger.db'}?mode=ro", uri=True) as connection:
        count, best = connection.execute("SELECT count(*), max(objective) FROM trials WHERE stage = 'final'").fetchone()
        per_trial = connection.execute(
            "SELECT trial, count(*), min(step) FROM curves WHERE series = 'val_loss' GROUP BY trial"
        ).fetchall()
        width = connection.execute(
            "SELECT json_extract(hyperparameters, '$.width') FROM trials WHERE stage = 'coarse'"
        ).fetchall()
        connection.commit()
    connection.close()
    assert count >= 2
    assert 0.8 < best <= 1
    assert all(start == 0 or points >= 2 for _, points, start in per_trial)
    assert {w for (w,) in width} <= {16, 32}


def test_searched_trials_are_evaluated_about_twelve_times(watched):
    seen = snapshot(watched.result.out)
    searched = {stage.number for stage in seen.stages if stage.stage in ("coarse", "fine")}
    counts = [
        len(seen.curves[t.trial]["val_accuracy"].steps)
        for t in seen.trials
        if t.stage in searched and t.status == "done" and t.parent is None
    ]
    assert counts
    assert all(10 <= count <= 14 for count in counts)


def test_its_report_is_one_file_that_names_the_task_and_its_result(watched):
    text = (watched.result.out / "report.html").read_text()
    assert "digits" in text
    assert "<svg" in text
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_nothing_unfinished_is_left(watched):
    names = {path.name for path in watched.result.out.iterdir()}
    assert names == {"best", "checkpoints", "ledger.db", "report.html", "result.json"}
    assert not list((watched.result.out / "checkpoints").iterdir())


def test_a_finished_run_resumed_says_the_same_and_trains_nothing(watched):
    before = snapshot(watched.result.out)
    again = small_run(digits(), watched.result.out, resume=True)
    after = snapshot(watched.result.out)
    assert again.status == "done"
    assert again.document["best"] == watched.result.document["best"]
    assert again.document["steps"] == watched.result.document["steps"]
    assert [t.trial for t in after.trials] == [t.trial for t in before.trials]
    assert again.document["trials"] == watched.result.document["trials"]
    assert again.document["epochs"] == watched.result.document["epochs"]


def test_its_folder_is_refused_to_another_run(watched):
    with pytest.raises(FolderError, match="already holds a run"):
        small_run(digits(), watched.result.out)


ACCURACY = """
import runpy, sys
import torch
found = runpy.run_path(sys.argv[1])
from goodfit.demos.digits import load
inputs, target = load().val
with torch.no_grad():
    print("accuracy", (found["model"](inputs).argmax(1) == target).double().mean().item())
    print("loss", torch.nn.functional.cross_entropy(found["model"](inputs), target).item())
"""


def said_by_use_py(best: Path) -> dict[str, float]:
    ended = subprocess.run(
        [sys.executable, "-c", ACCURACY, str(best / "use.py")], capture_output=True, text=True, cwd=best.parent
    )
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert any("parameters" in line for line in lines)
    return {name: float(value) for name, value in (line.split() for line in lines[-2:])}


@pytest.mark.parametrize(
    ("variant", "changes"),
    [
        ("ensemble", {"budget.final_seeds": 3}),
        pytest.param("plain", {"budget.final_seeds": 1, "budget.ema_half_life": 10.0}, marks=pytest.mark.slow),
    ],
)
def test_use_py_rebuilds_the_very_model_that_the_result_tells_of(
    tmp_path: Path, variant: str, changes: dict[str, object]
):
    result = small_run(digits(), tmp_path / "run", settings=small().replaced(changes), epochs=4)
    assert result.best.variant == variant
    said = said_by_use_py(result.out / "best")
    assert said["accuracy"] == pytest.approx(result.best.val["accuracy"], abs=1e-9)
    assert said["loss"] == pytest.approx(result.best.val["loss"], rel=1e-5)
    model = result.best.model()
    assert not model.training
    inputs, target = load().val
    with torch.no_grad():
        accuracy = (model(inputs).argmax(1) == target).double().mean().item()
    assert accuracy == pytest.approx(result.best.val["accuracy"], abs=1e-9)


def test_best_keeps_hyperparameters_and_source(watched):
    best = watched.result.out / "best"
    assert json.loads((best / "hyperparameters.json").read_text()) == watched.result.best.hyperparameters
    assert (best / "task.py").read_text() == digits().source
    state = torch.load(best / "model.pt", weights_only=True)
    assert set(state) == set(build(gf.Hyperparameters({"width": 32, "dropout": 0.0})).state_dict())


def test_a_check_ends_after_the_learning_rate(tmp_path):
    result = gf.check(digits(), out=tmp_path / "run", trials=4, epochs=2, workers=0, settings=small())
    assert result.status == "done"
    assert [step["step"] for step in result.document["steps"]] == STEPS[:4]
    assert result.best is None
    assert_valid(result.document, "result")
    assert (tmp_path / "run" / "report.html").exists()
