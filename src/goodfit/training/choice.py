"""Which engine trains these trials fastest, and how many at once: found by measuring, not by rule."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from goodfit.training.course import batch_size_of, course_of
from goodfit.training.engine import Engine
from goodfit.training.engines import ENGINES
from goodfit.training.engines.dry_run import Undisturbed
from goodfit.training.engines.native import knows_not, library
from goodfit.training.memory import bytes_per_trial
from goodfit.training.problem import Problem
from goodfit.training.structure import build_model, structure_of
from goodfit.training.trial import Regime, Trial

FIRST_COHORT = 4  # trials; below it a batched step is mostly overhead (measured)
LEAST_GAIN = 1.10  # throughput of a doubled cohort over the one before, below which doubling ends
WARM_STEPS = 2  # thrown away: first calls build tables and caches
LONG_CALL_STEPS = 64  # of the first call to an engine that is measured by whole calls
LEAST_STEPS = 3  # timed for a figure to count
MEMORY_SHARE = 0.5  # of what is free, for the trials' states
_MOST_COHORT = 4096


@dataclasses.dataclass(frozen=True, slots=True)
class Measured:
    """One candidate's speed."""

    engine: str
    cohort: int  # trials at once
    trial_steps_per_second: float  # steps of all its trials together


@dataclasses.dataclass(frozen=True, slots=True)
class EngineChoice:
    """The fastest candidate, and what was measured to find it."""

    engine: str
    cohort: int
    measured: tuple[Measured, ...]
    refusal: str | None = None  # why the batched engine was no candidate
    native_refusal: str | None = None  # why the native engine was none, though it knows the layers
    from_cache: bool = False

    @property
    def times_pool(self) -> float | None:
        """How many times the steps of plain PyTorch the choice makes; None where that was not measured."""
        speeds = {(one.engine, one.cohort): one.trial_steps_per_second for one in self.measured}
        pool = speeds.get(("pool", 1), 0.0)
        return speeds.get((self.engine, self.cohort), 0.0) / pool if pool > 0 else None

    def sentence(self) -> str:
        """What was chosen and what it buys, for a report."""
        how = f"{self.cohort} at once" if self.cohort > 1 else "one at a time"
        bought = "" if self.times_pool is None else f", {self.times_pool:.1f} times the steps of the pool"
        return f"The {self.engine} engine trains these networks {how}{bought if self.engine != 'pool' else ''}."

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def choose_engine(
    problem: Problem,
    trials: Sequence[Trial],
    regime: Regime,
    seconds: float = 10.0,
    cache: Path | None = None,
    most: int | None = None,
) -> EngineChoice:
    """Measure plain PyTorch, the native engine and growing cohorts for a few steps each, on one thread.

    The fastest is taken. Cohorts are left out where the native engine is faster than plain PyTorch: their first steps
    load a compiler that this process may never need, which takes longer than all else that is measured.

    Args:
        problem: what they train.
        trials: one group of `engines.grouped`; larger cohorts are tried with copies of them.
        regime: how they will train; evaluation and probes are left out of the measurement.
        seconds: the time to spend at most, beyond what a candidate's first steps take.
        cache: a folder whose `engines.json` keeps choices per machine, torch version, structure, batch size and
            optimiser; None: none is kept.
        most: the largest cohort of use; None: as many as there are trials.

    Raises:
        TaskError, TrainingError: the trials cannot be trained at all.
    """
    most = min(len(trials) if most is None else most, _MOST_COHORT)
    key = _key(problem, trials[0], regime, most)
    known = _read(cache).get(key)
    if known is not None:
        measured = tuple(Measured(**item) for item in known["measured"])
        native_refusal = known.get("native_refusal")
        return EngineChoice(known["engine"], known["cohort"], measured, known["refusal"], native_refusal, True)
    threads = torch.get_num_threads()
    if problem.device.type == "cpu":
        torch.set_num_threads(1)
    try:
        choice = _measured_choice(problem, trials, regime, seconds, most)
    finally:
        torch.set_num_threads(threads)
    _write(cache, key, choice)
    return choice


