"""States in files: all or nothing, with nothing lost that was told before them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from execution_cases import assert_same_states
from hypothesis import given
from hypothesis import strategies as st

from goodfit.errors import FolderError
from goodfit.execution.checkpoints import (
    Checkpoint,
    ToldLog,
    load_checkpoint,
    load_states,
    remove_checkpoint,
    save_checkpoint,
    save_states,
    told_path,
)
from goodfit.training.trial import Ended, Points, Probed, Status, TrialState


def state(number: int, size: int = 5) -> TrialState:
    generator = torch.Generator().manual_seed(number)
    weight = torch.randn(size, 3, generator=generator, dtype=torch.float64)
    return TrialState(
        step=number * 10,
        parameters={"layer.weight": weight, "layer.bias": torch.full((3,), float("nan"))},
        buffers={"norm.num_batches_tracked": torch.tensor(number)},
        optimizer={"exp_avg": {"layer.weight": weight.to(torch.bfloat16)}, "step": {"layer.weight": torch.tensor(2.0)}},
        average={"layer.weight": weight / 3},
        initial_loss=None if number == 2 else 2.5,
    )


def same(states, expected):
    for one in (*states.values(), *expected.values()):
        one.parameters = {name: torch.nan_to_num(value, nan=-1.0) for name, value in one.parameters.items()}
    assert_same_states(states, expected)


def test_states_come_back_as_they_were(tmp_path):
    states = {1: state(1), 2: state(2), 700: state(700)}
    save_states(tmp_path / "deep" / "states.pt", states)
    same(load_states(tmp_path / "deep" / "states.pt"), states)
    assert load_states(tmp_path / "deep" / "states.pt", only={700, 9}).keys() == {700}


def test_numbers_of_numpy_are_plain_numbers_in_the_file(tmp_path):
    one = state(1)
    one.step, one.initial_loss = np.int64(7), np.float64(1.5)  # ty: ignore[invalid-assignment]
    ended = {1: Ended(1, Status.DIVERGED, np.int64(3), "it was nan")}  # ty: ignore[invalid-argument-type]
    save_checkpoint(tmp_path / "c", Checkpoint({1: one}, ended, seconds=np.float64(2.0)))
    found = load_checkpoint(tmp_path / "c")
    assert (found.states[1].step, found.states[1].initial_loss, found.seconds) == (7, 1.5, 2.0)
    assert found.ended == {1: Ended(1, Status.DIVERGED, 3, "it was nan")}


def test_a_trials_view_is_saved_without_its_cohort(tmp_path):
    stacked = torch.randn(1000, 50, 50)
    save_states(tmp_path / "one.pt", {3: TrialState(1, {"w": stacked[3]}, {}, {}, {})})
    assert (tmp_path / "one.pt").stat().st_size < 5 * 50 * 50 * 4
    assert torch.equal(load_states(tmp_path / "one.pt")[3].parameters["w"], stacked[3])


def test_what_is_read_can_be_written_into_and_the_file_stays(tmp_path):
    save_states(tmp_path / "s", {1: state(1)})
    load_states(tmp_path / "s")[1].average["layer.weight"].zero_()
    same(load_states(tmp_path / "s"), {1: state(1)})


def test_a_missing_file_and_a_damaged_one_are_said(tmp_path):
    with pytest.raises(FolderError, match="There is no checkpoint"):
        load_states(tmp_path / "none")
    save_states(tmp_path / "half", {1: state(1)})
    whole = (tmp_path / "half").read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 30):
        (tmp_path / "half").write_bytes(whole[:length])
        with pytest.raises(FolderError, match="damaged"):
            load_states(tmp_path / "half")


def test_a_write_that_fails_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    save_states(tmp_path / "s", {1: state(1)})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(FolderError, match="No space left on device"):
        save_states(tmp_path / "s", {1: state(5)})
    same(load_states(tmp_path / "s"), {1: state(1)})
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_removing_leaves_nothing(tmp_path):
    save_states(tmp_path / "s", {1: state(1)})
    ToldLog(told_path(tmp_path / "s"), 0).append([Ended(1, Status.DONE, 1)])
    (tmp_path / ".s.123.tmp").touch()
    remove_checkpoint(tmp_path / "s")
    assert list(tmp_path.iterdir()) == []
    remove_checkpoint(tmp_path / "s")


numbers = st.floats(allow_nan=False)
any_event = st.one_of(
    st.builds(
        lambda trial, series, values: Points(trial, series, np.arange(len(values)), np.array(values, dtype=np.float64)),
        st.integers(0, 99),
        st.text(max_size=5),
        st.lists(numbers, max_size=5),
    ),
    st.builds(
        lambda trial, values, spread: Probed(trial, 3, np.array(values, dtype=np.float64), spread, 0.5),
        st.integers(0, 99),
        st.lists(numbers, max_size=5),
        numbers,
    ),
    st.builds(Ended, st.integers(0, 99), st.sampled_from(Status), st.integers(0, 9), st.text(max_size=9)),
)


def as_text(events):
    return [str(event) for event in events]


@given(st.lists(st.lists(any_event, min_size=1, max_size=3), max_size=4), st.integers(0, 4), st.binary(max_size=40))
def test_the_log_keeps_what_its_checkpoint_speaks_of_and_nothing_else(tmp_path_factory, groups, kept, torn):
    path = tmp_path_factory.mktemp("log") / "c.told"
    log = ToldLog(path, 0)
    length = 0
    for number, group in enumerate(groups):
        log.append(group)
        if number < kept:
            length = log.bytes_kept
    with path.open("ab") as file:
        file.write(torn)  # as a kill in the middle of writing leaves it
    again = ToldLog(path, length)
    assert [as_text(group) for group in again.frames()] == [as_text(group) for group in groups[:kept]]
    again.append([Ended(5, Status.DONE, 9)])
    *_, last = ToldLog(path, again.bytes_kept).frames()
    assert last == [Ended(5, Status.DONE, 9)]


def test_a_log_that_somebody_deleted_begins_anew(tmp_path):
    log = ToldLog(tmp_path / "c.told", 500)
    assert (list(log.frames()), log.bytes_kept) == ([], 0)


WRITER = """
import sys, pathlib, torch
from goodfit.execution.checkpoints import Checkpoint, ToldLog, save_checkpoint, told_path
from goodfit.training.trial import Ended, Status, TrialState
path = pathlib.Path(sys.argv[1])
log = ToldLog(told_path(path), 0)
for n in range(1, 1_000_000):
    log.append([Ended(n, Status.DONE, n)])
    states = {1: TrialState(n, {"w": torch.full((20_000,), float(n))}, {}, {}, {})}
    save_checkpoint(path, Checkpoint(states, {}, told_bytes=log.bytes_kept))
    if n == 1:
        print("begun", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("milliseconds", [0, 3, 17, 40])
def test_a_kill_at_any_moment_leaves_a_whole_checkpoint_with_its_log(tmp_path: Path, milliseconds: int):
    path = tmp_path / "c"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"begun\n"
        until = time.monotonic() + milliseconds / 1000
        while time.monotonic() < until:
            pass
        writer.send_signal(signal.SIGKILL)
    found = load_checkpoint(path)
    reached = found.states[1].step
    assert reached >= 1
    assert torch.equal(found.states[1].parameters["w"], torch.full((20_000,), float(reached)))
    frames = list(ToldLog(told_path(path), found.told_bytes).frames())
    assert [event.step for (event,) in frames if isinstance(event, Ended)] == list(range(1, reached + 1))
