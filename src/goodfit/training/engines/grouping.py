"""Which trials can train as one cohort: those of one structure, optimiser, batch size and step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.training.course import batch_size_of, course_of
from goodfit.training.problem import Problem
from goodfit.training.structure import build_model, structure_of
from goodfit.training.trial import Regime, Trial, TrialState

_NAMES = ("structure", "batch size", "optimizer", "step")


def grouped(
    problem: Problem,
    trials: Sequence[Trial],
    regime: Regime,
    states: Sequence[TrialState | None] | None = None,
) -> list[list[int]]:
    """Positions of the trials that can train together, in groups; the order of trials is kept within each.

    Args:
        problem: builds their models.
        trials: any.
        regime: how they will train.
        states: where each stands; None: all at their start.

    Raises:
        TaskError: a model cannot be built.
    """
    keys = _keys(problem, trials, regime, states)
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, key in enumerate(keys):
        groups.setdefault(key, []).append(place)
    return list(groups.values())


def mismatch(problem: Problem, trials: Sequence[Trial], regime: Regime) -> str | None:
    """Why these trials are no one group, in a sentence; None: they are."""
    keys = _keys(problem, trials, regime, None)
    for key, trial in zip(keys, trials, strict=True):
        for name, first, other in zip(_NAMES, keys[0], key, strict=True):
            if first != other:
                return (
                    f"Trials {trials[0].number} and {trial.number} differ in their {name}; "
                    "only trials with the same can train as one."
                )
    return None


def _keys(
    problem: Problem, trials: Sequence[Trial], regime: Regime, states: Sequence[TrialState | None] | None
) -> list[tuple[Any, ...]]:
    structures: dict[tuple[Any, ...], str] = {}
    keys = []
    for place, trial in enumerate(trials):
        course = course_of(trial, regime)
        state = states[place] if states is not None else None
        # A segment's start matters only where the kind of optimiser changes with it.
        kinds = [(segment.start, segment.choice.kind) for segment in course.segments]
        changes = tuple(
            (start if before != kind else 0, kind)
            for (start, kind), before in zip(kinds, [kinds[0][1], *(kind for _, kind in kinds)], strict=False)
        )
        built = _value_key(trial.hyperparameters)
        if built not in structures:
            structures[built] = structure_of(build_model(problem.build, trial.hyperparameters, trial.seed))
        keys.append(
            (
                structures[built],
                batch_size_of(trial, problem, regime),
                tuple(dict.fromkeys(changes)),
                0 if state is None else state.step,
            )
        )
    return keys


def _value_key(hyperparameters: Mapping[str, Any]) -> tuple[Any, ...]:
    """Equal for equal hyperparameters, so that a model is built once for each."""
    return tuple(sorted((name, repr(value)) for name, value in hyperparameters.items()))
