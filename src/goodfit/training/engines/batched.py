"""All trials at once: weights stacked along a leading axis, one vmapped gradient, one update over all rows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

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
            return Cohort(problem, trials, states, regime, emit).run(to_step, control)
