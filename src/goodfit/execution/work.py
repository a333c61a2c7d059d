"""What an executor is asked to do, and what it says while doing it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from goodfit.training.trial import Event, Regime, Trial


@dataclasses.dataclass(frozen=True, slots=True)
class CohortWork:
    """Advance these trials together. All is by value but the states, which lie in files."""

    key: str  # unique in a study, the same again on resume
    trials: tuple[Trial, ...]
    regime: Regime
    to_step: int
    engine: str  # "native", "batched" or "pool"
    parents: Path | None = None  # a file of states to start from, by trial number (a trial's own or its parent's)
    checkpoint: Path | None = None  # where states go, by trial number; if it exists the work goes on from there
    checkpoint_seconds: float = 5.0  # at most one checkpoint in this time, at ends of epochs, and one at the end
    deadline_seconds: float | None = None  # from its start; then trials stop with their states kept
    kept_steps: tuple[int, ...] = ()  # growing, before `to_step`: the weights after them are kept beside the checkpoint


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """Events of one trial's training, sent together a few times a second."""

    key: str
    events: tuple[Event, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Finished:
    """The work is over. Every trial's `Ended` came before this. `seconds` is its own running time."""

    key: str
    seconds: float
    interrupted: bool = False  # Ctrl-C or `interrupt`: the checkpoint is written, the trials are unfinished


@dataclasses.dataclass(frozen=True, slots=True)
class Failed:
    """The work ended in an exception of the user's code or a crashed worker (tried twice)."""

    key: str
    message: str  # one sentence
    traceback: str = ""


Message = Told | Finished | Failed


class Executor(Protocol):
    """Runs work on this machine's devices (or elsewhere), several at a time."""

    @property
    def slots(self) -> int:
        """How many works run at once."""
        ...

    def submit(self, work: CohortWork) -> None: ...

    def messages(self, timeout: float) -> Iterator[Message]:
        """Messages that are there, waiting at most `timeout` seconds for the first."""
        ...

    def stop(self, key: str, trial: int) -> None:
        """Let a trial of a work leave as soon as it can."""
        ...

    def interrupt(self) -> None:
        """End all works after their current epoch or soon; each writes its checkpoint and sends `Finished`."""
        ...

    def close(self) -> None: ...
