"""Verdicts on curves as other tools log them, drawn by formula: what each rule fires on, and what it never may."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import goodfit as gf

N = 20
EPOCHS = np.arange(1, N + 1)
ACCURACIES = ("train_acc", "val_acc")


def fall(start=2.3, to=0.2, over=3.0, n=N):
    """An exponential fall whose first point is after the first epoch."""
    return to + (start - to) * np.exp(-np.arange(1, n + 1) / over)


def healthy(n=N, seed=0, noise=0.004):
    rng = np.random.default_rng(seed)
    train = fall(n=n, over=n / 6)
    return {
        "epoch": np.arange(1, n + 1),
        "train_loss": train + noise * rng.normal(size=n),
        "val_loss": train * 0.95 + 0.05 + noise * rng.normal(size=n),
        "train_acc": 1 - 0.4 * train + noise * rng.normal(size=n),
        "val_acc": 0.98 - 0.4 * train + noise * rng.normal(size=n),
        "lr": np.full(n, 1e-3),
    }


def kinds(columns, **options):
    return [finding.kind for finding in gf.diagnose(columns, **options)]


def loud(columns):
    return [finding.kind for finding in gf.diagnose(columns) if finding.severity != "info"]


@hypothesis_settings(deadline=None, max_examples=12)
@given(st.integers(8, 60), st.integers(0, 10**6), st.floats(0, 0.006))
def test_a_healthy_curve_gets_no_alarm_however_long_and_noisy(n, seed, noise):
    assert loud(healthy(n, seed, noise)) == []


@pytest.mark.parametrize(
    "lacking", [(), ("lr",), ("train_acc", "val_acc"), ("train_acc", "val_acc", "lr"), ("train_acc",)]
)
def test_a_healthy_curve_is_healthy_with_fewer_columns(lacking):
    columns = {name: values for name, values in healthy().items() if name not in lacking}
    assert kinds(columns) == ["healthy"]


def test_losses_that_end_in_nan_have_diverged_at_their_epoch():
    columns = healthy()
    for name in ("train_loss", "val_loss"):
        columns[name] = np.where(EPOCHS >= 12, np.nan, columns[name])
    (finding,) = gf.diagnose(columns)
    assert (finding.kind, str(finding.severity), finding.where) == ("diverged", "error", "train_loss, epoch 12")


def test_a_validation_loss_that_turns_is_overfitting_and_the_epoch_is_named():
    columns = healthy()
    columns["train_loss"] = fall(to=0.01)
    columns["val_loss"] = fall() + 0.05 * np.maximum(EPOCHS - 8, 0)
    finding = gf.diagnose(columns)[0]
    assert finding.kind == "overfitting"
    assert 6 <= finding.evidence["best_step"] <= 11
    assert finding.where.startswith("val_loss, epoch ")


def test_a_straight_slow_fall_is_a_rate_too_low_and_a_bent_one_too_short():
    straight = 2.3 - 0.015 * EPOCHS
    assert kinds({"epoch": EPOCHS, "train_loss": straight, "val_loss": straight + 0.01})[0] == "lr-too-low"
    bent = fall(to=0.1, over=12)
    assert kinds({"epoch": EPOCHS, "train_loss": bent, "val_loss": bent + 0.02})[0] == "too-few-steps"


def test_a_flat_loss_whose_accuracy_rises_is_a_rate_too_low():
    flat = 2.302 - 0.0005 * EPOCHS
    columns = {"epoch": EPOCHS, "loss": flat, "val_loss": flat, "val_acc": 0.1 + 0.005 * EPOCHS}
    assert kinds(columns, classes=10)[0] == "lr-too-low"


def test_a_loss_thrown_up_that_stays_at_guessing_is_a_rate_too_high():
    rng = np.random.default_rng(1)
    train = np.concatenate([[54.0], 2.4 + 0.04 * rng.normal(size=N - 1)])
    val = 2.4 + 0.05 * rng.normal(size=N)
    accuracy = 0.1 + 0.01 * rng.normal(size=N)
    assert kinds({"epoch": EPOCHS, "loss": train, "val_loss": val, "val_acc": accuracy})[0] == "lr-too-high"


def test_a_loss_that_stays_exactly_at_guessing_is_suspect_and_says_why():
    flat = np.full(N, math.log(10)) + 0.0004 * np.random.default_rng(0).normal(size=N)
    finding = gf.diagnose({"epoch": EPOCHS, "loss": flat, "val_loss": flat[::-1]}, classes=10)[0]
    assert finding.kind == "pipeline-suspect"
    assert "guessing" in finding.evidence["reason"]


def test_training_by_heart_what_does_not_carry_over_is_suspect():
    columns = {"epoch": EPOCHS, "loss": fall(to=0.05), "val_loss": 2.31 + 0.05 * EPOCHS, "val_acc": np.full(N, 0.1)}
    columns["val_acc"] = columns["val_acc"] + 0.004 * np.sin(EPOCHS)
    assert kinds(columns, classes=10)[0] == "pipeline-suspect"


def test_minibatch_losses_that_repeat_are_suspect_though_the_epoch_is_unknown():
    rng = np.random.default_rng(0)
    order = rng.normal(size=50)
    steps = np.arange(600)
    loss = 0.3 + 2 * np.exp(-steps / 60)
    repeated = loss * np.exp(0.3 * np.tile(order, 12))
    shuffled = loss * np.exp(0.3 * rng.normal(size=600))
    val = [v if i % 50 == 0 else None for i, v in enumerate(loss)]
    assert kinds({"step": steps, "train_loss": repeated, "val_loss": val})[0] == "pipeline-suspect"
    assert "pipeline-suspect" not in kinds({"step": steps, "train_loss": shuffled, "val_loss": val})


def test_a_rate_that_is_gone_early_is_a_wrong_schedule():
    rates = np.where(EPOCHS <= 3, 1e-3, 1e-7)
    loss = np.where(EPOCHS <= 3, 2.3 - 0.2 * EPOCHS, 1.69 - 1e-5 * EPOCHS)
    finding = gf.diagnose({"epoch": EPOCHS, "train_loss": loss, "val_loss": loss + 0.02, "lr": rates})[0]
    assert (finding.kind, finding.where) == ("lr-schedule-wrong", "lr, epoch 4")


def test_a_poor_level_of_both_splits_is_too_small_a_model():
    loss = fall(to=1.2, over=2)
    accuracy = 0.55 - 0.2 * np.exp(-EPOCHS / 2)
    columns = {"epoch": EPOCHS, "loss": loss, "val_loss": loss + 0.01, "acc": accuracy, "val_acc": accuracy - 0.01}
    assert kinds(columns)[0] == "underfitting-capacity"


def test_a_training_loss_far_above_validations_is_held_back():
    columns = healthy()
    columns["train_loss"] = fall(to=1.3)
    columns["train_acc"] = 0.55 - 0.3 * np.exp(-EPOCHS / 3)
    assert kinds(columns)[0] == "excess-regularisation"


def test_a_plateau_before_the_fall_is_a_bad_start():
    loss = np.where(EPOCHS <= 7, 2.303 - 0.0002 * EPOCHS, 0.3 + 2.0 * np.exp(-(EPOCHS - 7) / 2.5))
    assert kinds({"epoch": EPOCHS, "train_loss": loss, "val_loss": loss + 0.02})[0] == "bad-initialisation"


def test_a_first_loss_far_above_guessing_is_an_easy_gain_and_only_worth_knowing():
    steps = np.arange(0, 2000, 20)
    loss = 0.2 + 1.9 * np.exp(-steps / 250) + 9 * np.exp(-steps / 8)
    findings = gf.diagnose({"step": steps, "train_loss": loss, "val_loss": loss + 0.02}, classes=10)
    assert [(f.kind, str(f.severity)) for f in findings] == [("easy-gain-at-start", "info")]


def test_few_points_are_an_answer_of_their_own():
    finding = gf.diagnose({"epoch": [1, 2, 3], "loss": [2.0, 1.5, 1.2], "val_loss": [2.0, 1.6, 1.4]})[0]
    assert finding.kind == "not-enough-points"
    assert "3 points where 5 are needed" in finding.message


@hypothesis_settings(deadline=None, max_examples=25)
@given(
    st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True, width=32)), min_size=1, max_size=40),
    st.integers(0, 10**6),
)
def test_whatever_the_numbers_there_is_an_answer_and_it_is_json(values, seed):
    rng = np.random.default_rng(seed)
    columns = {
        "step": list(range(len(values))),
        "loss": values,
        "val_loss": rng.permutation(np.array(values, dtype=object)),
    }
    columns["val_acc"] = rng.uniform(size=len(values))
    try:
        findings = gf.diagnose(columns)
    except gf.CurvesError:
        return
    assert findings
    assert all(finding.as_json()["message"] for finding in findings)


@pytest.mark.parametrize("with_validation", [True, False])
def test_single_epochs_that_jump_up_and_come_back_are_spikes(with_validation):
    columns = healthy(30)
    for epoch in (11, 17, 24):
        columns["train_loss"][epoch] += 1.0
    if not with_validation:
        columns = {name: columns[name] for name in ("epoch", "train_loss")}
    finding = gf.diagnose(columns)[0]
    assert (finding.kind, str(finding.severity)) == ("loss-spikes", "warning")
    assert finding.evidence["steps"] == [12, 18, 25]


def test_jitter_all_along_and_hard_single_batches_are_no_spikes():
    rng = np.random.default_rng(5)
    jittery = healthy(30)
    jittery["train_loss"] = jittery["train_loss"] + rng.choice([0.0, 0.4], 30)
    assert "loss-spikes" not in kinds(jittery)
    batches = healthy(30)
    batches["step"] = 100 * batches.pop("epoch")
    batches["train_loss"] = batches["train_loss"] * rng.lognormal(0, 0.3, 30)
    batches["train_loss"][[12, 20]] += 1.0
    assert "loss-spikes" not in kinds(batches)


@hypothesis_settings(deadline=None, max_examples=12)
@given(st.integers(15, 80), st.floats(0.4, 0.7), st.floats(0.3, 0.4))
def test_a_power_law_that_has_far_to_go_ended_too_early_or_was_slow(n, exponent, scale):
    t = np.arange(n)
    train = 2.2 * (1 + t / (scale * n)) ** -exponent
    assert kinds({"epoch": t + 1, "train_loss": train, "val_loss": train + 0.03})[0] in ("too-few-steps", "lr-too-low")


@hypothesis_settings(deadline=None, max_examples=12)
@given(st.integers(0, 10**6), st.floats(0.2, 0.25))
def test_a_slow_straight_fall_is_seen_through_jitter_that_hides_it_from_point_to_point(seed, fallen):
    rng = np.random.default_rng(seed)
    n = 100
    train = 2.3 - fallen * np.arange(n) / n
    columns = {"epoch": np.arange(1, n + 1), "train_loss": train + 0.008 * rng.normal(size=n)}
    columns["val_loss"] = train + 0.01 + 0.008 * rng.normal(size=n)
    assert kinds(columns)[0] == "lr-too-low"


def test_a_slow_rise_under_the_noise_of_batches_is_a_suspect_pipeline():
    rng = np.random.default_rng(7)
    loss = np.linspace(1.0, 1.7, 600) * (1 + 0.12 * rng.normal(size=600))
    finding = gf.diagnose({"step": np.arange(1, 601), "train_loss": loss})[0]
    assert (finding.kind, finding.evidence["reason"]) == ("pipeline-suspect", "training loss rises")


def test_batches_that_differ_more_where_the_loss_is_high_do_not_spike():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        smooth = 2.2 * (1 + np.arange(600) / 60) ** -0.5
        loss = smooth * (1 + 0.15 * rng.normal(size=600))
        assert "loss-spikes" not in kinds({"step": np.arange(1, 601), "train_loss": loss})


def test_a_validation_loss_that_jitters_is_noisy_without_an_accuracy_and_a_calm_one_is_not():
    rng = np.random.default_rng(3)
    columns = {name: healthy(40)[name] for name in ("epoch", "train_loss", "val_loss")}
    assert kinds(columns) == ["healthy"]
    columns["val_loss"] = columns["val_loss"] + 0.2 * np.abs(rng.normal(size=40))
    finding = gf.diagnose(columns)[0]
    assert (finding.kind, finding.evidence["of"]) == ("noisy-validation", "loss")
