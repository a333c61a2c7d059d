"""gf.search over plain functions: in this process and in workers, kept, resumed, and clear where it cannot go on."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from objectives import SPACE, Interrupting, loss_of, plain, with_curve

import goodfit as gf
from goodfit import schemas
from goodfit.report.run_view import RunView
from goodfit.strategy import Observation, Sobol


def points_of(study: gf.Study) -> list[dict]:
    return [dict(t.hyperparameters) for t in study.trials]


@pytest.mark.parametrize("strategy", ["random", "sobol", "halton", "coarse-to-fine"])
def test_every_strategy_searches_a_function(tmp_path: Path, strategy: str):
    study = gf.search(plain, SPACE, trials=20, strategy=strategy, out=tmp_path / "run")
    assert len(study.trials) == 20
    assert study.status == "done"
    assert study.best is not None
    assert study.best.value == min(loss_of(t.hyperparameters) for t in study.trials)
    assert all(t.status == "done" for t in study.trials)


def test_coarse_to_fine_leaves_a_box_that_is_too_low(tmp_path: Path):
    study = gf.search(plain, SPACE, trials=60, out=tmp_path / "run")
    assert study.best_value is not None
    assert study.best_value < 0.2
    assert study.best_hyperparameters["lr"] > 1e-3
    assert "best-on-border" in {f.kind for f in study.findings}
    stages = [(s.stage, s.round) for s in study.snapshot.stages]
    assert stages[:2] == [("coarse", 1), ("coarse", 2)]  # borders are looked at within the coarse round
    assert stages[2:] == [("fine", i + 1) for i in range(len(stages) - 2)]
    assert any("lr goes from" in d.what for d in study.snapshot.decisions)


def test_the_folder_is_a_run_by_the_contract(tmp_path: Path):
    out = tmp_path / "run"
    study = gf.search(with_curve, SPACE, trials=16, out=out, epochs=4)
    document = json.loads((out / "result.json").read_text())
    Draft202012Validator(schemas.load("result")).validate(document)
    assert document["trials"] == 16
    assert document["epochs"] == 64
    assert {step["step"] for step in document["steps"]} == {"coarse", "fine"}
    assert document["best"]["val"]["value"] == study.best_value
    page = (out / "report.html").read_text()
    assert "with_curve" in page
    assert "Best so far" in page
    assert study.trials[0].curves["val_loss"][0] == (1.0, study.trials[0].curves["val_loss"][0][1])
    with pytest.raises(gf.FolderError, match="already holds a run"):
        gf.search(plain, SPACE, trials=2, out=out)


def test_workers_change_nothing_of_what_is_tried(tmp_path: Path):
    alone = gf.search(with_curve, SPACE, trials=12, strategy="sobol", out=tmp_path / "a", epochs=3)
    beside = gf.search(with_curve, SPACE, trials=12, strategy="sobol", out=tmp_path / "b", epochs=3, workers=2)
    assert points_of(alone) == points_of(beside) == [Sobol(SPACE, 0).at(i) for i in range(12)]
    assert [t.value for t in alone.trials] == [t.value for t in beside.trials]
    assert [t.seed for t in alone.trials] == [t.seed for t in beside.trials]
    assert [t.curves for t in alone.trials] == [t.curves for t in beside.trials]


def test_a_lambda_and_a_closure_travel_to_workers(tmp_path: Path):
    offset = 2.0
    study = gf.search(lambda t: offset + t.dropout, SPACE, trials=3, out=tmp_path / "run", workers=1)
    assert all(t.value == offset + t.hyperparameters["dropout"] for t in study.trials)


def test_more_is_better_where_it_is_said(tmp_path: Path):
    study = gf.search(lambda t: -loss_of(t), SPACE, trials=16, strategy="sobol", direction="max", out=tmp_path / "run")
    assert study.best_value == max(t.value for t in study.trials)
    assert study.direction == "max"


def test_a_trial_that_raises_is_a_failed_trial_and_the_search_goes_on(tmp_path: Path):
    def sometimes(trial: gf.Trial) -> float:
        if trial.number % 3 == 1:
            raise ValueError("no such width")
        return loss_of(trial)

    study = gf.search(sometimes, SPACE, trials=9, strategy="random", out=tmp_path / "run")
    statuses = [t.status for t in study.trials]
    assert statuses == ["done", "failed", "done"] * 3
    assert "raised ValueError: no such width" in study.trials[1].reason
    assert "test_search_functions.py" in study.trials[1].reason
    assert study.trials[1].value is None


def test_a_value_that_is_not_finite_is_a_diverged_trial(tmp_path: Path):
    study = gf.search(
        lambda t: math.nan if t.number == 0 else loss_of(t), SPACE, trials=3, strategy="random", out=tmp_path / "run"
    )
    assert [t.status for t in study.trials] == ["diverged", "done", "done"]


def test_a_trial_that_reports_nan_is_ended_at_once(tmp_path: Path):
    seen = []

    def breaking(trial: gf.Trial) -> float:
        for epoch in range(1, 10):
            trial.report(epoch, {"val_loss": math.nan if epoch == 3 else 1.0})
            seen.append(epoch)
            if trial.should_stop():
                return math.nan
        return 1.0

    study = gf.search(breaking, SPACE, trials=2, strategy="random", out=tmp_path / "run")
    assert seen == [1, 2, 3] * 2
    assert {t.status for t in study.trials} == {"diverged"}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_search_in_which_all_fails_ends_soon_and_says_why(tmp_path: Path, workers: int):
    def broken(trial: gf.Trial) -> float:
        raise KeyError("batch_size")

    with pytest.raises(gf.TrainingError, match=r"trials failed; the first: .* raised KeyError: 'batch_size'"):
        gf.search(broken, SPACE, trials=50, strategy="random", out=tmp_path / "run", workers=workers)
    study = gf.Study.open(tmp_path / "run")
    assert study.status == "stopped"
    assert 5 <= len(study.trials) < 20


@pytest.mark.slow
def test_a_worker_that_dies_takes_one_trial_with_it(tmp_path: Path):
    def dying(trial: gf.Trial) -> float:
        if trial.number == 1:
            os._exit(7)
        return loss_of(trial)

    study = gf.search(dying, SPACE, trials=4, strategy="random", out=tmp_path / "run", workers=1)
    assert [t.status for t in study.trials] == ["done", "failed", "done", "done"]
    assert "worker process" in study.trials[1].reason


def test_what_returns_nothing_counts_by_its_last_report(tmp_path: Path):
    def reporting(trial: gf.Trial) -> None:
        for epoch in (1, 2):
            trial.report(epoch, {"val_loss": loss_of(trial) / epoch, "val_accuracy": 0.5})

    study = gf.search(reporting, SPACE, trials=3, strategy="random", out=tmp_path / "a")
    assert study.best_value == min(loss_of(t.hyperparameters) / 2 for t in study.trials)
    by_metric = gf.search(
        reporting, SPACE, trials=3, strategy="random", out=tmp_path / "b", direction="max", metric="val_accuracy"
    )
    assert by_metric.best_value == 0.5
    with pytest.raises(gf.TrainingError, match="returned nothing and reported nothing"):
        gf.search(lambda t: None, SPACE, trials=2, strategy="random", out=tmp_path / "c")


def test_early_ends_spend_less_and_keep_the_best(tmp_path: Path):
    whole = gf.search(with_curve, SPACE, trials=40, strategy="sobol", epochs=9, out=tmp_path / "whole")
    ended = gf.search(with_curve, SPACE, trials=40, strategy="asha", epochs=9, out=tmp_path / "early")
    assert sum(t.epochs for t in ended.trials) < 0.6 * sum(t.epochs for t in whole.trials)
    assert ended.best_value == whole.best_value
    stopped = [t for t in ended.trials if t.status == "stopped"]
    assert len(stopped) > 15
    assert all("Ended early at epoch" in t.reason for t in stopped)
    assert {t.epochs for t in stopped} <= {1.0, 3.0}


def test_early_ends_work_across_processes_at_once(tmp_path: Path):
    """The worker waits for the answer to its report, so that no trial runs on past its rung."""
    study = gf.search(with_curve, SPACE, trials=20, strategy="asha", epochs=9, out=tmp_path / "run", workers=2)
    stopped = [t for t in study.trials if t.status == "stopped"]
    assert stopped
    assert {t.epochs for t in stopped} <= {1.0, 3.0}


def test_an_objective_ends_its_own_trial(tmp_path: Path):
    def pruning(trial: gf.Trial) -> float:
        trial.report(1, {"val_loss": loss_of(trial)})
        if trial.number == 0:
            raise gf.StopTrial("hopeless")
        return loss_of(trial)

    study = gf.search(pruning, SPACE, trials=2, strategy="random", out=tmp_path / "run")
    assert (study.trials[0].status, study.trials[0].reason) == ("stopped", "hopeless")
    assert study.trials[0].value == loss_of(study.trials[0].hyperparameters)


def test_known_points_come_first_and_none_is_tried_twice(tmp_path: Path):
    guess = {"lr": 1e-4, "dropout": 0.1, "kind": "b"}
    file = tmp_path / "points.json"
    file.write_text(json.dumps([guess, {"lr": 2e-4}]))
    study = gf.search(plain, SPACE, trials=6, strategy="random", start=[guess, file], out=tmp_path / "run")
    assert points_of(study)[:2] == [guess, {"lr": 2e-4, "dropout": 0.3, "kind": "a"}]
    assert len({tuple(p.items()) for p in points_of(study)}) == 6
    later = gf.search(plain, SPACE, trials=2, strategy="random", start=tmp_path / "run", out=tmp_path / "next")
    assert points_of(later)[0] == study.best_hyperparameters


class EveryDecade:
    """The ten lines of a proposer of one's own, as docs/search.md shows it."""

    def propose(self, history, n):
        rates = [10.0**e for e in (-5, -4, -3)]
        tried = {o.hyperparameters["lr"] for o in history}
        return [{"lr": lr, "dropout": 0.2, "kind": "a"} for lr in rates if lr not in tried][:n]


