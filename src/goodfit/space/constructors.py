"""What users write: `gf.log(1e-5, 1.0)` and its kin.

A range that cannot be is kept as an `Unusable` with the reason, and `Space` reports it under the hyperparameter's
name together with every other fault: one message to act on, not one for each attempt. The scales' classes
themselves raise at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from goodfit.errors import SpaceError
from goodfit.space.levels import Choice, Integer, PowersOfTwo
from goodfit.space.scales import Linear, Log, Logit, ReverseLog


@dataclasses.dataclass(frozen=True, slots=True)
class Unusable:
    """A scale that cannot be, and why; only `Space` takes it, and raises."""

    reason: str


def _made(scale: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    try:
        return scale(*arguments, **named)
    except SpaceError as fault:
        return Unusable(str(fault))


def log(low: float, high: float, *, zero: float = 0.0, hard: bool = False) -> Log:
    """Even over the logarithm, for what multiplies: learning rates, weight decay, ε.

    Args:
        low, high: the range's ends, both above 0.
        zero: the probability of exactly 0, where 0 is worth trying: `log(1e-6, 1e-1, zero=0.25)`.
        hard: never search outside the range, whatever the evidence says.

    Example:
        >>> log(1e-4, 1e-1).grid(4)
        (0.0001, 0.001, 0.01, 0.1)
    """
    return _made(Log, low, high, zero=zero, hard=hard)


def linear(low: float, high: float, *, hard: bool = False) -> Linear:
    """Even over the value itself, for what adds: dropout rates, augmentation strengths.

    Example:
        >>> linear(0.0, 0.6).middle()
        0.3
    """
    return _made(Linear, low, high, hard=hard)


def reverse_log(low: float, high: float, *, hard: bool = False) -> ReverseLog:
    """Even over log(1 - value), for decay rates near 1: momentum, β1, β2. The ends are the rates themselves.

    Example:
        >>> reverse_log(0.9, 0.999).grid(3)
        (0.9, 0.99, 0.999)
    """
    return _made(ReverseLog, low, high, hard=hard)


def logit(low: float, high: float, *, hard: bool = False) -> Logit:
    """Even over log(p / (1 - p)), for probabilities that matter near 0 and near 1 alike.

    Example:
        >>> logit(0.01, 0.99).middle()
        0.5
    """
    return _made(Logit, low, high, hard=hard)


def integer(low: int, high: int, *, hard: bool = False) -> Integer:
    """Whole numbers, both ends included.

    Example:
        >>> integer(2, 4).grid(9)
        (2, 3, 4)
    """
    return _made(Integer, low, high, hard=hard)


def powers_of_two(low: int, high: int, *, hard: bool = False) -> PowersOfTwo:
    """Powers of two, both ends included: batch sizes, widths.

    Example:
        >>> powers_of_two(8, 32).grid(9)
        (8, 16, 32)
    """
    return _made(PowersOfTwo, low, high, hard=hard)


def choice(*values: Any) -> Choice:
    """One of these values, which have no order; the first is where steps 1 to 3 start.

    Example:
        >>> choice("sgd", "adamw").middle()
        'sgd'
    """
    return _made(Choice, values)


@dataclasses.dataclass(frozen=True, slots=True)
class Conditional:
    """What `when` was given; `Space` tells conditions from scales and checks them."""

    given: tuple[tuple[str, Any], ...]


def when(**given: Any) -> Conditional:
    """Hyperparameters that exist only where others have certain values.

    What is a scale is a hyperparameter; what is a value (or a tuple of several) is the condition.

    Example:
        >>> from goodfit.space import Space
        >>> space = Space(when(optimizer="sgd", momentum=reverse_log(0.5, 0.99)), optimizer=choice("sgd", "adamw"))
        >>> [dimension.key for dimension in space.dimensions]
        ['optimizer', 'momentum[optimizer=sgd]']
    """
    return Conditional(tuple(given.items()))
