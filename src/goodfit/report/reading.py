"""What the report needs to know of a study beyond its records: which trials compete, which is best, what was tuned."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.ledger.records import Snapshot, StageRecord, TrialRecord
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
    feasible: tuple[TrialRecord, ...]  # those of `searched` with a result: best first, by number where equal
    infeasible: tuple[TrialRecord, ...]  # those of `searched` that diverged or failed, by number
    best: TrialRecord | None
    tuned: tuple[str, ...]  # hyperparameters that took more than one value among `searched`

    def is_feasible(self, trial: TrialRecord) -> bool:
        return trial.status not in INFEASIBLE and trial.objective is not None and math.isfinite(trial.objective)

    def is_infeasible(self, trial: TrialRecord) -> bool:
        return trial.status in INFEASIBLE

    @property
    def is_check(self) -> bool:
        """Whether the first three steps were all that was asked for (`goodfit check`)."""
        return self.snapshot.study.options.get("only_checks") is True

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

    @property
    def spaces(self) -> tuple[Mapping[str, Any], ...]:
        """Those that were searched, oldest first; the starting one where no search was recorded."""
        searched = [s.space for s in self.snapshot.stages if s.stage not in PREPARING and s.space]
        return tuple(searched or [self.snapshot.study.space])

    def boxes(self, name: str, optimizer: Any = None) -> tuple[Box, ...]:
        """The ranges that a hyperparameter had, oldest first, each once."""
        return tuple(dict.fromkeys(box for space in self.spaces if (box := box_of(space, name, optimizer))))


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
        feasible=(),
        infeasible=tuple(trial for trial in searched if trial.status in INFEASIBLE),
        best=None,
        tuned=_tuned(snapshot, searched),
    )
    sign = -1 if maximise else 1
    feasible = [trial for trial in searched if reading.is_feasible(trial)]
    feasible.sort(key=lambda trial: (sign * (trial.objective or 0.0), trial.trial))
    reading = dataclasses.replace(reading, feasible=tuple(feasible))
    return dataclasses.replace(reading, best=_best(reading))


def _best(reading: Reading) -> TrialRecord | None:
    """The best of the trials with the hyperparameters that the result names; without such, the best of all."""
    chosen = ((reading.result or {}).get("best") or {}).get("hyperparameters")
    feasible = reading.feasible
    if chosen:
        same = [trial for trial in feasible if _holds(trial, chosen)]
        if same:
            return same[0]
    return feasible[0] if feasible else None


def _holds(trial: TrialRecord, chosen: Mapping[str, Any]) -> bool:
    """Whether a trial had the chosen hyperparameters; the decay of an average is chosen after the training."""
    return all(_same(trial.hyperparameters.get(k), v) for k, v in chosen.items() if k != "ema_decay")


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-9)
    return one == other


def _tuned(snapshot: Snapshot, trials: Sequence[TrialRecord]) -> tuple[str, ...]:
    declared = (e.get("name", key) if isinstance(e, Mapping) else key for key, e in snapshot.study.space.items())
    names = dict.fromkeys([*FIRST, *declared, *(name for t in trials for name in t.hyperparameters)])
    values = {name: {repr(t.hyperparameters[name]) for t in trials if name in t.hyperparameters} for name in names}
    return tuple(name for name in names if len(values[name]) > 1)


def as_box(entry: Any) -> Box | None:
    """The range that one entry of a space's JSON describes."""
    if not isinstance(entry, Mapping) or "scale" not in entry:
        return None
    choices = entry.get("values", entry.get("choices")) or ()
    return Box(str(entry["scale"]), _finite(entry.get("low")), _finite(entry.get("high")), tuple(map(_frozen, choices)))


def box_of(space: Mapping[str, Any], name: str, optimizer: Any = None) -> Box | None:
    """The range of a hyperparameter in a space's JSON.

    A space can hold several ranges of one name, each under a condition (the rate's, one for each optimizer): with an
    optimizer given, only those that hold for it; what is left is taken together, from the lowest end to the highest.
    """
    boxes = []
    for key, entry in space.items():
        box = as_box(entry)
        if box is None or entry.get("name", key) != name:
            continue
        allowed = (entry.get("when") or {}).get("optimizer")
        if optimizer is None or allowed is None or optimizer in allowed:
            boxes.append(box)
    if len(boxes) < 2:
        return boxes[0] if boxes else None
    lows, highs = ([end for box in boxes if (end := getattr(box, side)) is not None] for side in ("low", "high"))
    choices = tuple(dict.fromkeys(choice for box in boxes for choice in box.choices))
    return Box(boxes[0].scale, min(lows, default=None), max(highs, default=None), choices)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)
