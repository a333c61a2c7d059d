"""One attempt at a work, in whatever process: runs the engine, sends its events in batches, keeps its states."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from goodfit.clock import Clock
from goodfit.errors import FolderError, SettingsError
from goodfit.execution.checkpoints import (
    Checkpoint,
    ToldLog,
    load_checkpoint,
    load_states,
    remove_leftovers,
    save_checkpoint,
    save_kept,
    told_path,
)
from goodfit.execution.failures import in_one_sentence, training_of, unbegun
from goodfit.execution.orders import Orders
from goodfit.execution.work import CohortWork, Failed, Finished, Told
from goodfit.training.trial import Ended, Event, Status, TrialState

if TYPE_CHECKING:
    from goodfit.training.engine import Engine
    from goodfit.training.problem import Problem

TELL_SECONDS = 0.25  # events wait at most about this long, so that a message is never one number
CHECKPOINT_SHARE = 0.05  # of the running time that writing checkpoints may take: large models write them less often


class Attempt:
    """The engine's `Control` and its `Emit`, for one work from its checkpoint (or its beginning) to its end."""

    def __init__(self, work: CohortWork, send: Callable[[Told], None], orders: Orders, clock: Clock) -> None:
        """Read the checkpoint, if there is one.

        Raises:
            FolderError: the checkpoint or the parents' states cannot be read.
        """
        self.work = work
        self._send = send
        self._orders = orders
        self._clock = clock
        self._began = self._flushed = self._saved = clock.now()
        self._saving_took = 0.0
        self._unsent: list[Event] = []
        self._unlogged: list[Event] = []  # since the last checkpoint
        found = None
        if work.checkpoint is not None:
            remove_leftovers(work.checkpoint)
            found = load_checkpoint(work.checkpoint) if work.checkpoint.exists() else None
            self._log = ToldLog(told_path(work.checkpoint), 0 if found is None else found.told_bytes)
        self._seconds_before = 0.0 if found is None else found.seconds
        self._ended: dict[int, Ended] = {} if found is None else dict(found.ended)
        self._told_to_end: set[int] = set()
        self._states = _starting_states(work) if found is None else dict(found.states)
        self._asked_to_stop = False
        self._training: list[int] = []  # trials that the engine trains, in its order
        self._until = work.to_step  # the step that the engine is asked for

    @property
    def seconds(self) -> float:
        """Running time of the work, with that of the attempts before its checkpoint."""
        return self._seconds_before + self._clock.now() - self._began

    def run(self, problem: Problem, engine: Engine) -> Finished:
        """Advance the work to its end, or to where it is asked to end. Whatever the user's code raises passes."""
        self._tell_again()
        for until in (*self.work.kept_steps, self.work.to_step):
            if not self._advance(problem, engine, until):
                break
        if self._training:
            self._save()
        self.flush()
        unfinished = self._told_to_end - set(self._ended)
        return Finished(self.work.key, self.seconds, interrupted=bool(unfinished))

    def _advance(self, problem: Problem, engine: Engine, until: int) -> bool:
        """Bring the trials that go on up to a step, the work's last or one whose states are kept.

        Returns:
            Whether there is anything left to do.
        """
        work = self.work
        is_last = until == work.to_step
        remaining = [trial for trial in work.trials if trial.number not in self._ended]
        states = [self._states.get(trial.number) for trial in remaining]
        if not remaining:
            return False
        if not is_last and all(state is not None and state.step >= until for state in states):
            return True  # it stood beyond, and that step was kept then
        self._training = [trial.number for trial in remaining]
        self._until = until
        reached = engine.advance(problem, remaining, states, work.regime, until, self.emit, self)
        self._keep(reached)
        is_cut = bool(self._told_to_end - set(self._ended)) or self._asked_to_stop
        silent = [number for number in self._training if number not in self._told_to_end]
        if is_cut and not is_last:  # these had come to the step before the order did
            for number, state in zip(self._training, reached, strict=True):
                if number in silent:
                    self.emit(Ended(number, Status.INTERRUPTED, state.step))
        elif silent and is_last:
            raise RuntimeError(f"engine {work.engine} said nothing of the end of trials {sorted(silent)}")
        elif not is_last and work.checkpoint is not None:
            save_kept(
                work.checkpoint, until, {n: s for n, s in zip(self._training, reached, strict=True) if n in silent}
            )
            return True
        return False

    # What the engine asks and tells.

    def should_stop(self) -> bool:
        now = self._clock.now()
        if self._unsent and now - self._flushed >= TELL_SECONDS:
            self.flush()
        deadline = self.work.deadline_seconds
        if self._orders.interrupted or (deadline is not None and self._seconds_before + now - self._began >= deadline):
            self._asked_to_stop = True
        return self._asked_to_stop

    def is_stopped(self, trial: int) -> bool:
        return trial in self._orders.stopped

    def wants_checkpoint(self) -> bool:
        if self.work.checkpoint is None:
            return False
        pause = self.work.checkpoint_seconds
        if pause > 0:
            pause = max(pause, self._saving_took / CHECKPOINT_SHARE)
        return self._clock.now() - self._saved >= pause

    def checkpoint(self, states: Sequence[TrialState | None]) -> None:
        self._keep(states)
        self._save()

    def emit(self, event: Event) -> None:
        if isinstance(event, Ended):
            if event.status is Status.DONE and self._until < self.work.to_step:
                return  # a step on the way
            event = self._as_meant(event)
            self._told_to_end.add(event.trial)
        if not (isinstance(event, Ended) and event.status is Status.INTERRUPTED):  # that is no end: it goes on later
            if isinstance(event, Ended):
                self._ended[event.trial] = event
            self._unlogged.append(event)
        self._unsent.append(event)
        if self._clock.now() - self._flushed >= TELL_SECONDS:
            self.flush()

    # What follows from it.

    def _as_meant(self, ended: Ended) -> Ended:
        """An engine knows that it was asked to stop, not why: by a person, or because the time is up."""
        if not self._asked_to_stop or ended.status is not Status.INTERRUPTED:
            return ended
        if self._orders.interrupted:
            reason = f"The work was interrupted after step {ended.step}; it can be gone on with."
            return dataclasses.replace(ended, reason=reason)
        reason = f"The {self.work.deadline_seconds:g} seconds for this work were over after step {ended.step}."
        return dataclasses.replace(ended, status=Status.STOPPED, reason=reason)

    def _tell_again(self) -> None:
        """All that was told before the checkpoint: nobody knows how much of it was written down."""
        told: set[int] = set()
        if self.work.checkpoint is not None:
            for events in self._log.frames():
                told.update(event.trial for event in events if isinstance(event, Ended))
                self._send(Told(self.work.key, tuple(events)))
        self._unsent.extend(ended for number, ended in self._ended.items() if number not in told)
        self._told_to_end.update(self._ended)

    def flush(self) -> None:
        if self._unsent:
            self._send(Told(self.work.key, tuple(self._unsent)))
            self._unsent = []
        self._flushed = self._clock.now()

    def _keep(self, states: Sequence[TrialState | None]) -> None:
        for number, state in zip(self._training, states, strict=True):
            if state is not None:
                self._states[number] = state

    def _save(self) -> None:
        if self.work.checkpoint is None:
            return
        began = self._clock.now()
        self._log.append(self._unlogged)
        self._unlogged = []
        states = {
            trial.number: self._states[trial.number] for trial in self.work.trials if trial.number in self._states
        }
        save_checkpoint(
            self.work.checkpoint, Checkpoint(states, self._ended, seconds=self.seconds, told_bytes=self._log.bytes_kept)
        )
        self._saved = self._clock.now()
        self._saving_took = self._saved - began


