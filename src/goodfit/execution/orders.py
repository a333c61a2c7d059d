"""What the outside wants of a work under way."""

from __future__ import annotations

import threading


class Orders:
    """Set by one thread while the engine, in another, asks."""

    __slots__ = ("answered", "changed", "interrupted", "stopped")

    def __init__(self) -> None:
        self.interrupted = False
        self.stopped: set[int] = set()  # trials that are to leave
        self.answered: dict[int, int] = {}  # trial -> how many of a function's reports were heard and judged
        self.changed = threading.Event()  # set whenever one of these was changed
