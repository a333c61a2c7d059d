"""Axes: where a value lies between 0 and 1, and which values get a tick."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from goodfit.report.numbers import number

FARTHEST = 1e300  # an axis ends here: beyond, differences leave the floats


class Axis(Protocol):
    def place(self, value: Any) -> float | None:
        """0 at the low end, 1 at the high end, beyond them outside; None: it cannot be shown."""
        ...

    def ticks(self) -> list[tuple[float, str]]:
        """Places within 0 and 1 with their labels, growing."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class LinearAxis:
    low: float
    high: float  # above low

    def place(self, value: Any) -> float | None:
        value = _number(value)
        return None if value is None else (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        return [((v - self.low) / (self.high - self.low), number(v)) for v in round_values(self.low, self.high)]


@dataclasses.dataclass(frozen=True, slots=True)
class LogAxis:
    low: float  # above 0
    high: float  # above low
    base: int = 10  # of the ticks: 10, or 2 for widths and batches

    def place(self, value: Any) -> float | None:
        value = _number(value)
        if value is None or value <= 0:
            return None
        start = math.log(self.low)
        return (math.log(value) - start) / (math.log(self.high) - start)

    def ticks(self) -> list[tuple[float, str]]:
        if self.base == 2:
            first, last = math.ceil(math.log2(self.low) - 1e-9), math.floor(math.log2(self.high) + 1e-9)
            every = max(1, math.ceil((last - first) / 7))
            powers = [2.0**e for e in range(first, last + 1) if (e - first) % every == 0]
            if powers:
                return [(min(max(self.place(v) or 0.0, 0.0), 1.0), number(v)) for v in powers]
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        every = max(1, math.ceil((last - first) / 7))
        values = [10.0**e for e in range(first, last + 1) if (e - first) % every == 0]
        if last - first < 2:  # few decades: 2 and 5 between them
            values = [m * 10.0**e for e in range(first - 1, last + 1) for m in (1, 2, 5)]
        values = [v for v in values if self.low * (1 - 1e-9) <= v <= self.high * (1 + 1e-9)]
        if len(values) < 2:
            values = round_values(self.low, self.high)
        return [(min(max(self.place(v) or 0.0, 0.0), 1.0), number(v, 3)) for v in values]


@dataclasses.dataclass(frozen=True, slots=True)
class ZeroAndLogAxis:
    """A log axis with a place of its own for exactly zero, set apart at the low end."""

    log: LogAxis
    share: float = 0.14  # of the axis that zero takes

    def place(self, value: Any) -> float | None:
        if _number(value) == 0:
            return self.share / 3
        place = self.log.place(value)
        return None if place is None else self.share + (1 - self.share) * place

    def ticks(self) -> list[tuple[float, str]]:
        return [(self.share / 3, "0"), *((self.share + (1 - self.share) * p, text) for p, text in self.log.ticks())]


@dataclasses.dataclass(frozen=True, slots=True)
class ReverseLogAxis:
    """Values below 1, laid out by the logarithm of their distance from 1: 0.9, 0.99, 0.999 are evenly apart."""

    low: float
    high: float  # below 1

    def place(self, value: Any) -> float | None:
        value = _number(value)
        if value is None or value > 1:
            return None
        distance = max(1 - value, 1 - self.high)  # exactly 1 stands at the end
        return math.log((1 - self.low) / distance) / math.log((1 - self.low) / (1 - self.high))

    def ticks(self) -> list[tuple[float, str]]:
        distances = [m * 10.0**-e for e in range(0, 9) for m in (5, 2, 1)]
        kept = [d for d in distances if (1 - self.high) * (1 - 1e-9) <= d <= (1 - self.low) * (1 + 1e-9)]
        if len(kept) > 6:
            kept = [d for d in kept if f"{d:e}".startswith("1")]
        return [(min(max(self.place(1 - d) or 0.0, 0.0), 1.0), f"{1 - d:.10g}") for d in kept]


@dataclasses.dataclass(frozen=True, slots=True)
class CategoryAxis:
    names: tuple[str, ...]

    def place(self, value: Any) -> float | None:
        name = category(value)
        return (self.names.index(name) + 0.5) / len(self.names) if name in self.names else None

    def ticks(self) -> list[tuple[float, str]]:
        return [((i + 0.5) / len(self.names), name) for i, name in enumerate(self.names)]


def category(value: Any) -> str:
    """A choice's name on its axis."""
    return number(value) if not isinstance(value, str) else value


def value_axis(values: Iterable[float], log: bool, room: float = 0.04) -> LinearAxis | LogAxis:
    """An axis around finite values with some room at both ends; linear where `log` asks for what does not exist."""
    finite = [min(max(float(v), -FARTHEST), FARTHEST) for v in values if math.isfinite(v)]
    if log and finite and min(finite) > 0:
        low, high = math.log(min(finite)), math.log(max(finite))
        if high - low < math.log(1.5):
            low, high = (low + high) / 2 - math.log(1.5) / 2, (low + high) / 2 + math.log(1.5) / 2
        apart = (high - low) * room
        # beyond about 1e±300 the exponential leaves the floats
        return LogAxis(math.exp(max(low - apart, -690)), math.exp(min(high + apart, 690)))
    if not finite:
        return LinearAxis(0.0, 1.0)
    low, high = min(finite), max(finite)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-9):
        apart = 0.05 * max(abs(low), abs(high)) or 1.0
    else:
        apart = (high - low) * room
    return LinearAxis(low - apart, high + apart)


