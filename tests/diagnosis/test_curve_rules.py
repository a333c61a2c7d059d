"""Each rule on curves drawn by formula: what fires it, what nearly does, and what never may."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from goodfit.diagnosis.across import ReadTrial, best_step_histogram, hobbled_selection
from goodfit.diagnosis.curves import Curves, Series
from goodfit.diagnosis.reading import Reading, diagnose_curves
from goodfit.diagnosis.rules import RULES
from goodfit.findings import KINDS, Finding
from goodfit.settings.curves import CurveSettings

SETTINGS = CurveSettings()
LOG_10 = math.log(10)


def series(values, steps=None):
    values = np.asarray(values, float)
    return Series(np.asarray(steps if steps is not None else 10.0 * np.arange(len(values)), float), values)


def falling(n=40, to=0.1, over=0.2, start=LOG_10):
    """A healthy exponential fall that has nearly ended."""
    return to + (start - to) * np.exp(-np.linspace(0, 1, n) / over)


def healthy(n=40, **changes):
    rng = np.random.default_rng(0)
    train = falling(n)
    known: dict[str, Any] = {
        "train_loss": series(train),
        "val_loss": series(train + 0.03 * (1 - train / LOG_10) + 0.001 * rng.normal(size=n)),
        "train_metric": series(1 - 0.9 * train / LOG_10),
        "val_metric": series(0.99 - 0.9 * train / LOG_10),
        "metric": "accuracy",
        "best_metric": 1.0,
        "chance_loss": LOG_10,
        "chance_metric": 0.1,
        "train_samples": 500,
        "val_samples": 500,
    }
    return Curves(**{**known, **changes})


def kinds(curves):
    return [finding.kind for finding in diagnose_curves(curves, SETTINGS).findings]


def verdict(curves):
    return diagnose_curves(curves, SETTINGS).verdict


def test_a_healthy_curve_is_healthy_and_nothing_else():
    reading = diagnose_curves(healthy(), SETTINGS)
    assert [f.kind for f in reading.findings] == ["healthy"]


@pytest.mark.parametrize("n", [8, 12, 24, 400, 5000])
def test_a_healthy_curve_stays_quiet_however_often_it_is_measured(n):
    assert all(f.severity == "info" for f in diagnose_curves(healthy(n), SETTINGS).findings)


def test_a_missing_point_in_the_middle_is_not_a_divergence():
    curves = healthy()
    curves.train_loss.values[10:13] = math.nan
    curves.val_loss.values[11] = math.nan
    assert kinds(curves) == ["healthy"]


def test_losses_that_end_in_nan_have_diverged_and_the_step_is_named():
    curves = healthy()
    for each in (curves.train_loss, curves.val_loss):
        each.values[25:] = math.nan
    found = verdict(curves)
    assert found.kind == "diverged"
    assert found.evidence["step"] == 250


def test_an_infinite_loss_has_diverged():
    curves = healthy()
    curves.train_loss.values[30] = math.inf
    assert verdict(curves).kind == "diverged"


def test_validation_measured_more_rarely_than_training_is_no_divergence():
    curves = healthy()
    curves.val_loss.values[np.arange(40) % 5 > 0] = math.nan
    assert "diverged" not in kinds(curves)


def test_a_loss_that_rises_to_four_times_its_start_and_stays_has_diverged():
    loss = np.concatenate([falling(10), np.full(20, 4 * LOG_10)])
    found = verdict(Curves(train_loss=series(loss), val_loss=series(loss)))
    assert (found.kind, found.evidence["step"]) == ("diverged", 100)


def test_what_the_engine_says_of_a_divergence_stands():
    found = verdict(healthy(diverged_at=7, diverged_reason="the loss was nan in layers.2.weight"))
    assert found.kind == "diverged"
    assert "layers.2.weight" in found.message


def test_a_steadily_rising_training_loss_points_to_a_bug():
    loss = np.concatenate([falling(15, to=0.8, over=0.5), np.linspace(1.0, 1.9, 25)])
    found = verdict(healthy(train_loss=series(loss), val_loss=series(loss), train_metric=None, val_metric=None))
    assert (found.kind, found.evidence["reason"]) == ("pipeline-suspect", "training loss rises")


def test_batches_in_the_same_order_repeat_with_the_epoch_and_shuffled_ones_do_not():
    rng = np.random.default_rng(3)
    steps = np.arange(400)
    batch = rng.normal(0, 0.1, 20)
    base = 0.5 + 1.8 * np.exp(-steps / 60)
    same = series(base + batch[steps % 20] + 0.02 * rng.normal(size=400), steps)
    shuffled = series(base + rng.permutation(np.resize(batch, 400)), steps)
    fixed = healthy(step_loss=same, steps_per_epoch=20.0)
    found = verdict(fixed)
    assert (found.kind, found.evidence["reason"]) == ("pipeline-suspect", "loss repeats with the epoch")
    assert "pipeline-suspect" not in kinds(healthy(step_loss=shuffled, steps_per_epoch=20.0))


def test_validation_far_better_than_training_is_suspect_unless_something_regularises():
    curves = healthy(
        val_metric=series(0.99 - 0.4 * falling() / LOG_10), train_metric=series(0.8 - 0.7 * falling() / LOG_10)
    )
    found = verdict(curves)
    assert (found.kind, found.evidence["reason"]) == ("pipeline-suspect", "validation better than training")
    assert "pipeline-suspect" not in kinds(dataclasses.replace(curves, regularised=True))


def test_a_flat_loss_with_rising_accuracy_is_a_rate_too_low_and_says_why():
    """The seeds' own case: 2.302576 to 2.302420 in ten epochs, accuracy from 8 to 21 %."""
    loss, accuracy = np.linspace(2.302576, 2.302420, 10), np.linspace(0.08, 0.21, 10)
    curves = healthy(
        train_loss=series(loss), val_loss=series(loss), train_metric=series(accuracy), val_metric=series(accuracy)
    )
    found = verdict(curves)
    assert found.kind == "lr-too-low"
    assert "arg-max" in found.message


