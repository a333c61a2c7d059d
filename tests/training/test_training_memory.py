"""Memory: what a trial is predicted to take, and cohorts that do not fit."""

import pytest
import torch
from torch import nn
from training_cases import Quiet, apart, problem, train, trial

from goodfit.errors import TrainingError
from goodfit.training.choice import EngineChoice, Measured
from goodfit.training.engines import batched
from goodfit.training.memory import bytes_per_trial
from goodfit.training.trial import Regime, Status

torch.set_num_threads(1)


def small_cohorts_only(most):
    class Crowded(batched.Cohort):
        def run(self, to_step, control):
            if len(self.trials) > most:
                super().run(to_step // 2, control)
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().run(to_step, control)

    return Crowded


def test_a_cohort_that_does_not_fit_is_halved_until_it_does_and_learns_the_same(monkeypatch):
    ts = [trial(i, lr=0.01 * (i + 1)) for i in range(5)]
    whole, _ = train("batched", problem(), ts, 12)
    monkeypatch.setattr(batched, "Cohort", small_cohorts_only(2))
    control = Quiet(wants=True)
    parts, told = train("batched", problem(), ts, 12, control=control)
    for one, other in zip(whole, parts, strict=True):
        assert apart(one.parameters, other.parameters) < 1e-12
    assert {e.status for e in told.events if hasattr(e, "status")} == {Status.DONE}
    assert all(len(states) == 5 for states in control.checkpoints)
    assert sum(state is not None for state in control.checkpoints[-1]) == 5


def test_a_trial_that_does_not_fit_alone_is_told_so(monkeypatch):
    monkeypatch.setattr(batched, "Cohort", small_cohorts_only(0))
    with pytest.raises((TrainingError, torch.OutOfMemoryError), match="memory"):
        train("batched", problem(), [trial(0), trial(1)], 4)


def test_the_prediction_counts_weights_slots_averages_and_activations():
    def build(hp):
        return nn.Sequential(nn.Linear(5, hp.width), nn.Tanh(), nn.Linear(hp.width, 4))

    prob = problem(build=build, dtype=torch.float32)
    plain = bytes_per_trial(prob, trial(width=100), Regime())
    weights = 4 * (100 * 5 + 100 + 400 + 4)
    assert plain > 6 * weights
    adam = bytes_per_trial(prob, trial(width=100, optimizer="adamw"), Regime())
    assert adam - plain == weights  # one slot more than momentum's
    assert bytes_per_trial(prob, trial(width=100, ema_decay=0.9), Regime()) - plain == weights
    larger = bytes_per_trial(prob, trial(width=100, batch_size=16), Regime())
    assert larger - plain >= 1.5 * 4 * 100 * 8  # the tanh's outputs of eight samples more


def test_a_choice_says_what_it_buys():
    measured = (Measured("pool", 1, 100.0), Measured("batched", 8, 250.0))
    assert EngineChoice("batched", 8, measured).sentence() == (
        "The batched engine trains these networks 8 at once, 2.5 times the steps of the pool."
    )
    assert EngineChoice("pool", 1, measured[:1]).sentence() == "The pool engine trains these networks one at a time."
