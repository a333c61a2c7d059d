"""Rows about what curves of real trainings say: rates too high and too low, explosions, averages."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from recipe_runs import Perceptron, digits
from torch.nn import functional as F

import goodfit as gf
from goodfit.diagnosis.reading import Reading, diagnose_curves
from goodfit.recipe.decide import Position, Roles, act
from goodfit.running.outcome import Outcome
from goodfit.running.reading import curves_of
from goodfit.settings.curves import CurveSettings
from goodfit.task import Objective
from goodfit.training.engines.batched import Batched
from goodfit.training.engines.pool import Pool
from goodfit.training.problem import Loss, Problem
from goodfit.training.splits import ResidentSplit
from goodfit.training.trial import Ended, Event, Points, Probed, Regime, Segment, Status, Trial

SGD = {"optimizer": "sgd", "momentum": 0.0, "batch_size": 32}
GOOD_RATE = 0.2  # for plain SGD on the digits; the bracket's answer within a factor of 2
LANDMARKS = {"chance_loss": math.log(10), "uniform_loss": math.log(10), "chance_metric": 0.11, "best_metric": 1.0}
OBJECTIVE = Objective(True, "accuracy")


class Unbothered:
    """Nobody stops the engine."""

    def should_stop(self) -> bool:
        return False

    def is_stopped(self, trial: int) -> bool:
        return False

    def checkpoint(self, states: Sequence[Any]) -> None:
        raise AssertionError("no checkpoint was asked for")

    def wants_checkpoint(self) -> bool:
        return False


def problem() -> Problem:
    inputs, labels = digits()
    train, val = ResidentSplit((inputs[718:], labels[718:])), ResidentSplit((inputs[359:718], labels[359:718]))
    return Problem(Perceptron, Loss(F.cross_entropy), {"accuracy": gf.accuracy}, train, val)


STEPS_PER_EPOCH = 1079 // 32


def trained(
    rates: Sequence[float], epochs: int, engine: Any = None, seeds: Sequence[int] = (0,), **changes: Any
) -> list[Outcome]:
    """Trainings side by side, as a stage has them: one a rate and seed."""
    steps = epochs * STEPS_PER_EPOCH
    hyperparameters = {**SGD, **changes}
    trials = [
        Trial(i, seed, (Segment(0, {**hyperparameters, "lr": lr}, 0),))
        for i, (lr, seed) in enumerate((lr, seed) for lr in rates for seed in seeds)
    ]
    evaluated = sorted({0, max(1, steps // 100), *np.linspace(0, steps, 16).round().astype(int).tolist()})
    regime = Regime(eval_steps=tuple(evaluated), eval_train=359, eval_val=359, probe_every=5)
    events: list[Event] = []
    (engine or Pool()).advance(problem(), trials, [None] * len(trials), regime, steps, events.append, Unbothered())
    outcomes = [Outcome(trial, 0, STEPS_PER_EPOCH, "pool") for trial in trials]
    for event in events:
        outcome = outcomes[event.trial]
        match event:
            case Points():
                outcome.add(event)
            case Probed():
                outcome.probed[event.step] = event
            case Ended():
                outcome.status, outcome.step, outcome.reason = event.status, event.step, event.reason
    return outcomes


def read(outcome: Outcome) -> Reading:
    curves = curves_of(outcome, {}, OBJECTIVE, LANDMARKS, samples=(359, 359), regularised=False)
    return diagnose_curves(curves, CurveSettings())


def log_ratio(outcome: Outcome) -> float:
    """The median log10 update/weight ratio over the matrices and the run."""
    names = [name for name in outcome.series if name.startswith("update_ratio/") and name.endswith("weight")]
    values = [v for name in names for v in outcome.curve(name)[1]]
    return float(np.median(np.log10(np.maximum(values, 1e-30))))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_row_31_a_rate_a_hundred_times_too_high_is_never_called_too_low(optimizer):
    rate = GOOD_RATE if optimizer == "sgd" else 3e-3
    outcomes = trained([100 * rate, 300 * rate], 12, seeds=(0, 1), optimizer=optimizer)
    for outcome in outcomes:
        kinds = {finding.kind for finding in read(outcome).findings}
        assert kinds & {"lr-too-high", "diverged", "loss-spikes"}, kinds
        assert "lr-too-low" not in kinds


def test_row_40_a_rate_thirty_times_too_low_is_named():
    (outcome,) = trained([GOOD_RATE / 30], 12)
    assert read(outcome).verdict.kind in ("lr-too-low", "too-few-steps")
    (slower,) = trained([GOOD_RATE / 300], 12)
    assert read(slower).verdict.kind == "lr-too-low"


def test_row_41_a_flat_loss_is_a_rate_too_low_and_not_a_broken_net():
    (outcome,) = trained([1e-6], 6)
    reading = read(outcome)
    assert reading.verdict.kind == "lr-too-low"
    assert "pipeline-suspect" not in {finding.kind for finding in reading.findings}


def test_row_41_accuracy_that_rises_under_a_flat_loss_is_explained():
    start = trained([1e-4], 20)[0]
    losses, accuracies = start.curve("train_loss")[1], start.curve("train_accuracy")[1]
    assert abs(losses[-1] - losses[0]) < 0.02 * losses[0], "the case is not the lecture's"
    assert accuracies[-1] > accuracies[0] + 0.02, "the case is not the lecture's"
    assert read(start).verdict.kind == "lr-too-low"


@pytest.mark.parametrize("engine", [Pool(), Batched()], ids=["pool", "batched"])
def test_row_42_an_explosion_ends_a_trial_within_ten_steps_with_the_tensor_named(engine):
    bad, good = trained([1e6, GOOD_RATE], 2, engine)
    assert bad.status is Status.DIVERGED
    assert bad.step < 10
    assert "hidden" in bad.reason or "last" in bad.reason or "loss" in bad.reason
    assert str(bad.step) in bad.reason
    assert good.status is Status.DONE
    assert read(bad).verdict.kind == "diverged"


def test_row_44_a_rate_three_times_the_largest_stable_one_lowers_the_next_top():
    outcomes = trained([2.0, 3.0, 4.5], 12)  # the largest stable rate of plain SGD here lies near 1
    verdicts = [read(outcome).verdict for outcome in outcomes]
    assert {v.kind for v in verdicts} <= {"lr-too-high", "loss-spikes", "diverged"}
    space = gf.Space(lr=gf.log(1e-2, 3.0))
    for verdict in verdicts:
        after = act(verdict, Position(space, 4.0, 8), Roles()).position.space
        assert after["lr"].scale.high == pytest.approx(1.0)


def test_row_45_the_update_ratio_and_its_advice_point_the_right_way():
    low, good, high = trained([GOOD_RATE / 100, GOOD_RATE, GOOD_RATE * 100], 6)
    assert log_ratio(low) < log_ratio(good) - 1
    assert log_ratio(high) > -1
    assert read(low).verdict.kind == "lr-too-low"
    assert read(high).verdict.kind in ("lr-too-high", "diverged", "loss-spikes")
    tensors = {name.removeprefix("update_ratio/") for name in good.series if name.startswith("update_ratio/")}
    assert {"hidden.weight", "last.weight"} <= tensors


def test_row_54_averaged_weights_are_evaluated_beside_the_raw_ones_and_win_at_a_noisy_rate():
    outcomes = trained([0.6], 12, seeds=(0, 1, 2), batch_size=8, ema_decay=0.995)
    gains = []
    for outcome in outcomes:
        raw_steps, raw = outcome.curve("val_loss")
        averaged_steps, averaged = outcome.curve("val_loss.averaged")
        assert raw_steps.tolist() == averaged_steps.tolist()
        gains.append(float(raw[-5:].mean() - averaged[-5:].mean()))
    assert min(gains) > 0