@pytest.mark.parametrize("signs", [{"dead_fraction": 0.99}, {"lr": series(np.full(40, 20.0))}])
def test_a_loss_that_sits_still_at_a_huge_rate_is_never_called_too_low(signs):
    rng = np.random.default_rng(0)
    flat = LOG_10 + 0.004 + 0.002 * rng.normal(size=40)
    chance = series(np.full(40, 0.1))
    curves = healthy(train_loss=series(flat), val_loss=series(flat), train_metric=chance, val_metric=chance, **signs)
    assert verdict(curves).kind == "lr-too-high"


def test_a_flat_loss_of_tiny_updates_is_a_rate_too_low():
    flat = series(np.linspace(2.31, 2.305, 40))
    chance = series(np.full(40, 0.1))
    ratios = {"w": series(np.full(40, 1e-6))}
    curves = healthy(train_loss=flat, val_loss=flat, train_metric=chance, val_metric=chance, update_ratios=ratios)
    assert verdict(curves).kind == "lr-too-low"


def test_a_flat_loss_that_nothing_explains_sends_back_to_the_first_steps():
    flat = series(np.full(40, LOG_10))
    chance = series(np.full(40, 0.1))
    found = verdict(healthy(train_loss=flat, val_loss=flat, train_metric=chance, val_metric=chance))
    assert found.kind == "pipeline-suspect"
    assert found.severity == "warning"


def test_a_long_plateau_before_the_fall_is_a_bad_start_but_not_under_warm_up():
    loss = np.concatenate([np.full(12, LOG_10), falling(48)])
    curves = healthy(train_loss=series(loss), val_loss=series(loss + 0.02), train_metric=None, val_metric=None)
    assert "bad-initialisation" in kinds(curves)
    warm = series(np.concatenate([np.linspace(1e-5, 1e-3, 12), np.full(48, 1e-3)]))
    assert "bad-initialisation" not in kinds(dataclasses.replace(curves, lr=warm))


def test_a_loss_that_goes_up_and_down_is_oscillating():
    rng = np.random.default_rng(0)
    loss = np.concatenate([falling(6, to=1.2), 1.2 + 0.3 * rng.normal(size=34)])
    curves = healthy(train_loss=series(loss), val_loss=series(loss), train_metric=None, val_metric=None)
    found = verdict(curves)
    assert (found.kind, found.evidence["shape"]) == ("lr-too-high", "oscillating")


