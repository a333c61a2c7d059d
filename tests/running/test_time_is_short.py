"""Runs whose budget does not last for all that the recipe would do: what is cut, and what is said of it."""

from __future__ import annotations

import dataclasses
import json

import pytest
from small_runs import digits, kinds, small, snapshot

import goodfit as gf
from goodfit.recipe.learning_rate import Bracket
from goodfit.recipe.result import Verdict
from goodfit.recipe.runs import run_of
from goodfit.settings import Settings
from goodfit.training.trial import ASKED_TO_LEAVE, LEFT_OUT, Ended, Segment, Status, Trial


def test_a_check_without_time_says_nothing_and_fails_nothing(tmp_path):
    settings = small(budget__gates_most=1e-9, budget__gates_seconds=1e-9)
    result = gf.check(digits(), out=tmp_path / "run", budget="60s", workers=0, settings=settings)
    verdicts = {step["step"]: step["verdict"] for step in result.document["steps"]}
    assert result.status == "done"
    assert (verdicts["overfit"], verdicts["learning-rate"]) == ("skip", "skip")
    assert not {"cannot-overfit-sample", "no-stable-learning-rate"} & set(kinds(result))
    assert all("says nothing" in step["summary"] for step in result.document["steps"] if step["verdict"] == "skip")


@pytest.mark.parametrize("reason", [ASKED_TO_LEAVE, LEFT_OUT])
def test_a_training_that_time_stopped_is_not_one_that_reached_its_goal(reason):
    trial = Trial(0, 0, (Segment(0, {"lr": 0.1}, 0),))
    cut = run_of(trial, [Ended(0, Status.STOPPED, 3, reason)], key="sample", steps=100)
    fitted = run_of(trial, [Ended(0, Status.STOPPED, 3, "its 20 samples are learned")], key="sample", steps=100)
    assert (cut.was_cut, cut.fitted) == (True, False)
    assert (fitted.was_cut, fitted.fitted) == (False, True)


def test_a_bracket_that_was_cut_before_any_rate_worked_keeps_the_declared_range():
    result = Bracket(Settings().learning_rate).result([], ["ladder"])
    assert result.verdict is Verdict.SKIP
    assert result.next["lr"] is None


def test_where_few_trainings_are_paid_for_coarse_trials_decay_and_no_round_refines(tmp_path):
    settings = small(budget__dear_trainings=1e9)
    result = gf.run(digits(), out=tmp_path / "run", budget="25s", workers=0, settings=settings)
    steps = [step["step"] for step in result.document["steps"]]
    assert steps == ["data", "initial-loss", "overfit", "learning-rate", "coarse", "final"]
    kept = snapshot(tmp_path / "run")
    coarse = [t for t in kept.trials if t.stage == 4]
    assert coarse
    assert {t.hyperparameters["schedule"] for t in coarse} == {"cosine"}
    assert any("One training is cared for" in d.what for d in kept.decisions)
    # The final training's second half goes on from its first, and ends with the rate decayed, however long it is.
    final = {t.trial: t for t in kept.trials if t.stage == 5}
    second = [t for t in final.values() if t.parent in final]
    assert len(second) == len(final) // 2
    for trial in second:
        rates = kept.curves[trial.trial]["lr"].values
        assert trial.status == "done"
        assert rates[-1] <= 0.01 * trial.hyperparameters["lr"]
        assert rates[0] <= kept.curves[trial.parent]["lr"].values[-1]


def test_other_decayed_trainings_may_be_members_of_the_ensemble(tmp_path):
    settings = small(budget__peak_factors=(1.0, 2.0), budget__final_seeds=2)
    result = gf.run(digits(), out=tmp_path / "run", trials=4, epochs=2, workers=0, settings=settings)
    evidence = next(s for s in result.document["steps"] if s["step"] == "final")["evidence"]
    # Two peaks, three schedules at the better one, and a second seed.
    assert evidence["ensemble_candidates"] == 6
    assert len(evidence["seeds_val"]) == 2
    assert json.loads((result.out / "best" / "hyperparameters.json").read_text())["lr"] == evidence["learning_rate"]


def test_settings_of_time_lie_within_the_budget():
    budget = dataclasses.asdict(Settings().budget)
    assert budget["gates_share"] <= budget["gates_most"] < 1 - budget["final_share_most"]


def test_a_final_training_that_spoils_the_model_is_not_taken(tmp_path):
    settings = small(budget__peak_factors=(40.0, 60.0))  # far beyond what trains well
    result = gf.run(digits(), out=tmp_path / "run", trials=4, epochs=4, workers=0, settings=settings)
    kept = snapshot(tmp_path / "run")
    stays = [d for d in kept.decisions if "stays as it is" in d.what]
    assert len(stays) == 1
    number = int(stays[0].what.split()[1].rpartition("/")[2])
    trial = next(t for t in kept.trials if t.trial == number)
    assert dict(result.best.hyperparameters) == dict(trial.hyperparameters)
    assert result.best.val["accuracy"] == pytest.approx(trial.objective, abs=1e-6)


def test_the_first_steps_look_at_less_where_a_step_is_dear(tmp_path):
    settings = small(initial_loss__share=1e-9)
    result = gf.check(digits(), out=tmp_path / "run", budget="30s", workers=0, settings=settings)
    first = next(step for step in result.document["steps"] if step["step"] == "initial-loss")
    least = Settings().initial_loss
    assert first["evidence"]["samples"] <= least.samples_least
    assert first["evidence"]["initialisations"] == least.seeds_least
    assert first["verdict"] == "pass"


@pytest.mark.parametrize(("share", "samples"), [(0.0, 10), (10.0, 288)])
def test_final_trainings_are_compared_on_fewer_samples_where_all_take_too_long(tmp_path, share, samples):
    settings = small(budget__closing_share=share, budget__paired_samples=10, budget__kept_shares=())
    result = gf.run(digits(), out=tmp_path / "run", budget="25s", workers=0, settings=settings)
    assert result.document["steps"][-1]["evidence"]["compared_on"] == samples
    # What is stated is of all of them all the same: a share of 288, not of 10.
    assert result.best.val["accuracy"] * 288 == pytest.approx(round(result.best.val["accuracy"] * 288), abs=1e-6)
