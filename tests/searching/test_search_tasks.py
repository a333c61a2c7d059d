"""gf.search over tasks: cohorts that go on from where they stood, any strategy, taken up again as if undisturbed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from jsonschema import Draft202012Validator
from torch import nn

import goodfit as gf
from goodfit import schemas
from goodfit.best import load_best
from goodfit.errors import GoodfitError, SettingsError
from goodfit.recipe.progress import ProgressEvent, StageProgress
from goodfit.searching.ladder import Ladder
from goodfit.settings import Settings
from goodfit.settings.halving import HalvingSettings


def _data() -> gf.Data:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(480, 6, generator=generator)
    y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).long()
    return gf.Data(train=(x[:360], y[:360]), val=(x[360:], y[360:]))


def small_task(**changes: Any) -> gf.Task:
    given: dict[str, Any] = {
        "name": "small",
        "model": lambda hp: nn.Sequential(nn.Linear(6, hp.width), nn.ReLU(), nn.Linear(hp.width, 2)),
        "data": _data,
        "loss": F.cross_entropy,
        "metrics": {"accuracy": gf.accuracy},
        "space": gf.Space(lr=gf.log(1e-4, 1e-1), width=gf.powers_of_two(8, 16), weight_decay=gf.log(1e-6, 1e-2)),
        "start": {"optimizer": "adamw", "batch_size": 32},
    }
    return gf.Task(**(given | changes))


def searched(out: Path, **options: Any) -> gf.Study:
    return gf.search(small_task(), **({"trials": 9, "epochs": 3, "workers": 0, "out": out} | options))


def kept_of(study: gf.Study) -> list[tuple[Any, ...]]:
    return [(t.number, dict(t.hyperparameters), t.value, t.status, t.epochs, t.parent, t.seed) for t in study.trials]


class CutShort:
    """A watcher that sends this process a Ctrl-C at the n-th sign of progress."""

    def __init__(self, progress: int) -> None:
        self.left = progress

    def see(self, event: ProgressEvent) -> None:
        if isinstance(event, StageProgress):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> gf.Study:
    return searched(tmp_path_factory.mktemp("halved") / "run", strategy="halving", trials=12, epochs=9)


def test_the_result_is_the_contracts_and_the_report_stands(halved: gf.Study):
    document = json.loads((halved.out / "result.json").read_text())
    Draft202012Validator(schemas.load("result")).validate(document)
    assert {step["step"] for step in document["steps"]} <= {"coarse", "fine"}
    assert document["best"]["hyperparameters"]["lr"] == halved.best_hyperparameters["lr"]
    assert "small" in (halved.out / "report.html").read_text()
    assert "loss" in document["best"]["val"]


def test_halving_goes_from_rung_to_rung_each_from_its_own_state(halved: gf.Study):
    by_number = {t.number: t for t in halved.trials}
    first = [t for t in halved.trials if t.parent is None]
    assert len(first) == 12
    assert {t.epochs for t in first} == {1.0}
    second = [t for t in halved.trials if t.parent is not None and by_number[t.parent].parent is None]
    assert 4 <= len(second) < 12
    assert {t.epochs for t in second} == {3.0}
    assert max(t.epochs for t in halved.trials) == 9.0
    best_at_rung = sorted(first, key=lambda t: t.value)[:4]
    assert {t.number for t in best_at_rung} <= {t.parent for t in second}
    assert any("At epoch 1," in d.what for d in halved.snapshot.decisions)
    told = halved.snapshot.decisions[0].what
    assert "12 to epoch 1" in told
    (stage,) = [s for s in halved.snapshot.stages if s.verdict]
    assert f"(trial {stage.evidence['best_trial']})" in stage.summary
    assert halved.trials[stage.evidence["best_trial"]].value == pytest.approx(stage.evidence["best"])


def test_a_trial_that_was_judged_on_its_way_is_the_trial_that_was_left_alone(halved: gf.Study, tmp_path: Path):
    """Continuing is exact: the winner, trained straight to its end, has the same values at the end."""
    best = max(halved.trials, key=lambda t: t.epochs)
    line = [best]
    while line[0].parent is not None:
        line.insert(0, halved.trials[line[0].parent])
    point = {name: best.hyperparameters[name] for name in ("lr", "width", "weight_decay")}
    alone = searched(tmp_path / "alone", strategy="random", early="none", trials=1, epochs=9, start=[point])
    assert alone.trials[0].hyperparameters["lr"] == best.hyperparameters["lr"]
    assert alone.trials[0].value == pytest.approx(best.value, rel=1e-6)


@pytest.mark.parametrize("strategy", ["coarse-to-fine", "grid", "tpe"])
def test_every_kind_of_strategy_searches_a_task(tmp_path: Path, strategy: str):
    if strategy == "tpe":
        pytest.importorskip("optuna")
    study = searched(tmp_path / "run", strategy=strategy, trials=16, epochs=1)
    assert study.status == "done"
    points = {tuple(t.hyperparameters[n] for n in ("lr", "width", "weight_decay")) for t in study.trials}
    assert len(points) == len(study.trials) == {"grid": 8}.get(strategy, 16)
    stages = [s.stage for s in study.snapshot.stages]
    assert stages == (["coarse", "fine"] if strategy == "coarse-to-fine" else ["coarse"])


def test_a_proposer_of_ones_own_searches_a_task_and_known_points_come_first(tmp_path: Path):
    class Mine:
        def propose(self, history, n):
            return [{"lr": 10.0 ** -(2 + len(history)), "width": 8, "weight_decay": 1e-4}][:n]

    guess = {"lr": 0.05, "width": 16, "weight_decay": 1e-5}
    study = searched(tmp_path / "run", strategy=Mine(), trials=3, epochs=1, start=[guess])
    assert [t.hyperparameters["lr"] for t in study.trials] == [0.05, 1e-3, 1e-4]
    assert study.trials[0].hyperparameters["width"] == 16


@pytest.mark.parametrize("strategy", ["halving", "coarse-to-fine"])
@pytest.mark.parametrize("moment", [1, 2, 3])
def test_an_interrupted_search_ends_as_an_undisturbed_one(tmp_path: Path, strategy: str, moment: int):
    plan: dict[str, Any] = {"strategy": strategy, "trials": 16, "epochs": 3}
    undisturbed = searched(tmp_path / "a", **plan)
    first = searched(tmp_path / "b", **plan, watcher=CutShort(moment))
    assert first.status == "interrupted"
    again = searched(tmp_path / "b", **plan, resume=True)
    assert again.status == "done"
    assert kept_of(again) == kept_of(undisturbed)
    told = [[(d.what, d.why) for d in s.snapshot.decisions] for s in (again, undisturbed)]
    assert told[0] == told[1]


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(halved: gf.Study, tmp_path: Path):
    beside = searched(tmp_path / "run", strategy="halving", trials=12, epochs=9, workers=2)
    assert kept_of(beside) == kept_of(halved)


@pytest.mark.slow
def test_a_budget_is_kept_and_filled(tmp_path: Path):
    study = searched(tmp_path / "run", trials=None, epochs=None, budget="6s", workers=1)
    assert study.status == "done"
    assert len(study.trials) >= 4
    assert study.document["seconds"] < 20


def test_trials_that_diverge_are_evidence_and_never_a_hole(tmp_path: Path):
    space = gf.Space(lr=gf.log(1e-3, 1e6))
    study = gf.search(
        small_task(space=space, start={"optimizer": "sgd", "batch_size": 32, "width": 8}),
        strategy="halving", trials=12, epochs=3, workers=0, out=tmp_path / "run",
    )  # fmt: skip
    diverged = [t for t in study.trials if t.status == "diverged"]
    assert diverged
    assert all(t.value is None for t in diverged)
    assert "many-infeasible-trials" in {f.kind for f in study.findings} or len(diverged) < 6
    assert min(t.hyperparameters["lr"] for t in diverged) > study.best_hyperparameters["lr"]


def test_a_study_of_a_task_opens_as_one_of_optunas(halved: gf.Study):
    pytest.importorskip("optuna")
    theirs = halved.to_optuna()
    assert len(theirs.trials) == 12  # a configuration is one trial there, with its whole curve
    assert theirs.best_value == pytest.approx(halved.best_value)
    whole = [t for t in theirs.trials if t.state.name == "COMPLETE"]
    pruned = [t for t in theirs.trials if t.state.name == "PRUNED"]
    assert whole
    assert pruned
    assert len(whole[0].intermediate_values) > len(pruned[0].intermediate_values)


BAD: list[tuple[dict, type, str]] = [
    ({"strategy": "hyperband"}, gf.SettingsError, "There is no strategy 'hyperband'"),
    ({"trials": 0}, gf.SettingsError, "trials is a whole number"),
    ({"start": {"lr": 7.0}}, gf.SpaceError, "7.0 is not within"),
    ({"device": "tpu"}, gf.GoodfitError, "tpu"),
]


@pytest.mark.parametrize(("given", "kind", "said"), BAD, ids=lambda value: str(value)[:40])
def test_bad_input_gets_one_sentence_and_leaves_nothing(tmp_path: Path, given: dict, kind: type, said: str):
    with pytest.raises(kind) as seen:
        searched(tmp_path / "run", **given)
    assert said in str(seen.value)
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_gone_on_with_as_a_search(tmp_path: Path, halved: gf.Study):
    with pytest.raises(gf.FolderError, match=r"was begun by .* and can only be gone on with by that"):
        gf.run(small_task(), out=halved.out, resume=True, trials=2, epochs=1, workers=0)


def test_the_best_trial_is_kept_as_a_model(halved: gf.Study):
    best = json.loads((halved.out / "result.json").read_text())["best"]
    assert json.loads((halved.out / "best" / "hyperparameters.json").read_text()) == best["hyperparameters"]
    model = load_best(halved.out)
    x, y = _data().val
    with torch.no_grad():
        assert float(F.cross_entropy(model(x), y)) == pytest.approx(best["val"]["loss"], rel=1e-5)
    done = subprocess.run([sys.executable, halved.out / "best" / "use.py"], capture_output=True, text=True, check=True)
    assert "parameters" in done.stdout


def _not_wide_and_fast(hp: gf.Hyperparameters) -> nn.Module:
    if hp.width == 16 and hp.lr > 4e-3:
        raise ValueError("16 is no width for such a rate")
    return nn.Sequential(nn.Linear(6, hp.width), nn.ReLU(), nn.Linear(hp.width, 2))


class _BreaksAtHighRates(nn.Sequential):
    """Raises in training once its weights have left for far away, in whatever company."""

    def forward(self, x):
        if self.training and float(self[0].weight.detach().abs().max()) > 2.0:
            raise RuntimeError("the weights are beyond what this net can bear")
        return super().forward(x)


def test_a_model_that_cannot_be_built_is_a_failed_trial_with_its_reason(tmp_path: Path):
    study = gf.search(
        small_task(model=_not_wide_and_fast), trials=12, epochs=1, workers=0, out=tmp_path / "run", strategy="sobol"
    )
    assert study.status == "done"
    failed = [t for t in study.trials if t.status == "failed"]
    assert failed
    assert {t.hyperparameters["width"] for t in failed} == {16}
    assert all("16 is no width for such a rate" in t.reason for t in failed)
    assert {t.hyperparameters["width"] for t in study.trials if t.status == "done"} == {8, 16}
    assert len(study.trials) == 12


def test_an_exception_while_training_fails_its_own_trial_and_the_others_go_on(tmp_path: Path):
    def build(hp: gf.Hyperparameters) -> nn.Module:
        return _BreaksAtHighRates(nn.Linear(6, hp.width), nn.ReLU(), nn.Linear(hp.width, 2))

    task = small_task(model=build, space=gf.Space(lr=gf.log(1e-3, 3.0), width=gf.choice(8)), start={"lr": 1e-3})
    study = gf.search(task, trials=9, epochs=2, workers=0, out=tmp_path / "run", strategy="random", early="none")
    assert study.status == "done"
    failed = [t for t in study.trials if t.status == "failed"]
    done = [t for t in study.trials if t.status == "done"]
    assert failed
    assert len(done) >= 4
    assert max(t.hyperparameters["lr"] for t in done) < max(t.hyperparameters["lr"] for t in failed)
    assert all("beyond what this net can bear" in t.reason for t in failed)


def test_a_task_whose_trials_all_fail_ends_with_one_sentence(tmp_path: Path):
    def only_at_the_start(hp: gf.Hyperparameters) -> nn.Module:
        if hp.lr != 1e-2:
            raise ValueError("no net for such a rate")
        return nn.Linear(6, 2)

    task = small_task(model=only_at_the_start, space=gf.Space(lr=gf.log(1e-4, 1e-1)), start={"lr": 1e-2})
    with pytest.raises(GoodfitError, match=r"^5 trials failed one after another; the last: .*no net for such a rate"):
        gf.search(task, trials=9, epochs=1, workers=0, out=tmp_path / "run", strategy="sobol")


def test_halving_over_the_data_trains_on_more_of_it_from_rung_to_rung(tmp_path: Path):
    study = gf.search(
        small_task(start={"optimizer": "adamw", "batch_size": 16}),
        strategy="sobol",
        early="data-halving",
        trials=12,
        epochs=9,
        workers=0,
        out=tmp_path / "run",
        settings=Settings().replaced({"halving.first_samples": 40}),
    )
    assert study.status == "done"
    assert "12 on 40, " in study.snapshot.decisions[0].what
    assert "on all 360 samples" in study.snapshot.decisions[0].what
    by_length = {length: [t for t in study.trials if t.epochs == length] for length in (1.0, 3.0, 9.0)}
    assert len(study.trials) == sum(len(trials) for trials in by_length.values())
    assert len(by_length[1.0]) == 12
    assert 4 <= len(by_length[3.0]) < 12
    assert all(t.parent is None for t in study.trials)  # each begins anew
    points = [{(t.hyperparameters["lr"], t.hyperparameters["width"]) for t in trials} for trials in by_length.values()]
    assert points[2] <= points[1] <= points[0]
    best_of_first = {t.hyperparameters["lr"] for t in sorted(by_length[1.0], key=lambda t: t.value)[:4]}
    assert best_of_first <= {t.hyperparameters["lr"] for t in by_length[3.0]}
    assert study.best.epochs == 9.0
    assert any("On 40 samples, " in d.what for d in study.snapshot.decisions)


def test_the_shares_of_the_data_lie_within_one_another():
    ladder = Ladder(True, 9.0, 360, 0, HalvingSettings(first_samples=40))
    steps = ladder.rungs(batch=16)
    parts = [set(ladder.regime(rung).samples) for rung in steps]
    assert [len(part) for part in parts] == [40, 120]
    assert parts[0] < parts[1]
    assert ladder.regime(9.0) is None
    assert ladder.plan(12, steps).epochs == pytest.approx(
        12 * 1 + ladder.plan(12, steps).trials[1] * 3 + 9 * ladder.plan(12, steps).trials[2]
    )


def test_halving_over_the_data_needs_a_task():
    with pytest.raises(SettingsError, match="data-halving is for a task"):
        gf.search(lambda trial: trial.lr, gf.Space(lr=gf.log(1e-3, 1.0)), epochs=9, early="data-halving")
