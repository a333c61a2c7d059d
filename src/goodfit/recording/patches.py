"""Wraps functions of torch for as long as a recorder watches, and puts the originals back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

_MISSING = object()


class Patches:
    """Wrapped attributes, in the order in which they were wrapped."""

    def __init__(self) -> None:
        self._undo: list[tuple[Any, str, Any, Any]] = []

    def wrap(self, owner: Any, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        """Put `make(original)` in the place of an attribute; an attribute that is absent is left alone."""
        original = getattr(owner, name, None)
        if original is None:
            return
        own = owner.__dict__.get(name, _MISSING) if hasattr(owner, "__dict__") else original
        wrapper = functools.wraps(original)(make(original))
        setattr(owner, name, wrapper)
        self._undo.append((owner, name, own, wrapper))

    def undo(self) -> None:
        """Put all originals back; an attribute that somebody else wrapped since is left alone."""
        for owner, name, own, wrapper in reversed(self._undo):
            if owner.__dict__.get(name) is not wrapper:
                continue
            if own is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, own)
        self._undo.clear()
