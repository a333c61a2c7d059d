"""The live view: the picture of `terminal_frame`, redrawn in place by a thread of its own.

`see` only notes what happened; drawing, which can wait for a slow or stopped terminal, happens on the thread, at most
eight times a second and, where nothing happens, once a second for the clock. What the task prints meanwhile appears
above the picture.
"""

from __future__ import annotations

import atexit
import io
import sys
import threading
from collections import deque
from collections.abc import Iterable
from typing import Any, TextIO, cast

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from goodfit.clock import Clock
from goodfit.recipe.progress import ProgressEvent, RunEnded, StageProgress
from goodfit.report.run_view import RunView
from goodfit.report.terminal_frame import ASCII, UNICODE, frame, summary

LEAST_SECONDS_BETWEEN = 0.125
TICK_SECONDS = 1.0
CLOSE_SECONDS = 2.0  # waited for the thread; a stopped terminal must not hold the run up for ever
PRINTED_LINES = 2000  # kept between two drawings; a task that prints more loses the oldest


class LiveFace:
    """Draws a run in a terminal."""

    def __init__(self, stream: TextIO, clock: Clock, console: Console | None = None) -> None:
        self._console = console or Console(file=stream, highlight=False, force_terminal=True)
        self._symbols = ASCII if self._console.options.ascii_only else UNICODE
        if self._symbols is ASCII and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # messages may hold a sign that the terminal does not have
        self._clock = clock
        self._view = RunView()
        self._progress_at = clock.now()
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._printed: deque[str] = deque(maxlen=PRINTED_LINES)
        self._failed: Exception | None = None
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._out, self._err = _Printed(self._printed, sys.stdout), _Printed(self._printed, sys.stderr)
        self._thread = threading.Thread(target=self._draw_until_closed, name="goodfit-view", daemon=True)
        atexit.register(self.close)
        self._live.start()
        sys.stdout, sys.stderr = cast(TextIO, self._out), cast(TextIO, self._err)
        self._thread.start()

    def see(self, event: ProgressEvent) -> None:
        if self._failed is not None:
            raise self._failed
        with self._lock:
            self._view.fold(event)
            if isinstance(event, StageProgress):
                self._progress_at = self._clock.now()
        self._changed.set()
        if isinstance(event, RunEnded):
            self.close()

    def close(self) -> None:
        """Give the terminal back, with the summary (where the run has ended) or the last picture left in it."""
        if self._closing.is_set():
            return
        atexit.unregister(self.close)
        self._closing.set()
        self._changed.set()
        self._thread.join(CLOSE_SECONDS)
        # Only where it is still ours: the task may have put a stream of its own there since.
        if sys.stdout is self._out:
            sys.stdout = self._out.replaced
        if sys.stderr is self._err:
            sys.stderr = self._err.replaced
        self._out.finish()
        self._err.finish()
        self._live.stop()
        self._show_printed()
        width, height = self._console.size
        ended = self._view.ended
        if ended is not None:
            lines = summary(self._view, ended, width, self._symbols)
        else:
            lines = frame(self._view, width, height, 0.0, self._symbols)
        for line in lines:
            self._console.print(line, soft_wrap=True)

    def _draw_until_closed(self) -> None:
        try:
            while not self._closing.is_set():
                self._changed.wait(TICK_SECONDS)
                self._changed.clear()
                if not self._closing.is_set():
                    self._draw()
                self._closing.wait(LEAST_SECONDS_BETWEEN)
        except Exception as error:
            self._failed = error  # the next `see` tells the watcher, which closes us

    def _draw(self) -> None:
        width, height = self._console.size
        with self._lock:
            lines = frame(self._view, width, height, self._clock.now() - self._progress_at, self._symbols)
        self._show_printed()
        self._live.update(Group(*lines), refresh=True)

    def _show_printed(self) -> None:
        """What the task printed, above the picture."""
        lines = []
        while self._printed:
            lines.append(self._printed.popleft())
        if lines:
            self._console.print(Text.from_ansi("\n".join(lines)), soft_wrap=True)


class _Printed:
    """Takes the place of a standard stream and keeps whole lines for the drawing thread."""

    def __init__(self, lines: deque[str], replaced: Any) -> None:
        self._lines = lines
        self.replaced = replaced
        self._rest = ""
        self._finished = False
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        with self._lock:
            if self._finished:
                return self.replaced.write(text)  # a logging handler, say, that still holds us
            *whole, self._rest = (self._rest + text).split("\n")
            # A progress bar redraws its line after a carriage return: the last state of it is what counts.
            self._lines.extend(line.rstrip("\r").rpartition("\r")[2] for line in whole)
            if "\r" in self._rest:
                self._rest = self._rest[self._rest.rindex("\r") :]
        return len(text)

    def finish(self) -> None:
        """Keep the last line although it has no end yet; later writes go to the stream that was replaced."""
        with self._lock:
            rest, self._rest, self._finished = self._rest.strip("\r"), "", True
            if rest:
                self._lines.append(rest)

    def isatty(self) -> bool:
        return False  # else a progress bar would move the cursor about

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        pass  # whole lines are shown at the next drawing

    def __getattr__(self, name: str) -> Any:
        return getattr(self.replaced, name)  # encoding, fileno, buffer, ...
