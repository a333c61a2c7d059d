import math

import numpy as np
import pytest
import torch
from gate_driver import bracketed
from gate_problems import Attentive, ConvNet, Perceptron, Recurrent, diabetes_problem, digits_problem
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

from goodfit.findings import Severity
from goodfit.recipe.learning_rate import Bracket
from goodfit.recipe.rate_classes import RateClass, ladder_of, own_class
from goodfit.recipe.result import StageResult, Verdict
from goodfit.recipe.runs import Run
from goodfit.settings import Settings
from goodfit.training.trial import Status

torch.set_num_threads(1)
LR = Settings().learning_rate
RNG = np.random.default_rng(0)
SGD = {"optimizer": "sgd", "momentum": 0.9, "batch_size": 32}
ADAMW = {"optimizer": "adamw", "batch_size": 32}


def loud(result: StageResult) -> list[str]:
    return [finding.kind for finding in result.findings if finding.severity is not Severity.INFO]


def a_run(lr: float, curve, *, key: str = "ladder", noise: float = 0.02, seed: int = 0, **changes) -> Run:
    """A run whose loss follows `curve` (of the share of the run done), from 2.3."""
    share = np.linspace(0, 1, 100)
    losses = np.array([curve(s) for s in share]) + noise * RNG.standard_normal(100)
    before = 2.3 + 0.3 * RNG.standard_normal(200)
    after = before + (curve(1.0) - 2.3) + 0.01 * RNG.standard_normal(200)
    return Run(lr=lr, seed=seed, key=key, steps=100, step_losses=losses, before=before, after=after, **changes)


def falling(to: float):
    return lambda share: to + (2.3 - to) * math.exp(-5 * share)


@pytest.mark.parametrize(
    ("curve", "changes", "expected"),
    [
        (falling(0.5), {}, RateClass.DOWN),
        (lambda s: 2.3, {"update_ratios": np.full(100, 1e-7)}, RateClass.FLAT_LOW),
        (lambda s: 2.3, {"update_ratios": np.full(100, 1e-3)}, RateClass.FLAT),
        (lambda s: 2.3 + 2 * math.exp(-20 * s) * (s > 0.02), {}, RateClass.FLAT_HIGH),
        (lambda s: 2.3, {"dead": 0.95}, RateClass.FLAT_HIGH),
        (lambda s: 2.3, {"spread_before": 0.3, "spread_after": 1e-6}, RateClass.FLAT_HIGH),
        (lambda s: 2.3 + 20 * s, {}, RateClass.EXPLODING),
        (lambda s: math.nan if s > 0.5 else 2.3, {}, RateClass.NOT_FINITE),
        (lambda s: 0.5 if 0.3 < s < 0.6 else 2.0, {}, RateClass.UNSTABLE),
    ],
)
def test_a_run_by_itself_has_its_class(curve, changes, expected):
    assert own_class(a_run(0.1, curve, **changes), LR) is expected


def test_a_diverged_run_is_exploding_or_not_finite_by_its_reason():
    blown = a_run(1.0, falling(1.0), status=Status.DIVERGED, reason="the loss exploded: the median was 9")
    broken = a_run(1.0, falling(1.0), status=Status.DIVERGED, reason="at step 3 the loss was nan")
    assert own_class(blown, LR) is RateClass.EXPLODING
    assert own_class(broken, LR) is RateClass.NOT_FINITE


def test_a_flat_rate_below_a_moving_one_is_low_and_one_above_is_high():
    still = lambda share: 2.3  # noqa: E731
    rungs = ladder_of([a_run(1e-4, still), a_run(1e-2, falling(0.5)), a_run(1.0, still)], LR)
    assert [rung.kind for rung in rungs] == [RateClass.FLAT_LOW, RateClass.DOWN_WELL, RateClass.FLAT_HIGH]


def test_a_loss_that_may_be_negative_has_its_own_explosion_limit():
    run = a_run(0.1, falling(0.5))
    assert run.after is not None
    shifted = Run(lr=0.1, steps=100, step_losses=run.step_losses - 2.3, before=run.before - 2.3, after=run.after - 2.3)
    assert own_class(shifted, LR) is RateClass.DOWN


def test_accuracy_that_rises_while_the_loss_is_flat_is_named():
    def still(share):
        return 2.3

    bracket = Bracket(LR)
    runs = [
        a_run(1e-6, still, accuracy_before=0.1, accuracy_after=0.1, accuracy_samples=500),
        a_run(1e-5, still, accuracy_before=0.1, accuracy_after=0.3, accuracy_samples=500),
        a_run(1e-2, falling(0.5)),
        a_run(1.0, lambda s: 2.3 + 40 * s),
        *(a_run(1e-2, falling(0.3), key="confirm-1", seed=s) for s in range(3)),
    ]
    result = bracket.result(runs)
    assert result.evidence["accuracy_rises_while_loss_is_flat"] == [1e-5]
    assert "too low, not broken" in result.summary