def run_work(
    load: Callable[[], Problem], work: CohortWork, send: Callable[[Told], None], orders: Orders, clock: Clock
) -> Finished | Failed:
    """Run a work to its end. Sends what is told on the way; whatever the user's code raises becomes one sentence.

    Args:
        load: gives the problem; may raise.
        work: what to do.
        send: takes events, in batches, in order.
        orders: may change while the work runs.
        clock: its seconds drive deadlines, checkpoints and batches of events.
    """
    from goodfit.training.engines import ENGINES

    if orders.interrupted:
        told, finished = unbegun(work)
        send(told)
        return finished
    begun = None
    try:
        if work.engine not in ENGINES:
            raise SettingsError(f"There is no engine named {work.engine!r}; there are: {', '.join(ENGINES)}.")
        problem = load()
        begun = Attempt(work, send, orders, clock)
        return begun.run(problem, ENGINES[work.engine])
    except (Exception, SystemExit) as error:
        if begun is not None:
            begun.flush()
        doing = training_of(work)
        return Failed(work.key, in_one_sentence(error, doing[:1].upper() + doing[1:]), traceback.format_exc())


def _starting_states(work: CohortWork) -> dict[int, TrialState]:
    """What the trials start from: each its own state or its parent's; the others start from the beginning.

    Raises:
        FolderError: the file lacks the state of a trial's parent.
    """
    if work.parents is None:
        return {}
    wanted = {trial.number for trial in work.trials} | {t.parent for t in work.trials if t.parent is not None}
    found = load_states(work.parents, wanted)
    states = {}
    for trial in work.trials:
        if trial.number in found:
            states[trial.number] = found[trial.number]
        elif trial.parent in found:
            states[trial.number] = found[trial.parent]
        elif trial.parent is not None:
            raise FolderError(
                f"Trial {trial.number} goes on from trial {trial.parent}, whose state is not in {work.parents}."
            )
    return states
