"""From what a user wrote to dimensions, with every fault found before any is reported."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from goodfit.errors import SpaceError
from goodfit.space.constructors import Conditional, Unusable
from goodfit.space.dimension import Condition, Dimension
from goodfit.space.levels import Choice, frozen_value, value_key
from goodfit.space.names import fault_of_name, fault_of_values
from goodfit.space.scales import Scale


def read_dimensions(conditionals: Sequence[Any], scales: Mapping[str, Any]) -> tuple[Dimension, ...]:
    """The dimensions that a space's arguments describe, those that others depend on before them.

    Raises:
        SpaceError: one sentence or two for each fault, all together.
    """
    faults: list[str] = []
    plain = [Dimension(name, scale) for name, scale in scales.items() if _is_scale(name, scale, faults)]
    conditional = [d for given in conditionals for d in _read_conditional(given, faults)]
    given_names = [*scales, *(d.name for d in conditional)]
    faults += [fault for name in dict.fromkeys(given_names) if (fault := fault_of_name(name))]
    usable = [d for d in (*plain, *conditional) if isinstance(d.scale, Scale)]
    faults += [fault for d in usable if (fault := fault_of_values(d.name, d.scale))]
    parents = {d.name: d.scale for d in usable}
    for dimension in conditional:
        faults += _faults_of_conditions(dimension, parents, given_names)
    if not faults:
        dimensions = _split_rates([*_completed(plain, conditional, parents, faults), *conditional], parents)
        faults += _overlaps(dimensions)
        ordered = _parents_first(dimensions, faults)
        if not faults:
            return ordered
    raise SpaceError("\n".join(dict.fromkeys(faults)) if len(faults) > 1 else faults[0])


def _is_scale(name: str, scale: Any, faults: list[str]) -> bool:
    if isinstance(scale, Unusable):
        faults.append(f"{name}: {scale.reason}")
        return False
    if isinstance(scale, type) or not isinstance(scale, Scale):
        shown = type(scale).__name__ if isinstance(scale, (list, tuple, dict, set)) else repr(scale)
        faults.append(
            f"{name}: a space holds scales, such as gf.log(1e-4, 1e-1) or gf.choice('a', 'b'), got {shown}. "
            "A value that does not vary belongs into Task(start={...})."
        )
        return False
    return True


def _read_conditional(given: Any, faults: list[str]) -> list[Dimension]:
    if not isinstance(given, Conditional):
        faults.append(f"A space takes names with scales, and gf.when(...) before them, got {given!r}.")
        return []
    scales = {name: value for name, value in given.given if isinstance(value, (Scale, Unusable))}
    others = {name: value for name, value in given.given if name not in scales}
    if not scales or not others:
        needs = "a scale, such as momentum=gf.reverse_log(0.5, 0.99)" if others else 'a condition: optimizer="sgd"'
        faults.append(f"gf.when({', '.join(name for name, _ in given.given)}) lacks {needs}.")
        return []
    conditions = tuple(Condition(parent, (frozen_value(value),)) for parent, value in others.items())
    for name, scale in scales.items():
        _is_scale(name, scale, faults)
    return [Dimension(name, scale, conditions) for name, scale in scales.items()]


def _faults_of_conditions(
    dimension: Dimension, parents: Mapping[str, Scale], given_names: Collection[str]
) -> list[str]:
    faults = []
    for condition in dimension.conditions:
        if condition.parent not in parents:
            if condition.parent not in given_names:  # else its own fault was told
                near = difflib.get_close_matches(condition.parent, parents, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                faults.append(
                    f"{dimension.name}: depends on {condition.parent!r}, which the space does not have.{hint}"
                )
            continue
        scale = parents[condition.parent]
        if scale.levels is None:
            faults.append(
                f"{dimension.name}: depends on {condition.parent!r}, a dense range; a condition needs a choice."
            )
            continue
        for value in _values_of(condition, scale):
            if not scale.contains(value):
                known = [str(v) for v in scale.grid(scale.levels)][:20]
                near = difflib.get_close_matches(str(value), known, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                faults.append(
                    f"{dimension.name}: {condition.parent} is never {value!r}; it can be {', '.join(known)}.{hint}"
                )
    return faults


def _values_of(condition: Condition, scale: Scale) -> tuple[Any, ...]:
    """A condition's values: a tuple that is no value of the parent's means any of its members."""
    (given,) = condition.values
    return given if isinstance(given, tuple) and not scale.contains(given) else (given,)


def _completed(
    plain: list[Dimension], conditional: list[Dimension], parents: Mapping[str, Scale], faults: list[str]
) -> list[Dimension]:
    """The unconditional dimensions; one that has conditional namesakes holds wherever none of them does."""
    for index, dimension in enumerate(conditional):
        conditions = tuple(Condition(c.parent, _values_of(c, parents[c.parent])) for c in dimension.conditions)
        conditional[index] = dataclasses.replace(dimension, conditions=conditions)
    completed = []
    for dimension in plain:
        namesakes = [d for d in conditional if d.name == dimension.name]
        if not namesakes:
            completed.append(dimension)
            continue
        on = {c.parent for d in namesakes for c in d.conditions}
        if len(on) > 1:
            faults.append(
                f"{dimension.name}: has a scale of its own and others that depend on {' and '.join(sorted(on))}; "
                "give it by gf.when in every case."
            )
            continue
        (parent,) = on
        scale = parents[parent]
        left = tuple(
            v for v in scale.grid(scale.levels or 1) if not any(c.allows(v) for d in namesakes for c in d.conditions)
        )
        if left:
            completed.append(dataclasses.replace(dimension, conditions=(Condition(parent, left),)))
    return completed


def _split_rates(dimensions: Sequence[Dimension], parents: Mapping[str, Scale]) -> list[Dimension]:
    """The dimensions, with the learning rate's kept apart for each optimizer: each needs another rate."""
    optimizer = parents.get("optimizer")
    if not isinstance(optimizer, Choice) or len(optimizer.values) < 2:
        return list(dimensions)
    split = []
    for dimension in dimensions:
        if dimension.name != "lr":
            split.append(dimension)
            continue
        others = tuple(c for c in dimension.conditions if c.parent != "optimizer")
        own = [c for c in dimension.conditions if c.parent == "optimizer"]
        for value in own[0].values if own else optimizer.values:
            split.append(dataclasses.replace(dimension, conditions=(Condition("optimizer", (value,)), *others)))
    return split


