"""What every executor promises, and what processes promise besides."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from execution_cases import (
    EPOCH,
    assert_same_states,
    curves,
    drain,
    ended_of,
    ends,
    events,
    make_problem,
    trial,
    undisturbed,
    work,
)

from goodfit.errors import SettingsError
from goodfit.execution.attempt import TELL_SECONDS
from goodfit.execution.checkpoints import load_kept, load_states, save_states
from goodfit.execution.inline import InlineExecutor
from goodfit.execution.processes import ProcessExecutor
from goodfit.execution.source import HeldProblem, write_problem
from goodfit.execution.work import CohortWork, Executor, Failed, Finished, Message, Told
from goodfit.training.trial import Status

FOREVER = 10_000_000  # steps that no test waits for


@pytest.fixture(scope="module")
def problem():
    return make_problem()


@pytest.fixture(scope="module")
def source(problem, tmp_path_factory):
    return write_problem(problem, tmp_path_factory.mktemp("problem"))


@pytest.fixture(scope="module")
def two_workers(source, tmp_path_factory) -> Iterator[ProcessExecutor]:
    with ProcessExecutor(source, 2, log=tmp_path_factory.mktemp("log") / "workers.log") as executor:
        yield executor


@pytest.fixture(scope="module")
def one_worker(source) -> Iterator[ProcessExecutor]:
    with ProcessExecutor(source, 1) as executor:
        yield executor


class ExecutorContract:
    """Every executor, whatever runs behind it."""

    @pytest.fixture
    def executor(self) -> Executor:
        raise NotImplementedError

    def interrupted_on_its_way(self, executor: Any, asked: CohortWork) -> list[Message]:
        """Messages of a work that was interrupted after its first checkpoint."""
        assert asked.checkpoint is not None
        executor.submit(asked)
        heard: list[Message] = []
        while not asked.checkpoint.exists():
            heard += executor.messages(0.01)
            assert not ended_of(heard, asked.key), "the work ended before its first checkpoint was seen"
        executor.interrupt()
        return heard + drain(executor, asked.key)

    @pytest.mark.parametrize("engine", ["pool", "batched"])
    def test_values_are_those_of_the_engine_itself(self, executor, problem, engine):
        asked = [work(f"{engine} {n}", trial(n, lr=0.03 * n), trial(n + 10), engine=engine) for n in (1, 2, 3)]
        for one in asked:
            executor.submit(one)
        heard = drain(executor, *(one.key for one in asked))
        for one in asked:
            told, _ = undisturbed(one, problem)
            assert curves(events(heard, one.key)) == curves(told)
            assert ends(events(heard, one.key)) == ends(told)

    def test_every_trial_ends_once_and_before_its_work(self, executor):
        executor.submit(work("once"))
        heard = drain(executor, "once")
        told = events(heard, "once")
        assert sorted(e.trial for e in told if e in ends(told).values()) == [1, 2, 3]
        assert {end.status for end in ends(told).values()} == {Status.DONE}
        assert isinstance(heard[-1], Finished)
        assert not heard[-1].interrupted
        assert heard[-1].seconds > 0
        assert list(executor.messages(0.0)) == []

    def test_events_come_together(self, executor):
        executor.submit(work("together"))
        heard = drain(executor, "together")
        messages = [m for m in heard if isinstance(m, Told)]
        assert isinstance(heard[-1], Finished)
        assert len(messages) <= 1 + heard[-1].seconds / TELL_SECONDS
        assert sum(len(points) for points in curves(events(heard, "together")).values()) > 288

    def test_a_stopped_trial_leaves_and_the_others_go_on(self, executor, problem):
        asked = work("stop", trial(1), trial(2), to_step=20 * EPOCH)
        executor.submit(asked)
        executor.stop("stop", 2)
        heard = drain(executor, "stop")
        end = ends(events(heard, "stop"))
        assert (end[1].status, end[1].step) == (Status.DONE, 20 * EPOCH)
        assert end[2].status is Status.STOPPED
        assert end[2].step < 20 * EPOCH
        told, _ = undisturbed(work("alone", trial(1), to_step=20 * EPOCH), problem)
        assert {k: v for k, v in curves(events(heard, "stop")).items() if k[0] == 1} == curves(told)

    @pytest.mark.parametrize("engine", ["pool", "batched"])
    def test_states_kept_on_the_way_are_those_of_a_shorter_work_and_change_nothing(
        self, executor, problem, tmp_path, engine
    ):
        trials = (trial(1, ema_decay=0.9), trial(2, lr=0.01, ema_decay=0.9), trial(3, lr=1e4))  # the last one diverges
        file = tmp_path / "states.pt"
        steps = (EPOCH + 3, 4 * EPOCH)  # one within an epoch
        asked = work("kept", *trials, engine=engine, checkpoint=file, kept_steps=steps)
        executor.submit(asked)
        heard = drain(executor, "kept")
        told, states = undisturbed(asked, problem)
        assert curves(events(heard, "kept")) == curves(told)
        assert ends(events(heard, "kept")) == ends(told)
        assert_same_states(load_states(file), states)
        kept = load_kept(file, (1, 2, 3))
        assert sorted(kept) == sorted(steps)
        for step, found in kept.items():
            _, shorter = undisturbed(work("shorter", *trials, engine=engine, to_step=step), problem)
            assert_same_states(found, {n: dataclasses.replace(shorter[n], optimizer={}) for n in (1, 2)})

    def test_a_work_whose_trials_all_end_before_a_kept_step_leaves_their_states(self, executor, tmp_path):
        file = tmp_path / "states.pt"
        asked = work("early", trial(1), to_step=40 * EPOCH, checkpoint=file, kept_steps=(20 * EPOCH, 30 * EPOCH))
        executor.submit(asked)
        executor.stop("early", 1)
        heard = drain(executor, "early")
        end = ends(events(heard, "early"))[1]
        assert (end.status, load_states(file)[1].step) == (Status.STOPPED, end.step)

    @pytest.mark.parametrize("engine", ["pool", "batched"])
    def test_interrupted_and_gone_on_with_is_undisturbed(self, executor, problem, tmp_path, engine):
        trials = (trial(1), trial(2, lr=0.01, ema_decay=0.9), trial(3, lr=1e4))  # the last one diverges
        file = tmp_path / "states.pt"
        asked = work(
            "break",
            *trials,
            to_step=20 * EPOCH,
            engine=engine,
            checkpoint=file,
            checkpoint_seconds=0.0,
            kept_steps=(EPOCH, 19 * EPOCH + 1),
        )
        first = self.interrupted_on_its_way(executor, asked)
        assert isinstance(first[-1], Finished)
        assert first[-1].interrupted
        statuses = {end.status for end in ends(events(first, "break")).values()}
        assert Status.INTERRUPTED in statuses
        executor.submit(asked)
        second = drain(executor, "break")
        assert isinstance(second[-1], Finished)
        assert not second[-1].interrupted
        assert second[-1].seconds > first[-1].seconds
        told, states = undisturbed(asked, problem)
        # The second attempt alone tells everything: nobody knows what was written down of the first.
        assert curves(events(second, "break")) == curves(told)
        assert curves([*events(first, "break"), *events(second, "break")]) == curves(told)
        assert ends(events(second, "break")) == ends(told)
        assert_same_states(load_states(file), states)

    def test_waiting_works_end_when_interrupted(self, executor):
        keys = [f"waiting {n}" for n in range(5)]
        for key in keys:
            executor.submit(work(key, to_step=FOREVER))
        executor.interrupt()
        heard = drain(executor, *keys)
        for key in keys:
            (end,) = ended_of(heard, key)
            assert isinstance(end, Finished)
            assert end.interrupted
            assert {e.status for e in ends(events(heard, key)).values()} == {Status.INTERRUPTED}
            assert sorted(ends(events(heard, key))) == [1, 2, 3]

    def test_a_finished_work_tells_its_tale_again(self, executor, tmp_path):
        asked = work("again", checkpoint=tmp_path / "states.pt")
        executor.submit(asked)
        first = drain(executor, "again")
        executor.submit(asked)
        second = drain(executor, "again")
        assert curves(events(second, "again")) == curves(events(first, "again"))
        assert ends(events(second, "again")) == ends(events(first, "again"))

    def test_time_that_is_up_ends_trials_with_their_states_kept(self, executor, tmp_path):
        asked = work("late", to_step=FOREVER, deadline_seconds=0.2, checkpoint=tmp_path / "states.pt")
        executor.submit(asked)
        heard = drain(executor, "late")
        (finished,) = ended_of(heard, "late")
        assert isinstance(finished, Finished)
        assert not finished.interrupted
        end = ends(events(heard, "late"))
        assert {e.status for e in end.values()} == {Status.STOPPED}
        assert "0.2 seconds" in end[1].reason
        assert {n: state.step for n, state in load_states(tmp_path / "states.pt").items()} == {
            n: e.step for n, e in end.items()
        }

    def test_trials_go_on_from_their_own_states_and_from_parents(self, executor, problem, tmp_path):
        rung = work("rung 1", trial(1), trial(2), to_step=3 * EPOCH, checkpoint=tmp_path / "1.pt")
        regime = work("", to_step=6 * EPOCH).regime
        executor.submit(rung)
        drain(executor, "rung 1")
        on = work(
            "rung 2", trial(1), trial(5, parent=2), trial(6), parents=tmp_path / "1.pt", checkpoint=tmp_path / "2.pt",
            regime=regime,
        )  # fmt: skip
        executor.submit(on)
        heard = drain(executor, "rung 2")
        _, states = undisturbed(work("all", trial(1), trial(6), regime=regime), problem)
        reached = load_states(tmp_path / "2.pt")
        assert_same_states({n: reached[n] for n in (1, 6)}, states)
        steps = curves(events(heard, "rung 2"))
        assert min(steps[5, "step_loss"]) == 3 * EPOCH
        assert min(steps[6, "step_loss"]) == 0

    def test_a_missing_parent_is_said(self, executor, tmp_path):
        save_states(tmp_path / "none.pt", {})
        executor.submit(work("orphan", trial(5, parent=2), parents=tmp_path / "none.pt"))
        (failed,) = ended_of(drain(executor, "orphan"), "orphan")
        assert isinstance(failed, Failed)
        assert failed.message.startswith("Trial 5 goes on from trial 2, whose state is not in")

    def test_an_exception_of_the_user_is_one_sentence_and_a_traceback(self, executor):
        executor.submit(work("raise", trial(1), trial(2, fault="raise"), trial(3)))
        (failed,) = ended_of(drain(executor, "raise"), "raise")
        assert isinstance(failed, Failed)
        assert "the user's own mistake" in failed.message
        assert "\n" not in failed.message
        assert 'raise ZeroDivisionError("the user' in failed.traceback

    def test_an_error_of_ours_speaks_for_itself(self, executor):
        executor.submit(work("ours", trial(1, fault="task error")))
        (failed,) = ended_of(drain(executor, "ours"), "ours")
        assert isinstance(failed, Failed)
        assert "The model is not for this data." in failed.message

    def test_exit_in_user_code_is_a_failure(self, executor):
        executor.submit(work("exit", trial(1, fault="exit")))
        (failed,) = ended_of(drain(executor, "exit"), "exit")
        assert isinstance(failed, Failed)
        assert "SystemExit" in failed.message

    def test_an_unknown_engine_is_said(self, executor):
        executor.submit(work("engine", engine="steam"))
        (failed,) = ended_of(drain(executor, "engine"), "engine")
        assert isinstance(failed, Failed)
        assert "no engine named 'steam'" in failed.message


class InterruptingClock:
    """A real clock that interrupts at its n-th reading, as a signal's handler would."""

    def __init__(self) -> None:
        self.readings_left = -1
        self.interrupt = lambda: None

    def now(self) -> float:
        self.readings_left -= 1
        if self.readings_left == 0:
            self.interrupt()
        return time.monotonic()


