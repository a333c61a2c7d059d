"""A question to the search: what one hyperparameter does when all others are tuned anew for each of its values.

Its hyperparameter is scientific, those tuned for each of its values are nuisances, and what stays as it is, is fixed
and a caveat of the answer. Every value has the same number of trials, at the same places of the nuisances (what chance
those places bring is the same for all), and is judged by its best ones: a comparison at a shared learning rate would
only say whom that rate suits.

Source: recipe 4.5; the Tuning Playbook, "Identifying scientific, nuisance, and fixed hyperparameters".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.errors import SpaceError
from goodfit.space import Choice, Linear, Log, Space
from goodfit.space.levels import value_key
from goodfit.strategy.observation import Observation
from goodfit.strategy.proposers import place, point_key
from goodfit.training.seeds import PROPOSAL, mixed

ON = "on"  # the value of an on-or-off question that stands for the whole range without 0


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """A round of trials with a goal: which value of one hyperparameter is best when the others are tuned for each.

    Example:
        >>> from goodfit.space import choice, log
        >>> question = ask(Space(lr=log(1e-4, 1e-1), optimizer=choice("sgd", "adamw")), "optimizer")
        >>> question.goal, question.nuisances
        ('Which optimizer is best: sgd or adamw?', ('lr',))
    """

    space: Space  # of the scientific hyperparameter and the nuisances
    scientific: str
    values: tuple[Any, ...]  # at least two; `ON` for the range without 0
    fixed: Mapping[str, Any]  # what every trial has besides

    @property
    def nuisances(self) -> tuple[str, ...]:
        return tuple(name for name in self.space.names if name != self.scientific)

    @property
    def is_on_or_off(self) -> bool:
        return ON in self.values

    @property
    def goal(self) -> str:
        """The question as a sentence."""
        if self.is_on_or_off:
            return f"Does {self.scientific} help?"
        values = [shown_value(value) for value in self.values]
        return f"Which {self.scientific} is best: {', '.join(values[:-1])} or {values[-1]}?"

    @property
    def caveats(self) -> tuple[str, ...]:
        """What the answer holds for only."""
        fixed = ", ".join(f"{name} = {shown_value(value)}" for name, value in self.fixed.items())
        tuned = ", ".join(self.nuisances)
        first = f"Fixed in all trials: {fixed}." if fixed else "Nothing that goodfit knows of was left fixed."
        second = f"Tuned anew for each value: {tuned}." if tuned else "Nothing was tuned for each value."
        return (first, second)

    def value_of(self, hyperparameters: Mapping[str, Any]) -> Any:
        """Which of the question's values a trial had; None: none of them."""
        own = hyperparameters.get(self.scientific)
        if self.is_on_or_off:
            return None if own is None else ON if float(own) != 0 else 0.0
        return next((value for value in self.values if value_key(value) == value_key(own)), None)

    def at(self, index: int, seed: int) -> dict[str, Any]:
        """Trial `index`: the values take turns, and one turn is at the same places for all of them."""
        turn, which = divmod(index, len(self.values))
        value = self.values[which]
        units = {d.key: _turned(seed, turn, d.name) for d in self.space.dimensions}
        own = next(d for d in self.space.dimensions if d.name == self.scientific)
        space = self.space
        if value == ON and self.is_on_or_off:
            space = space.replace({own.key: _without_zero(own.scale)})
        else:
            units[own.key] = own.scale.to_unit(value)
        return space.from_units(units)


class InTurns:
    """Proposes a question's trials: each value in turn, so that all have equally many whenever it stops."""

    def __init__(self, question: Question, seed: int) -> None:
        self.question = question
        self.seed = seed

    def propose(self, history: Sequence[Observation], n: int) -> tuple[dict[str, Any], ...]:
        """The next n trials in the question's order, as many tried before left out.

        A value of which all points were tried comes up with them again: a turn always has all values.
        """
        start = len(history)
        return tuple(self.question.at(index, self.seed) for index in range(start, start + n))


def ask(
    space: Space,
    scientific: str,
    values: Sequence[Any] | None = None,
    *,
    fixed: Mapping[str, Any] | None = None,
    levels: int = 4,
) -> Question:
    """The question that a hyperparameter's name asks.

    Args:
        space: what may vary.
        scientific: the hyperparameter asked about.
        values: those to compare. None: of a choice all; of a range that begins at 0 "off" and "on"; of another range
            so many levels, both ends included.
        fixed: values of hyperparameters that are not to be tuned; what else every trial has is named among them.
        levels: of a range.

    Raises:
        SpaceError: the space has no such hyperparameter, or there are fewer than two values, or one is not in it.
    """
    kept = dict(fixed or {})
    space = space.fixed({name: value for name, value in kept.items() if name in space.names})
    own = [dimension for dimension in space.dimensions if dimension.name == scientific]
    if not own:
        raise SpaceError(f"There is no hyperparameter {scientific!r} to ask about; there are {', '.join(space.names)}.")
    if len(own) > 1 or own[0].conditions:
        raise SpaceError(f"{scientific} depends on {_parents(own)}: ask about that, or fix it to one value first.")
    scale = own[0].scale
    chosen = tuple(values) if values is not None else _usual(scale, levels)
    wrong = [value for value in chosen if value != ON and not scale.contains(value)]
    if wrong:
        raise SpaceError(f"{scientific}: {', '.join(map(repr, wrong))} is not within {scale}.")
    if len({value_key(value) for value in chosen}) < 2:
        raise SpaceError(f"A question about {scientific} needs two values or more to compare; there is {chosen!r}.")
    return Question(space, scientific, chosen, kept)


def pair_up(question: Question, observations: Sequence[Observation]) -> dict[Any, list[Observation]]:
    """The trials of each value, in the order in which they were proposed; those of other values are left out."""
    slices: dict[Any, list[Observation]] = {value: [] for value in question.values}
    for observation in sorted(observations, key=lambda o: o.number):
        value = question.value_of(observation.hyperparameters)
        if value is not None:
            slices[value].append(observation)
    return slices


def configuration(observation: Observation) -> Any:
    """What tells a trial's hyperparameters from another's."""
    return point_key(observation.hyperparameters)


def shown_value(value: Any) -> str:
    """A value as a person reads it."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _parents(own: Sequence[Any]) -> str:
    return " and ".join(dict.fromkeys(condition.parent for d in own for condition in d.conditions)) or "others"


def _usual(scale: Any, levels: int) -> tuple[Any, ...]:
    if isinstance(scale, Choice):
        return scale.values
    if scale.contains(0) and scale.levels is None:
        return (0.0, ON)
    return scale.grid(levels)


def _without_zero(scale: Any) -> Any:
    """The range without 0: a logarithmic one without its atom, a linear one above a twentieth of its top."""
    if isinstance(scale, Log):
        return dataclasses.replace(scale, zero=0.0)
    if isinstance(scale, Linear) and scale.low == 0:
        return dataclasses.replace(scale, low=scale.high / 20)
    return scale


def _turned(seed: int, turn: int, name: str) -> float:
    """A place that depends on the turn and the name: the rates of two optimizers stand at the same one in a turn."""
    return place(mixed(seed, PROPOSAL, 5), turn, name)
