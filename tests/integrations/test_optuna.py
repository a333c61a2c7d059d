"""Optuna's samplers as proposers, and a study of ours as one of Optuna's."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

import goodfit as gf
from goodfit.integrations.optuna import OptunaProposer, population
from goodfit.space import Space, choice, integer, linear, log, logit, powers_of_two, reverse_log, when
from goodfit.strategy import Observation

optuna = pytest.importorskip("optuna")
pytest.importorskip("cmaes")

EVERY_SCALE = Space(
    when(optimizer="sgd", momentum=reverse_log(0.5, 0.99)),
    lr=log(1e-5, 1e-1),
    weight_decay=log(1e-6, 1e-2, zero=0.25),
    dropout=linear(0.0, 0.6),
    keep=logit(0.01, 0.99),
    layers=integer(1, 4),
    width=powers_of_two(16, 128),
    optimizer=choice("sgd", "adamw"),
)


def loss_of(point):
    """None where it diverges: above 0.03."""
    if point["lr"] > 0.03:
        return None
    return (math.log10(point["lr"]) + 2) ** 2 + abs(math.log2(point["width"]) - 5) + (point["optimizer"] == "sgd")


def searched(kind, space, trials, seed=0, portion=3, loss=loss_of):
    proposer, history = OptunaProposer(space, kind, seed), []
    while len(history) < trials:
        points = proposer.propose(history, portion)
        assert points
        for point in points:
            score = loss(point)
            history.append(Observation(len(history), point, score, "diverged" if score is None else "done"))
    return history


@pytest.mark.parametrize("kind", ["tpe", "cmaes", pytest.param("gp", marks=pytest.mark.slow)])
def test_every_sampler_takes_every_scale_and_conditionals_and_repeats_nothing(kind):
    found = searched(kind, EVERY_SCALE, 24)
    assert all(EVERY_SCALE.contains(o.hyperparameters) for o in found)
    assert all(("momentum" in o.hyperparameters) == (o.hyperparameters["optimizer"] == "sgd") for o in found)
    assert len({tuple(sorted(o.hyperparameters.items())) for o in found}) == len(found)


@pytest.mark.parametrize("kind", ["tpe", "cmaes"])
def test_a_proposal_depends_on_the_seed_and_the_history_alone(kind):
    found = searched(kind, EVERY_SCALE, 30)
    batch = population(EVERY_SCALE) if kind == "cmaes" else 3
    cut = 2 * batch if kind == "cmaes" else 18
    again = OptunaProposer(EVERY_SCALE, kind, 0).propose(found[:cut], batch)
    assert list(again) == [o.hyperparameters for o in found[cut : cut + len(again)]]
    assert again[0] != OptunaProposer(EVERY_SCALE, kind, 1).propose(found[:cut], batch)[0]


def test_cma_es_waits_for_its_generation():
    space = Space(a=linear(0, 1), b=linear(0, 1))
    proposer = OptunaProposer(space, "cmaes", 0)
    first = proposer.propose((), 100)
    assert len(first) == population(space)
    running = [Observation(i, p, None, "running") for i, p in enumerate(first)]
    assert proposer.propose(running, 3) == ()
    assert proposer.propose(running[:2], 100) == first[2:]
    ended = [Observation(o.number, o.hyperparameters, o.hyperparameters["a"]) for o in running]
    assert len(proposer.propose(ended, 3)) == 3


@pytest.mark.parametrize("kind", ["tpe", "cmaes"])
def test_infeasible_trials_lead_away_from_where_they_are(kind):
    """Half of the box diverges; a sampler that were told nothing of it would go on there half the time."""
    space = Space(x=linear(0, 1), y=linear(0, 1))

    def loss(point):
        return None if point["x"] > 0.5 else 1 - point["x"] + (point["y"] - 0.5) ** 2

    found = searched(kind, space, 60, loss=loss)
    late = found[30:]
    assert sum(o.score is None for o in late) <= 12


def test_tpe_does_better_than_its_start():
    found = searched("tpe", EVERY_SCALE, 40, seed=1)
    scores = [math.inf if o.score is None else o.score for o in found]
    assert min(scores[10:]) < min(scores[:10])


def test_a_small_space_is_tried_to_its_last_point():
    space = Space(layers=integer(1, 3), kind=choice("a", "b"))
    proposer = OptunaProposer(space, "tpe", 0)
    points = proposer.propose((), 20)
    assert len({tuple(p.items()) for p in points}) == len(points) == 6


@pytest.mark.parametrize("strategy", ["tpe", "cmaes"])
def test_a_search_uses_the_sampler_and_is_resumed(tmp_path: Path, strategy: str):
    def objective(trial: gf.Trial) -> float:
        value = loss_of(trial)
        return math.nan if value is None else value

    first = gf.search(objective, EVERY_SCALE, trials=12, strategy=strategy, out=tmp_path / "a")
    more = gf.search(objective, EVERY_SCALE, trials=20, strategy=strategy, out=tmp_path / "a", resume=True)
    whole = gf.search(objective, EVERY_SCALE, trials=20, strategy=strategy, out=tmp_path / "b")
    assert [t.hyperparameters for t in more.trials] == [t.hyperparameters for t in whole.trials]
    assert [t.hyperparameters for t in more.trials][:12] == [t.hyperparameters for t in first.trials]


def test_a_study_opens_as_one_of_optunas(tmp_path: Path):
    def objective(trial: gf.Trial) -> float:
        value = loss_of(trial)
        if value is None:
            return math.nan
        for epoch in range(1, 10):
            trial.report(epoch, {"val_loss": value + 1 / epoch})
            if trial.should_stop():
                break
        return value + 1 / epoch

    study = gf.search(objective, EVERY_SCALE, trials=30, strategy="asha", epochs=9, out=tmp_path / "run")
    theirs = study.to_optuna()
    assert theirs.study_name == study.name
    assert len(theirs.trials) == 30
    states = {t.number: t.state.name for t in theirs.trials}
    for trial in study.trials:
        name = {"done": "COMPLETE", "stopped": "PRUNED", "diverged": "FAIL"}[trial.status]
        assert states[trial.number] == name
        assert theirs.trials[trial.number].params == dict(trial.hyperparameters)
    assert theirs.best_value == study.best_value
    assert theirs.best_params == study.best_hyperparameters
    whole = next(t for t in theirs.trials if t.state.name == "COMPLETE")
    assert list(whole.intermediate_values) == list(range(1, 10))
    assert whole.distributions["lr"] == optuna.distributions.FloatDistribution(1e-5, 1e-1, log=True)
    assert whole.distributions["width"] == optuna.distributions.IntDistribution(16, 128, log=True)
    assert whole.distributions["weight_decay"].low == 0.0
    theirs.sampler = optuna.samplers.RandomSampler(seed=0)
    asked = theirs.ask(whole.distributions)  # it can be gone on with over there
    assert set(asked.params) == set(whole.distributions)


def test_ranges_that_were_extended_and_more_is_better_travel_too(tmp_path: Path):
    space = gf.Space(lr=gf.log(1e-5, 1e-3), kind=gf.choice("a", None, (1, 2)))
    study = gf.search(lambda t: -((math.log10(t.lr) + 2) ** 2), space, trials=40, direction="max", out=tmp_path / "run")
    theirs = study.to_optuna()
    assert theirs.direction.name == "MAXIMIZE"
    assert theirs.best_value == study.best_value
    assert theirs.best_params["lr"] > 1e-3
    assert {t.params["kind"] for t in theirs.trials} == {"a", None, "(1, 2)"}


def test_without_optuna_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(gf.SettingsError, match=r"pip install 'goodfit\[optuna\]'"):
        gf.search(loss_of, EVERY_SCALE, trials=3, strategy="tpe", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
