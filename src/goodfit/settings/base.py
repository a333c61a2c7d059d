"""How a setting carries its meaning and its origin."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """What a setting means, and where its value is from."""

    about: str  # one line, with the unit
    source: str  # "recipe 2.1 [PD]", or the source that the recipe names


def setting(default: Any, about: str, source: str) -> Any:
    """A dataclass field for a setting.

    Args:
        default: the value in force unless the user gives another.
        about: what it means, with its unit, in one line.
        source: the recipe's section and, for a number that is not ours, the source that it names.
    """
    return dataclasses.field(default=default, metadata={"origin": Origin(about, source)})
