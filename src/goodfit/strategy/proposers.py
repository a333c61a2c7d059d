"""Where the next trials come from: the seam, and the two oldest ways. A proposer is one class, and a line in
`registry.py` where it is to have a name."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from goodfit.space import Space
from goodfit.space.levels import frozen_value, value_key
from goodfit.strategy.observation import Observation
from goodfit.training.seeds import PROPOSAL, mixed

COUNTABLE = 100_000  # a space of so many points is searched to its last one


class Proposer(Protocol):
    """Proposes configurations from what was tried."""

    def propose(self, history: Sequence[Observation], n: int) -> tuple[dict[str, Any], ...]:
        """The next n configurations, fewer where the space has no more, or where some that run must end first.

        Args:
            history: every trial proposed so far, in their order, those still running included (with no score): none
                is repeated.
            n: how many there is room for.

        Returns:
            At most n. An empty answer while trials run means: ask again when one has ended; with none running it ends
            the search.
        """
        ...


class Random:
    """Independent draws, even over the unit cube.

    Configuration i depends on the seed and on i alone, and each dimension's place on its own key too: not on how many
    workers ask, in which order, or which other dimensions there are.

    Args:
        space: what to draw from.
        seed: of all draws.
        first: the index of the first configuration; stages that draw from one seed give theirs.

    Example:
        >>> from goodfit.space import log
        >>> proposer = Random(Space(lr=log(1e-4, 1e-1)), seed=0)
        >>> proposer.at(3) == Random(Space(lr=log(1e-4, 1e-1)), seed=0).propose((), 4)[3]
        True
    """

    def __init__(self, space: Space, seed: int, first: int = 0) -> None:
        self.space = space
        self.seed = seed
        self.first = first

    def at(self, index: int) -> dict[str, Any]:
        """Configuration `index`."""
        return self.space.from_units({key: place(self.seed, index, key) for key in self.space.keys})

    def propose(self, history: Sequence[Observation], n: int) -> tuple[dict[str, Any], ...]:
        """The first n of the sequence that were not tried: a point that comes up again is passed over."""
        return distinct((self.at(index) for index in _from(self.first)), history, n, self.space)


class Grid:
    """Every combination of evenly spaced levels, in a fixed order: fair in one or two dimensions, wasteful beyond.

    Args:
        space: what to lay the grid over.
        levels: how many of each dimension, or by name; choices have all their values.

    Example:
        >>> from goodfit.space import log
        >>> grid = Grid(Space(lr=log(1e-4, 1e-1), weight_decay=log(1e-4, 1e-1)), levels=4)
        >>> len(grid.points), grid.points[1]
        (16, {'lr': 0.0001, 'weight_decay': 0.001})
    """

    def __init__(self, space: Space, levels: int | Mapping[str, int]) -> None:
        self.space = space
        self.levels = levels
        self.points = tuple(space.points(levels))

    def propose(self, history: Sequence[Observation], n: int) -> tuple[dict[str, Any], ...]:
        """The next n cells that were not tried, in the grid's order."""
        return distinct(iter(self.points), history, n, None)


def place(seed: int, index: int, key: str) -> float:
    """A place in [0, 1) that depends on the seed, the configuration's index and the dimension's key alone."""
    return (mixed(seed, PROPOSAL, index, zlib.crc32(key.encode())) >> 10) / 2.0**53


def point_key(hyperparameters: Mapping[str, Any]) -> Any:
    """What tells two configurations apart."""
    return frozenset((name, value_key(frozen_value(value))) for name, value in hyperparameters.items())


def distinct(
    points: Iterator[dict[str, Any]], history: Sequence[Observation], n: int, space: Space | None
) -> tuple[dict[str, Any], ...]:
    """The first n points that are neither in the history nor among themselves.

    Args:
        points: may go on for ever where `space` is given: then the points that a long row of repeats has not found
            are listed instead.
    """
    names = None if space is None else set(space.names)
    seen = {point_key({k: v for k, v in o.hyperparameters.items() if names is None or k in names}) for o in history}
    size = math.inf if space is None else space.size
    chosen: list[dict[str, Any]] = []
    repeats = 0
    for point in points:
        if len(chosen) >= n:
            break
        key = point_key(point)
        if key not in seen:
            seen.add(key)
            chosen.append(point)
            repeats = 0
            continue
        repeats += 1
        if space is not None and math.isfinite(size) and repeats > 20 + 4 * len(seen):
            break
    if space is not None and len(chosen) < n and size <= COUNTABLE:
        left = (point for point in space.points() if point_key(point) not in seen)
        chosen += list(left)[: n - len(chosen)]
    return tuple(chosen[:n])


def _from(first: int) -> Iterator[int]:
    index = first
    while True:
        yield index
        index += 1


def propose_in_boxes(
    boxes: Sequence[Space],
    shares: Sequence[float],
    old: Space,
    n: int,
    seed: int,
    *,
    history: Sequence[Observation] = (),
    first: int = 0,
) -> tuple[dict[str, Any], ...]:
    """Draws from the next boxes, by their shares, and the rest from the old one, against tunnel vision.

    Which box draw i is from depends on i alone, and the shares hold for every run of draws as nearly as whole
    numbers can; so asking for 10 and then 10 more gives the same trials as asking for 20.

    Args:
        boxes, shares: as `NextBox` has them; what the shares lack of 1 is the old box's.
        old: the box before.
        n: how many.
        history: trials not to repeat.
        first: the index of the first draw.

    Source: recipe 4.3, 10 to 20 % from the old box [PD].
    """
    spaces, weights = [*boxes, old], [*shares, max(1 - sum(shares), 0.0)]
    size = sum(space.size for space in spaces)
    chosen: list[dict[str, Any]] = []
    tried = list(history)
    turns = _turns(weights, first)
    repeats = 0
    for index in _from(first):
        if len(chosen) >= n or (math.isfinite(size) and repeats > 20 + 4 * size):
            break
        space = spaces[next(turns)]
        point = Random(space, seed).at(index)
        if any(point_key(point) == point_key({k: o.hyperparameters.get(k) for k in point}) for o in tried):
            repeats += 1
            continue
        chosen.append(point)
        tried.append(Observation(-1, point, None, status="queued"))
    return tuple(chosen)


def _turns(weights: Sequence[float], first: int) -> Iterator[int]:
    """Whose turn it is from draw `first` on: always the one that lags its share the most."""
    taken = [0] * len(weights)
    for i in _from(0):
        turn = max(range(len(weights)), key=lambda k: weights[k] * (i + 1) - taken[k])
        taken[turn] += 1
        if i >= first:
            yield turn