def _overlaps(dimensions: Sequence[Dimension]) -> list[str]:
    """A fault for every two dimensions of one name that could both be active."""
    faults = []
    for i, first in enumerate(dimensions):
        for second in dimensions[i + 1 :]:
            if first.name == second.name and not any(
                a.parent == b.parent and not {value_key(v) for v in a.values} & {value_key(v) for v in b.values}
                for a in first.conditions
                for b in second.conditions
            ):
                faults.append(
                    f"{first.name}: {first.key} and {second.key} can hold at once; make them exclude each other."
                )
    return faults


def _parents_first(dimensions: Sequence[Dimension], faults: list[str]) -> tuple[Dimension, ...]:
    """In the user's order, but each dimension's parents right before it where they have not come yet."""
    ordered: list[Dimension] = []
    circles: list[str] = []

    def place(dimension: Dimension, above: tuple[str, ...]) -> None:
        if dimension in ordered or dimension.name in circles:
            return
        if dimension.name in above:
            circles.extend(above[above.index(dimension.name) :])
            return
        for condition in dimension.conditions:
            for parent in dimensions:
                if parent.name == condition.parent:
                    place(parent, (*above, dimension.name))
        ordered.append(dimension)

    for dimension in dimensions:
        place(dimension, ())
    if circles:
        faults.append(f"{', '.join(dict.fromkeys(circles))}: depend on each other in a circle.")
    return tuple(dict.fromkeys(ordered))