def test_a_proposer_of_ones_own_is_plugged_in(tmp_path: Path):
    study = gf.search(plain, SPACE, trials=50, strategy=EveryDecade(), out=tmp_path / "run")
    assert [t.hyperparameters["lr"] for t in study.trials] == [1e-5, 1e-4, 1e-3]
    assert study.snapshot.study.options["strategy"] == "EveryDecade"

    class Careless:
        def propose(self, history, n):
            return [{"lr": 1e-4, "kind": "c"}]

    with pytest.raises(gf.SpaceError, match="the strategy Careless proposed"):
        gf.search(plain, SPACE, trials=5, strategy=Careless(), out=tmp_path / "other")


def test_a_grid_is_run_whole_and_warned_of(tmp_path: Path):
    study = gf.search(plain, SPACE, strategy="grid", levels=2, out=tmp_path / "run")
    assert len(study.trials) == 8
    assert "grid-is-wasteful" in {f.kind for f in study.findings}


def test_an_interrupted_search_ends_as_an_undisturbed_one(tmp_path: Path):
    undisturbed = gf.search(with_curve, SPACE, trials=20, epochs=3, out=tmp_path / "a")
    for at in (5, 13):
        gf.search(Interrupting(at), SPACE, trials=20, epochs=3, out=tmp_path / "b", resume=at > 5, name="with_curve")
        assert gf.Study.open(tmp_path / "b").status == "interrupted"
    again = gf.search(with_curve, SPACE, trials=20, epochs=3, out=tmp_path / "b", resume=True)
    assert again.status == "done"
    assert points_of(again) == points_of(undisturbed)
    assert [(t.value, t.seed, t.status, t.curves) for t in again.trials] == [
        (t.value, t.seed, t.status, t.curves) for t in undisturbed.trials
    ]
    assert [(s.stage, s.round, s.summary) for s in again.snapshot.stages] == [
        (s.stage, s.round, s.summary) for s in undisturbed.snapshot.stages
    ]
    told = [[(d.what, d.why) for d in s.snapshot.decisions] for s in (again, undisturbed)]
    assert told[0] == told[1]


