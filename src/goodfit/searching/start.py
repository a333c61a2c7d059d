"""Points that are known before a search begins: a guess, defaults, the best of an earlier run."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from goodfit.errors import SpaceError
from goodfit.space import Space
from goodfit.space.levels import frozen_value


def read_start(start: Any, space: Space) -> tuple[dict[str, Any], ...]:
    """The points to try first, complete and within what the scales can hold.

    Args:
        start: one point or several as mappings; a file or a run's folder, or several. What a point leaves out is at
            the middle of its scale; names that the space does not have are left aside, as a best.json has some.

    Raises:
        SpaceError: a value is none of its scale, or no name of a point is the space's.
    """
    points = []
    for given in _each(start):
        points += read_file(given) if isinstance(given, (str, Path)) else [given]
    return tuple(completed(point, space) for point in points)


def completed(point: Any, space: Space) -> dict[str, Any]:
    """The point with a value for every dimension that it has.

    Raises:
        SpaceError: it is no mapping, shares no name with the space, or holds a value that its scale cannot.
    """
    if not isinstance(point, Mapping):
        raise SpaceError(f"A start point is a mapping such as {{'lr': 0.01}}, got {point!r}.")
    names = set(space.names)
    if not names & set(point):
        told = ", ".join(map(str, point)) or "nothing"
        raise SpaceError(f"A start point names {told}, none of which the space has; it has {', '.join(space.names)}.")
    values: dict[str, Any] = {}
    faults = []
    for dimension in space.dimensions:
        if not dimension.is_active(values):
            continue
        value = frozen_value(point[dimension.name]) if dimension.name in point else dimension.scale.middle()
        if not dimension.scale.contains(value):
            faults.append(f"{dimension.key}: the start point's {value!r} is not within {dimension.scale}.")
        values[dimension.name] = value
    if faults:
        raise SpaceError(" ".join(faults))
    return values


def read_file(path: str | Path) -> list[Mapping[str, Any]]:
    """The points that a file holds: JSON or TOML, one point, a list of them, a result.json or a hyperparameters.json.

    Args:
        path: a file; or a run's folder, whose result.json is read.

    Raises:
        SpaceError: it cannot be read, or holds no point.
    """
    file = Path(path)
    if file.is_dir():
        file = file / "result.json"
    try:
        text = file.read_text(encoding="utf-8")
        document = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error).split("\n")[0].rstrip(".")
        raise SpaceError(f"The start file {file} cannot be read: {said}.") from None
    if isinstance(document, Mapping) and isinstance(document.get("best"), Mapping):
        document = document["best"]
    if isinstance(document, Mapping) and isinstance(document.get("hyperparameters"), Mapping):
        document = document["hyperparameters"]
    if isinstance(document, Mapping) and isinstance(document.get("points"), list):
        document = document["points"]
    points = document if isinstance(document, list) else [document]
    if not points or not all(isinstance(point, Mapping) and point for point in points):
        raise SpaceError(f'The start file {file} holds no point; write one as {{"lr": 0.01}}, or a list of them.')
    return points


def _each(start: Any) -> Sequence[Any]:
    if start is None:
        return ()
    if isinstance(start, (str, Path, Mapping)):
        return (start,)
    if isinstance(start, Iterable):
        return tuple(start)
    raise SpaceError(f"start is a point, a list of points or a file, got {start!r}.")
