"""All trials at once: weights stacked along a leading axis, one vmapped gradient, one update over all rows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch

from goodfit.training.engine import Control, Emit
from goodfit.training.engines.cohort import Cohort
from goodfit.training.engines.grouping import mismatch
from goodfit.training.problem import Problem
from goodfit.training.splits import seeded
from goodfit.training.trial import Regime, Trial, TrialState


class Batched:
    """The engine for trials of one structure, optimiser and batch size."""

    name = "batched"

    def refuses(self, problem: Problem, trials: Sequence[Trial], regime: Regime) -> str | None:
        """A dry run of a few steps on real batches, beside plain PyTorch."""
        from goodfit.training.engines.dry_run import dry_run

        return mismatch(problem, trials, regime) or dry_run(self, problem, trials, regime)

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
        """See `engine.Engine.advance`; all states stand at one step.

        Raises:
            TaskError, TrainingError: the user's model, loss or data cannot be trained.
            ValueError: the states stand at different steps.
        """
        if not trials:
            return []
        with seeded(trials[0].seed), warnings.catch_warnings():
            # An operator without a rule for vmap runs row by row: slow, not wrong, and speed is measured elsewhere.
            warnings.filterwarnings("ignore", message="There is a performance drop")
            try:
                return Cohort(problem, trials, states, regime, emit).run(to_step, control)
            except Exception as error:
                if len(trials) < 2 or not _is_memory(error):
                    raise
        # Outside the handler, whose traceback holds the whole cohort's tensors. Points told twice are the same points.
        if problem.device.type == "cuda":
            torch.cuda.empty_cache()
        middle = len(trials) // 2
        reached: list[TrialState | None] = list(states)
        for part in (slice(0, middle), slice(middle, None)):
            among = _Among(control, reached, part)
            reached[part] = self.advance(problem, trials[part], states[part], regime, to_step, emit, among)
        return [state for state in reached if state is not None]


class _Among:
    """The control of a cohort's part: its checkpoints hold the other part's states too."""

    def __init__(self, control: Control, all_states: list[TrialState | None], part: slice) -> None:
        self._control, self._all, self._part = control, all_states, part

    def should_stop(self) -> bool:
        return self._control.should_stop()

    def is_stopped(self, trial: int) -> bool:
        return self._control.is_stopped(trial)

    def wants_checkpoint(self) -> bool:
        return self._control.wants_checkpoint()

    def checkpoint(self, states: Sequence[TrialState | None]) -> None:
        together = list(self._all)
        together[self._part] = states
        self._control.checkpoint(together)


def _is_memory(error: BaseException) -> bool:
    """Whether a device's or this machine's memory was full."""
    for one in (error, error.__cause__):
        if isinstance(one, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(one):
            return True
    return False
