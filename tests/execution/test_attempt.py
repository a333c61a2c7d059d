"""One attempt at a work, with a clock moved by hand: when events are sent and states are kept."""

from __future__ import annotations

import pytest
import torch
from execution_cases import trial, work

from goodfit.clock import ManualClock
from goodfit.errors import TaskError
from goodfit.execution.attempt import CHECKPOINT_SHARE, TELL_SECONDS, Attempt
from goodfit.execution.checkpoints import load_checkpoint, save_states
from goodfit.execution.failures import died, in_one_sentence, training_of
from goodfit.execution.machine import _quota, default_workers, usable_cpus
from goodfit.execution.orders import Orders
from goodfit.training.trial import Ended, Probed, Status, TrialState


def state(step: int) -> TrialState:
    return TrialState(step, {"w": torch.full((2,), float(step))}, {}, {}, {})


@pytest.fixture
def clock():
    return ManualClock(start=1000.0)


@pytest.fixture
def told():
    return []


def begin(asked, told, clock, orders=None):
    return Attempt(asked, told.append, orders or Orders(), clock)


def an_event(step):
    return Probed(1, step, torch.zeros(1).numpy(), 0.0, 0.0)


def test_events_of_one_moment_are_one_message(told, clock):
    attempt = begin(work("a", trial(1)), told, clock)
    for step in range(1000):
        attempt.emit(an_event(step))
    assert told == []
    clock.advance(TELL_SECONDS)
    attempt.emit(an_event(1000))
    assert [len(message.events) for message in told] == [1001]


def test_events_do_not_wait_for_the_next_event(told, clock):
    attempt = begin(work("a", trial(1)), told, clock)
    attempt.emit(an_event(0))
    clock.advance(TELL_SECONDS)
    assert not attempt.should_stop()
    assert [len(message.events) for message in told] == [1]
    clock.advance(TELL_SECONDS)
    attempt.should_stop()
    assert len(told) == 1  # nothing new, no message


def test_checkpoints_keep_their_distance(told, clock, tmp_path):
    attempt = begin(work("a", trial(1), checkpoint=tmp_path / "c", checkpoint_seconds=5.0), told, clock)
    attempt._training = [1]
    assert not attempt.wants_checkpoint()
    clock.advance(4.9)
    assert not attempt.wants_checkpoint()
    clock.advance(0.2)
    assert attempt.wants_checkpoint()
    attempt.checkpoint([state(3)])
    assert not attempt.wants_checkpoint()
    found = load_checkpoint(tmp_path / "c")
    assert found.states[1].step == 3
    assert found.seconds == pytest.approx(5.1)


def test_checkpoints_that_take_long_are_rarer(told, clock, tmp_path, monkeypatch):
    attempt = begin(work("a", trial(1), checkpoint=tmp_path / "c", checkpoint_seconds=5.0), told, clock)
    attempt._training = [1]
    monkeypatch.setattr("goodfit.execution.attempt.save_checkpoint", lambda *_: clock.advance(2.0))
    attempt.checkpoint([state(3)])
    clock.advance(2.0 / CHECKPOINT_SHARE - 0.1)
    assert not attempt.wants_checkpoint()
    clock.advance(0.2)
    assert attempt.wants_checkpoint()


def test_without_a_file_nobody_wants_checkpoints(told, clock):
    attempt = begin(work("a", trial(1), checkpoint_seconds=0.0), told, clock)
    clock.advance(100.0)
    assert not attempt.wants_checkpoint()


def test_a_deadline_counts_the_time_before_the_checkpoint(told, clock, tmp_path):
    asked = work("a", trial(1), checkpoint=tmp_path / "c", deadline_seconds=10.0)
    first = begin(asked, told, clock)
    first._training = [1]
    clock.advance(7.0)
    assert not first.should_stop()
    first.checkpoint([state(3)])
    second = begin(asked, told, clock)
    clock.advance(2.9)
    assert not second.should_stop()
    clock.advance(0.2)
    assert second.should_stop()
    second.emit(Ended(1, Status.INTERRUPTED, 40))
    second.flush()
    (end,) = told[-1].events
    assert end == Ended(1, Status.STOPPED, 40, "The 10 seconds for this work were over after step 40.")


def test_an_interrupted_end_is_no_end_in_the_checkpoint(told, clock, tmp_path):
    orders = Orders()
    attempt = begin(work("a", trial(1), trial(2), checkpoint=tmp_path / "c"), told, clock, orders)
    attempt._training = [1, 2]
    attempt.emit(Ended(2, Status.DIVERGED, 5, "nan"))
    orders.interrupted = True
    assert attempt.should_stop()
    attempt.emit(Ended(1, Status.INTERRUPTED, 7))
    attempt.checkpoint([state(7), None])
    found = load_checkpoint(tmp_path / "c")
    assert found.ended == {2: Ended(2, Status.DIVERGED, 5, "nan")}
    assert found.states.keys() == {1}


def test_an_engine_that_forgets_a_trial_is_an_error(told, clock):
    class Forgetful:
        def advance(self, *_):
            return [state(1), state(1)]

    with pytest.raises(RuntimeError, match=r"nothing of the end of trials \[1, 2\]"):
        begin(work("a", trial(1), trial(2)), told, clock).run(None, Forgetful())


def test_a_fork_starts_where_its_parent_stood_and_own_states_come_first(told, clock, tmp_path):
    save_states(tmp_path / "p", {1: state(10), 2: state(20)})
    asked = work("a", trial(2, parent=1), trial(3, parent=1), trial(4), parents=tmp_path / "p")
    attempt = begin(asked, told, clock)
    assert {number: found.step for number, found in attempt._states.items()} == {2: 20, 3: 10}


def test_sentences_name_the_error_and_the_users_line():
    def users_code():
        raise ValueError("no such width.\nsecond line")

    with pytest.raises(ValueError, match="no such width") as raised:
        users_code()
    said = in_one_sentence(raised.value, "Training trial 3")
    assert said.startswith("Training trial 3 raised ValueError: no such width (test_attempt.py, line ")
    assert said.endswith(").")
    assert in_one_sentence(TaskError("As it is."), "Training") == "As it is."
    assert in_one_sentence(KeyError(), "Training") == "Training raised KeyError."


def test_sentences_say_how_a_worker_died():
    assert died(-9, "training trial 3") == (
        "Training trial 3 was given up after two tries: the worker process was ended by SIGKILL, as a system does "
        "that has no memory left."
    )
    assert died(3, "training trial 3").endswith("the worker process ended with exit status 3.")
    assert died(-63, "training trial 3").endswith("was ended by signal 63.")


def test_works_in_words():
    assert training_of(work("a", trial(7))) == "training trial 7"
    assert training_of(work("a", *(trial(n) for n in range(3, 11)))) == "training trials 3 to 10"
    assert training_of(work("a", trial(3), trial(9))) == "training trials 3, 9"
    assert training_of(work("a", *(trial(n) for n in range(0, 40, 2)))).endswith("10, 12, 14 and 12 more")


def test_a_gpu_has_one_worker_and_a_processor_one_for_each_cpu_we_may_use():
    assert default_workers(torch.device("cuda:1")) == 1
    assert default_workers("cpu") == usable_cpus() >= 1


@pytest.mark.parametrize(("text", "cpus"), [("max 100000", 1 << 30), ("150000 100000", 2), ("50000 100000", 1)])
def test_a_containers_quota_counts(tmp_path, text, cpus):
    (tmp_path / "cpu.max").write_text(text + "\n")
    assert _quota(tmp_path / "cpu.max") == cpus
    assert _quota(tmp_path / "absent") == 1 << 30
