"""The choice between plain PyTorch and cohorts by measurement, and its cache; `test_native_building` has the rest."""

import dataclasses
import json

import pytest
import torch
from torch import nn
from training_cases import problem, trial

from goodfit.running.engine_choice import EngineChooser
from goodfit.training.choice import choose_engine
from goodfit.training.trial import Regime

torch.set_num_threads(1)
pytestmark = pytest.mark.usefixtures("without_native")


def test_the_fastest_is_chosen_and_every_candidate_shows_its_speed(tmp_path):
    trials = [trial(i, lr=0.01 * (i + 1)) for i in range(16)]
    choice = choose_engine(problem(dtype=torch.float32), trials, Regime(), seconds=0.8, cache=tmp_path)
    assert (choice.refusal, choice.from_cache) == (None, False)
    assert choice.measured[0].engine == "pool"
    cohorts = [one.cohort for one in choice.measured]
    assert cohorts == [1, 4, 8, 16][: len(cohorts)]
    assert len(cohorts) >= 2
    assert all(one.trial_steps_per_second > 0 for one in choice.measured)
    fastest = max(choice.measured, key=lambda one: one.trial_steps_per_second)
    assert (fastest.engine, fastest.cohort) == (choice.engine, choice.cohort)
    again = choose_engine(problem(dtype=torch.float32), trials, Regime(), seconds=0.8, cache=tmp_path)
    assert again == dataclasses.replace(choice, from_cache=True)


def test_a_model_that_cannot_be_batched_goes_to_the_pool_with_the_reason(tmp_path):
    trials = [trial(i) for i in range(4)]
    choice = choose_engine(problem("functional-dropout"), trials, Regime(), seconds=0.2, cache=tmp_path)
    assert choice.engine == "pool"
    assert choice.refusal is not None
    assert "dropout" in choice.refusal
    assert json.loads((tmp_path / "engines.json").read_text())


def test_a_lone_trial_is_not_batched():
    choice = choose_engine(problem(), [trial(0)], Regime(), seconds=0.1)
    assert (choice.engine, choice.cohort, len(choice.measured)) == ("pool", 1, 1)


def test_another_structure_is_measured_anew_and_a_damaged_cache_is_no_obstacle(tmp_path):
    (tmp_path / "engines.json").write_text("{not json")
    wide = problem(build=lambda hp: nn.Linear(5, 4))
    first = choose_engine(problem(), [trial(0)], Regime(), seconds=0.1, cache=tmp_path)
    second = choose_engine(wide, [trial(0)], Regime(), seconds=0.1, cache=tmp_path)
    assert not first.from_cache
    assert not second.from_cache
    assert len(json.loads((tmp_path / "engines.json").read_text())) == 2


def test_a_plan_reckons_with_others_on_the_processor():
    prob, one = problem(dtype=torch.float32), trial(0)
    chooser = EngineChooser(None)
    speed = chooser.steps_per_second(prob, one.hyperparameters)
    (wall, own) = chooser.took[0]
    chooser.took = [(4.0, 1.0)]  # what was measured had a quarter of the processor
    assert chooser.steps_per_second(prob, one.hyperparameters) == pytest.approx(speed * max(wall / own, 1.0) / 4)
