"""Which engine trains which trials, measured once a structure and remembered for the run."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from goodfit.findings import Finding
from goodfit.hyperparameters import STANDARD
from goodfit.training.choice import EngineChoice, choose_engine
from goodfit.training.engines import ENGINES
from goodfit.training.engines.native import knows_not
from goodfit.training.problem import Problem
from goodfit.training.structure import built
from goodfit.training.trial import Regime, Segment, Trial

EACH_SECONDS = 1.0  # for one structure
LEAST_COHORT = 3  # below it there is nothing to batch
RULE_PARAMETERS = 20_000  # weights up to which a processor trains cohorts faster: measured, at about 10,000
RULE_COHORT = {"cpu": 16, "cuda": 64}  # trials a cohort where nothing is measured
NATIVE_COHORT = 16  # trials of the native engine, which train one after another, in one work at most ...
NATIVE_WORKS = 4  # ... and works a slot at least, so that no slot waits long for another


@dataclasses.dataclass
class EngineChooser:
    """Chooses by measuring, as long as its time lasts; from then on by what was measured so far, else plain PyTorch.

    Attributes:
        cache: a folder where measured speeds are kept between runs; None: none is kept.
        seconds: for all measurements of a run together.
        took: seconds that measuring took by the clock and of this process's own.
        is_by_rule: nothing is measured: a plan in trials and epochs reads no clock, and neither the machine's mood nor
            the number of workers changes which trials train together.
    """

    cache: Path | None
    seconds: float = 10.0
    is_by_rule: bool = False
    took: list[tuple[float, float]] = dataclasses.field(default_factory=list)  # of each measurement: wall, processor
    choices: dict[str, EngineChoice] = dataclasses.field(default_factory=dict)
    alone: dict[str, EngineChoice] = dataclasses.field(default_factory=dict)  # plain PyTorch's speed, where only that
    refusals: dict[str, str | None] = dataclasses.field(default_factory=dict)

    def choose(self, problem: Problem, group: Sequence[Trial], regime: Regime, slots: int) -> dict[str, Any]:
        """How a group of trials of one structure trains.

        Returns:
            {"engine", "cohort"}, and what was measured where it was: {"refusal", "native_refusal", "measured", "told"}.
        """
        if self.is_by_rule:
            return self._by_rule(problem, group, regime)
        each = math.ceil(len(group) / slots)
        key = _key(problem, group[0], regime)
        choice = self.choices.get(key)
        if each < LEAST_COHORT:  # nothing to batch, but the native engine trains a lone trial too
            choice = choice if choice is not None and choice.engine == "native" else self.alone.get(key)
            if choice is None and knows_not(problem, group[:1], regime) is not None:
                return {"engine": "pool", "cohort": 1}
        if choice is None:
            if self.seconds <= 0:
                return self._unmeasured(problem, group, regime, each)
            with self._timed():
                choice = choose_engine(
                    problem,
                    group,
                    regime,
                    seconds=min(EACH_SECONDS, self.seconds),
                    cache=self.cache,
                    most=max(each, 16) if each >= LEAST_COHORT else 1,
                )
            (self.choices if each >= LEAST_COHORT else self.alone)[key] = choice
            self.seconds -= self.took[-1][0]
        return {
            "engine": choice.engine,
            "cohort": self._cohort(choice, len(group), slots),
            "refusal": choice.refusal if choice.engine != "native" else None,
            "native_refusal": choice.native_refusal,
            "measured": [dataclasses.asdict(one) for one in choice.measured],
            "told": choice.sentence() if len(choice.measured) > 1 else None,
        }

    def _unmeasured(self, problem: Problem, group: Sequence[Trial], regime: Regime, each: int) -> dict[str, Any]:
        """When no time is left: native where it can run, unless a measurement of this run spoke against it."""
        known = [*self.choices.values(), *self.alone.values()]
        lost = any(choice.engine != "native" and _is_measured("native", choice) for choice in known)
        if lost or self._native_refusal(problem, group, regime, _key(problem, group[0], regime)) is not None:
            return {"engine": "pool", "cohort": 1}
        return {"engine": "native", "cohort": _native_cohort(each)}

    def _native_refusal(self, problem: Problem, group: Sequence[Trial], regime: Regime, key: str) -> str | None:
        """Why the native engine does not train these, found out once a structure."""
        name = f"native {key}"
        if name not in self.refusals:
            self.refusals[name] = ENGINES["native"].refuses(problem, group, regime)
        return self.refusals[name]

    @staticmethod
    def _cohort(choice: EngineChoice, trials: int, slots: int) -> int:
        """Trials in one work."""
        if choice.engine == "pool":
            return 1
        if choice.engine == "native":
            return _native_cohort(math.ceil(trials / slots))
        return min(choice.cohort, math.ceil(trials / slots))

    def _by_rule(self, problem: Problem, group: Sequence[Trial], regime: Regime) -> dict[str, Any]:
        """By the number of weights and the kind of device alone."""
        alone = {"engine": "pool", "cohort": 1}
        kind, key = problem.device.type, _key(problem, group[0], regime)
        if knows_not(problem, group[:1], regime) is None:
            native_refusal = self._native_refusal(problem, group, regime, key)
            if native_refusal is None:
                return {"engine": "native", "cohort": _native_cohort(len(group))}
            alone = {**alone, "native_refusal": native_refusal}
        if len(group) < LEAST_COHORT:
            return alone
        weights = sum(p.numel() for p in built(problem, group[0].hyperparameters, 0).parameters())
        if kind == "cpu" and weights > RULE_PARAMETERS:
            return alone
        if key not in self.refusals:
            self.refusals[key] = ENGINES["batched"].refuses(problem, group, regime)
        if self.refusals[key] is not None:
            return {**alone, "refusal": self.refusals[key]}
        return {**alone, "engine": "batched", "cohort": min(RULE_COHORT[kind], len(group))}

    def steps_per_second(self, problem: Problem, hyperparameters: Mapping[str, Any]) -> float:
        """Trial-steps of such trials a second on one slot, by the clock: as the fastest engine measured so far, else
        plain PyTorch, now.
        """
        trial = Trial(0, 0, (Segment(0, dict(hyperparameters), 0),))
        key = _key(problem, trial, Regime())
        known = self.choices.get(key) or self.alone.get(key)
        if known is None:
            with self._timed():
                known = choose_engine(problem, [trial], Regime(), seconds=EACH_SECONDS, cache=None, most=1)
            self.alone[key] = known
        speed = max(max(one.trial_steps_per_second for one in known.measured), 1e-6)
        return speed / self._slowdown(problem)

    def _slowdown(self, problem: Problem) -> float:
        """How much longer a second of this process's own lasts by the clock: above 1 where others share the processor.

        Engines are compared by the process's own time, so that others disturb less; a plan has to reckon with them.
        """
        wall, own = (sum(each) for each in zip(*self.took, strict=True)) if self.took else (1.0, 1.0)
        return max(wall / max(own, 1e-9), 1.0) if problem.device.type == "cpu" else 1.0

    @contextlib.contextmanager
    def _timed(self) -> Generator[None]:
        wall, own = time.perf_counter(), time.process_time()
        yield
        self.took.append((time.perf_counter() - wall, time.process_time() - own))


def _is_measured(engine: str, choice: EngineChoice) -> bool:
    return any(one.engine == engine for one in choice.measured)


def _native_cohort(trials: int) -> int:
    """Trials in one work of the native engine, of so many a slot."""
    return min(NATIVE_COHORT, max(1, trials // NATIVE_WORKS))


def _key(problem: Problem, trial: Trial, regime: Regime) -> str:
    """What a run's trials of one structure share: their own hyperparameters but for dropout rates are enough here."""
    own = {
        name: value
        for name, value in trial.hyperparameters.items()
        if name not in STANDARD and not isinstance(value, float)
    }
    size = regime.batch_size or trial.hyperparameters.get("batch_size") or problem.default_batch_size
    return repr((id(problem), sorted(own.items()), size, trial.hyperparameters.get("optimizer")))


def not_batchable(refusal: str, trial: Trial) -> Finding:
    return Finding(
        kind="not-batchable",
        message=refusal,
        action="Nothing has to be done: its trials train one a process.",
        where=f"trial {trial.number}",
    )


def native_unused(refusal: str, trial: Trial) -> Finding:
    return Finding(
        kind="native-engine-unused",
        message=refusal,
        action="Nothing has to be done: its trials train in another engine, more slowly.",
        where=f"trial {trial.number}",
    )