def test_a_search_that_is_done_can_be_given_more_trials(tmp_path: Path):
    first = gf.search(plain, SPACE, trials=6, strategy="sobol", out=tmp_path / "run")
    more = gf.search(plain, SPACE, trials=10, strategy="sobol", out=tmp_path / "run", resume=True)
    assert points_of(more)[:6] == points_of(first)
    assert points_of(more) == [Sobol(SPACE, 0).at(i) for i in range(10)]
    other = gf.Space(lr=gf.log(1e-5, 1e-1))
    with pytest.raises(gf.DataError, match="The space has changed"):
        gf.search(plain, other, trials=12, out=tmp_path / "run", resume=True)


@pytest.mark.slow
def test_a_search_that_was_killed_goes_on(tmp_path: Path):
    """Killed with no chance to say anything: what had ended is kept, what ran is run again."""
    script = tmp_path / "searching.py"
    script.write_text(
        "import os, sys\n"
        "import goodfit as gf\n"
        "def objective(trial):\n"
        "    trial.report(1, {'val_loss': trial.lr})\n"
        "    if trial.number == 4 and len(sys.argv) > 1:\n"
        "        import time; time.sleep(1.3)  # past one commit of the ledger\n"
        "        trial.report(2, {'val_loss': trial.lr})\n"
        "        os._exit(9)\n"
        "    return trial.lr\n"
        "gf.search(objective, gf.Space(lr=gf.log(1e-5, 1e-1)), trials=8, strategy='sobol', out='run', resume=True)\n"
    )
    killed = subprocess.run([sys.executable, str(script), "die"], cwd=tmp_path, capture_output=True, text=True)
    assert killed.returncode == 9, killed.stderr
    left = gf.Study.open(tmp_path / "run")
    assert [t.status for t in left.trials][:4] == ["done"] * 4
    subprocess.run([sys.executable, str(script)], cwd=tmp_path, check=True, capture_output=True)
    study = gf.Study.open(tmp_path / "run")
    assert [t.status for t in study.trials] == ["done"] * 8
    assert study.trials[4].curves["val_loss"][0][0] == 1.0


