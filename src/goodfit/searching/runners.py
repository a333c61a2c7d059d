"""Where an objective runs: in this process, or in worker processes. Both tell a listener what they hear."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from goodfit.errors import TaskError
from goodfit.execution.by_value import dumps
from goodfit.execution.functions import CutShort, Function, FunctionWork, Heard, Reported, Returned, call
from goodfit.execution.processes import ProcessExecutor
from goodfit.execution.work import Failed, Finished
from goodfit.searching.trial import Objective, as_function
from goodfit.training.trial import Status

GRACE_SECONDS = 5.0  # a function that neither reports nor returns in this time after Ctrl-C is ended with its process


class Listener(Protocol):
    """Who is told; the search's driver."""

    def reported(self, report: Reported) -> None: ...

    def returned(self, returned: Returned) -> None: ...

    def is_stopped(self, trial: int) -> bool:
        """Whether a trial is to end, by what was reported so far."""
        ...

    @property
    def is_interrupted(self) -> bool: ...


class Runner(Protocol):
    """Runs trials of an objective, several at a time."""

    @property
    def slots(self) -> int:
        """How many trials run at once."""
        ...

    def submit(self, work: FunctionWork) -> None: ...

    def pump(self, listener: Listener, timeout: float) -> None:
        """Tell the listener what has happened, waiting at most `timeout` seconds for something to happen."""
        ...

    def interrupt(self) -> None:
        """End all trials soon; one that is cut short is told as interrupted."""
        ...

    def close(self) -> None: ...


class InlineRunner:
    """Runs one trial after another in this very process: prints, debuggers and closures work as ever."""

    slots = 1

    def __init__(self, objective: Objective) -> None:
        self._function = as_function(objective)
        self._waiting: list[FunctionWork] = []

    def submit(self, work: FunctionWork) -> None:
        self._waiting.append(work)

    def pump(self, listener: Listener, timeout: float) -> None:
        """Runs the next trial whole; `timeout` is of no importance here."""
        if not self._waiting:
            return
        work = self._waiting.pop(0)
        number = work.trials[0].number

        class Here:
            def report(self, report: Reported) -> None:
                listener.reported(report)
                if listener.is_interrupted:
                    raise CutShort

            def is_stopped(self, reports: int) -> bool:
                if listener.is_interrupted:
                    raise CutShort
                return listener.is_stopped(number)

        try:
            returned = call(self._function, work, Here())
        except CutShort:
            returned = Returned(number, Status.INTERRUPTED)
        listener.returned(returned)

    def interrupt(self) -> None:
        self._waiting.clear()

    def close(self) -> None:
        self._waiting.clear()


@dataclasses.dataclass(frozen=True)
class _Sent:
    """An objective on its way to a worker: by value, whatever file or notebook it stands in."""

    pickled: bytes

    def load(self) -> Function:
        import pickle

        return as_function(pickle.loads(self.pickled))


class ProcessRunner:
    """Runs trials in worker processes that stay warm; a process that dies takes one trial with it, after two tries."""

    def __init__(self, objective: Objective, workers: int, log: Path) -> None:
        """Args:
        objective: sent by value, once.
        workers: processes.
        log: what the objective prints there is appended to this file.

        Raises:
            TaskError: the objective cannot be sent to another process.
        """
        try:
            pickled = dumps(objective)
        except Exception as error:
            said = str(error).strip().split("\n")[0].rstrip(".")
            raise TaskError(
                f"The objective cannot be sent to worker processes: {type(error).__name__}: {said}. Open files, locks "
                "and connections inside it, or run it in this process with workers=0."
            ) from error
        self._executor = ProcessExecutor(_Sent(pickled), workers, log=log, grace_seconds=GRACE_SECONDS)
        self._executor.warm_up()
        self._trials: dict[str, int] = {}  # work -> trial
        self._heard: set[int] = set()  # trials whose end was told

    @property
    def slots(self) -> int:
        return self._executor.slots

    def submit(self, work: FunctionWork) -> None:
        self._trials[work.key] = work.trials[0].number
        self._executor.submit(work)

    def pump(self, listener: Listener, timeout: float) -> None:
        messages: Iterator[Any] = self._executor.messages(timeout)
        for message in messages:
            match message:
                case Heard(key, what):
                    self._tell(key, what, listener)
                case Finished(key, _, cut):
                    number = self._trials.pop(key)
                    if cut and number not in self._heard:
                        listener.returned(Returned(number, Status.INTERRUPTED))
                case Failed(key, text, trace):
                    listener.returned(Returned(self._trials.pop(key), Status.FAILED, None, text, trace))

    def _tell(self, key: str, event: Reported | Returned, listener: Listener) -> None:
        if isinstance(event, Reported):
            listener.reported(event)
            if listener.is_stopped(event.trial):
                self._executor.stop(key, event.trial)
            self._executor.answer(key, event.trial, event.number)
        else:
            self._heard.add(event.trial)
            listener.returned(event)

    def interrupt(self) -> None:
        self._executor.interrupt()

    def close(self) -> None:
        self._executor.close()
