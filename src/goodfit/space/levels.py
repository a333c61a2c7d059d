"""Scales with countable values: whole numbers, powers of two, choices. Each value has an equal share of [0, 1]."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, Self

from goodfit.errors import SpaceError
from goodfit.space.scales import NO_LIMITS, Limits, Side, clipped, is_number, is_whole, with_hard


class Ordered:
    """Values in order, one a level; value i of n sits in the middle of [i/n, (i+1)/n]. Leaves name the values."""

    __slots__ = ()
    low: int
    high: int
    hard: bool

    @property
    def is_ordered(self) -> bool:
        return True

    @property
    def atom(self) -> float:
        return 0.0

    @property
    def levels(self) -> int:
        return self.level(self.high) + 1

    def level(self, value: int) -> int:
        """The value's place in the order, from 0."""
        raise NotImplementedError

    def value(self, level: int) -> int:
        """The value at a place in the order; levels outside the range go on in the same way."""
        raise NotImplementedError

    def to_unit(self, value: int) -> float:
        return (self.level(int(value)) + 0.5) / self.levels

    def from_unit(self, unit: float) -> int:
        return self.value(min(int(clipped(unit) * self.levels), self.levels - 1))

    def narrowed(self, unit_low: float, unit_high: float) -> Self:
        """The levels that the part between two places touches by more than rounding; two of them at least."""
        n = self.levels
        first = min(int(clipped(unit_low) * n + 1e-9), n - 1)
        last = min(max(math.ceil(clipped(unit_high) * n - 1e-9) - 1, first), n - 1)
        if first == last and n > 1:
            first, last = (first, first + 1) if first + 1 < n else (first - 1, first)
        return dataclasses.replace(self, low=self.value(first), high=self.value(last))  # ty: ignore[invalid-argument-type]

    def extended(self, side: Side, limits: Limits = NO_LIMITS) -> Self:
        """Half as many levels again on one side, rounded up, never past a natural limit; itself where hard."""
        if self.hard:
            return self
        steps = (self.levels + 1) // 2
        reached = [self.value(-step if side == "low" else self.levels - 1 + step) for step in range(steps + 1)]
        floor, ceiling = (self.floor() if limits[0] is None else max(limits[0], self.floor())), limits[1]
        allowed = [value for value in reached if value >= floor and (ceiling is None or value <= ceiling)]
        if not allowed:
            return self
        if side == "low":
            return dataclasses.replace(self, low=min(int(min(allowed)), self.low))  # ty: ignore[invalid-argument-type]
        return dataclasses.replace(self, high=max(int(max(allowed)), self.high))  # ty: ignore[invalid-argument-type]

    def unit_width(self, decades: float) -> float:
        """All of it for two neighbouring levels or fewer, else nothing: `narrowed` sees to it that two are left."""
        return 1.0 if self.levels <= 2 else 0.0

    def floor(self) -> float:
        """The least value that an extension may reach."""
        return -math.inf

    def grid(self, levels: int) -> tuple[int, ...]:
        """Values at about equal distances, both ends among them, each once."""
        if levels < 2:
            return (self.middle(),)
        top = self.levels - 1
        return tuple(dict.fromkeys(self.value(round(i * top / (levels - 1))) for i in range(levels)))

    def middle(self) -> int:
        """The lower of the two in the middle where their number is even: the cheaper network."""
        return self.value((self.levels - 1) // 2)


@dataclasses.dataclass(frozen=True, slots=True)
class Integer(Ordered):
    """Whole numbers from `low` to `high`, both included.

    Raises:
        SpaceError: an end is no whole number, or low is above high.
    """

    low: int
    high: int
    hard: bool = False
    code: ClassVar[str] = "integer"

    def __post_init__(self) -> None:
        if not (is_whole(self.low) and is_whole(self.high)) or self.low > self.high:
            raise SpaceError(f"Integer needs whole numbers low <= high, got low={self.low!r}, high={self.high!r}.")
        object.__setattr__(self, "low", int(self.low))
        object.__setattr__(self, "high", int(self.high))

    def level(self, value: int) -> int:
        return value - self.low

    def value(self, level: int) -> int:
        return self.low + level

    def contains(self, value: Any) -> bool:
        return is_whole(value) and self.low <= int(value) <= self.high

    def floor(self) -> float:
        """Counts stay counts: a range of positive numbers stays positive, one that starts at 0 never goes below."""
        return 1 if self.low >= 1 else 0 if self.low == 0 else -math.inf

    def as_json(self) -> dict[str, Any]:
        return with_hard({"scale": self.code, "low": self.low, "high": self.high}, self.hard)


@dataclasses.dataclass(frozen=True, slots=True)
class PowersOfTwo(Ordered):
    """Powers of two from `low` to `high`, both included; 1 is one of them.

    Raises:
        SpaceError: an end is no power of two, or low is above high.
    """

    low: int
    high: int
    hard: bool = False
    code: ClassVar[str] = "powers_of_two"

    def __post_init__(self) -> None:
        for end, value in (("low", self.low), ("high", self.high)):
            if not is_whole(value) or value < 1 or int(value) & (int(value) - 1):
                raise SpaceError(f"PowersOfTwo needs powers of two at its ends, got {end}={value!r}.{_near(value)}")
            object.__setattr__(self, end, int(value))
        if self.low > self.high:
            raise SpaceError(f"PowersOfTwo needs low <= high, got low={self.low}, high={self.high}.")

    def level(self, value: int) -> int:
        return value.bit_length() - self.low.bit_length()

    def value(self, level: int) -> int:
        exponent = self.low.bit_length() - 1 + level
        return 1 << exponent if exponent >= 0 else 0

    def contains(self, value: Any) -> bool:
        return is_whole(value) and self.low <= int(value) <= self.high and not int(value) & (int(value) - 1)

    def floor(self) -> float:
        return 1

    def as_json(self) -> dict[str, Any]:
        return with_hard({"scale": self.code, "low": self.low, "high": self.high}, self.hard)


def _near(value: object) -> str:
    if not is_number(value) or float(value) <= 1:  # ty: ignore[invalid-argument-type]
        return " The smallest is 1."
    below = 2 ** math.floor(math.log2(float(value)))  # ty: ignore[invalid-argument-type]
    return f" The nearest are {below} and {below * 2}."


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """One of a few values without an order. Lists become tuples, so that points can be compared and hashed.

    Raises:
        SpaceError: there is no value, one appears twice, or one is neither text, number, truth value, None nor a
            tuple of these.
    """

    values: tuple[Any, ...]
    hard: ClassVar[bool] = True
    code: ClassVar[str] = "choice"

    def __post_init__(self) -> None:
        values = tuple(frozen_value(value) for value in self.values)
        object.__setattr__(self, "values", values)
        if not values:
            raise SpaceError("Choice needs at least one value, got none.")
        for value in values:
            if not _is_plain(value):
                raise SpaceError(
                    f"Choice takes text, numbers, truth values, None and tuples of these, got {value!r}. "
                    "Choose by name, and look the object up in the model's builder."
                )
        if len({value_key(value) for value in values}) < len(values):
            twice = next(v for i, v in enumerate(values) if value_key(v) in {value_key(w) for w in values[:i]})
            raise SpaceError(f"Choice has {twice!r} twice; name each value once.")

    @property
    def levels(self) -> int:
        return len(self.values)

    @property
    def is_ordered(self) -> bool:
        return False

    @property
    def atom(self) -> float:
        return 0.0

    def level(self, value: Any) -> int:
        """The value's place among the choices, from 0."""
        key = value_key(frozen_value(value))
        return next(i for i, mine in enumerate(self.values) if value_key(mine) == key)

    def to_unit(self, value: Any) -> float:
        return (self.level(value) + 0.5) / len(self.values)

    def from_unit(self, unit: float) -> Any:
        return self.values[min(int(clipped(unit) * len(self.values)), len(self.values) - 1)]

    def contains(self, value: Any) -> bool:
        key = value_key(frozen_value(value))
        return any(value_key(mine) == key for mine in self.values)

    def narrowed(self, unit_low: float, unit_high: float) -> Choice:
        """Itself: a part of [0, 1] means nothing where there is no order; `kept` drops values."""
        return self

    def kept(self, values: tuple[Any, ...]) -> Choice:
        """The choices that are among `values`, in their order."""
        keys = {value_key(frozen_value(value)) for value in values}
        return Choice(tuple(value for value in self.values if value_key(value) in keys))

    def extended(self, side: Side, limits: Limits = NO_LIMITS) -> Choice:
        return self

    def unit_width(self, decades: float) -> float:
        return 1.0

    def grid(self, levels: int) -> tuple[Any, ...]:
        """All values, however many levels: none lies between others."""
        return self.values

    def middle(self) -> Any:
        """The first: what the user put first is the safe one."""
        return self.values[0]

    def as_json(self) -> dict[str, Any]:
        return {"scale": self.code, "values": [_as_list(value) for value in self.values]}


def frozen_value(value: Any) -> Any:
    """The value with lists as tuples, as JSON gives them back."""
    return tuple(frozen_value(item) for item in value) if isinstance(value, (list, tuple)) else value


def value_key(value: Any) -> Any:
    """What tells two values apart: 1, 1.0 and True are equal to Python, True is not to a model's builder."""
    if isinstance(value, tuple):
        return tuple(value_key(item) for item in value)
    return (isinstance(value, bool), value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (str, bool)) or is_number(value)


def _as_list(value: Any) -> Any:
    return [_as_list(item) for item in value] if isinstance(value, tuple) else value
