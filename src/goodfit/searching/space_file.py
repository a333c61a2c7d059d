"""A space in a file: TOML or JSON, a table for each hyperparameter."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from goodfit.errors import SpaceError
from goodfit.space import Space, when
from goodfit.space.registry import scale_from_json


def read_space(path: str | Path) -> Space:
    """The space in a file.

    Args:
        path: TOML or JSON, such as `lr = {scale = "log", low = 1e-5, high = 1e-1}`; `when = {optimizer = "sgd"}` beside
            a scale makes it conditional.

    Raises:
        SpaceError: the file cannot be read, or is no space; all that is wrong with it in one message.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
        document = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error).split("\n")[0].rstrip(".")
        raise SpaceError(f"The space file {file} cannot be read: {said}.") from None
    if not isinstance(document, Mapping) or not document:
        raise SpaceError(f'The space file {file} holds nothing; write lr = {{scale = "log", low = 1e-5, high = 1e-1}}.')
    scales: dict[str, Any] = {}
    conditionals, faults = [], []
    for key, entry in document.items():
        if not isinstance(entry, Mapping):
            faults.append(f'{key}: write {key} = {{scale = "log", low = 1e-5, high = 1e-1}}, got {entry!r}.')
            continue
        name, condition = str(entry.get("name", key)), entry.get("when")
        try:
            scale = scale_from_json(entry)
        except (SpaceError, TypeError) as fault:
            faults.append(f"{key}: {fault}")
            continue
        if condition is None:
            scales[name] = scale
        elif isinstance(condition, Mapping):
            conditionals.append(when(**{**{p: _value(v) for p, v in condition.items()}, name: scale}))
        else:
            faults.append(f'{key}: when reads when = {{optimizer = "sgd"}}, got {condition!r}.')
    if faults:
        raise SpaceError(f"The space file {file}: {' '.join(faults)}")
    return Space(*conditionals, **scales)


def _value(value: Any) -> Any:
    """A condition's value; a list means any of its members."""
    return tuple(value) if isinstance(value, list) else value