def hyperparameter_axis(scale: str, values: Sequence[Any], edges: Sequence[float]) -> Axis:
    """The axis of a hyperparameter on its own scale.

    Args:
        scale: the space's name for it; "" where unknown: positive values over more than a decade are then laid out by
            their logarithm.
        values: what trials had.
        edges: of the boxes to be drawn.
    """
    numbers = [v for v in map(_number, values) if v is not None]
    if len(numbers) < len(values) or scale == "choice" or not numbers:
        return CategoryAxis(tuple(dict.fromkeys(category(v) for v in sorted(values, key=_sort_key))) or ("",))
    numbers += list(edges)
    positive = [v for v in numbers if v > 0]
    if scale == "reverse_log" and max(numbers) < 1:
        return reverse_log_axis(numbers)
    wide = bool(positive) and max(positive) / min(positive) > 10
    if scale in ("log", "powers_of_two") or (scale == "" and wide):
        if positive and min(numbers) == 0:
            log = value_axis(positive, log=True, room=0.06)
            return ZeroAndLogAxis(log) if isinstance(log, LogAxis) else log
        axis = value_axis(numbers, log=True, room=0.06)
        return dataclasses.replace(axis, base=2) if isinstance(axis, LogAxis) and scale == "powers_of_two" else axis
    return value_axis(numbers, log=False, room=0.06)


def reverse_log_axis(values: Sequence[float]) -> ReverseLogAxis:
    """An axis around values of at most 1; those that are exactly 1 stand at its end.

    Raises:
        ValueError: a value is above 1.
    """
    if max(values) > 1:
        raise ValueError(f"a reverse-log axis ends at 1, got {max(values)}")
    distances = [min(1 - v, FARTHEST) for v in values if v < 1] or [0.1]
    far, near = math.log(max(distances)), math.log(min(distances))
    near -= 0.5 if max(values) == 1 else 0.0
    apart = max((far - near) * 0.06, 0.02)
    return ReverseLogAxis(
        1 - math.exp(min(far + apart, 690)), 1 - math.exp(max(near - apart, -34))
    )  # 1 - e^-34 is the last below 1


def round_values(low: float, high: float, wanted: int = 5) -> list[float]:
    """About `wanted` round values (1, 2 or 5 times a power of ten apart) from low to high."""
    span = high - low
    if not (span > 0 and math.isfinite(span)):
        return [low]
    rough = span / wanted
    size = 10.0 ** math.floor(math.log10(rough))
    step = next((m * size for m in (1, 2, 5) if m * size >= rough * 0.999), 10 * size)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if last - first > 4 * wanted:  # the span is below the resolution of the numbers
        return [low, high]
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def _number(value: Any) -> float | None:
    if isinstance(value, (bool, str)) or value is None:
        return None
    try:
        value = float(value)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def _sort_key(value: Any) -> tuple[bool, float, str]:
    known = _number(value)
    return (known is None, known or 0.0, str(value))
