"""Which engine trains which trials, measured once a structure and remembered for the run."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from goodfit.hyperparameters import STANDARD
from goodfit.training.choice import EngineChoice, choose_engine
from goodfit.training.problem import Problem
from goodfit.training.trial import Regime, Segment, Trial

EACH_SECONDS = 1.0  # for one structure
LEAST_COHORT = 3  # below it there is nothing to batch


@dataclasses.dataclass
class EngineChooser:
    """Chooses by measuring, as long as its time lasts; plain PyTorch, one trial a process, from then on.

    Attributes:
        cache: a folder where measured speeds are kept between runs; None: none is kept.
        seconds: for all measurements of a run together.
    """

    cache: Path | None
    seconds: float = 10.0
    choices: dict[str, EngineChoice] = dataclasses.field(default_factory=dict)

    def choose(self, problem: Problem, group: Sequence[Trial], regime: Regime, slots: int) -> dict[str, Any]:
        """How a group of trials of one structure trains.

        Returns:
            {"engine", "cohort"}, and what was measured where it was: {"refusal", "measured"}.
        """
        each = math.ceil(len(group) / slots)
        if each < LEAST_COHORT:
            return {"engine": "pool", "cohort": 1}
        key = _key(problem, group[0], regime)
        if key not in self.choices:
            if self.seconds <= 0:
                return {"engine": "pool", "cohort": 1}
            began = time.perf_counter()
            self.choices[key] = choose_engine(
                problem, group, regime, seconds=min(EACH_SECONDS, self.seconds), cache=self.cache, most=max(each, 16)
            )
            self.seconds -= time.perf_counter() - began
        choice = self.choices[key]
        measured = [dataclasses.asdict(one) for one in choice.measured]
        return {
            "engine": choice.engine,
            "cohort": min(choice.cohort, each) if choice.engine != "pool" else 1,
            "refusal": choice.refusal,
            "measured": measured,
        }

    def steps_per_second(self, problem: Problem, hyperparameters: Mapping[str, Any]) -> float:
        """Of one such trial in plain PyTorch on one thread, measured now."""
        trial = Trial(0, 0, (Segment(0, dict(hyperparameters), 0),))
        choice = choose_engine(problem, [trial], Regime(), seconds=EACH_SECONDS, cache=None, most=1)
        return max(choice.measured[0].trial_steps_per_second, 1e-6)


def _key(problem: Problem, trial: Trial, regime: Regime) -> str:
    """What a run's trials of one structure share: their own hyperparameters but for dropout rates are enough here."""
    own = {
        name: value
        for name, value in trial.hyperparameters.items()
        if name not in STANDARD and not isinstance(value, float)
    }
    size = regime.batch_size or trial.hyperparameters.get("batch_size") or problem.default_batch_size
    return repr((id(problem), sorted(own.items()), size, trial.hyperparameters.get("optimizer")))
