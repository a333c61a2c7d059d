"""The seam between what is trained and how: an engine advances trials and tells their curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from goodfit.training.problem import Problem
from goodfit.training.trial import Event, Regime, Trial, TrialState

Emit = Callable[[Event], None]


class Control(Protocol):
    """What the outside says to an engine at work; asked between steps, so it must be cheap."""

    def should_stop(self) -> bool:
        """Whether to end after the current step (Ctrl-C, a deadline): the states returned can be gone on with."""
        ...

    def is_stopped(self, trial: int) -> bool:
        """Whether this trial is to leave now."""
        ...

    def checkpoint(self, states: Sequence[TrialState | None]) -> None:
        """Called at the end of an epoch with the trials' states, only when `wants_checkpoint`.

        All points up to the states' steps have been emitted before: who goes on from a state never tells them again.
        """
        ...

    def wants_checkpoint(self) -> bool: ...


class Engine(Protocol):
    """One way to train. Adding one touches one file and one line of `engines/__init__.py`."""

    name: str

    def refuses(self, problem: Problem, trials: Sequence[Trial], regime: Regime) -> str | None:
        """Why these trials cannot run together here, in one sentence that names the operator; None: they can."""
        ...

    def advance(
        self,
        problem: Problem,
        trials: Sequence[Trial],
        states: Sequence[TrialState | None],
        regime: Regime,
        to_step: int,
        emit: Emit,
        control: Control,
    ) -> list[TrialState]:
        """Train each trial from its state (None: from the start) to `to_step`.

        Emits each trial's points in the order of steps, and one `Ended` a trial. A trial that diverges leaves at
        once and disturbs no neighbour. Returns the states in the order of the trials.
        """
        ...
