"""What to say, in one sentence, when a work cannot go on."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from goodfit.errors import GoodfitError
from goodfit.execution.work import Finished, Told
from goodfit.training.trial import Ended, Status, Trial

_OURS = str(Path(__file__).resolve().parents[1])
_LONGEST = 300  # characters of an exception's own text


class Work(Protocol):
    """What every unit of work has."""

    @property
    def key(self) -> str: ...

    @property
    def trials(self) -> tuple[Trial, ...]: ...


def in_one_sentence(error: BaseException, doing: str) -> str:
    """What happened, where in the user's code, in one line; what goodfit raises itself is a sentence already."""
    if isinstance(error, GoodfitError):
        return str(error)
    text = str(error).strip().split("\n")[0][:_LONGEST].rstrip(".")
    where = _place(error)
    return f"{doing} raised {type(error).__name__}{': ' if text else ''}{text}{f' ({where})' if where else ''}."


def died(exit_status: int, doing: str) -> str:
    """How a worker process ended that did not end by our will, twice.

    Args:
        exit_status: as `subprocess` tells it: negative for a signal.
        doing: what it was busy with, such as "training trials 3 to 10".
    """
    return f"{doing[:1].upper()}{doing[1:]} was given up after two tries: the worker process {_ending(exit_status)}."


def training_of(work: Work) -> str:
    """The work in words: "training trials 3 to 10"."""
    return f"training {_trials([trial.number for trial in work.trials])}"


def unbegun(work: Work, reason: str = "It had not begun when the run was interrupted.") -> tuple[Told, Finished]:
    """The end of a work that was interrupted before it began."""
    ends = tuple(Ended(trial.number, Status.INTERRUPTED, 0, reason) for trial in work.trials)
    return Told(work.key, ends), Finished(work.key, 0.0, interrupted=True)


def _trials(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"trial {numbers[0]}"
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"trials {numbers[0]} to {numbers[-1]}"
    shown = ", ".join(map(str, numbers[:8]))
    return f"trials {shown}{f' and {len(numbers) - 8} more' if len(numbers) > 8 else ''}"


def _place(error: BaseException) -> str:
    """The innermost line outside goodfit and installed packages; "" where there is none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = frame.filename
        if not path.startswith((_OURS, "<frozen")) and "site-packages" not in path and "/lib/python3" not in path:
            return f"{Path(path).name}, line {frame.lineno}"
    return ""


def _ending(exit_status: int) -> str:
    if exit_status >= 0:
        return f"ended with exit status {exit_status}"
    try:
        name = signal.Signals(-exit_status).name
    except ValueError:
        name = f"signal {-exit_status}"
    hints = {
        "SIGKILL": ", as a system does that has no memory left",
        "SIGSEGV": ", a fault in compiled code",
        "SIGBUS": ", which a full disk or /dev/shm brings about",
    }
    return f"was ended by {name}{hints.get(name, '')}"
