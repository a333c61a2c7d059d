"""A space: which hyperparameters may vary, over what, and under which conditions."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from goodfit.errors import SpaceError
from goodfit.space.constructors import Conditional
from goodfit.space.dimension import Condition, Dimension
from goodfit.space.levels import Choice
from goodfit.space.reading import read_dimensions
from goodfit.space.registry import scale_from_json
from goodfit.space.scales import Scale


@dataclasses.dataclass(frozen=True, init=False)
class Space:
    """The hyperparameters that may vary, each over its scale; a range is a starting box, which the search moves.

    The learning rate's box is kept per optimizer wherever the optimizer is a choice: the right rate is another
    one. Its dimensions are then `lr[optimizer=sgd]`, `lr[optimizer=adamw]`, all of the name `lr`.

    Args:
        conditionals: what `when` made.
        scales: a scale for each name.

    Raises:
        SpaceError: all that is wrong, in one message.

    Example:
        >>> from goodfit.space import Space, choice, log, reverse_log, when
        >>> space = Space(
        ...     when(optimizer="sgd", momentum=reverse_log(0.5, 0.99)),
        ...     lr=log(1e-4, 1e-1),
        ...     optimizer=choice("sgd", "adamw"),
        ... )
        >>> space.names
        ('optimizer', 'lr', 'momentum')
        >>> space.from_units([0.5, 0.5, 1.0, 0.5])
        {'optimizer': 'adamw', 'lr': 0.1}
    """

    dimensions: tuple[Dimension, ...]  # those that others depend on come before them

    def __init__(self, /, *conditionals: Conditional, **scales: Any) -> None:
        object.__setattr__(self, "dimensions", read_dimensions(conditionals, scales))

    @classmethod
    def of(cls, dimensions: Sequence[Dimension]) -> Space:
        """A space of dimensions that are known to be sound; those whose condition can no longer hold are left out."""
        space = object.__new__(cls)
        object.__setattr__(space, "dimensions", _reachable(dimensions))
        return space

    @property
    def names(self) -> tuple[str, ...]:
        """The hyperparameters' names, each once."""
        return tuple(dict.fromkeys(dimension.name for dimension in self.dimensions))

    @property
    def keys(self) -> tuple[str, ...]:
        """The dimensions' keys: the name, and the condition where there is one."""
        return tuple(dimension.key for dimension in self.dimensions)

    def __getitem__(self, key: str) -> Dimension:
        """The dimension with this key.

        Raises:
            KeyError: there is none; the message lists those that are.
        """
        for dimension in self.dimensions:
            if dimension.key == key:
                return dimension
        raise KeyError(f"there is no dimension {key!r}; there are {', '.join(self.keys) or 'none'}")

    def __contains__(self, key: object) -> bool:
        return key in self.keys

    def active(self, hyperparameters: Mapping[str, Any]) -> tuple[Dimension, ...]:
        """The dimensions that these hyperparameters have: those whose conditions they meet."""
        return tuple(dimension for dimension in self.dimensions if dimension.is_active(hyperparameters))

    def from_units(self, units: Sequence[float] | Mapping[str, float]) -> dict[str, Any]:
        """The hyperparameters at a point of the unit cube.

        Args:
            units: a place for every dimension, in their order or by key; those of inactive dimensions are not read.

        Raises:
            ValueError: a sequence of another length than the dimensions'.
        """
        if not isinstance(units, Mapping):
            if len(units) != len(self.dimensions):
                raise ValueError(f"a point of this space has {len(self.dimensions)} places, got {len(units)}")
            units = dict(zip(self.keys, units, strict=True))
        values: dict[str, Any] = {}
        for dimension in self.dimensions:
            if dimension.is_active(values):
                values[dimension.name] = dimension.scale.from_unit(units[dimension.key])
        return values

    def to_units(self, hyperparameters: Mapping[str, Any]) -> dict[str, float]:
        """The place of each active dimension that the hyperparameters have, by key; outside the box it is
        below 0 or above 1 on a range, and left out where it is no value of the scale at all."""
        return {
            dimension.key: dimension.scale.to_unit(hyperparameters[dimension.name])
            for dimension in self.active(hyperparameters)
            if dimension.name in hyperparameters and dimension.has_place_for(hyperparameters[dimension.name])
        }

    def contains(self, hyperparameters: Mapping[str, Any]) -> bool:
        """True where every active dimension has a value within its scale."""
        return all(
            dimension.name in hyperparameters and dimension.scale.contains(hyperparameters[dimension.name])
            for dimension in self.active(hyperparameters)
        )

    def validate(self, hyperparameters: Mapping[str, Any]) -> None:
        """Check a point against the space; names that the space does not have are the caller's own.

        Raises:
            SpaceError: every value that is missing or outside its scale, in one message.
        """
        faults = []
        for dimension in self.active(hyperparameters):
            if dimension.name not in hyperparameters:
                faults.append(f"{dimension.key}: a value is missing.")
            elif not dimension.scale.contains(hyperparameters[dimension.name]):
                value = hyperparameters[dimension.name]
                faults.append(f"{dimension.key}: {value!r} is not within {dimension.scale}.")
        if faults:
            raise SpaceError(" ".join(faults))

    def replace(self, scales: Mapping[str, Scale]) -> Space:
        """This space with other scales, by the dimensions' keys.

        Raises:
            KeyError: a key is not among the dimensions'.
        """
        for key in scales:
            self[key]
        return Space.of([dataclasses.replace(d, scale=scales.get(d.key, d.scale)) for d in self.dimensions])

    def fixed(self, values: Mapping[str, Any]) -> Space:
        """This space without the hyperparameters named, which have these values from now on.

        Conditions on them are decided: what they rule out goes, what they allow stays without the condition.
        """
        left = []
        for dimension in self.dimensions:
            decided = [c for c in dimension.conditions if c.parent in values]
            if dimension.name in values or not all(c.allows(values[c.parent]) for c in decided):
                continue
            others = tuple(c for c in dimension.conditions if c.parent not in values)
            left.append(dataclasses.replace(dimension, conditions=others))
        return Space.of(left)

    def only(self, names: Collection[str], start: Mapping[str, Any] | None = None) -> Space:
        """This space with these names alone; the others have their value in `start`, or else their middle."""
        values = {**self.middle(), **(start or {})}
        return self.fixed({name: values.get(name) for name in self.names if name not in names})

    def middle(self) -> dict[str, Any]:
        """The middle of each scale, the first of each choice: where steps 1 to 3 start."""
        values: dict[str, Any] = {}
        for dimension in self.dimensions:
            if dimension.is_active(values):
                values[dimension.name] = dimension.scale.middle()
        return values

    @property
    def size(self) -> float:
        """How many different points there are; infinite where an active range is dense."""
        parents = {condition.parent for dimension in self.dimensions for condition in dimension.conditions}
        total = 0.0
        for values in self._combinations([d for d in self.dimensions if d.name in parents]):
            others = [d for d in self.dimensions if d.name not in parents and d.is_active(values)]
            total += math.prod(float(d.scale.levels or math.inf) for d in others)
        return total

    def points(self, levels: int | Mapping[str, int] = 0) -> Iterator[dict[str, Any]]:
        """Every point of a grid, the last dimension changing fastest; conditional ones only where they are active.

        Args:
            levels: how many of each dimension, or by name; 0 or left out means all, which a dense range has not.

        Raises:
            ValueError: a dense range was given no number of levels.
        """
        yield from self._combinations(self.dimensions, levels)

    def _combinations(
        self, dimensions: Sequence[Dimension], levels: int | Mapping[str, int] = 0
    ) -> Iterator[dict[str, Any]]:
        points: list[dict[str, Any]] = [{}]
        for dimension in dimensions:
            wanted = levels if isinstance(levels, int) else levels.get(dimension.key, levels.get(dimension.name, 0))
            count = wanted or dimension.scale.levels
            if count is None:
                raise ValueError(f"{dimension.key} is a dense range: say how many levels of it the grid has")
            grid = dimension.scale.grid(count)
            points = [
                grown
                for point in points
                for grown in (
                    [{**point, dimension.name: value} for value in grid] if dimension.is_active(point) else [point]
                )
            ]
        yield from points

    def as_json(self) -> dict[str, Any]:
        """Each dimension's scale by its key; one with conditions carries its name and them too.

        Example:
            >>> from goodfit.space import Space, log
            >>> Space(lr=log(1e-4, 1e-1)).as_json()
            {'lr': {'scale': 'log', 'low': 0.0001, 'high': 0.1}}
        """
        return {dimension.key: dimension.as_json() for dimension in self.dimensions}

    @classmethod
    def from_json(cls, document: Mapping[str, Mapping[str, Any]]) -> Space:
        """The space that `as_json` wrote.

        Raises:
            SpaceError: a scale cannot be read; the message names its dimension.
        """
        dimensions, faults = [], []
        for key, entry in document.items():
            try:
                scale = scale_from_json(entry)
            except (SpaceError, TypeError) as fault:
                faults.append(f"{key}: {fault}")
                continue
            conditions = tuple(
                Condition(parent, Choice(tuple(values)).values) for parent, values in entry.get("when", {}).items()
            )
            dimensions.append(Dimension(entry.get("name", key), scale, conditions))
        if faults:
            raise SpaceError(" ".join(faults))
        return cls.of(dimensions)

    def __repr__(self) -> str:
        return f"Space({', '.join(f'{d.key}={d.scale}' for d in self.dimensions)})"


def _reachable(dimensions: Sequence[Dimension]) -> tuple[Dimension, ...]:
    """The dimensions whose conditions some point can still meet, conditions cut to the values left, parents first."""
    left: list[Dimension] = []
    for dimension in dimensions:
        conditions = []
        for condition in dimension.conditions:
            scales = [d.scale for d in dimensions if d.name == condition.parent]
            values = tuple(value for value in condition.values if any(scale.contains(value) for scale in scales))
            conditions.append(dataclasses.replace(condition, values=values))
        if all(condition.values for condition in conditions):
            left.append(dataclasses.replace(dimension, conditions=tuple(conditions)))
    return tuple(left)
