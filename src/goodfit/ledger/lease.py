"""Who writes to a study: one process at a time, and how another tells that it has died."""

from __future__ import annotations

import dataclasses
import os
import socket
import uuid

# Ours: a driver commits or beats every second or so, and the longest silence seen is a slow loading of data.
LEASE_SECONDS = 120.0


@dataclasses.dataclass(frozen=True, slots=True)
class Holder:
    """A process that writes, told apart from every other on any machine."""

    writer: str  # unique for each opening of a study
    host: str
    pid: int
    born: str  # when the process started; "" where the machine does not tell

    @classmethod
    def this_process(cls) -> Holder:
        pid = os.getpid()
        return cls(writer=uuid.uuid4().hex, host=_host(), pid=pid, born=_born(pid))

    def is_known_dead(self) -> bool:
        """Whether that process is surely gone: only ever true for one of this machine."""
        if self.host != _host():
            return False
        try:
            os.kill(self.pid, 0)  # no signal is sent: this only asks
        except ProcessLookupError:
            return True
        except OSError:
            return False  # another user's process: it lives
        return self.born != _born(self.pid)  # the number may have gone to a new process since


def _host() -> str:
    """The machine, and the container in it: process numbers mean nothing elsewhere."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return f"{socket.gethostname()} {space}".strip()


def _born(pid: int) -> str:
    """When a process started, in ticks since the machine did (Linux; elsewhere "")."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # After the name, which stands in parentheses and may hold anything: the 20th field is the start.
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return ""
    # A process that has ended, but that its parent has not collected, is dead to us.
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()