@checks(max_examples=40, deadline=None)
@given(st.floats(-8, 3), st.floats(0.1, 6), st.booleans())
def test_the_plan_ends_and_finds_a_stable_window_wherever_it_lies(log_low, width, noisy_top):
    """Rates below 10^low do nothing, those within `width` decades above it learn, those beyond break."""

    def train(ask):
        runs = []
        for lr in ask.rates:
            for seed in ask.seeds:
                place = math.log10(lr) - log_low
                wobble = 0.1 * (seed % 3) if noisy_top else 0.0
                if place < 0:
                    curve = lambda share: 2.3  # noqa: E731
                elif place < width - wobble:
                    curve = falling(2.2 - 2.0 * place / width)
                else:
                    curve = lambda share: 2.3 + 40 * share  # noqa: E731
                runs.append(a_run(lr, curve, key=ask.key, seed=seed))
        return runs

    bracket = Bracket(LR)
    runs, asks = [], 0
    while (ask := bracket.next_ask(runs)) is not None:
        assert not {(r.lr, r.seed, r.key) for r in runs} & {(lr, s, ask.key) for lr in ask.rates for s in ask.seeds}
        runs += train(ask)
        asks += 1
        assert asks < 25
    result = bracket.result(runs)
    low, high = 10.0**log_low, 10.0 ** (log_low + width)
    # Halving the largest stable rate, the bisection's fineness and the wobble of 0.2 have to fit into the window.
    inside = low >= LR.lowest and high <= LR.highest and width > 0.9
    if inside:
        assert result.verdict is Verdict.PASS
        assert low * 0.99 <= result.next["lr"] <= high
        assert high / 4 <= result.evidence["lr_max"] <= high * 1.01
        assert result.next["box"][0] < result.next["lr"] <= result.next["box"][1] * 1.01
    elif high < LR.lowest or low > LR.highest:
        assert result.verdict is Verdict.FAIL
        assert loud(result) == ["no-stable-learning-rate"]


def test_a_perceptron_s_bracket_has_both_ends_and_rates_that_hold():
    result, runs = bracketed(digits_problem(), SGD, confirm_steps=150)
    assert result.verdict is Verdict.PASS
    assert loud(result) == []
    classes = [rung["class"] for rung in result.evidence["ladder"]]
    assert classes[0] == "flat-low"
    assert classes[-1] in ("exploding", "non-finite", "unstable")
    assert 5e-3 < result.next["lr"] < result.evidence["lr_max"] <= 1.0
    assert {trace["what"] for trace in result.evidence["traces"]} == {"does nothing", "largest stable", "breaks"}
    confirmed = {one["lr"]: one["stable_share"] for one in result.evidence["confirmed"]}
    assert confirmed[result.evidence["lr_max"]] == 1.0
    assert min(confirmed.values()) < 1.0
    assert any(run.seed == 2 for run in runs)


def test_a_regression_s_bracket_passes():
    result, _ = bracketed(diabetes_problem(), {"optimizer": "sgd", "batch_size": 32}, confirm_steps=100)
    assert result.verdict is Verdict.PASS
    assert loud(result) == []


@pytest.mark.parametrize(
    ("declared", "kind"), [((10.0, 1000.0), "lr-too-high"), ((1e-9, 1e-7), "lr-too-low"), ((1e-3, 1.0), None)]
)
def test_a_declared_range_is_held_against_the_bracket(declared, kind):
    runs = [
        a_run(1e-4, lambda s: 2.3),
        a_run(1e-2, falling(0.5)),
        a_run(1.0, lambda s: 2.3 + 40 * s),
        *(a_run(1e-2, falling(0.3), key="confirm-1", seed=s) for s in range(3)),
    ]
    assert loud(Bracket(LR, declared=declared).result(runs)) == ([] if kind is None else [kind])


@pytest.mark.slow
@pytest.mark.parametrize("build", [ConvNet, Recurrent, Attentive])
@pytest.mark.parametrize("hyperparameters", [SGD, ADAMW], ids=["sgd", "adamw"])
def test_brackets_of_other_nets_pass(build, hyperparameters):
    result, _ = bracketed(digits_problem(build), hyperparameters, confirm_steps=150)
    assert result.verdict is Verdict.PASS
    assert loud(result) == []


@pytest.mark.slow
def test_a_net_whose_signal_dies_has_no_stable_rate():
    build = lambda hp: Perceptron(hp, layers=6, init_sd=1e-5)  # noqa: E731
    result, _ = bracketed(digits_problem(build), {"optimizer": "sgd", "batch_size": 32})
    assert result.verdict is Verdict.FAIL
    assert loud(result) == ["no-stable-learning-rate"]
