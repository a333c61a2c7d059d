"""Watching a run from a terminal or a log file: one watcher, which picks the face that suits its stream."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Protocol, Self, TextIO

from goodfit.clock import Clock, SystemClock
from goodfit.recipe.progress import ProgressEvent


class Face(Protocol):
    """One way to show a run."""

    def see(self, event: ProgressEvent) -> None: ...

    def close(self) -> None: ...


class TerminalWatcher:
    """Shows a run on a stream: a live view in a terminal, plain lines in a log file, or only what is grave.

    A watcher never breaks the run: the first exception in drawing ends the drawing, with one line to say so, and the
    run goes on unwatched. Use it in a `with`, or call `close`, so that a run that raises leaves a tidy terminal.

    Args:
        stream: where to show it; standard output unless given.
        quiet: only findings of level error and warning, and the last line.
        live: whether to draw the live view; by what the stream is unless given.
        clock: for the times that lines are prefixed with.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        quiet: bool = False,
        live: bool | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._quiet = quiet
        self._live = can_draw(self._stream) if live is None else live
        self._clock = SystemClock() if clock is None else clock
        self._face: Face | None = None
        self._broken = False

    def see(self, event: ProgressEvent) -> None:
        """Show an event."""
        if self._broken:
            return
        try:
            if self._face is None:
                self._face = self._made_face()
            self._face.see(event)
        except Exception as error:
            self._give_up(error)

    def close(self) -> None:
        """Stop drawing and give the terminal back; what was shown last stays."""
        face, self._face = self._face, None
        if face is not None and not self._broken:
            try:
                face.close()
            except Exception as error:
                self._give_up(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _made_face(self) -> Face:
        if self._quiet:
            from goodfit.report.terminal_log import QuietFace

            return QuietFace(self._stream)
        if self._live:
            from goodfit.report.terminal_live import LiveFace  # rich

            return LiveFace(self._stream, self._clock)
        from goodfit.report.terminal_log import LogFace

        return LogFace(self._stream, self._clock)

    def _give_up(self, error: Exception) -> None:
        self._broken = True
        face, self._face = self._face, None
        try:
            if face is not None:
                face.close()
        except Exception:
            error.add_note("closing the view failed too")
        try:
            print(f"The view of the run ended ({type(error).__name__}: {error}); the run goes on.", file=sys.stderr)
        except Exception:
            return  # not even standard error can be written; the run goes on all the same


def can_draw(stream: TextIO) -> bool:
    """Whether a live view can be drawn on a stream: a terminal that understands cursor movements."""
    try:
        is_terminal = stream.isatty()
    except (AttributeError, ValueError):  # no such method, or closed
        return False
    # Windows' terminals set no TERM.
    return is_terminal and (os.name == "nt" or os.environ.get("TERM", "").lower() not in ("", "dumb", "unknown"))
