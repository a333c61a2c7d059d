"""A process that writes is killed, again and again: what it had committed is there, whole."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from goodfit.ledger.store import open_ledger

CHILD = Path(__file__).with_name("writing_child.py")


def kill_while_writing(path: Path, first: int, after_commits: int, spin_seconds: float) -> int:
    """Run the child from a batch on and kill it some time after so many commits.

    Returns:
        The last batch that it said it had committed.
    """
    child = subprocess.Popen([sys.executable, str(CHILD), str(path), str(first)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(after_commits)]
    until = time.perf_counter() + spin_seconds
    while time.perf_counter() < until:  # a moment in the midst of whatever it does now
        pass
    child.kill()
    rest, _ = child.communicate()
    lines = [line for line in b"".join([*said, rest]).splitlines(keepends=True) if line.endswith(b"\n")]
    assert child.returncode == -9, "the child ended by itself"
    return int(lines[-1])


def check_all_there(path: Path, reported: int) -> int:
    """Every reported batch is there, and the one that may have come after is there whole or not at all.

    Returns:
        The number of batches.
    """
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    store = open_ledger(path)
    seen = store.read("digits")
    store.close()
    batches = len(seen.memos)
    assert reported + 1 <= batches <= reported + 2
    assert seen.memos == {str(batch): batch for batch in range(batches)}
    assert [trial.trial for trial in seen.trials] == list(range(batches))
    series = seen.curves[0]["val_loss"]
    assert np.array_equal(series.steps, np.arange(10 * batches))
    assert np.array_equal(series.values, series.steps / 7)
    return batches


def kill_rounds(path: Path, rounds: int, seed: int) -> int:
    draw = random.Random(seed)
    batches = 0
    for _ in range(rounds):
        reported = kill_while_writing(path, batches, draw.randint(1, 12), draw.uniform(0, 0.006))
        batches = check_all_there(path, reported)
    return batches


def test_nothing_committed_is_lost_when_the_process_is_killed(tmp_path):
    assert kill_rounds(tmp_path / "ledger.db", rounds=4, seed=0) >= 4


@pytest.mark.slow
def test_nothing_committed_is_lost_over_many_kills(tmp_path):
    assert kill_rounds(tmp_path / "ledger.db", rounds=40, seed=1) >= 40
