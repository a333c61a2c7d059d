"""The rungs of a task's search: how far a cohort trains before it is judged, and on how much of the data.

Over epochs, a trial that goes on does so from its own weights, as if it had never been judged. Over the data, a rung is
a share of the training samples, gone through as often as all of them would be; a trial that goes on begins anew on the
next share, since weights that have learnt a few samples by heart are no fair start. The shares lie within one another.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from goodfit.running.outcome import Outcome
from goodfit.settings.halving import HalvingSettings
from goodfit.strategy.halving import HalvingPlan, data_rungs, halving_plan, rungs
from goodfit.task import Objective
from goodfit.training.seeds import PROPOSAL, mixed
from goodfit.training.trial import Regime

OVER_DATA = "data-halving"


@dataclasses.dataclass(frozen=True)
class Ladder:
    """How trials climb.

    Attributes:
        over_data: whether a rung is a share of the data; else of the epochs.
        longest: epochs of a trial that goes to the end.
        samples: in the training split.
        seed: of the choice of samples.
    """

    over_data: bool
    longest: float
    samples: int
    seed: int
    settings: HalvingSettings

    def rungs(self, batch: int) -> tuple[float, ...]:
        """The rungs, in epochs over all samples.

        Args:
            batch: the largest minibatch of any trial.
        """
        if self.over_data:
            return data_rungs(self.longest, self.samples, batch, self.settings)
        return rungs(self.longest, self.settings)

    def regime(self, rung: float) -> Regime | None:
        """What is trained on up to a rung: None for all samples."""
        if not self.over_data or rung >= self.longest:
            return None
        order = np.random.default_rng(mixed(self.seed, PROPOSAL, 11)).permutation(self.samples)
        return Regime(samples=tuple(sorted(order[: self.samples_at(rung)].tolist())))

    def samples_at(self, rung: float) -> int:
        return round(self.samples * rung / self.longest)

    def place(self, rung: float) -> str:
        """A rung in words, to begin a sentence with."""
        return f"On {self.samples_at(rung)} samples" if self.over_data else f"At epoch {rung:.3g}"

    def plan(self, trials: int, steps: tuple[float, ...]) -> HalvingPlan:
        """How many trials come to each rung at most, and what all of them cost."""
        return halving_plan(trials, self.longest, self.settings, steps=steps, anew=self.over_data)

    def told(self, trials: int, steps: tuple[float, ...]) -> str:
        """The plan in words: "27 on 1000 samples, 16 on 3000, 11 on all 9000; 250 epochs at most"."""
        plan = self.plan(trials, steps)
        if not self.over_data:
            return f"{plan}; {plan.epochs:.0f} epochs at most"
        climbs = [f"{n} on {self.samples_at(rung)}" for n, rung in zip(plan.trials, steps, strict=False)]
        climbs.append(f"{plan.trials[-1]} on all {self.samples}")
        return f"{', '.join(climbs)} samples; {plan.epochs:.0f} epochs at most"

    def points(self, trials: list[Outcome], objective: Objective) -> dict[float, float]:
        """A configuration's scores by epoch: each from the first trial that came so far."""
        points: dict[float, float] = {}
        reached = -1
        for outcome in trials:
            steps, values = outcome.curve(f"val_{objective.metric}")
            for step, value in zip(steps.tolist(), values.tolist(), strict=True):
                if step > reached:
                    points[step / outcome.steps_per_epoch] = objective.score(value)
            reached = max(reached, outcome.step)
        return points
