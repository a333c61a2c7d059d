"""What this process and its workers say to each other, and how it lies on the line between them."""

from __future__ import annotations

import dataclasses
import select
import socket

LENGTH_BYTES = 8  # before each message, big-endian
_AT_ONCE = 1 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Hello:
    """The first message to a worker."""

    parent: int  # the process that it works for, and ends with
    path: tuple[str, ...]  # sys.path there
    threads: int
    source: bytes  # a pickled ProblemSource
    log: str | None = None  # what user code prints is appended to this file; None: where the process prints already


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    key: str
    work: bytes  # a pickled CohortWork: it may hold the user's classes, whose unpickling may raise


@dataclasses.dataclass(frozen=True, slots=True)
class Stop:
    key: str
    trial: int


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """So many reports of a function's trial were heard and judged; a `Stop` comes before it."""

    key: str
    trial: int
    reports: int


@dataclasses.dataclass(frozen=True, slots=True)
class Interrupt:
    key: str


class Line:
    """Whole messages over a stream socket that nobody else writes to: a user's prints go elsewhere."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self._buffer = bytearray()

    def send(self, message: bytes) -> None:
        """Send a message.

        Raises:
            OSError: the other side is gone (or, where the socket has a timeout, does not read).
        """
        self.stream.sendall(len(message).to_bytes(LENGTH_BYTES, "big") + message)

    def is_readable(self, timeout: float) -> bool:
        """Whether `receive` would not wait, after at most `timeout` seconds."""
        poll = select.poll()  # unlike select.select it takes descriptors above 1023
        poll.register(self.stream, select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def receive(self) -> list[bytes]:
        """The messages that are complete after one read, which waits only where nothing has come.

        Raises:
            EOFError: the other side is gone.
        """
        try:
            read = self.stream.recv(_AT_ONCE)
        except ConnectionError:
            read = b""
        if not read:
            raise EOFError
        self._buffer += read
        messages, start = [], 0
        while len(self._buffer) - start >= LENGTH_BYTES:
            end = start + LENGTH_BYTES + int.from_bytes(self._buffer[start : start + LENGTH_BYTES], "big")
            if end > len(self._buffer):
                break
            messages.append(bytes(self._buffer[start + LENGTH_BYTES : end]))
            start = end
        del self._buffer[:start]
        return messages

    def close(self) -> None:
        self.stream.close()
