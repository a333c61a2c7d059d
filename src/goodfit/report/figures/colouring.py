"""Colours by value: six classes from low to high, chosen by rank so that every class is used."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.report.figures.axes import category
from goodfit.report.numbers import number
from goodfit.report.reading import Reading

CLASSES = 6


@dataclasses.dataclass(frozen=True, slots=True)
class Colouring:
    """Which class each trial has, and what the classes mean."""

    name: str
    labels: tuple[str, ...]
    classes: Mapping[int, int]  # trial -> class; trials without a value are left out

    def style(self, trial: int) -> str:
        kind = self.classes.get(trial)
        return "q" if kind is None else f"q q{kind}"

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "labels": list(self.labels), "classes": {str(k): v for k, v in self.classes.items()}}


def colouring(name: str, values: Mapping[int, Any]) -> Colouring:
    """Classes of about equal size by rank, equal values together; choices in the order of their names."""
    numeric = {t: float(v) for t, v in values.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
    if len(numeric) < len(values):
        names = sorted({category(v) for v in values.values()})
        spread = _spread(len(names))
        return Colouring(name, _labels(names, spread), {t: spread[names.index(category(v))] for t, v in values.items()})
    distinct = sorted(set(numeric.values()))
    spread = _spread(len(distinct))
    of_value = dict(zip(distinct, spread, strict=True))
    return Colouring(name, _labels(distinct, spread), {t: of_value[v] for t, v in numeric.items()})


def colourings(reading: Reading) -> list[Colouring]:
    """One for each tuned hyperparameter and one for the objective; that of lr first."""
    found = [
        colouring(name, {t.trial: t.hyperparameters[name] for t in reading.searched if name in t.hyperparameters})
        for name in reading.tuned
    ]
    scores = {t.trial: t.objective for t in reading.feasible}
    return [*found, colouring(reading.objective, scores)] if scores else found


def _spread(distinct: int) -> list[int]:
    """The class of each of so many values in order, over the whole palette."""
    if distinct <= 1:
        return [CLASSES // 2] * distinct
    if distinct <= CLASSES:
        return [round(i * (CLASSES - 1) / (distinct - 1)) for i in range(distinct)]
    return [i * CLASSES // distinct for i in range(distinct)]


def _labels(values: Sequence[Any], spread: Sequence[int]) -> tuple[str, ...]:
    """What each class holds: one value or the range of them; "" for a class that holds none."""
    labels = []
    for kind in range(CLASSES):
        held = [value for value, its in zip(values, spread, strict=True) if its == kind]
        ends = [number(held[0], 2), number(held[-1], 2)] if held else [""]
        labels.append(ends[0] if ends[0] == ends[-1] or len(held) == 1 else f"{ends[0]} to {ends[-1]}")
    return tuple(labels)
