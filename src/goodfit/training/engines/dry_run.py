"""Whether trials can be batched, found out by doing it: a few steps on real batches, beside plain PyTorch."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from goodfit.errors import GoodfitError
from goodfit.training.engine import Engine
from goodfit.training.engines.pool import Pool
from goodfit.training.engines.program import OperatorTrace
from goodfit.training.faults import first_line
from goodfit.training.problem import Problem
from goodfit.training.trial import Event, Points, Regime, Trial

STEPS = 3  # compared with plain PyTorch
TAME_LR = 1e-3  # rates above this are lowered for the dry run, so that rounding is not blown up
# Relative, of losses and gradient norms: far above three steps' rounding, far below what a shared state would do.
TOLERANCES = {torch.float64: 1e-9, torch.float32: 2e-3}
_LOOSE = 2e-2  # the same for half precision
_DROPOUT_WORDS = ("dropout", "bernoulli", "rand", "normal", "multinomial")


class Undisturbed:
    """A control that lets everything run to its end."""

    def should_stop(self) -> bool:
        return False

    def is_stopped(self, trial: int) -> bool:
        return False

    def checkpoint(self, states: Sequence[object]) -> None:
        raise AssertionError("no checkpoint was wanted")

    def wants_checkpoint(self) -> bool:
        return False


def dry_run(engine: Engine, problem: Problem, trials: Sequence[Trial], regime: Regime) -> str | None:
    """A sentence that names the operator the engine cannot run or says that the numbers differ; None: all is well.

    Raises:
        TaskError, TrainingError: plain PyTorch cannot train this either.
    """
    ends_and_middle = (trials[0], trials[len(trials) // 2], trials[-1])
    tried = [_tamed(trial) for trial in {t.number: t for t in ends_and_middle}.values()]
    short = dataclasses.replace(
        regime, eval_steps=(), probe=0, probe_every=1, fitted_fraction=None, explosion_factor=1e30
    )
    expected = _curves(Pool(), problem, tried, short)
    trace = OperatorTrace()
    try:
        with trace, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a slow fallback is slow, not wrong: speed is measured elsewhere
            seen = _curves(engine, problem, tried, short)
    except Exception as error:
        return _sentence(trace, error)
    return _difference(expected, seen, TOLERANCES.get(problem.dtype, _LOOSE), engine.name)


def _curves(
    engine: Engine, problem: Problem, trials: Sequence[Trial], regime: Regime
) -> dict[tuple[int, str], np.ndarray]:
    curves: dict[tuple[int, str], list[float]] = {}

    def gather(event: Event) -> None:
        if isinstance(event, Points) and event.series in ("step_loss", "grad_norm"):
            curves.setdefault((event.trial, event.series), []).extend(event.values.tolist())

    engine.advance(problem, trials, [None] * len(trials), regime, STEPS, gather, Undisturbed())
    return {key: np.array(values) for key, values in curves.items()}


def _difference(
    expected: Mapping[Any, np.ndarray], seen: Mapping[Any, np.ndarray], most: float, name: str
) -> str | None:
    for (trial, series), values in expected.items():
        others = seen.get((trial, series), np.empty(0))
        if values.shape != others.shape or not np.allclose(values, others, rtol=most, atol=most * 1e-3, equal_nan=True):
            shown = f"{_list(values)} v. {_list(others)}"
            return (
                f"In the {name} engine the {series.replace('_', ' ')} differs from plain PyTorch's ({shown}): "
                "the model does something that depends on the other samples or trials, or keeps a state of its own."
            )
    return None


def _sentence(trace: OperatorTrace, error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, GoodfitError) and error.__cause__ is not None else error
    message = first_line(cause)
    operator = trace.failed or "an operator"
    if "random" in message.lower() or any(word in operator.lower() for word in _DROPOUT_WORDS):
        return (
            f"The operator {operator} draws random numbers inside the model, which many trials cannot share; "
            "nn.Dropout modules can be batched."
        )
    return f"The operator {operator} cannot run for many trials at once ({message[:160]})."


def _tamed(trial: Trial) -> Trial:
    """The trial with a rate at which a few steps cannot blow up rounding."""
    segments = []
    for segment in trial.segments:
        hyperparameters = dict(segment.hyperparameters)
        hyperparameters["lr"] = min(float(hyperparameters.get("lr", TAME_LR)), TAME_LR)
        segments.append(dataclasses.replace(segment, hyperparameters=hyperparameters))
    return dataclasses.replace(trial, segments=tuple(segments))


def _list(values: np.ndarray) -> str:
    return ", ".join(f"{value:.5g}" for value in values[:STEPS])
