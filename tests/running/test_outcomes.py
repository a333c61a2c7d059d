"""Which trial counts as the best while a run lasts, and where it ends before its final training."""

from __future__ import annotations

import numpy as np
import pytest

from goodfit.running.outcome import Outcome, best_of
from goodfit.task import Objective
from goodfit.training.trial import Points, Segment, Status, Trial


def outcome(number: int, accuracy: float, status: Status) -> Outcome:
    found = Outcome(Trial(number, 0, (Segment(0, {"lr": 0.1}, 0),)), 4, 10.0, "pool", status=status, step=10)
    found.add(Points(number, "val_accuracy", np.array([10]), np.array([accuracy])))
    return found


@pytest.mark.parametrize("status", [Status.STOPPED, Status.DIVERGED])
def test_a_trial_that_did_not_go_to_its_end_is_not_the_best_while_another_did(status):
    objective = Objective.parse("max val accuracy", {"accuracy": None})
    early, whole = outcome(0, 0.95, status), outcome(1, 0.90, Status.DONE)
    assert best_of([early, whole], objective) is whole
    assert best_of([early, whole, outcome(2, 0.92, Status.DONE)], objective) is not early


def test_of_trials_that_were_all_ended_early_the_best_counts_and_none_that_diverged():
    objective = Objective.parse("max val accuracy", {"accuracy": None})
    found = [outcome(0, 0.80, Status.STOPPED), outcome(1, 0.85, Status.STOPPED), outcome(2, 0.99, Status.DIVERGED)]
    assert best_of(found, objective) is found[1]
    assert best_of(found[2:], objective) is None
