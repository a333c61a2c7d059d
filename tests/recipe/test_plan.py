"""How stages are cut to the time there is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.recipe.plan import coarse_length, final_length, fine_length, shown_plan
from goodfit.settings.budget import BudgetSettings

SETTINGS = BudgetSettings()


def test_the_shown_plan_fills_the_budget():
    plan = shown_plan(600.0, SETTINGS, 0, None)
    assert math.isclose(sum(stage.seconds or 0 for stage in plan), 600.0, rel_tol=0.05)


@given(
    dimensions=st.integers(1, 8),
    steps_per_epoch=st.integers(1, 5000),
    seconds=st.floats(1, 1e5),
    cost=st.floats(1e-5, 1e3),
)
def test_a_coarse_search_fits_into_its_time_unless_even_three_short_trials_do_not(
    dimensions, steps_per_epoch, seconds, cost
):
    length = coarse_length(
        dimensions=dimensions,
        steps_per_epoch=steps_per_epoch,
        seconds=seconds,
        seconds_per_trial_epoch=cost,
        settings=SETTINGS,
    )
    assert length.trials >= 3
    assert length.epochs > 0
    least = 3 * SETTINGS.coarse_epochs_floor * cost
    assert length.trials * length.epochs * cost <= max(seconds, least) * 1.001


def test_a_coarse_search_with_time_to_spare_has_eight_trials_a_hyperparameter_and_up_to_twice_that():
    length = coarse_length(
        dimensions=2, steps_per_epoch=100, seconds=1e6, seconds_per_trial_epoch=1.0, settings=SETTINGS
    )
    assert 16 <= length.trials <= 32
    assert length.epochs == 3  # 300 steps


def test_tiny_data_gets_the_epochs_that_300_steps_take():
    length = coarse_length(
        dimensions=2, steps_per_epoch=20, seconds=1e6, seconds_per_trial_epoch=1.0, settings=SETTINGS
    )
    assert length.epochs == 15


@given(trials=st.integers(1, 40), epochs=st.floats(0.5, 200), seconds=st.floats(0.1, 1e5), cost=st.floats(1e-5, 1e2))
def test_a_finer_round_fits_into_its_time_unless_even_two_short_trials_do_not(trials, epochs, seconds, cost):
    length = fine_length(trials=trials, epochs=epochs, seconds=seconds, seconds_per_trial_epoch=cost, settings=SETTINGS)
    assert length.trials >= 2
    least = 2 * min(SETTINGS.coarse_epochs_floor, epochs) * cost
    assert length.trials * length.epochs * cost <= max(seconds, least, 2 * SETTINGS.coarse_epochs_floor * cost) * 1.001


@pytest.mark.parametrize(
    ("seconds", "seeds", "factors"), [(1000.0, 5, 4), (75.0, 5, 2), (45.0, 3, 2), (35.0, 3, 1), (11.0, 1, 1)]
)
def test_the_final_training_gives_up_rates_and_seeds_before_its_length(seconds, seeds, factors):
    length = final_length(
        wanted_epochs=10.0,
        most_epochs=20.0,
        seconds=seconds,
        makespan=lambda n, epochs: n * epochs,
        settings=SETTINGS,
    )
    assert (length.seeds, len(length.factors)) == (seeds, factors)
    sweep = len(length.factors) if len(length.factors) > 1 else 0
    rest = length.seeds - 1 if sweep else length.seeds
    assert (sweep + rest) * length.epochs <= seconds * 1.001


def test_without_a_clock_the_final_training_is_whole():
    length = final_length(
        wanted_epochs=30.0, most_epochs=30.0, seconds=None, makespan=lambda n, e: 0.0, settings=SETTINGS
    )
    assert (length.seeds, length.factors, length.epochs) == (5, SETTINGS.peak_factors, 30.0)


def test_a_second_seed_is_trained_where_a_slot_is_free():
    length = final_length(
        wanted_epochs=30.0,
        most_epochs=45.0,
        seconds=100.0,
        makespan=lambda n, epochs: -(-n // 2) * 10 * epochs,  # two slots, ten seconds an epoch
        settings=SETTINGS,
    )
    assert (length.seeds, length.factors) == (2, (1.0,))
    assert length.epochs == pytest.approx(10.0)


@pytest.mark.parametrize(("seconds", "schedules"), [(1000.0, 3), (115.0, 3), (105.0, 0), (35.0, 0)])
def test_other_schedules_are_tried_where_all_else_has_its_time(seconds, schedules):
    length = final_length(
        wanted_epochs=10.0,
        most_epochs=20.0,
        seconds=seconds,
        makespan=lambda n, epochs: n * epochs,
        settings=SETTINGS,
        schedules=3,
    )
    assert length.schedules == schedules
    assert (length.seeds, len(length.factors)) == ((5, 4) if seconds > 80 else (3, 1))


@given(seconds=st.floats(1.0, 1e4), runners_up=st.integers(0, 6), each=st.floats(0.0, 2.0))
def test_runners_up_are_trained_in_what_is_left_over_alone(seconds, runners_up, each):
    found = final_length(
        wanted_epochs=10.0,
        most_epochs=20.0,
        seconds=seconds,
        makespan=lambda n, epochs: n * epochs,
        settings=SETTINGS,
        runners_up=runners_up,
        closing=lambda trainings: each * trainings,
    )
    assert found.runners_up <= runners_up
    if found.runners_up:
        assert found.epochs == 20.0  # the chosen hyperparameters come first
        assert found.trainings * found.epochs + each * found.trainings <= seconds * 1.001
