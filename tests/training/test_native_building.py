"""The native engine's library: built by the system's compiler, or missed without harm."""

import dataclasses

import pytest
import torch
from training_cases import Quiet, Told, problem, trial

from goodfit.errors import TrainingError
from goodfit.running.engine_choice import EngineChooser
from goodfit.training.choice import choose_engine
from goodfit.training.engines import ENGINES
from goodfit.training.engines.native import building, library
from goodfit.training.trial import Regime

TRIALS = [trial(i, lr=0.01 * (i + 1)) for i in range(8)]


@pytest.mark.usefixtures("without_native")
def test_without_a_library_the_other_engines_train_and_one_sentence_says_so(tmp_path):
    prob = problem(dtype=torch.float32)
    choice = choose_engine(prob, TRIALS, Regime(), seconds=0.3, cache=tmp_path)
    assert choice.engine in ("pool", "batched")
    assert choice.native_refusal is not None
    assert "C++ compiler" in choice.native_refusal
    again = choose_engine(prob, TRIALS, Regime(), seconds=0.3, cache=tmp_path)
    assert again == dataclasses.replace(choice, from_cache=True)
    for chooser in (EngineChooser(None), EngineChooser(None, is_by_rule=True)):
        told = chooser.choose(prob, TRIALS, Regime(), slots=2)
        assert told["engine"] != "native"
        assert "C++ compiler" in told["native_refusal"]
    with pytest.raises(TrainingError, match=r"C\+\+ compiler"):
        ENGINES["native"].advance(prob, TRIALS[:1], [None], Regime(), 1, Told(), Quiet())


@pytest.mark.usefixtures("without_native")
def test_nothing_is_said_of_it_where_the_network_is_none_for_it():
    choice = choose_engine(problem("gru"), TRIALS[:1], Regime(), seconds=0.1)
    assert choice.native_refusal is None


def test_a_compiler_that_is_missing_or_fails_is_told_in_a_line(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(building.BuildError, match="no C\\+\\+ compiler"):
        building.build(tmp_path / "library.so")
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(building.BuildError, match="false failed"):
        building.build(tmp_path / "library.so")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("native")
def test_cohorts_are_not_tried_where_the_native_engine_is_faster_than_plain_pytorch():
    choice = choose_engine(problem(dtype=torch.float32), TRIALS, Regime(), seconds=0.3)
    assert [one.engine for one in choice.measured] == ["pool", "native"]
    assert (choice.engine, choice.refusal) == ("native", None)


@pytest.mark.usefixtures("native")
def test_a_library_of_other_sources_is_not_used(monkeypatch):
    monkeypatch.setattr(library, "source_digest", lambda: "other")
    library._open.cache_clear()
    try:
        assert "other sources" in library.why_missing()
        assert library.kernel() is None
    finally:
        monkeypatch.undo()
        library._open.cache_clear()


@pytest.mark.usefixtures("native")
def test_the_native_engine_is_measured_and_taken_also_for_a_lone_trial():
    prob = problem(dtype=torch.float32)
    choice = choose_engine(prob, TRIALS, Regime(), seconds=0.6)
    assert choice.engine == "native"
    assert [one.engine for one in choice.measured[:2]] == ["pool", "native"]
    chooser = EngineChooser(None)
    assert chooser.choose(prob, TRIALS[:1], Regime(), slots=2)["engine"] == "native"
    assert chooser.choose(prob, TRIALS, Regime(), slots=1)["cohort"] == 2
    assert EngineChooser(None, is_by_rule=True).choose(prob, TRIALS[:1], Regime(), slots=2)["engine"] == "native"
    assert EngineChooser(None, seconds=0.0).choose(prob, TRIALS, Regime(), slots=2)["engine"] == "native"
    assert EngineChooser(None, seconds=0.0).choose(problem("gru"), TRIALS, Regime(), slots=2)["engine"] == "pool"
    assert EngineChooser(None).choose(problem("gru"), TRIALS[:1], Regime(), slots=2)["engine"] == "pool"