def test_spikes_that_recover_are_counted_and_single_hard_batches_are_not():
    rng = np.random.default_rng(0)
    steps = np.arange(1000)
    base = 0.2 + 2 * np.exp(-steps / 80) + 0.03 * rng.normal(size=1000)
    spiky, hard = base.copy(), base.copy()
    for at in (300, 500, 700, 900):
        spiky[at : at + 15] += 2.5 * np.exp(-np.arange(15) / 6)
        hard[at] += 2.5
    assert "loss-spikes" in kinds(healthy(step_loss=series(spiky, steps)))
    assert kinds(healthy(step_loss=series(hard, steps))) == ["healthy"]


def test_a_hockey_stick_is_only_noted():
    steps = np.arange(400.0)
    loss = 0.1 + 2.2 * np.exp(-steps / 80) + 8 * np.exp(-steps / 2)
    curves = healthy(step_loss=series(loss, steps), train_loss=series(loss[::10]), val_loss=series(loss[::10] + 0.02))
    reading = diagnose_curves(curves, SETTINGS)
    assert [(f.kind, f.severity) for f in reading.findings] == [("easy-gain-at-start", "info")]
    turned = dataclasses.replace(curves, val_loss=series(loss[::10] + np.linspace(0, 0.9, 40)))
    reading = diagnose_curves(turned, SETTINGS)
    assert reading.verdict.kind == "overfitting"
    assert "easy-gain-at-start" in [f.kind for f in reading.others]


def test_a_rate_cut_in_full_fall_is_a_wrong_schedule_and_one_after_the_fall_is_not():
    steps = np.arange(600.0)
    rate = np.where(steps < 120, 1e-2, 1e-5)
    done = np.cumsum(rate) / 1e-2
    loss = LOG_10 * np.exp(-done / 150)
    early = Curves(
        step_loss=series(loss, steps),
        train_loss=series(loss[::15], steps[::15]),
        val_loss=series(loss[::15] + 0.02, steps[::15]),
        lr=series(rate, steps),
        chance_loss=LOG_10,
    )
    assert verdict(early).kind == "lr-schedule-wrong"
    late_rate = np.where(steps < 450, 1e-2, 1e-3)
    loss = 0.1 + LOG_10 * np.exp(-np.cumsum(late_rate) / 1e-2 / 80)
    late = dataclasses.replace(
        early,
        step_loss=series(loss, steps),
        train_loss=series(loss[::15], steps[::15]),
        val_loss=series(loss[::15] + 0.02, steps[::15]),
        lr=series(late_rate, steps),
    )
    assert "lr-schedule-wrong" not in kinds(late)


def test_a_cosine_to_zero_is_no_wrong_schedule():
    rate = 1e-3 * 0.5 * (1 + np.cos(np.pi * np.linspace(0, 1, 40)))
    assert kinds(healthy(lr=series(rate))) == ["healthy"]


def test_a_validation_loss_that_turned_is_overfitting():
    x = np.linspace(0, 1, 40)
    curves = healthy(
        train_loss=series(falling(to=0.001)),
        val_loss=series(falling(to=0.5) + 0.8 * np.clip(x - 0.3, 0, 1)),
        train_metric=series(1 - 0.9 * falling(to=0) / LOG_10),
        val_metric=series(0.8 - 0.7 * falling(to=0) / LOG_10),
    )
    found = verdict(curves)
    assert found.kind == "overfitting"
    assert 50 < found.evidence["best_step"] < 250


def test_over_confidence_alone_is_worth_knowing_and_no_warning():
    x = np.linspace(0, 1, 40)
    curves = healthy(val_loss=series(falling(to=0.1) + 0.8 * np.clip(x - 0.4, 0, 1)))
    found = next(f for f in diagnose_curves(curves, SETTINGS).findings if f.kind == "overfitting")
    assert found.severity == "info"


@pytest.mark.parametrize(("gap", "fires"), [(0.05, False), (0.12, False), (0.20, True), (0.40, True)])
def test_the_gap_is_too_big_from_the_documented_threshold(gap, fires):
    accuracy = 1 - 0.9 * falling(over=0.1, to=0) / LOG_10
    val = 0.1 + (accuracy - 0.1) * (1 - gap)
    curves = healthy(
        train_loss=series(falling(over=0.1, to=0.001)),
        val_loss=series(falling(over=0.1, to=0.3)),
        train_metric=series(accuracy),
        val_metric=series(val),
        val_samples=2000,
        train_samples=2000,
    )
    assert ("overfitting" in kinds(curves)) == fires


