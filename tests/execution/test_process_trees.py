"""Processes as a system sees them: a parent that is killed, a script without a guard, Ctrl-C for a whole group."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
pytestmark = pytest.mark.slow  # each starts two interpreters with torch

SCRIPT = """
import sys, tempfile, pathlib
sys.path.insert(0, {here!r})
from execution_cases import make_problem, work, drain, trial
from goodfit.execution.processes import ProcessExecutor
from goodfit.execution.source import write_problem
from goodfit.execution.work import Told
print("started", flush=True)
executor = ProcessExecutor(write_problem(make_problem(), pathlib.Path({folder!r})), 2)
"""

ENDLESS = """
for n in (1, 2):
    executor.submit(work(f"w{n}", trial(n), to_step=10**8, checkpoint=pathlib.Path({folder!r}) / f"{n}.pt"))
begun = set()
while len(begun) < 2:
    begun |= {m.key for m in executor.messages(0.2) if isinstance(m, Told)}
print(*executor.worker_pids, flush=True)
"""


def script(tmp_path: Path, rest: str) -> Path:
    file = tmp_path / "script.py"
    file.write_text((SCRIPT + rest).replace("{here!r}", repr(str(HERE))).replace("{folder!r}", repr(str(tmp_path))))
    return file


def is_gone(pid: int) -> bool:
    """Whether the process has ended; a zombie that nobody has fetched yet counts."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_workers_end_when_their_parent_is_killed(tmp_path):
    file = script(tmp_path, ENDLESS + "while True:\n    list(executor.messages(0.2))\n")
    with subprocess.Popen([sys.executable, str(file)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(workers) == 2
        assert not any(is_gone(pid) for pid in workers)
        parent.kill()
    until = time.monotonic() + 5.0
    while not all(is_gone(pid) for pid in workers):
        assert time.monotonic() < until, "workers outlived their parent"


def test_a_script_without_a_guard_starts_once(tmp_path):
    file = script(
        tmp_path,
        "executor.submit(work('a', trial(1)))\nprint(type(drain(executor, 'a')[-1]).__name__)\nexecutor.close()\n",
    )
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=True, timeout=90)
    assert done.stdout.split() == ["started", "Finished"]


def test_ctrl_c_for_the_whole_group_reaches_the_parent_alone(tmp_path):
    file = script(
        tmp_path,
        "import signal\nsignal.signal(signal.SIGINT, lambda *_: executor.interrupt())\n"
        + ENDLESS
        + "ended = drain(executor, 'w1', 'w2')\n"
        "print(*[m.interrupted for m in ended if not isinstance(m, Told)])\nexecutor.close()\n",
    )
    command = [sys.executable, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        os.killpg(parent.pid, signal.SIGINT)
        assert parent.stdout.readline() == "True True\n"
        assert parent.wait(timeout=30) == 0
    assert (tmp_path / "1.pt").exists()
    assert (tmp_path / "2.pt").exists()
    assert all(is_gone(pid) for pid in workers)
