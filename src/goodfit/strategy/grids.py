"""What a grid costs before it starts, and how it compares with as many random trials."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.findings import Finding
from goodfit.settings.search import SearchSettings
from goodfit.space import Space
from goodfit.space.levels import frozen_value, value_key
from goodfit.strategy.observation import Observation


@dataclasses.dataclass(frozen=True, slots=True)
class GridPrice:
    """What a grid costs, to be told before it starts."""

    trials: int
    epochs: float  # over all trials
    seconds: float | None  # None where an epoch's time is not known

    def __str__(self) -> str:
        time = "" if self.seconds is None else f", about {_duration(self.seconds)}"
        return f"This grid has {self.trials} cells: {self.epochs:g} epochs in all{time}."


def grid_price(
    space: Space,
    levels: int | Mapping[str, int],
    epochs: float,
    seconds_per_epoch: float | None = None,
    at_once: int = 1,
) -> GridPrice:
    """The price of a grid.

    Args:
        levels: of each dimension, or by name.
        epochs: of one trial.
        seconds_per_epoch: of one trial by itself, or of `at_once` trials together.

    Example:
        >>> from goodfit.space import log
        >>> space = Space(lr=log(1e-4, 1e-1), weight_decay=log(1e-4, 1e-1))
        >>> print(grid_price(space, 4, epochs=5, seconds_per_epoch=1.5))
        This grid has 16 cells: 80 epochs in all, about 2 min.
    """
    trials = sum(1 for _ in space.points(levels))
    rounds = -(-trials // max(at_once, 1))
    seconds = None if seconds_per_epoch is None else rounds * epochs * seconds_per_epoch
    return GridPrice(trials, trials * epochs, seconds)


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def grid_levels(space: Space, trials: int) -> int:
    """The most levels of every dimension whose grid has no more than so many cells; 2 at least.

    Example:
        >>> from goodfit.space import log
        >>> grid_levels(Space(lr=log(1e-4, 1e-1), weight_decay=log(1e-4, 1e-1)), trials=9)
        3
    """
    levels = 2
    while levels < trials and sum(1 for _ in space.points(levels + 1)) <= trials:
        more = sum(1 for _ in space.points(levels + 1))
        if more == sum(1 for _ in space.points(levels)):  # all scales have run out of levels
            break
        levels += 1
    return levels


def findings_of_grid(
    space: Space, levels: int | Mapping[str, int], settings: SearchSettings | None = None
) -> tuple[Finding, ...]:
    """A `grid-is-wasteful` finding from three hyperparameters on; a warning, never a refusal.

    Source: recipe 1 row 5; Bergstra and Bengio 2012; the Playbook accepts grids in one or two dimensions.
    """
    chosen = settings or SearchSettings()
    varied = [d for d in space.dimensions if (d.scale.levels or 2) > 1]
    names = list(dict.fromkeys(d.name for d in varied))
    if len(names) <= chosen.grid_dimensions_most:
        return ()
    points = list(space.points(levels))
    trials = len(points)
    most = max(_distinct(points, name) for name in names)
    return (
        Finding(
            kind="grid-is-wasteful",
            message=(
                f"A grid over {len(names)} hyperparameters spends {trials} trials on at most {most} values of any of "
                f"them; as many random trials would try {trials}."
            ),
            action="Use random search, or a grid over the one or two hyperparameters that matter.",
            evidence={
                "hyperparameters": names,
                "trials": trials,
                "most_values": most,
                "chance_grid": chance_to_hit(0.1, min(most, trials), is_grid=True),
                "chance_random": chance_to_hit(0.1, trials),
            },
            where="search",
        ),
    )


def chance_to_hit(share: float, values: int, *, is_grid: bool = False) -> float:
    """The chance that some trial falls into a good window of the axis that matters.

    Args:
        share: the window's share of the axis.
        values: different values tried on that axis: all trials of a random search, the levels of a grid.

    Source: recipe 4.2. 9 trials over two axes, a window of a tenth: 30 % for a grid, 61 % at random.

    Example:
        >>> chance_to_hit(0.1, 3, is_grid=True), round(chance_to_hit(0.1, 9), 2)
        (0.30000000000000004, 0.61)
    """
    return min(1.0, share * values) if is_grid else 1 - (1 - share) ** values


@dataclasses.dataclass(frozen=True, slots=True)
class RandomAgainstGrid:
    """Random search and a grid at equal budget."""

    values_random: Mapping[str, int]  # different values tried of each hyperparameter
    values_grid: Mapping[str, int]
    best_so_far_random: tuple[float | None, ...]  # after each trial, in the order of their numbers
    best_so_far_grid: tuple[float | None, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        values = ", ".join(
            f"{name}: {self.values_random[name]} against {self.values_grid[name]}" for name in self.values_random
        )
        best = [_shown(curve[-1] if curve else None) for curve in (self.best_so_far_random, self.best_so_far_grid)]
        return (f"Different values tried, random against grid: {values}.", f"Best: {best[0]} against {best[1]}.")


def random_against_grid(random: Sequence[Observation], grid: Sequence[Observation]) -> RandomAgainstGrid:
    """How many different values each tried, and how soon each got how far; the fewer trials set the budget for both.

    Source: recipe 1 row 4.
    """
    n = min(len(random), len(grid))
    first, second = (sorted(trials, key=lambda o: o.number)[:n] for trials in (random, grid))
    names = dict.fromkeys(name for o in (*first, *second) for name in o.hyperparameters)
    count = [
        {name: _distinct([dict(o.hyperparameters) for o in trials], name) for name in names}
        for trials in (first, second)
    ]
    return RandomAgainstGrid(count[0], count[1], best_so_far(first), best_so_far(second))


def best_so_far(observations: Sequence[Observation]) -> tuple[float | None, ...]:
    """The best score after each trial; None until one is feasible."""
    curve: list[float | None] = []
    best = None
    for observation in observations:
        if observation.score is not None and (best is None or observation.score < best):
            best = observation.score
        curve.append(best)
    return tuple(curve)


def _distinct(points: Sequence[Mapping[str, Any]], name: str) -> int:
    return len({value_key(frozen_value(point[name])) for point in points if name in point})


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"