def test_the_study_answers_questions(tmp_path: Path):
    study = gf.search(plain, SPACE, trials=40, strategy="sobol", out=tmp_path / "run")
    weights = study.importance()
    assert next(iter(weights)) == "lr"
    assert weights["lr"].low > 0
    table = study.table()
    assert len(table) == 40
    assert set(table[0]) == {"number", "status", "value", "epochs", "seconds", "lr", "dropout", "kind", "reason"}
    assert list(study)[3].number == 3
    assert "40 trials" in repr(study)
    assert gf.Study.open(tmp_path / "run").best == study.best
    assert all(isinstance(o, Observation) for o in study.observations())


def test_time_ends_a_search(tmp_path: Path):
    class Clock:
        seconds = 0.0

        def now(self) -> float:
            return self.seconds

    clock = Clock()

    def slow(trial: gf.Trial) -> float:
        clock.seconds += 10.0
        return loss_of(trial)

    study = gf.search(slow, SPACE, budget="65s", out=tmp_path / "run", clock=clock)
    assert len(study.trials) == 7
    assert study.status == "done"
    assert any("time, 65 s, was up" in d.why for d in study.snapshot.decisions)


BAD: list[tuple[dict, type, str]] = [
    ({"strategy": "tpee"}, gf.SettingsError, "Did you mean 'tpe'"),
    ({"strategy": 7}, gf.SettingsError, "propose"),
    ({"trials": 0}, gf.SettingsError, "trials is a whole number of 1 or more, got 0"),
    ({"epochs": -1}, gf.SettingsError, "epochs must be above 0"),
    ({"workers": -1}, gf.SettingsError, "workers is a whole number of 0 or more"),
    ({"direction": "maximize"}, gf.SettingsError, 'direction is "min" or "max"'),
    ({"early": "asha"}, gf.SettingsError, "Early ends need epochs"),
    ({"early": "sometimes"}, gf.SettingsError, "early is one of none, halving, data-halving, asha"),
    ({"space": None}, gf.SpaceError, "search needs a space"),
    ({"space": {"lr": 1}}, gf.SpaceError, "got dict"),
    ({"objective": 3}, gf.TaskError, "function of a trial or a gf.Task, got int"),
    ({"start": {"lr": 5.0}}, gf.SpaceError, "the start point's 5.0 is not within"),
    ({"start": {"width": 5}}, gf.SpaceError, "none of which the space has"),
    ({"start": "nowhere.json"}, gf.SpaceError, "nowhere.json cannot be read"),
    ({"budget": "soon"}, gf.GoodfitError, "soon"),
]


@pytest.mark.parametrize(("given", "kind", "said"), BAD, ids=lambda value: str(value)[:40])
def test_bad_input_gets_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict, kind: type, said: str
):
    monkeypatch.chdir(tmp_path)
    arguments = {"objective": plain, "space": SPACE, "trials": 3} | given
    with pytest.raises(kind) as seen:
        gf.search(**arguments)
    assert said in str(seen.value)
    assert "\n" not in str(seen.value)
    assert not list(tmp_path.iterdir())


def test_reports_are_checked(tmp_path: Path):
    def backwards(trial: gf.Trial) -> float:
        trial.report(2, {"val_loss": 1.0})
        trial.report(1, {"val_loss": 1.0})
        return 1.0

    with pytest.raises(gf.TrainingError, match="counts upwards, got 1 after 2"):
        gf.search(backwards, SPACE, trials=1, strategy="random", out=tmp_path / "a")
    with pytest.raises(gf.TrainingError, match="metric 'val_loss' must be a number, got list"):
        gf.search(lambda t: t.report(1, {"val_loss": [1]}), SPACE, trials=1, out=tmp_path / "b")
    with pytest.raises(gf.TrainingError, match="Did you mean 'dropout'"):
        gf.search(lambda t: t.dropuot, SPACE, trials=1, out=tmp_path / "c")


def test_the_report_and_the_terminal_list_only_what_a_search_does(tmp_path: Path):
    seen = RunView()

    class Watching:
        def see(self, event):
            seen.fold(event)

    study = gf.search(plain, SPACE, trials=20, out=tmp_path / "run", watcher=Watching())
    assert [str(stage) for stage in seen.rows] == ["coarse", "fine"]
    page = (study.out / "report.html").read_text()
    assert "Search coarse" in page
    assert "Check the initial loss" not in page
