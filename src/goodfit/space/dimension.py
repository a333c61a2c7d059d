"""A dimension of a space: one hyperparameter over one scale, perhaps only where others have certain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from goodfit.space.levels import frozen_value, value_key
from goodfit.space.scales import Scale


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """Holds where the parent hyperparameter has one of these values."""

    parent: str
    values: tuple[Any, ...]

    def allows(self, value: Any) -> bool:
        key = value_key(frozen_value(value))
        return any(value_key(mine) == key for mine in self.values)

    def __str__(self) -> str:
        return f"{self.parent}={'|'.join(str(value) for value in self.values)}"


@dataclasses.dataclass(frozen=True, slots=True)
class Dimension:
    """One hyperparameter over one scale. Two dimensions can share a name where their conditions exclude each other."""

    name: str
    scale: Scale
    conditions: tuple[Condition, ...] = ()

    @property
    def key(self) -> str:
        """The name, with the conditions where there are any: `lr`, `lr[optimizer=sgd]`."""
        return f"{self.name}[{','.join(str(c) for c in self.conditions)}]" if self.conditions else self.name

    def is_active(self, hyperparameters: Mapping[str, Any]) -> bool:
        """True where these hyperparameters meet every condition."""
        return all(c.parent in hyperparameters and c.allows(hyperparameters[c.parent]) for c in self.conditions)

    def has_place_for(self, value: Any) -> bool:
        """True where the scale can place the value, be it outside the box: 0.3 has no logarithmic place at -1."""
        if self.scale.contains(value):
            return True
        if not self.scale.is_ordered:
            return False
        try:
            self.scale.to_unit(value)
        except (TypeError, ValueError, AttributeError):
            return False
        return True

    def as_json(self) -> dict[str, Any]:
        """The scale's JSON, with `name` and `when` where there are conditions."""
        document = self.scale.as_json()
        if self.conditions:
            document |= {"name": self.name, "when": {c.parent: list(c.values) for c in self.conditions}}
        return document
