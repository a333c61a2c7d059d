"""What the callbacks of other people's trainers share: a watch from the beginning of a training to its end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from goodfit.doctor.watching import Watch
from goodfit.findings import Finding
from goodfit.settings import Settings


class WatchedTraining:
    """A `gf.watch` that begins with a trainer's training and tells its findings when that ends.

    Args:
        html: a page with the pictures of every layer is written there, too.
        extra_seconds: what remedies tried on copies may take, after the training.
        settings: what the rules decide by.
        quiet: print nothing; `findings` and `report()` are there all the same.
    """

    def __init__(
        self,
        *,
        html: str | Path | None = None,
        extra_seconds: float = 5.0,
        settings: Settings | None = None,
        quiet: bool = False,
    ) -> None:
        self._html, self._extra_seconds, self._settings, self._quiet = html, extra_seconds, settings, quiet
        self._watch: Watch | None = None

    def begin(self, model: Any = None, optimizer: Any = None) -> None:
        """Begin to watch; a watch that is open still is ended and given up."""
        if self._watch is not None:
            self._watch.close()
        self._watch = Watch(model, optimizer, settings=self._settings, extra_seconds=self._extra_seconds)

    def end(self) -> None:
        """End the watch and tell what was seen, on standard error. A second call does nothing."""
        if self._watch is None or not self._watch.is_open:
            return
        self._watch.close()
        if not self._quiet:
            print(self._watch.report(), end="", file=sys.stderr, flush=True)
        if self._html is not None:
            self._watch.write_html(self._html)

    @property
    def findings(self) -> list[Finding]:
        """The findings of the last training, most important first; none before there was one."""
        return [] if self._watch is None else self._watch.findings

    def report(self) -> str:
        """The findings as text for a terminal; "" before there was a training."""
        return "" if self._watch is None else self._watch.report()
