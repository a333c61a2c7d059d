import math

import numpy as np
import pytest

from goodfit.recipe.runs import Run, run_of
from goodfit.training.trial import Ended, Points, Probed, Segment, Status, Trial


def told(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def test_a_trial_s_events_become_a_run():
    trial = Trial(7, 3, (Segment(0, {"lr": 0.1}, 0),))
    events = [
        Points(8, "step_loss", np.arange(1), told(99.0)),
        Points(7, "train_accuracy", np.arange(1), told(0.1)),
        Probed(7, 0, told(2.0, 4.0), 0.5, 0.0),
        Points(7, "step_loss", np.arange(2), told(3.0, 2.0)),
        Points(7, "update_ratio/a", np.arange(2), told(1e-3, 3e-3)),
        Points(7, "update_ratio/b", np.arange(2), told(3e-3, 5e-3)),
        Points(7, "step_loss", np.arange(2, 3), told(1.0)),
        Points(7, "train_accuracy", np.arange(3, 4), told(0.9)),
        Probed(7, 3, told(1.0, 1.0), 0.4, 0.25),
        Ended(7, Status.DONE, 3),
    ]
    run = run_of(trial, events, key="ladder", steps=3, accuracy="accuracy", samples=100)
    assert (run.lr, run.seed, run.status, run.dead) == (0.1, 3, Status.DONE, 0.25)
    assert run.step_losses.tolist() == [3.0, 2.0, 1.0]
    assert run.update_ratios.tolist() == [2e-3, 4e-3]
    assert (run.first_loss, run.last_loss) == (3.0, 1.0)
    assert run.fall() == pytest.approx(2 / 3)
    assert run.fall(floor=1.0) == pytest.approx(1.0)
    assert run.z == pytest.approx(2.0)  # differences 1 and 3: mean 2, standard error 1
    assert run.accuracy_z > 5


def test_a_diverged_trial_has_no_end_to_compare():
    trial = Trial(0, 0, (Segment(0, {"lr": 9.0}, 0),))
    events = [
        Probed(0, 0, told(2.0, 3.0), 0.5, 0.0),
        Points(0, "step_loss", np.arange(2), told(2.0, math.nan)),
        Ended(0, Status.DIVERGED, 1, "at step 1 the loss was nan"),
    ]
    run = run_of(trial, events, key="ladder", steps=10)
    assert not run.finite
    assert run.after is None
    assert run.z == 0.0


def test_a_run_that_reached_its_goal_is_known_by_its_early_end():
    trial = Trial(0, 0, (Segment(0, {"lr": 0.1}, 0),))
    events = [Points(0, "step_loss", np.arange(2), told(2.0, 0.01)), Ended(0, Status.STOPPED, 2, "learned")]
    run = run_of(trial, events, key="sample", steps=300)
    assert run.fitted
    assert run.last_loss == 0.01


def test_equal_paired_losses_have_no_z_and_a_shift_of_all_has_an_infinite_one():
    still = Run(lr=1.0, steps=1, step_losses=told(1.0), before=told(1.0, 2.0), after=told(1.0, 2.0))
    shifted = Run(lr=1.0, steps=1, step_losses=told(1.0), before=told(1.0, 2.0), after=told(0.5, 1.5))
    assert (still.z, shifted.z) == (0.0, math.inf)