def test_a_gap_within_its_standard_error_is_not_too_big():
    accuracy = 1 - 0.9 * falling(over=0.1, to=0) / LOG_10
    val = 0.1 + (accuracy - 0.1) * 0.8
    curves = healthy(
        train_loss=series(falling(over=0.1, to=0.001)),
        val_loss=series(falling(over=0.1, to=0.3)),
        train_metric=series(accuracy),
        val_metric=series(val),
        val_samples=20,
        train_samples=20,
    )
    assert "overfitting" not in kinds(curves)


def test_curves_that_still_climb_want_more_steps():
    loss = LOG_10 * np.exp(-np.linspace(0, 1.3, 40))
    curves = healthy(
        train_loss=series(loss),
        val_loss=series(loss + 0.01),
        train_metric=series(1 - 0.9 * loss / LOG_10),
        val_metric=series(0.99 - 0.9 * loss / LOG_10),
    )
    assert verdict(curves).kind == "too-few-steps"


def test_a_straight_slow_fall_over_many_epochs_is_a_rate_too_low():
    loss = np.linspace(LOG_10, 2.0, 40)
    curves = healthy(
        train_loss=series(loss), val_loss=series(loss), train_metric=None, val_metric=None, steps_per_epoch=20.0
    )
    assert verdict(curves).kind == "lr-too-low"
    sensible = dataclasses.replace(curves, update_ratios={"w": series(np.full(40, 5e-3))})
    assert verdict(sensible).kind == "too-few-steps"


def test_a_plateau_that_averaged_weights_leave_is_a_rate_too_high():
    rng = np.random.default_rng(0)
    accuracy = 0.75 + 0.004 * rng.normal(size=40)
    loss = series(np.concatenate([falling(8, to=0.75, over=0.3), np.full(32, 0.75)]) + 0.002 * rng.normal(size=40))
    curves = healthy(
        train_loss=loss,
        val_loss=loss,
        train_metric=series(accuracy),
        val_metric=series(accuracy),
        val_metric_averaged=series(accuracy + 0.1),
    )
    assert verdict(curves).kind == "lr-too-high"


@pytest.mark.parametrize("maximise", [True, False])
def test_both_splits_levelled_off_together_at_a_poor_value_is_underfitting(maximise):
    share = 0.4 + 0.5 * falling(over=0.05, to=0) / LOG_10  # of wrong answers
    sign = {True: lambda wrong: 1 - wrong, False: lambda wrong: wrong}[maximise]
    curves = healthy(
        train_loss=series(falling(over=0.05, to=1.1)),
        val_loss=series(falling(over=0.05, to=1.12)),
        train_metric=series(sign(share)),
        val_metric=series(sign(share + 0.002)),
        maximise=maximise,
        chance_metric=sign(0.9),
        best_metric=sign(0.0),
        metric="accuracy" if maximise else "error",
    )
    assert verdict(curves).kind == "underfitting-capacity"


def test_a_regression_that_levels_off_half_way_may_have_met_the_noise():
    loss = falling(over=0.05, to=0.5, start=1.0)
    found = verdict(Curves(train_loss=series(loss), val_loss=series(loss + 0.01), chance_loss=1.0))
    assert (found.kind, found.severity) == ("underfitting-capacity", "info")


def test_a_best_point_in_the_first_quarter_means_too_many_steps():
    loss = falling(100, over=0.02, to=0.02)
    accuracy = 1 - 0.9 * loss / LOG_10
    curves = healthy(
        train_loss=series(loss),
        val_loss=series(loss + 0.02),
        train_metric=series(accuracy),
        val_metric=series(accuracy - 0.01),
    )
    assert verdict(curves).kind == "too-many-steps"


def test_a_metric_that_jitters_by_more_than_counts_is_noisy():
    rng = np.random.default_rng(0)
    curves = healthy(
        val_metric=series(np.clip(0.9 - 0.8 * falling(over=0.1) / LOG_10 + 0.08 * rng.normal(size=40), 0, 1))
    )
    assert "noisy-validation" in kinds(curves)


@pytest.mark.parametrize(
    ("curves", "says"),
    [
        (Curves(), "training loss"),
        (Curves(train_loss=series(falling(40))), "validation loss"),
        (Curves(train_loss=series(falling(5)), val_loss=series(falling(5))), "5 points"),
    ],
)
def test_too_little_to_read_says_what_is_lacking(curves, says):
    found = verdict(curves)
    assert found.kind == "not-enough-points"
    assert says in found.message


