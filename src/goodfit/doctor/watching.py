"""`gf.watch`: the doctor for a notebook or a loop written by hand."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from goodfit.findings import Finding
from goodfit.recording.recorder import Recorder
from goodfit.recording.records import Recording
from goodfit.recording.sites import Sites
from goodfit.settings import Settings


class Watch:
    """Watches the training that runs between entering and leaving it (or between `watch(...)` and `close()`).

        with gf.watch(model, optimizer) as seen:
            for x, y in loader:
                ...
        print(seen.report())

    Nothing is changed: random numbers, modes, gradients and weights are as without it.

    Args:
        model: the network; its own name is not needed, all networks that run are seen.
        optimizer: an optimiser that exists already; those built later are seen anyway.
        settings: what the rules decide by.
        extra_seconds: what remedies tried on copies may take, after the training.
    """

    def __init__(
        self,
        model: Any = None,
        optimizer: Any = None,
        *,
        settings: Settings | None = None,
        extra_seconds: float = 5.0,
    ) -> None:
        self._settings = Settings() if settings is None else settings
        self._extra_seconds = extra_seconds
        self._recorder = Recorder(Sites())
        self._findings: list[Finding] | None = None
        self._before = time.process_time()
        self._recorder.start()
        for one in optimizer if isinstance(optimizer, (list, tuple)) else [optimizer]:
            if one is not None:
                self._recorder.know_optimizer(one)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End watching; the findings are worked out when they are first asked for. A second call does nothing."""
        if self._recorder.running:
            self._recorder.stop().seconds = time.process_time() - self._before

    @property
    def is_open(self) -> bool:
        """Whether the watch goes on still."""
        return self._recorder.running

    @property
    def recording(self) -> Recording:
        """What was seen so far."""
        return self._recorder.recording

    @property
    def findings(self) -> list[Finding]:
        """The findings, most important first. Ends the watch."""
        self.close()
        if self._findings is None:
            from goodfit.doctor.examination import examine
            from goodfit.doctor.quiet import quietly

            with quietly():
                self._findings = examine(self.recording, self._settings, self._recorder, self._extra_seconds)
        return self._findings

    def report(self) -> str:
        """The findings as text for a terminal. Ends the watch."""
        from goodfit.doctor.terminal import report

        return report("watched loop", self.findings, self.recording, None, 0, sys.stdout)

    def write_html(self, path: str | Path) -> None:
        """The page with the pictures of every layer. Ends the watch.

        Raises:
            FolderError: the file cannot be written.
        """
        from goodfit.doctor.page import write_page

        write_page(Path(path), "watched loop", self.findings, self.recording)


def watch(
    model: Any = None, optimizer: Any = None, *, settings: Settings | None = None, extra_seconds: float = 5.0
) -> Watch:
    """Begin to watch the training that follows; see `Watch`."""
    return Watch(model, optimizer, settings=settings, extra_seconds=extra_seconds)
