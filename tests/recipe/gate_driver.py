"""Drives a gate's plan with real trainings in the plain PyTorch engine: what the plan of a run does by an executor."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import nn

from goodfit.recipe.learning_rate import Bracket
from goodfit.recipe.overfit import Overfit
from goodfit.recipe.result import StageResult
from goodfit.recipe.runs import Ask, Run, run_of
from goodfit.settings import Settings
from goodfit.training.engines.pool import Pool
from goodfit.training.measure.flow import measure_flow
from goodfit.training.measure.gradients import check_hand_written
from goodfit.training.measure.remedy import reinitialised
from goodfit.training.measure.sample import measure_sample
from goodfit.training.problem import Loss, Problem
from goodfit.training.splits import ResidentSplit
from goodfit.training.trial import Event, Regime, Segment, Trial, TrialState


class Plan(Protocol):
    def next_ask(self, runs: Sequence[Run]) -> Ask | None: ...

    def result(self, runs: Sequence[Run]) -> StageResult: ...


class Unbothered:
    """Nobody stops the engine."""

    def should_stop(self) -> bool:
        return False

    def is_stopped(self, trial: int) -> bool:
        return False

    def checkpoint(self, states: Sequence[TrialState | None]) -> None:
        raise AssertionError("no checkpoint was asked for")

    def wants_checkpoint(self) -> bool:
        return False


def carried_out(problem: Problem, ask: Ask, hyperparameters: Mapping[str, Any], seed: int, first: int) -> list[Run]:
    """The runs that answer an ask."""
    trained = reinitialised(problem) if ask.reinitialise else problem
    trials = [
        Trial(first + i, seed + s, (Segment(0, {**hyperparameters, **ask.changes, "lr": lr}, 0),))
        for i, (lr, s) in enumerate((lr, s) for lr in ask.rates for s in ask.seeds)
    ]
    regime = Regime(
        samples=ask.samples,
        batch_size=ask.batch_size,
        regularised=ask.regularised,
        zero_inputs=ask.zero_inputs,
        eval_steps=(0, ask.steps),
        eval_train=200 if ask.samples is None else len(ask.samples),
        probe=256 if ask.samples is None else len(ask.samples),
        probe_every=1,
        fitted_fraction=ask.fitted_fraction,
        fitted_floor=ask.fitted_floor,
    )
    events: list[Event] = []
    Pool().advance(trained, trials, [None] * len(trials), regime, ask.steps, events.append, Unbothered())
    accuracy = "accuracy" if "accuracy" in problem.metrics else ""
    return [run_of(t, events, key=ask.key, steps=ask.steps, accuracy=accuracy, samples=200) for t in trials]


def driven(
    plan: Plan, problem: Problem, hyperparameters: Mapping[str, Any], seed: int = 0
) -> tuple[StageResult, list[Run]]:
    """A plan followed to its verdict."""
    runs: list[Run] = []
    asks = 0
    while (ask := plan.next_ask(runs)) is not None:
        runs += carried_out(problem, ask, hyperparameters, seed, len(runs))
        asks += 1
        assert asks < 25, "the plan does not end"
    return plan.result(runs), runs


def overfitted(
    problem: Problem,
    hyperparameters: Mapping[str, Any],
    seed: int = 0,
    capacity: Mapping[str, float] | None = None,
    **changes: object,
) -> tuple[StageResult, list[Run]]:
    settings = Settings().replaced({f"overfit.{name}": value for name, value in changes.items()}).overfit
    plan = Overfit(
        settings,
        measure_sample(problem, hyperparameters, seed, count=settings.samples, batches=settings.batches),
        measure_flow(problem, hyperparameters, seed),
        optimizer=str(hyperparameters.get("optimizer", "adamw")),
        capacity=capacity or {},
        hand_written=check_hand_written(problem, hyperparameters, seed),
    )
    return driven(plan, problem, hyperparameters, seed)


def bracketed(
    problem: Problem, hyperparameters: Mapping[str, Any], seed: int = 0, **changes: Any
) -> tuple[StageResult, list[Run]]:
    return driven(Bracket(Settings().learning_rate, **changes), problem, hyperparameters, seed)


def accuracy(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return (prediction.argmax(1) == target).float().mean()


def problem_of(
    inputs: torch.Tensor, target: torch.Tensor, build: Any, loss: Any = nn.functional.cross_entropy, **changes: Any
) -> Problem:
    """Four fifths for training, one for validation, by a fixed shuffle."""
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(0))
    cut = len(inputs) * 4 // 5
    classes = not target.is_floating_point() and target.ndim == 1
    splits = [ResidentSplit((inputs[part], target[part])) for part in (order[:cut], order[cut:])]
    problem = Problem(build, Loss(loss), {"accuracy": accuracy} if classes else {}, splits[0], splits[1])
    return dataclasses.replace(problem, **changes)
