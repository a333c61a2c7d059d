"""Work in this very process, one after another: for tests, notebooks and debuggers."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

import torch

from goodfit.clock import Clock, SystemClock
from goodfit.execution.attempt import run_work
from goodfit.execution.orders import Orders
from goodfit.execution.source import ProblemSource
from goodfit.execution.work import CohortWork, Message

if TYPE_CHECKING:
    from goodfit.training.problem import Problem


class InlineExecutor:
    """Runs each work when `messages` is asked, whole: its messages come together, however long it takes.

    `stop` and `interrupt` work before that, from a signal's handler, or from another thread.
    """

    slots = 1

    def __init__(self, problem_source: ProblemSource, threads: int = 1, clock: Clock | None = None) -> None:
        """`threads` are torch's while a work runs: as many as a worker's give the same values to the last bit."""
        self._source = problem_source
        self._problem: Problem | None = None
        self._threads = threads
        self._clock = clock or SystemClock()
        self._waiting: collections.deque[tuple[CohortWork, Orders]] = collections.deque()
        self._orders: dict[str, Orders] = {}

    def submit(self, work: CohortWork) -> None:
        orders = self._orders[work.key] = Orders()
        self._waiting.append((work, orders))

    def messages(self, timeout: float) -> Iterator[Message]:
        """All messages of the next work; none where no work waits. `timeout` is of no importance here."""
        if not self._waiting:
            return iter(())
        work, orders = self._waiting[0]  # stays the next one if Ctrl-C breaks through
        messages: list[Message] = []
        with _torch_threads(self._threads):
            messages.append(run_work(self._load, work, messages.append, orders, self._clock))
        self._waiting.popleft()
        del self._orders[work.key]
        return iter(messages)

    def stop(self, key: str, trial: int) -> None:
        if key in self._orders:
            self._orders[key].stopped.add(trial)

    def interrupt(self) -> None:
        for orders in list(self._orders.values()):
            orders.interrupted = True

    def close(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self._orders.clear()

    def __enter__(self) -> InlineExecutor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _load(self) -> Problem:
        if self._problem is None:
            self._problem = self._source.load()
        return self._problem


@contextlib.contextmanager
def _torch_threads(count: int) -> Generator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
