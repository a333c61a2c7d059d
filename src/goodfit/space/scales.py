"""Scales: how a hyperparameter's values lie over [0, 1], so that an even draw there is a sensible draw here.

Every scale maps a value to its place on [0, 1] (`to_unit`) and back (`from_unit`), and can be narrowed to a part of
itself or extended beyond an end. Even in the place is even in what the hyperparameter does: a learning rate acts by
its logarithm, a decay rate by the logarithm of 1 - β, a dropout rate by its value.

A new scale is a class with the methods of `Scale` and one line in `registry.SCALES`; those that are a warp of a
range derive from `Warped` and say only how they bend it.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable

from goodfit.errors import SpaceError

Side = Literal["low", "high"]
Limits = tuple[float | None, float | None]  # natural limits of the values; None: no limit on that side
NO_LIMITS: Limits = (None, None)


@runtime_checkable
class Scale(Protocol):
    """What the search asks of a scale. Places outside [0, 1] count as the nearest end."""

    code: ClassVar[str]  # its name in JSON

    @property
    def hard(self) -> bool:
        """True where it is never extended beyond its ends."""
        ...

    @property
    def levels(self) -> int | None:
        """How many values it has; None where they lie densely."""

    @property
    def is_ordered(self) -> bool:
        """False where the values have no order, so that ends and neighbours mean nothing."""

    @property
    def atom(self) -> float:
        """The share of the places, from 0 up, that all stand for the value 0; 0 for most scales."""

    def to_unit(self, value: Any) -> float: ...

    def from_unit(self, unit: float) -> Any: ...

    def contains(self, value: Any) -> bool: ...

    def narrowed(self, unit_low: float, unit_high: float) -> Scale: ...

    def extended(self, side: Side, limits: Limits = NO_LIMITS) -> Scale: ...

    def grid(self, levels: int) -> tuple[Any, ...]: ...

    def middle(self) -> Any: ...

    def unit_width(self, decades: float) -> float:
        """How much of [0, 1] the width takes at which a search stops narrowing; `decades` where there are any."""
        ...

    def as_json(self) -> dict[str, Any]: ...


def is_number(value: object) -> bool:
    """True for a finite number that is not a truth value; numpy's numbers count."""
    if isinstance(value, bool) or not hasattr(value, "__float__") or isinstance(value, str):
        return False
    try:
        return math.isfinite(float(value))  # ty: ignore[invalid-argument-type]
    except (TypeError, ValueError, OverflowError):
        return False


def is_whole(value: object) -> bool:
    """True for a whole number, also where it is written as a float."""
    return is_number(value) and float(value) == round(float(value))  # ty: ignore[invalid-argument-type]


def clipped(unit: float) -> float:
    """The place, brought into [0, 1]."""
    return min(max(float(unit), 0.0), 1.0)


class Warped:
    """A range of real numbers, laid evenly over [0, 1] after a bend. Leaves say how they bend and what they need.

    The bend grows with the value, so place 0 is `low` and place 1 is `high`.
    """

    __slots__ = ()
    low: float
    high: float
    hard: bool

    @property
    def levels(self) -> int | None:
        return None

    @property
    def is_ordered(self) -> bool:
        return True

    @property
    def atom(self) -> float:
        return 0.0

    def bent(self, value: float) -> float:
        """The value on the axis on which the range is even."""
        raise NotImplementedError

    def unbent(self, position: float) -> float:
        """The value at a position on that axis."""
        raise NotImplementedError

    def reach(self) -> float:
        """How far one extension goes, on the bent axis: half a width."""
        return self.width() / 2

    def width(self) -> float:
        """The range's width on the bent axis."""
        return self.bent(self.high) - self.bent(self.low)

    def unit_width(self, decades: float) -> float:
        """How much of [0, 1] that many decades take (of the value, of 1 - β, of the odds)."""
        return decades * math.log(10.0) / self.width()

    def to_unit(self, value: float) -> float:
        if self.low == self.high:
            return 0.5
        return (self.bent(float(value)) - self.bent(self.low)) / self.width()

    def from_unit(self, unit: float) -> float:
        if unit <= 0 or unit >= 1:  # exactly, so that an end that does not move stays the same number
            return self.low if unit <= 0 else self.high
        value = self.unbent(self.bent(self.low) + unit * self.width())
        return min(max(value, self.low), self.high)  # rounding may step outside the range

    def tidy_from_unit(self, unit: float) -> float:
        """The value at a place, rounded to the digits that a person may want to read."""
        return min(max(tidy(self.from_unit(unit)), self.low), self.high)

    def contains(self, value: Any) -> bool:
        return is_number(value) and self.low <= float(value) <= self.high

    def narrowed(self, unit_low: float, unit_high: float) -> Self:
        """The part of the range between two places, the lower first."""
        return dataclasses.replace(self, low=self.tidy_from_unit(unit_low), high=self.tidy_from_unit(unit_high))  # ty: ignore[invalid-argument-type]

    def extended(self, side: Side, limits: Limits = NO_LIMITS) -> Self:
        """The range, reaching further on one side, but never past a natural limit; itself where it is hard."""
        if self.hard:
            return self
        if side == "low":
            low = self.unbent(self.bent(self.low) - self.reach())
            low = tidy(low) if limits[0] is None else max(tidy(low), limits[0])
            return dataclasses.replace(self, low=min(low, self.low))  # ty: ignore[invalid-argument-type]
        high = self.unbent(self.bent(self.high) + self.reach())
        high = tidy(high) if limits[1] is None else min(tidy(high), limits[1])
        return dataclasses.replace(self, high=max(high, self.high))  # ty: ignore[invalid-argument-type]

    def grid(self, levels: int) -> tuple[float, ...]:
        """Values at equal distances on the bent axis, both ends among them; one level is the middle."""
        if levels < 2:
            return (self.middle(),)
        inner = (tidy(self.from_unit(i / (levels - 1))) for i in range(1, levels - 1))
        return (self.low, *inner, self.high)

    def middle(self) -> float:
        return min(max(tidy(self.from_unit(0.5)), self.low), self.high)