def test_the_verdict_is_the_first_rule_in_the_order_of_the_recipe():
    rows = [rule.row for rule in RULES]
    assert rows == sorted(rows)
    assert set(rows) == set(range(1, 17))
    assert all(row in rows for rule in RULES for row in rule.silenced_by)


POINTS = arrays(float, st.integers(0, 40), elements=st.floats(-5, 50) | st.just(math.nan))


@settings(max_examples=150, deadline=None)
@given(POINTS, POINTS, POINTS, st.sampled_from([None, 1.0, 7.0]), st.booleans())
def test_any_curves_are_read_without_an_error_and_healthy_stands_alone(train, val, metric, per_epoch, maximise):
    curves = Curves(
        train_loss=series(train),
        val_loss=series(val),
        val_metric=series(metric),
        step_loss=series(np.repeat(train, 5)),
        steps_per_epoch=per_epoch,
        maximise=maximise,
        chance_loss=2.3,
        lr=series(np.abs(metric)),
    )
    reading = diagnose_curves(curves, SETTINGS)
    names = [f.kind for f in reading.findings]
    assert set(names) <= set(KINDS)
    assert len(set(names)) == len(names)
    assert "healthy" not in names or names == ["healthy"]
    assert all(f.message and f.action for f in reading.findings)
    assert reading.verdict == reading.findings[0]


@settings(max_examples=40, deadline=None)
@given(st.floats(1e-2, 1e3), st.sampled_from(["healthy", "turned", "climbing"]))
def test_the_unit_of_the_loss_changes_no_verdict(unit, shape):
    x = np.linspace(0, 1, 40)
    val = {"healthy": falling() + 0.02, "turned": falling() + x, "climbing": LOG_10 * np.exp(-1.3 * x)}[shape]
    train = val if shape == "climbing" else falling()

    def read(scale):
        return kinds(Curves(train_loss=series(scale * train), val_loss=series(scale * val), chance_loss=scale * LOG_10))

    assert read(unit) == read(1.0)


def _read(kind):
    return Reading(Finding(kind=kind, message="seen", action="do"))


def trials(*rows):
    return [ReadTrial(number, lr, score, _read(kind)) for number, (lr, score, kind) in enumerate(rows)]


def test_the_slowest_trial_winning_among_overfitting_ones_is_a_hobbled_selection():
    found = hobbled_selection(
        trials(
            (1e-4, 0.1, "healthy"), (1e-3, 0.2, "overfitting"), (3e-3, 0.3, "overfitting"), (1e-1, None, "diverged")
        ),
        SETTINGS,
    )
    assert found is not None
    assert (found.kind, found.evidence["best"], found.evidence["overfitting"]) == ("overfitting", 0, [1, 2])


@pytest.mark.parametrize(
    "rows",
    [
        [(1e-4, 0.3, "healthy"), (1e-3, 0.1, "overfitting"), (3e-3, 0.2, "overfitting")],  # a fast one won
        [(1e-4, 0.1, "healthy"), (1e-3, 0.2, "healthy"), (3e-3, 0.3, "overfitting")],  # few overfit
        [(1e-4, 0.1, "overfitting"), (1e-3, 0.2, "overfitting"), (3e-3, 0.3, "overfitting")],  # all do, the best too
        [(1e-4, 0.1, "healthy"), (1e-3, 0.2, "overfitting")],  # too few
        [],
    ],
)
def test_no_hobbled_selection_without_its_marks(rows):
    assert hobbled_selection(trials(*rows), SETTINGS) is None


def test_best_steps_say_whether_to_train_longer():
    rising = Curves(val_metric=series(np.linspace(0, 1, 12)))
    early = Curves(val_loss=series(np.concatenate([[1, 0.1], np.linspace(0.2, 0.5, 10)])))
    longer = best_step_histogram([rising] * 3, SETTINGS)
    assert (longer.says, longer.upper_quartile, longer.counts.sum()) == ("longer", 1.0, 3)
    assert best_step_histogram([early] * 3, SETTINGS).says == "shorter"
    assert best_step_histogram([Curves()], SETTINGS).says == "as it is"
    assert math.isnan(best_step_histogram([], SETTINGS).upper_quartile)
