"""The engine for multilayer perceptrons on a processor: one trial at a time, many steps in one call of the kernel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from goodfit.errors import TrainingError
from goodfit.hyperparameters import STANDARD
from goodfit.training.engine import Control, Emit
from goodfit.training.engines.dry_run import TOLERANCES, dry_run
from goodfit.training.engines.native import library
from goodfit.training.engines.native.criterion import criterion_of
from goodfit.training.engines.native.network import CannotRunError, network_of
from goodfit.training.engines.native.training import NativeTraining
from goodfit.training.engines.start import start_model
from goodfit.training.problem import Problem
from goodfit.training.splits import ResidentSplit
from goodfit.training.trial import Regime, Trial, TrialState

COMPARED_SAMPLES = 32  # whose outputs in evaluation mode are compared with plain PyTorch's
MOST_WINDOW = 64  # losses whose median the kernel can judge: source/trial.h


class Native:
    """The engine for chains of layers that its kernel knows; trials need have nothing in common."""

    name = "native"

    def __init__(self, instruction_set: str = "") -> None:
        """
        Args:
            instruction_set: "avx512", "avx2" or "plain"; "": the widest that this processor has.
        """
        self.instruction_set = instruction_set

    def refuses(self, problem: Problem, trials: Sequence[Trial], regime: Regime) -> str | None:
        """What the kernel does not know, in one sentence, or where its first steps differ from plain PyTorch's."""
        reason = knows_not(problem, trials, regime)
        if reason is None and library.kernel(self.instruction_set) is None:
            reason = library.why_missing() or f"This processor does not run {self.instruction_set} code."
        return reason or dry_run(self, problem, trials, regime) or self._evaluates_otherwise(problem, trials[0], regime)

    def _evaluates_otherwise(self, problem: Problem, trial: Trial, regime: Regime) -> str | None:
        """Whether the outputs in evaluation mode differ from plain PyTorch's, in a sentence."""
        kernel = library.kernel(self.instruction_set)
        assert kernel is not None
        training = NativeTraining(problem, trial, None, regime, lambda event: None, kernel)
        ours, theirs = training.outputs_beside_plain(COMPARED_SAMPLES)
        tolerance = TOLERANCES[problem.dtype]
        if torch.allclose(ours, theirs, rtol=tolerance, atol=tolerance, equal_nan=True):
            return None
        most = float((ours - theirs).abs().max())
        return f"In the native engine the outputs in evaluation mode differ from plain PyTorch's by up to {most:.3g}."

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
        """See `engine.Engine.advance`.

        Raises:
            TaskError: the user's model, loss or data cannot be trained.
            TrainingError: they are none that this engine knows, or it was not built.
        """
        kernel = library.kernel(self.instruction_set)
        if kernel is None:
            raise TrainingError(library.why_missing() or f"There is no {self.instruction_set} code for this processor.")
        reason = _data_unknown(problem)
        if reason is not None:
            raise TrainingError(reason)
        results: list[TrialState | None] = list(states)
        ended: list[TrialState] = []
        for place, trial in enumerate(trials):

            def checkpoint(state: TrialState, place: int = place) -> None:
                control.checkpoint([*results[:place], state, *results[place + 1 :]])

            try:
                training = NativeTraining(problem, trial, states[place], regime, emit, kernel)
            except CannotRunError as error:
                raise TrainingError(str(error)) from error
            ended.append(training.run(to_step, control, checkpoint))
            results[place] = ended[-1]
        return ended


def knows_not(problem: Problem, trials: Sequence[Trial], regime: Regime) -> str | None:
    """What of these trials the kernel does not know, in a sentence; None: it knows them all. Nothing is trained."""
    reason = _data_unknown(problem)
    if reason is not None:
        return reason
    assert isinstance(problem.train, ResidentSplit)
    inputs, targets = problem.train.samples
    if regime.explosion_window > MOST_WINDOW:
        return f"The native engine judges the median of {MOST_WINDOW} losses at most, not of {regime.explosion_window}."
    seen: set[str] = set()
    try:
        for trial in trials:
            built_from = repr(sorted((n, v) for n, v in trial.hyperparameters.items() if n not in STANDARD))
            if built_from not in seen:
                seen.add(built_from)
                model = start_model(problem, trial, 0, regime)
                network = network_of(model, tuple(inputs.shape[1:]))
                criterion_of(problem.loss, network.output, targets, problem.dtype)
    except CannotRunError as error:
        return str(error)
    return None


def _data_unknown(problem: Problem) -> str | None:
    if problem.device.type != "cpu":
        return f"The native engine is for processors, not for {problem.device.type}."
    if problem.dtype not in (torch.float32, torch.float64):
        return f"The native engine knows float32 and float64, not {problem.dtype}."
    for split in (problem.train, problem.val):
        samples = split.samples if isinstance(split, ResidentSplit) else None
        if not isinstance(samples, (tuple, list)) or len(samples) != 2:
            return "The native engine is for data that are two tensors (inputs, targets), not read sample by sample."
        if not isinstance(samples[0], Tensor) or samples[0].dtype != problem.dtype or samples[0].ndim < 2:
            return "The native engine is for inputs that are one tensor of numbers, [samples, ...]."
    return None