def tidy(value: float) -> float:
    """The value without the last digits' rounding, so that a grid reads 0.001 and not 0.0009999999999999998."""
    return float(f"{value:.12g}")


@dataclasses.dataclass(frozen=True, slots=True)
class Log(Warped):
    """A positive range, laid evenly over [0, 1] by its logarithm; `zero` is the probability of exactly 0.

    With `zero`, the places below it stand for the value 0 and the range fills the rest.

    Raises:
        SpaceError: not 0 < low < high, or `zero` is not a probability below 1.
    """

    low: float
    high: float
    zero: float = 0.0
    hard: bool = False
    code: ClassVar[str] = "log"

    def __post_init__(self) -> None:
        if not (is_number(self.low) and is_number(self.high)) or not 0 < self.low < self.high:
            raise SpaceError(
                f"Log needs 0 < low < high, got low={self.low!r}, high={self.high!r}. "
                "If 0 must be reachable, use linear, or give log a zero=0.25: the share of trials with exactly 0."
            )
        if not is_number(self.zero) or not 0 <= self.zero < 1:
            raise SpaceError(f"Log's zero is the probability of exactly 0, at least 0 and below 1, got {self.zero!r}.")

    @property
    def atom(self) -> float:
        return self.zero

    def bent(self, value: float) -> float:
        return math.log(value)

    def unbent(self, position: float) -> float:
        return math.exp(min(max(position, -744.0), 709.0))  # beyond these exp leaves the floating-point numbers

    def reach(self) -> float:
        """A decade (recipe 4.4)."""
        return math.log(10.0)

    def to_unit(self, value: float) -> float:
        if self.zero and value == 0:
            return self.zero / 2
        place = (math.log(float(value)) - math.log(self.low)) / self.width()
        return self.zero + (1 - self.zero) * place

    def from_unit(self, unit: float) -> float:
        unit = clipped(unit)
        if unit < self.zero:
            return 0.0
        return Warped.from_unit(self, (unit - self.zero) / (1 - self.zero))

    def contains(self, value: Any) -> bool:
        return Warped.contains(self, value) or bool(self.zero and is_number(value) and float(value) == 0)

    def unit_width(self, decades: float) -> float:
        return (1 - self.zero) * Warped.unit_width(self, decades)

    def narrowed(self, unit_low: float, unit_high: float) -> Log:
        """The part between two places; 0 stays reachable where the part begins below the places of 0."""
        share = 1 - self.zero
        if unit_high <= self.zero:  # only 0 is left: keep the lowest third of the range next to it
            unit_low, unit_high = 0.0, self.zero + share / 3
        part = dataclasses.replace(self, zero=0.0)
        low = part.tidy_from_unit((unit_low - self.zero) / share)
        high = part.tidy_from_unit((unit_high - self.zero) / share)
        return dataclasses.replace(self, low=low, high=high, zero=self.zero if unit_low < self.zero else 0.0)

    def grid(self, levels: int) -> tuple[float, ...]:
        """Values in equal ratios, both ends among them; 0 takes one of the levels where it can be reached."""
        if self.zero and levels > 1:
            return (0.0, *Warped.grid(dataclasses.replace(self, zero=0.0), levels - 1))
        return Warped.grid(self, levels)

    def middle(self) -> float:
        """The geometric middle of the range, whether or not 0 can be reached."""
        return min(max(tidy(Warped.from_unit(self, 0.5)), self.low), self.high)

    def as_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {"scale": self.code, "low": float(self.low), "high": float(self.high)}
        if self.zero:
            document["zero"] = float(self.zero)
        return with_hard(document, self.hard)


