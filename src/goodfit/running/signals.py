"""Ctrl-C while a run is under way."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Generator
from types import FrameType
from typing import Protocol


class Interruptible(Protocol):
    """Whoever looks at this now and then, and ends in order where it was set."""

    interrupt_requested: bool


@contextlib.contextmanager
def catching_signals(run: Interruptible) -> Generator[None]:
    """The first Ctrl-C (or SIGTERM) ends the run in order; a second Ctrl-C ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if run.interrupt_requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        run.interrupt_requested = True

    earlier = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
