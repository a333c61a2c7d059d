"""Workers started before anyone knows what they will train: they load torch while this process does so too."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from goodfit.execution.process import WorkerProcess

_waiting: list[WorkerProcess] = []


@contextlib.contextmanager
def early_workers(count: int, threads: int = 1) -> Generator[None]:
    """Start this many; those that no executor takes until the end are ended. Loads no torch here.

    Args:
        count: 0 starts none.
        threads: torch's, in each of them.
    """
    _waiting.extend(WorkerProcess(threads, is_early=True) for _ in range(count))
    try:
        yield
    finally:
        for worker in _waiting:
            worker.kill()  # it has nothing to lose, and would hear of its end only once torch is loaded
        while _waiting:
            _waiting.pop().reap()


def take_early(threads: int) -> WorkerProcess | None:
    """A worker that waits, with so many threads; None where there is none."""
    for place, worker in enumerate(_waiting):
        if worker.threads == threads and worker.is_alive():
            return _waiting.pop(place)
    return None
