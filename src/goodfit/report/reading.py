"""What the report needs to know of a study beyond its records: which trials compete, which is best, what was tuned."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.ledger.records import FindingRecord, Snapshot, StageRecord, TrialRecord
from goodfit.recipe.result import StageName

# Trials of these stages are never compared with those of a search: they train on a few samples or a few steps.
PREPARING = frozenset(map(str, (StageName.DATA, StageName.INITIAL_LOSS, StageName.OVERFIT, StageName.LEARNING_RATE)))
INFEASIBLE = frozenset({"diverged", "failed"})
FIRST = ("lr", "weight_decay")  # the pair that every search varies comes first


@dataclasses.dataclass(frozen=True, slots=True)
class Box:
    """The range of one hyperparameter in one stage."""

    scale: str  # "log", "linear", "reverse_log", "powers_of_two", "integer", "choice"; "" where unknown
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()

    @property
    def has_edges(self) -> bool:
        return self.low is not None and self.high is not None


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """A snapshot with what follows from it."""

    snapshot: Snapshot
    result: Mapping[str, Any] | None  # the result document; None: the run has not ended
    maximise: bool
    series: str  # of the objective: "val_accuracy"
    objective: str  # for people: "val accuracy"
    stages: Mapping[int, StageRecord]
    searched: tuple[TrialRecord, ...]  # trials that compete, by number
    best: TrialRecord | None
    tuned: tuple[str, ...]  # hyperparameters that took more than one value among `searched`

    def is_feasible(self, trial: TrialRecord) -> bool:
        return trial.status not in INFEASIBLE and trial.objective is not None and math.isfinite(trial.objective)

    @property
    def feasible(self) -> tuple[TrialRecord, ...]:
        """Best first; by number where equal."""
        sign = -1 if self.maximise else 1
        feasible = [trial for trial in self.searched if self.is_feasible(trial)]
        return tuple(sorted(feasible, key=lambda t: (sign * (t.objective or 0.0), t.trial)))

    @property
    def infeasible(self) -> tuple[TrialRecord, ...]:
        """Diverged and failed trials of the search, by number."""
        return tuple(trial for trial in self.searched if trial.status in INFEASIBLE)

    def stage_label(self, number: int) -> str:
        """ "coarse", "fine 2"."""
        stage = self.stages.get(number)
        if stage is None:
            return f"stage {number}"
        repeated = sum(other.stage == stage.stage for other in self.stages.values()) > 1
        return f"{stage.stage} {stage.round}" if repeated else stage.stage

    def trials_of(self, stage: str) -> tuple[TrialRecord, ...]:
        numbers = {n for n, record in self.stages.items() if record.stage == stage}
        return tuple(trial for trial in self.snapshot.trials if trial.stage in numbers)

    def findings_of(self, trial: int) -> tuple[FindingRecord, ...]:
        return tuple(record for record in self.snapshot.findings if record.trial == trial)

    def boxes(self, name: str, optimizer: Any = None) -> tuple[Box, ...]:
        """The ranges that a hyperparameter had, oldest first, each once."""
        spaces = [stage.space for stage in self.snapshot.stages if stage.stage not in PREPARING]
        boxes = [box for space in (spaces or [self.snapshot.study.space]) if (box := box_of(space, name, optimizer))]
        return tuple(dict.fromkeys(boxes))


def read(snapshot: Snapshot) -> Reading:
    """Everything that follows from a snapshot before anything is drawn."""
    words = snapshot.study.objective.split()
    maximise = bool(words) and words[0] == "max"
    words = words[1:] if words and words[0] in ("max", "min") else words
    stages = {stage.number: stage for stage in snapshot.stages}
    searched = tuple(t for t in snapshot.trials if t.stage not in stages or stages[t.stage].stage not in PREPARING)
    result = snapshot.memos.get("result")
    reading = Reading(
        snapshot=snapshot,
        result=result if isinstance(result, Mapping) else None,
        maximise=maximise,
        series="_".join(words) or "val_loss",
        objective=" ".join(words) or "val loss",
        stages=stages,
        searched=searched,
        best=None,
        tuned=_tuned(snapshot, searched),
    )
    return dataclasses.replace(reading, best=_best(reading))


def _best(reading: Reading) -> TrialRecord | None:
    """The best of the trials with the hyperparameters that the result names; without such, the best of all."""
    chosen = ((reading.result or {}).get("best") or {}).get("hyperparameters")
    feasible = reading.feasible
    if chosen:
        same = [trial for trial in feasible if all(_same(trial.hyperparameters.get(k), v) for k, v in chosen.items())]
        if same:
            return same[0]
    return feasible[0] if feasible else None


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-9)
    return one == other


def _tuned(snapshot: Snapshot, trials: Sequence[TrialRecord]) -> tuple[str, ...]:
    names = dict.fromkeys([*FIRST, *snapshot.study.space, *(name for t in trials for name in t.hyperparameters)])
    values = {name: {repr(t.hyperparameters[name]) for t in trials if name in t.hyperparameters} for name in names}
    return tuple(name for name in names if len(values[name]) > 1)


def box_of(space: Mapping[str, Any], name: str, optimizer: Any = None) -> Box | None:
    """The range of a hyperparameter in a space's JSON; that of one optimizer where the space keeps them apart."""
    scale = space.get(name)
    if not isinstance(scale, Mapping):
        return None
    for key in ("by", "per_optimizer", "optimizer", "by_optimizer"):
        apart = scale.get(key)
        if isinstance(apart, Mapping) and isinstance(apart.get(optimizer), Mapping):
            return box_of({name: apart[optimizer]}, name)
    if isinstance(scale.get("scale"), Mapping):  # a conditional wraps the scale
        return box_of({name: scale["scale"]}, name, optimizer)
    choices = scale.get("choices", scale.get("values")) or ()
    return Box(
        scale=str(scale.get("scale", "")).replace("-", "_").lower(),
        low=_finite(scale.get("low")),
        high=_finite(scale.get("high")),
        choices=tuple(choices),
    )


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)
