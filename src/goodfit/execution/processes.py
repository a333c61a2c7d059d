"""Work in worker processes that stay warm: one work each at a time, replaced when they die."""

from __future__ import annotations

import collections
import dataclasses
import selectors
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from goodfit.errors import SettingsError
from goodfit.execution.by_value import dumps
from goodfit.execution.early import take_early
from goodfit.execution.failures import died, training_of, unbegun
from goodfit.execution.functions import FunctionSource, FunctionWork
from goodfit.execution.process import WorkerProcess
from goodfit.execution.source import ProblemSource
from goodfit.execution.wire import Answer, Interrupt, Run, Stop
from goodfit.execution.work import CohortWork, Failed, Finished, Message, Told
from goodfit.training.trial import Ended, Status

Work = CohortWork | FunctionWork

TRIES = 2  # of a work whose worker dies
GRACE_SECONDS = 30.0  # after `interrupt`, for the step under way and for writing the checkpoint; then it is killed
SLICE_SECONDS = 0.2  # orders that come from a signal's handler or another thread wait at most this long


@dataclasses.dataclass
class _Job:
    """A work that was submitted and has not ended."""

    work: Work
    tries: int = 0
    began: float = 0.0  # of the last try
    stopped: set[int] = dataclasses.field(default_factory=set)
    ended: set[int] = dataclasses.field(default_factory=set)  # trials whose end was told
    kill_at: float | None = None  # it was interrupted, and this is the end of its grace


