"""The parent's end of one worker process."""

from __future__ import annotations

import os
import pickle
import site
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from goodfit.execution.wire import Hello, Line
from goodfit.execution.work import Message

SEND_SECONDS = 60.0  # a worker reads at once, even while it trains; one that does not for so long is dead
END_SECONDS = 2.0  # for a worker to end by itself once its line is closed
_ROOT = str(Path(__file__).resolve().parents[2])  # the folder that holds the package


class WorkerProcess:
    """Started at once; hears and says whole messages; never raises when the worker dies."""

    def __init__(self, threads: int, is_early: bool = False) -> None:
        """
        Args:
            threads: torch's.
            is_early: it loads torch at once, and is told later what to train.
        """
        self.threads = threads
        ours, theirs = socket.socketpair()
        ours.settimeout(SEND_SECONDS)
        self._line = Line(ours)
        with theirs:
            self._process = subprocess.Popen(
                # -P: the folder that the user stands in must not shadow the standard library while we start.
                [sys.executable, "-P", "-m", "goodfit.execution.worker", str(theirs.fileno())] + ["early"] * is_early,
                stdin=subprocess.DEVNULL,
                stdout=2,  # never this process's standard output: with --json that is the result alone
                stderr=2,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C in a terminal goes to a whole group: workers are told by us instead
                env=_environment(threads),
            )
        self.death = _death_of(self._process.pid)
        self._is_lost = False  # its line is closed

    def greet(self, source: bytes, log: Path | None) -> None:
        """Tell it where the problem comes from, and where its prints go."""
        path = tuple(entry or os.getcwd() for entry in sys.path)
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
        self.send(Hello(os.getpid(), path, self.threads, source, None if log is None else str(log.resolve())))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stream(self) -> socket.socket:
        return self._line.stream

    def is_alive(self) -> bool:
        return not self._is_lost and self._process.poll() is None

    def send(self, message: Any) -> None:
        """Send a message; a worker that cannot take it is taken for dead."""
        try:
            self._line.send(pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL))
        except OSError:
            self._is_lost = True

    def received(self) -> list[Message]:
        """The messages that are there, without waiting; of a worker that has died, all that it got to say."""
        messages: list[bytes] = []
        try:
            while self._line.is_readable(0):
                messages += self._line.receive()
        except EOFError:
            self._is_lost = True
        return [pickle.loads(message) for message in messages]

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def hang_up(self) -> None:
        """Close the line: the worker ends by itself."""
        self._line.close()
        self._is_lost = True

    def reap(self) -> int:
        """Wait for its end, killing it where it takes too long; its exit status as `subprocess` tells it."""
        self.hang_up()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        if self.death is not None:
            os.close(self.death)
            self.death = None
        return self._process.returncode


def _environment(threads: int) -> dict[str, str]:
    environment = dict(os.environ)
    for library in ("OMP", "MKL", "OPENBLAS"):
        environment[f"{library}_NUM_THREADS"] = str(threads)
    if _ROOT not in site.getsitepackages():  # run from a folder that only our own sys.path knows
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (environment.get("PYTHONPATH"), _ROOT)))
    return environment


def _death_of(pid: int) -> int | None:
    """A descriptor that can be read once the process is dead: a child of a worker may hold its line open after it."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux, or an old one: then the process is asked several times a second
        return None
