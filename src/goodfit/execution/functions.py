"""A unit of work that is a plain function: called with a trial in a worker process, heard while it runs."""

from __future__ import annotations

import dataclasses
import math
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from goodfit.execution.failures import in_one_sentence
from goodfit.execution.orders import Orders
from goodfit.execution.work import Finished
from goodfit.training.trial import Status, Trial

ANSWER_SECONDS = 30.0  # a driver answers in milliseconds; one that is silent for so long is busy, and the trial goes on
LOOK_SECONDS = 0.05


class StopTrial(Exception):  # noqa: N818 - an ending, not an error; named as StopIteration is
    """Raise it in an objective to end the trial where it stands; its last reported value counts."""


class CutShort(BaseException):
    """The search was interrupted: raised inside the user's function, past its `except Exception`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reported:
    """What a function told while it ran."""

    trial: int
    number: int  # of the report, from 1
    epoch: float
    metrics: Mapping[str, float]


@dataclasses.dataclass(frozen=True, slots=True)
class Returned:
    """How a function ended."""

    trial: int
    status: Status
    value: float | None = None  # what it returned
    reason: str = ""
    trace: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Heard:
    """One thing that a function's trial told; a message of the executor, sent at once."""

    key: str
    what: Reported | Returned


@dataclasses.dataclass(frozen=True, slots=True)
class FunctionWork:
    """Call the function once. It lies with the executor's source; the trial is all that differs."""

    key: str
    trials: tuple[Trial, ...]  # one: works are told apart and counted by their trials
    epochs: float | None = None  # how far the trial is to go, where the search has a say in it


class Line(Protocol):
    """What a function's trial speaks through."""

    def report(self, report: Reported) -> None:
        """Tell a report. May raise `CutShort`."""
        ...

    def is_stopped(self, reports: int) -> bool:
        """Whether the trial is to end, once so many reports were heard."""
        ...


Function = Callable[[FunctionWork, Line], Any]  # makes the user's trial and calls the user's function


class FunctionSource(Protocol):
    """Something that can be sent to a worker and gives the function there."""

    def load(self) -> Function: ...


def call(function: Function, work: FunctionWork, line: Line) -> Returned:
    """Call the function and say how it ended; whatever it raises becomes one sentence.

    Raises:
        CutShort, KeyboardInterrupt: the search was interrupted.
    """
    number = work.trials[0].number
    try:
        value = function(work, line)
    except StopTrial as stop:
        return Returned(number, Status.STOPPED, None, str(stop))
    except (CutShort, KeyboardInterrupt):
        raise
    except BaseException as error:
        reason = in_one_sentence(error, f"The objective, in trial {number},")
        return Returned(number, Status.FAILED, None, reason, traceback.format_exc())
    if value is None:
        return Returned(number, Status.DONE)
    try:
        number_of = float(value)
    except (TypeError, ValueError, RuntimeError):  # RuntimeError: a tensor of several numbers
        shown = type(value).__name__
        reason = f"The objective must return a number, got {shown} in trial {number}; take its mean, or item()."
        return Returned(number, Status.FAILED, None, reason)
    if not math.isfinite(number_of):
        return Returned(number, Status.DIVERGED, None, f"The objective returned {number_of}.")
    return Returned(number, Status.DONE, number_of)


def run_function(
    load: Callable[[], Function], work: FunctionWork, send: Callable[[Any], None], orders: Orders
) -> Finished:
    """Call the function in a worker process, and tell what it says as it says it."""
    began = time.monotonic()
    number = work.trials[0].number

    class ToParent:
        def report(self, report: Reported) -> None:
            if orders.interrupted:
                raise CutShort
            send(Heard(work.key, report))

        def is_stopped(self, reports: int) -> bool:
            until = time.monotonic() + ANSWER_SECONDS
            while orders.answered.get(number, 0) < reports and time.monotonic() < until:
                if orders.interrupted:
                    raise CutShort
                orders.changed.wait(LOOK_SECONDS)
                orders.changed.clear()
            return number in orders.stopped

    cut = orders.interrupted
    if not cut:
        try:
            send(Heard(work.key, _called(load, work, ToParent())))
        except CutShort:
            cut = True
    return Finished(work.key, time.monotonic() - began, interrupted=cut)


def _called(load: Callable[[], Function], work: FunctionWork, line: Line) -> Returned:
    try:
        function = load()
    except Exception as error:  # reading it runs the user's module
        reason = in_one_sentence(error, "Reading the objective in a worker process")
        return Returned(work.trials[0].number, Status.FAILED, None, reason, traceback.format_exc())
    return call(function, work, line)
