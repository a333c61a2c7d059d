"""What a trial tells of its curve: when it is sent, and that it crosses to another process unchanged."""

import pickle

import numpy as np
import pytest

from goodfit.training.curve import SEND_SECONDS, Curve
from goodfit.training.trial import Event, Points


class Told:
    def __init__(self) -> None:
        self.now = 0.0
        self.events: list[Event] = []
        self.curve = Curve(3, self.events.append, lambda: self.now)


def test_arrays_and_single_points_are_sent_together_a_series_at_a_time() -> None:
    told = Told()
    told.curve.extend("step_loss", np.arange(0, 2), np.array([3.0, 2.0]))
    told.curve.add("val_loss", 2, 2.5)
    told.curve.extend("step_loss", np.arange(2, 5), np.array([1.5, np.nan, 1.0]))
    told.curve.extend("step_loss", np.arange(0), np.array([]))
    told.curve.send()
    told.curve.send()  # nothing is left to say
    by_series = {event.series: event for event in told.events if isinstance(event, Points)}
    assert len(told.events) == len(by_series) == 2
    assert by_series["step_loss"].steps.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(by_series["step_loss"].values, [3.0, 2.0, 1.5, np.nan, 1.0])
    assert by_series["val_loss"].values.tolist() == [2.5]


def test_a_tiny_trial_speaks_once() -> None:
    told = Told()
    for step in range(5):
        told.curve.extend("step_loss", np.array([step]), np.array([1.0]))
        told.curve.offer()
    assert not told.events
    told.now = SEND_SECONDS
    told.curve.offer()
    assert [len(event.steps) for event in told.events if isinstance(event, Points)] == [5]


@pytest.mark.parametrize("values", [[], [0.1, np.nan, np.inf, -0.0, 5e-324, 1.7976931348623157e308]])
def test_points_cross_to_another_process_to_the_bit(values: list[float]) -> None:
    points = Points(7, "val_loss", np.arange(len(values), dtype=np.int64), np.array(values))
    other = pickle.loads(pickle.dumps(points, protocol=pickle.HIGHEST_PROTOCOL))
    assert (other.trial, other.series) == (7, "val_loss")
    for mine, theirs in ((points.steps, other.steps), (points.values, other.values)):
        assert theirs.dtype == mine.dtype
        assert theirs.flags.writeable
        assert theirs.tobytes() == mine.tobytes()