class ProcessExecutor:
    """Runs works in `workers` processes on this machine.

    The methods only note what is wanted; all of it happens in `messages`, which one thread calls again and again.
    So `stop` and `interrupt` may be called from anywhere, a signal's handler too. Workers start when there is work
    for them. `interrupt` ends the works submitted up to then; later ones run.

    When a worker dies, its work is tried once more from its checkpoint. What was told before may then be told again,
    with the same values: points count by (trial, series, step), ends by trial.
    """

    def __init__(
        self,
        problem_source: ProblemSource | FunctionSource,
        workers: int,
        threads_per_worker: int = 1,
        log: Path | None = None,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        """Args:
        problem_source: gives the problem, or the function, in each worker; `write_problem` makes one of a problem.
        workers: 1 or more.
        threads_per_worker: torch's.
        log: what user code prints is appended here; None: it goes to this process's standard error.
        grace_seconds: how long an interrupted work may take to end by itself.

        Raises:
            SettingsError: workers is below 1.
        """
        if workers < 1:
            raise SettingsError(f"workers is 1 or more, got {workers}; for 0, use InlineExecutor.")
        self._source, self._threads, self._log = dumps(problem_source), threads_per_worker, log
        self._slots = workers
        self._grace_seconds = grace_seconds
        self._wishes: collections.deque[tuple[str, Work | None, str, int]] = collections.deque()
        self._waiting: collections.deque[_Job] = collections.deque()
        self._workers: dict[WorkerProcess, _Job | None] = {}
        self._selector = selectors.DefaultSelector()
        self._ready: list[Message] = []  # and `Heard` of a function's trial
        self._closed = False

    @property
    def slots(self) -> int:
        return self._slots

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """Process numbers of the workers that live."""
        return tuple(worker.pid for worker in self._workers)

    def warm_up(self) -> None:
        """Start all workers now: they load torch and the problem while the caller does something else.

        For the thread that calls `messages`.
        """
        while len(self._workers) < self._slots:
            self._workers[self._open_worker()] = None

    def submit(self, work: Work) -> None:
        if self._closed:
            raise RuntimeError("the executor is closed")
        self._wishes.append(("submit", work, work.key, -1))

    def stop(self, key: str, trial: int) -> None:
        self._wishes.append(("stop", None, key, trial))

    def answer(self, key: str, trial: int, reports: int) -> None:
        """Say to a function's trial that so many of its reports were heard and judged."""
        self._wishes.append((f"answer {reports}", None, key, trial))

    def interrupt(self) -> None:
        self._wishes.append(("interrupt", None, "", -1))

    def messages(self, timeout: float) -> Iterator[Message]:
        """Messages that are there, waiting at most `timeout` seconds for the first; at once where no work is open."""
        until = time.monotonic() + timeout
        while True:
            self._fulfil_wishes()
            self._hand_out()
            left = until - time.monotonic()
            self._receive(0.0 if self._ready else max(0.0, min(left, SLICE_SECONDS)))
            self._hand_out()  # a worker that has just ended its work need not wait for our caller
            if self._ready or left <= 0 or not (self._waiting or any(self._workers.values()) or self._wishes):
                ready, self._ready = self._ready, []
                return iter(ready)

    def close(self) -> None:
        """End the workers, at work or not; they have a moment, then they are killed."""
        self._closed = True
        self._wishes.clear()
        self._waiting.clear()
        for worker in self._workers:
            worker.hang_up()
        for worker in self._workers:
            worker.reap()
        self._workers.clear()
        self._selector.close()

    def __enter__(self) -> ProcessExecutor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Everything below runs inside `messages`.

    def _fulfil_wishes(self) -> None:
        while self._wishes:
            wish, work, key, trial = self._wishes.popleft()
            if work is not None:
                self._waiting.append(_Job(work))
            elif wish == "stop":
                self._stop(key, trial)
            elif wish.startswith("answer"):
                self._answer(key, trial, int(wish.partition(" ")[2]))
            else:
                self._interrupt()

    def _stop(self, key: str, trial: int) -> None:
        for job in self._waiting:
            if job.work.key == key:
                job.stopped.add(trial)
        for worker, job in self._workers.items():
            if job is not None and job.work.key == key:
                job.stopped.add(trial)
                worker.send(Stop(key, trial))

    def _answer(self, key: str, trial: int, reports: int) -> None:
        for worker, job in self._workers.items():
            if job is not None and job.work.key == key:
                worker.send(Answer(key, trial, reports))

    def _interrupt(self) -> None:
        for job in self._waiting:
            self._ready.extend(unbegun(job.work))
        self._waiting.clear()
        for worker, job in self._workers.items():
            if job is not None and job.kill_at is None:
                job.kill_at = time.monotonic() + self._grace_seconds
                worker.send(Interrupt(job.work.key))

    def _hand_out(self) -> None:
        """Give waiting works to workers that have none, starting them where there are too few."""
        while self._waiting:
            idle = next((worker for worker, job in self._workers.items() if job is None), None)
            if idle is None:
                if len(self._workers) >= self._slots:
                    return
                idle = self._open_worker()
            job = self._waiting.popleft()
            job.tries += 1
            job.began = time.monotonic()
            self._workers[idle] = job
            idle.send(Run(job.work.key, dumps(job.work)))
            for trial in job.stopped:
                idle.send(Stop(job.work.key, trial))

    def _open_worker(self) -> WorkerProcess:
        worker = take_early(self._threads) or WorkerProcess(self._threads)
        worker.greet(self._source, self._log)
        self._selector.register(worker.stream, selectors.EVENT_READ, worker)
        if worker.death is not None:
            self._selector.register(worker.death, selectors.EVENT_READ, worker)
        return worker

    def _receive(self, timeout: float) -> None:
        if not self._workers:
            return
        heard = {key.data for key, _ in self._selector.select(timeout)}
        now = time.monotonic()
        for worker, job in list(self._workers.items()):
            if job is not None and job.kill_at is not None and now >= job.kill_at:
                worker.kill()
            is_alive = worker.is_alive()  # asked before reading, so that a dead worker's last words are all read
            if is_alive and worker not in heard:
                continue
            for message in worker.received():
                self._take(worker, message)
            if not is_alive:
                self._bury(worker)

    def _take(self, worker: WorkerProcess, message: Message) -> None:
        job = self._workers[worker]
        assert job is not None, "a worker speaks only while it has a work"
        if isinstance(message, Told):
            job.ended.update(event.trial for event in message.events if isinstance(event, Ended))
        elif isinstance(message, (Finished, Failed)):
            self._workers[worker] = None
        self._ready.append(message)

    def _bury(self, worker: WorkerProcess) -> None:
        """A worker is dead; its work is tried again, or given up."""
        job = self._workers.pop(worker)
        self._selector.unregister(worker.stream)
        if worker.death is not None:
            self._selector.unregister(worker.death)
        status = worker.reap()
        if job is None:
            return
        work = job.work
        if job.kill_at is not None:
            reason = "The worker did not end in time; what its last checkpoint holds can be gone on with."
            missing = [t.number for t in work.trials if t.number not in job.ended]
            self._ready.append(Told(work.key, tuple(Ended(n, Status.INTERRUPTED, 0, reason) for n in missing)))
            self._ready.append(Finished(work.key, time.monotonic() - job.began, interrupted=True))
        elif job.tries >= TRIES:
            self._ready.append(Failed(work.key, died(status, training_of(work))))
        else:
            self._waiting.appendleft(job)