@dataclasses.dataclass(frozen=True, slots=True)
class Linear(Warped):
    """A range in which equal steps do equal things, such as a dropout rate.

    Raises:
        SpaceError: not low < high.
    """

    low: float
    high: float
    hard: bool = False
    code: ClassVar[str] = "linear"

    def __post_init__(self) -> None:
        if not (is_number(self.low) and is_number(self.high)) or not self.low < self.high:
            raise SpaceError(f"Linear needs low < high, both finite numbers, got low={self.low!r}, high={self.high!r}.")

    def bent(self, value: float) -> float:
        return float(value)

    def unbent(self, position: float) -> float:
        return position

    def unit_width(self, decades: float) -> float:
        """The same share of the range's largest magnitude as the decades are of three: a tenth for 0.3 of one."""
        return max(abs(self.low), abs(self.high)) * decades / 3 / self.width()

    def as_json(self) -> dict[str, Any]:
        return with_hard({"scale": self.code, "low": float(self.low), "high": float(self.high)}, self.hard)


@dataclasses.dataclass(frozen=True, slots=True)
class ReverseLog(Warped):
    """A range of decay rates β, laid evenly by log(1 - β): from 0.9 to 0.9005 changes nothing, from 0.999 to 0.9995
    doubles the window that is averaged.

    Raises:
        SpaceError: not 0 <= low < high < 1.
    """

    low: float
    high: float
    hard: bool = False
    code: ClassVar[str] = "reverse_log"

    def __post_init__(self) -> None:
        if not (is_number(self.low) and is_number(self.high)) or not 0 <= self.low < self.high < 1:
            raise SpaceError(
                f"ReverseLog needs 0 <= low < high < 1, got low={self.low!r}, high={self.high!r}. "
                "Give the rates themselves, such as 0.9 and 0.999, not 1 - rate."
            )

    def bent(self, value: float) -> float:
        return -math.log1p(-value)

    def unbent(self, position: float) -> float:
        return -math.expm1(-position)

    def reach(self) -> float:
        """A decade of 1 - β (recipe 4.4)."""
        return math.log(10.0)

    def extended(self, side: Side, limits: Limits = NO_LIMITS) -> ReverseLog:
        floor = 0.0 if limits[0] is None else max(limits[0], 0.0)  # a decay rate is not negative
        return Warped.extended(self, side, (floor, limits[1]))

    @staticmethod
    def window(value: float) -> float:
        """How many values the average reaches back over, 1 / (1 - β): 10 for 0.9, 1000 for 0.999."""
        return 1 / (1 - value)

    def as_json(self) -> dict[str, Any]:
        return with_hard({"scale": self.code, "low": float(self.low), "high": float(self.high)}, self.hard)


@dataclasses.dataclass(frozen=True, slots=True)
class Logit(Warped):
    """A range of probabilities, laid evenly by log(p / (1 - p)), for those that matter near 0 and near 1 alike.

    Raises:
        SpaceError: not 0 < low < high < 1.
    """

    low: float
    high: float
    hard: bool = False
    code: ClassVar[str] = "logit"

    def __post_init__(self) -> None:
        if not (is_number(self.low) and is_number(self.high)) or not 0 < self.low < self.high < 1:
            raise SpaceError(
                f"Logit needs 0 < low < high < 1, got low={self.low!r}, high={self.high!r}. "
                "If 0 or 1 must be reachable, use linear."
            )

    def bent(self, value: float) -> float:
        return math.log(value) - math.log1p(-value)

    def unbent(self, position: float) -> float:
        return 1 / (1 + math.exp(-min(max(position, -700.0), 700.0)))

    def extended(self, side: Side, limits: Limits = NO_LIMITS) -> Logit:
        inside = (limits[0] if limits[0] else 1e-12, limits[1] if limits[1] and limits[1] < 1 else 1 - 1e-12)
        return Warped.extended(self, side, inside)

    def as_json(self) -> dict[str, Any]:
        return with_hard({"scale": self.code, "low": float(self.low), "high": float(self.high)}, self.hard)


def with_hard(document: dict[str, Any], hard: bool) -> dict[str, Any]:
    """The document, with `hard` only where it is set."""
    if hard:
        document["hard"] = True
    return document
