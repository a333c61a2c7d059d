"""A small problem for executors to run, with models that misbehave when a hyperparameter asks them to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from goodfit.errors import TaskError
from goodfit.execution.work import CohortWork, Executor, Failed, Finished, Message, Told
from goodfit.hyperparameters import Hyperparameters
from goodfit.training.problem import Loss, Problem
from goodfit.training.splits import ResidentSplit
from goodfit.training.trial import Ended, Points, Regime, Segment, Trial

SAMPLES, FEATURES, CLASSES, BATCH = 512, 64, 4, 32
EPOCH = SAMPLES // BATCH  # steps
GUARD_SECONDS = 90.0  # a test that waits longer has found an executor that hangs


class Network(nn.Module):
    """A perceptron that does what `fault` says at its 40th forward pass in training."""

    def __init__(self, width: int, fault: str, flag: str) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(FEATURES, width), nn.ReLU(), nn.Linear(width, CLASSES))
        self.fault, self.flag, self.passes = fault, flag, 0

    def forward(self, inputs: Tensor) -> Tensor:
        if self.fault and self.training:
            self.passes += 1
            if self.passes == 40:
                self.misbehave()
        return self.layers(inputs)

    def misbehave(self) -> None:
        match self.fault:
            case "raise":
                raise ZeroDivisionError("the user's own mistake")
            case "task error":
                raise TaskError("The model is not for this data.")
            case "exit":
                raise SystemExit(4)
            case "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "die once" if not Path(self.flag).exists():
                Path(self.flag).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            case "print":
                print("a print in user code")
                os.write(1, b"bytes on descriptor one\n")
            case "hang":
                Path(self.flag).touch()
                while True:
                    time.monotonic()


def build(hp: Hyperparameters) -> nn.Module:
    fault = hp.get("fault", "")
    if fault:
        return Network(hp.get("width", 16), fault, hp.get("flag", ""))
    width = hp.get("width", 16)
    return nn.Sequential(nn.Linear(FEATURES, width), nn.ReLU(), nn.Linear(width, CLASSES))


def make_problem() -> Problem:
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(SAMPLES, FEATURES, generator=generator)
    target = (inputs @ torch.randn(FEATURES, CLASSES, generator=generator)).argmax(dim=1)
    return Problem(
        build=build,
        loss=Loss(F.cross_entropy),
        metrics={},
        train=ResidentSplit((inputs, target)),
        val=ResidentSplit((inputs[:128].clone(), target[:128].clone())),
    )


def trial(number: int, lr: float = 0.05, parent: int | None = None, **hyperparameters: Any) -> Trial:
    values = {"lr": lr, "optimizer": "sgd", "momentum": 0.9, "batch_size": BATCH, **hyperparameters}
    return Trial(number, seed=100 + number, segments=(Segment(0, values, 0),), parent=parent)


def work(key: str, *trials: Trial, to_step: int = 6 * EPOCH, engine: str = "pool", **options: Any) -> CohortWork:
    # Evaluations fall between the ends of epochs, where checkpoints are: neither may hide the other's mistakes.
    looks = range(0, min(to_step, 10_000) + 1, 3 * EPOCH - 1)
    regime = options.pop("regime", None) or Regime(eval_steps=tuple(looks), eval_train=64, eval_val=64, probe_every=20)
    cohort = tuple(trials) or (trial(1), trial(2, lr=0.01), trial(3, lr=0.1))
    return CohortWork(key, cohort, regime, to_step, engine, **options)


def ended_of(messages: Iterable[Message], key: str) -> list[Finished | Failed]:
    return [m for m in messages if isinstance(m, (Finished, Failed)) and m.key == key]


def drain(executor: Executor, *keys: str) -> list[Message]:
    """All messages until the works with these keys have ended."""
    heard: list[Message] = []
    began = time.monotonic()
    while not all(ended_of(heard, key) for key in keys):
        heard += executor.messages(0.5)
        assert time.monotonic() - began < GUARD_SECONDS, f"waited too long; heard the ends of {heard[-3:]}"
    return heard


def events(messages: Iterable[Message], key: str) -> list[Any]:
    return [event for m in messages if isinstance(m, Told) and m.key == key for event in m.events]


def ends(told: Iterable[Any]) -> dict[int, Ended]:
    return {event.trial: event for event in told if isinstance(event, Ended)}


def curves(told: Iterable[Any]) -> dict[tuple[int, str], dict[int, float]]:
    """Points as a ledger counts them: once a (trial, series, step). Points told twice must be equal."""
    seen: dict[tuple[int, str], dict[int, float]] = {}
    for event in told:
        if isinstance(event, Points):
            series = seen.setdefault((event.trial, event.series), {})
            for step, value in zip(event.steps.tolist(), event.values.tolist(), strict=True):
                assert series.setdefault(step, value) == value, f"{event.series} at {step} was told with two values"
    return seen


class Unasked:
    """A control that asks for nothing."""

    def should_stop(self) -> bool:
        return False

    def is_stopped(self, trial: int) -> bool:
        return False

    def wants_checkpoint(self) -> bool:
        return False

    def checkpoint(self, states: Any) -> None:
        raise AssertionError("nobody wanted a checkpoint")


def undisturbed(asked: CohortWork, problem: Problem) -> tuple[list[Any], dict[int, Any]]:
    """The oracle: events and final states of the engine itself, with no executor around it."""
    from goodfit.training.engines import ENGINES

    told: list[Any] = []
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        none = [None] * len(asked.trials)
        states = ENGINES[asked.engine].advance(
            problem, asked.trials, none, asked.regime, asked.to_step, told.append, Unasked()
        )
    finally:
        torch.set_num_threads(before)
    return told, {t.number: state for t, state in zip(asked.trials, states, strict=True)}


def assert_same_states(states: dict[int, Any], expected: dict[int, Any]) -> None:
    """Equal to the last bit, in names, shapes, dtypes and values."""
    assert states.keys() == expected.keys()
    for number, state in states.items():
        other = expected[number]
        assert (state.step, state.initial_loss) == (other.step, other.initial_loss)
        for part in ("parameters", "buffers", "average"):
            assert_same_tensors(getattr(state, part), getattr(other, part))
        assert state.optimizer.keys() == other.optimizer.keys()
        for slot in state.optimizer:
            assert_same_tensors(state.optimizer[slot], other.optimizer[slot])


def assert_same_tensors(tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert tensors.keys() == expected.keys()
    for name, tensor in tensors.items():
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=0, msg=lambda m, n=name: f"{n}: {m}")