def _measured_choice(
    problem: Problem, trials: Sequence[Trial], regime: Regime, seconds: float, most: int
) -> EngineChoice:
    bare = dataclasses.replace(regime, eval_steps=(), probe=0, probe_every=0, fitted_fraction=None)
    share = max(seconds, 0.0) / 8
    measured = [_measure(ENGINES["pool"], problem, _cohort(trials, 1), bare, share)]
    native_refusal = None
    if knows_not(problem, trials, regime) is None:
        native_refusal = ENGINES["native"].refuses(problem, trials, regime)
        if native_refusal is None:
            measured.append(_measure_long_calls(ENGINES["native"], problem, trials[0], bare, share))
    is_native = len(measured) > 1 and measured[1].trial_steps_per_second > measured[0].trial_steps_per_second
    tries_cohorts = most > 1 and not is_native  # which no cohort was ever seen to overtake on a processor
    refusal = ENGINES["batched"].refuses(problem, trials, regime) if tries_cohorts else None
    if tries_cohorts and refusal is None:
        deadline = time.perf_counter() + share * 6  # the dry runs, which are somebody's first steps, do not count
        cohort, before = min(FIRST_COHORT, most), 0.0
        most = min(most, _fitting_in_memory(problem, trials[0], regime))
        while 1 < cohort <= most and (before == 0.0 or time.perf_counter() < deadline):
            measured.append(_measure(ENGINES["batched"], problem, _cohort(trials, cohort), bare, share))
            speed = measured[-1].trial_steps_per_second
            if speed < LEAST_GAIN * before or cohort == most:
                break
            cohort, before = min(2 * cohort, most), speed
    best = max(measured, key=lambda one: one.trial_steps_per_second)
    return EngineChoice(best.engine, best.cohort, tuple(measured), refusal, native_refusal)


class _Stopwatch(Undisturbed):
    """A control that notes when each step begins, and ends the work when it has seen enough."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self.seconds = seconds
        self.clock = clock
        self.times: list[float] = []

    def should_stop(self) -> bool:
        self.times.append(self.clock())
        timed = len(self.times) - 1 - WARM_STEPS
        return timed >= LEAST_STEPS and self.times[-1] - self.times[0] > self.seconds


def _measure(engine: Engine, problem: Problem, trials: Sequence[Trial], regime: Regime, seconds: float) -> Measured:
    # On a processor the process's own time: other programs then disturb the comparison less.
    watch = _Stopwatch(seconds, time.process_time if problem.device.type == "cpu" else time.perf_counter)
    tame = dataclasses.replace(regime, explosion_factor=float("inf"))
    engine.advance(problem, trials, [None] * len(trials), tame, 200, lambda event: None, watch)
    steps = [after - before for before, after in zip(watch.times, watch.times[1:], strict=False)][WARM_STEPS:]
    speed = len(trials) / statistics.median(steps) if len(steps) >= LEAST_STEPS else 0.0
    return Measured(engine.name, len(trials), speed)


def _measure_long_calls(engine: Engine, problem: Problem, trial: Trial, regime: Regime, seconds: float) -> Measured:
    """The speed of an engine that takes many steps between two looks at its control: by whole calls, ever longer ones.

    What a call's beginning costs is in it, as it is in a trial.
    """
    tame = dataclasses.replace(regime, explosion_factor=float("inf"))
    steps, took = LONG_CALL_STEPS, 0.0
    while True:
        began = time.process_time()
        (state,) = engine.advance(problem, [trial], [None], tame, steps, lambda event: None, Undisturbed())
        took = time.process_time() - began
        if took >= seconds / 2 or state.step < steps:
            return Measured(engine.name, 1, state.step / max(took, 1e-9))
        steps = math.ceil(steps * min(16.0, max(2.0, 0.7 * seconds / max(took, 1e-9))))


def _cohort(trials: Sequence[Trial], size: int) -> list[Trial]:
    """So many trials, with copies where there are fewer."""
    return [dataclasses.replace(trials[place % len(trials)], number=place) for place in range(size)]


def _fitting_in_memory(problem: Problem, trial: Trial, regime: Regime) -> int:
    """How many trials fit into the share of the free memory, by what one is predicted to take."""
    each = bytes_per_trial(problem, trial, regime)
    if problem.device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(problem.device)
    else:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 2**32
    return max(int(MEMORY_SHARE * free / max(each, 1)), 1)


def _key(problem: Problem, trial: Trial, regime: Regime, most: int) -> str:
    """What a choice depends on, in one digest."""
    model = build_model(problem.build, trial.hyperparameters, trial.seed)
    device = torch.cuda.get_device_name(problem.device) if problem.device.type == "cuda" else platform.processor()
    parts = (
        *(platform.node(), platform.machine(), device, os.cpu_count(), torch.__version__, str(problem.dtype)),
        *(structure_of(model), batch_size_of(trial, problem, regime), len(problem.train), most),
        *(course_of(trial, regime).at(0).choice.kind, library.described()),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def _read(cache: Path | None) -> dict[str, Any]:
    """The choices kept; none where the file is missing or damaged, since measuring again costs seconds."""
    if cache is None:
        return {}
    try:
        kept = json.loads((cache / "engines.json").read_text())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _write(cache: Path | None, key: str, choice: EngineChoice) -> None:
    if cache is None:
        return
    cache.mkdir(parents=True, exist_ok=True)
    kept = _read(cache) | {key: choice.as_json()}
    part = cache / f"engines.json.{os.getpid()}"
    part.write_text(json.dumps(kept, indent=1))
    os.replace(part, cache / "engines.json")  # whole or not at all, whoever else writes
