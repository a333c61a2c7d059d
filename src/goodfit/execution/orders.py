"""What the outside wants of a work under way."""

from __future__ import annotations


class Orders:
    """Set by one thread while the engine, in another, asks."""

    __slots__ = ("interrupted", "stopped")

    def __init__(self) -> None:
        self.interrupted = False
        self.stopped: set[int] = set()  # trials that are to leave