class TestInline(ExecutorContract):
    @pytest.fixture
    def clock(self):
        return InterruptingClock()

    @pytest.fixture
    def executor(self, problem, clock):
        with InlineExecutor(HeldProblem(problem), clock=clock) as executor:
            clock.interrupt = executor.interrupt
            yield executor

    @pytest.fixture(autouse=True)
    def _clock_at_hand(self, clock):
        self.clock_at_hand = clock

    def interrupted_on_its_way(self, executor, asked):
        executor.submit(asked)
        self.clock_at_hand.readings_left = 150
        return drain(executor, asked.key)


class TestTwoWorkers(ExecutorContract):
    @pytest.fixture
    def executor(self, two_workers):
        return two_workers


class TestOneWorker:
    """What needs no second look with two workers, and what only processes promise."""

    def test_values_are_those_of_the_engine_itself(self, one_worker, problem):
        asked = [work("a", trial(1)), work("b", trial(2))]
        for one in asked:
            one_worker.submit(one)
        heard = drain(one_worker, "a", "b")
        for one in asked:
            told, _ = undisturbed(one, problem)
            assert curves(events(heard, one.key)) == curves(told)

    @pytest.mark.parametrize("engine", ["pool", "batched"])
    def test_a_worker_killed_at_work_is_replaced_and_gives_the_same_values(self, one_worker, problem, tmp_path, engine):
        path = tmp_path / "states.pt"
        asked = work("kill", to_step=8 * EPOCH, engine=engine, checkpoint=path, checkpoint_seconds=0.0)
        one_worker.submit(asked)
        heard: list[Message] = []
        while not path.exists():
            heard += one_worker.messages(0.01)
            assert not ended_of(heard, "kill"), "the work ended before its first checkpoint was seen"
        (victim,) = one_worker.worker_pids
        os.kill(victim, signal.SIGKILL)
        heard += drain(one_worker, "kill")
        assert victim not in one_worker.worker_pids
        told, states = undisturbed(asked, problem)
        assert isinstance(heard[-1], Finished)
        assert curves(events(heard, "kill")) == curves(told)
        assert ends(events(heard, "kill")) == ends(told)
        assert_same_states(load_states(path), states)

    @pytest.mark.slow
    def test_a_worker_that_dies_once_is_retried_without_a_checkpoint_too(self, one_worker, problem, tmp_path):
        asked = work("flaky", trial(1), trial(2, fault="die once", flag=str(tmp_path / "died")))
        one_worker.submit(asked)
        heard = drain(one_worker, "flaky")
        assert (tmp_path / "died").exists()
        told, _ = undisturbed(asked, problem)
        assert curves(events(heard, "flaky")) == curves(told)

    @pytest.mark.slow
    def test_a_work_that_kills_two_workers_is_given_up_and_the_next_one_runs(self, one_worker):
        one_worker.submit(work("deadly", trial(3, fault="segfault"), trial(4)))
        one_worker.submit(work("next", trial(1)))
        heard = drain(one_worker, "deadly", "next")
        (failed,) = ended_of(heard, "deadly")
        assert failed == Failed(
            "deadly",
            "Training trials 3, 4 was given up after two tries: the worker process was ended by SIGSEGV, a fault in "
            "compiled code.",
        )
        (finished,) = ended_of(heard, "next")
        assert isinstance(finished, Finished)

    @pytest.mark.slow
    def test_prints_go_to_the_log_and_disturb_nothing(self, source, tmp_path, capfd):
        log = tmp_path / "logs" / "workers.log"
        with ProcessExecutor(source, 1, log=log) as executor:
            executor.submit(work("print", trial(1, fault="print")))
            assert isinstance(drain(executor, "print")[-1], Finished)
        assert "a print in user code" in log.read_text()
        assert "bytes on descriptor one" in log.read_text()
        out, err = capfd.readouterr()
        assert (out, err) == ("", "")

    @pytest.mark.slow
    def test_prints_without_a_log_go_to_standard_error(self, source, capfd):
        with ProcessExecutor(source, 1) as executor:
            executor.submit(work("print", trial(1, fault="print")))
            drain(executor, "print")
        out, err = capfd.readouterr()
        assert out == ""
        assert "a print in user code" in err

    def test_ctrl_c_leaves_workers_alone(self, one_worker):
        one_worker.submit(work("a", trial(1)))
        drain(one_worker, "a")
        (pid,) = one_worker.worker_pids
        assert os.getsid(pid) != os.getsid(0)  # a terminal's Ctrl-C goes to a group of its own session
        os.kill(pid, signal.SIGINT)
        one_worker.submit(work("b", trial(1)))
        assert isinstance(drain(one_worker, "b")[-1], Finished)
        assert one_worker.worker_pids == (pid,)

    @pytest.mark.slow
    def test_an_interrupted_worker_that_hangs_is_killed(self, source, tmp_path):
        flag = tmp_path / "hangs"
        with ProcessExecutor(source, 1, grace_seconds=0.3) as executor:
            executor.submit(work("hang", trial(1), trial(2, fault="hang", flag=str(flag)), trial(3)))
            heard: list[Message] = []
            while not flag.exists():
                heard += executor.messages(0.1)
            executor.interrupt()
            heard += drain(executor, "hang")
            assert isinstance(heard[-1], Finished)
            assert heard[-1].interrupted
            end = ends(events(heard, "hang"))
            assert sorted(end) == [1, 2, 3]
            assert {end[2].status, end[3].status} == {Status.INTERRUPTED}
            assert executor.worker_pids == ()

    def test_orders_may_come_from_another_thread(self, one_worker):
        one_worker.submit(work("long", to_step=FOREVER))
        timer = threading.Timer(0.3, one_worker.interrupt)
        timer.start()
        heard = drain(one_worker, "long")
        timer.join()
        assert isinstance(heard[-1], Finished)
        assert heard[-1].interrupted

    def test_warm_workers_are_those_that_work(self, source):
        with ProcessExecutor(source, 2) as executor:
            executor.warm_up()
            pids = executor.worker_pids
            assert len(pids) == 2
            assert list(executor.messages(0.0)) == []
            executor.submit(work("a", trial(1), to_step=1))
            drain(executor, "a")
            assert executor.worker_pids == pids

    @pytest.mark.slow
    def test_closing_ends_workers_that_are_at_work(self, source):
        executor = ProcessExecutor(source, 1)
        executor.submit(work("forever", to_step=FOREVER))
        while not list(executor.messages(0.5)):
            pass
        (pid,) = executor.worker_pids
        began = time.monotonic()
        executor.close()
        assert time.monotonic() - began < 3
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(RuntimeError, match="closed"):
            executor.submit(work("late"))

    def test_no_workers_is_refused(self, source):
        with pytest.raises(SettingsError, match="InlineExecutor"):
            ProcessExecutor(source, 0)

    def test_a_problem_that_cannot_be_loaded_fails_each_work_with_one_sentence(self, tmp_path: Path):
        from goodfit.execution.source import WrittenProblem

        with ProcessExecutor(WrittenProblem(tmp_path / "gone.pickle"), 1) as executor:
            executor.submit(work("a"))
            executor.submit(work("b"))
            heard = drain(executor, "a", "b")
        for key in ("a", "b"):
            (failed,) = ended_of(heard, key)
            assert isinstance(failed, Failed)
            assert "FileNotFoundError" in failed.message
