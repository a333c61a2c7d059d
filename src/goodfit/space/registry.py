"""The scales by their names in JSON: a new one is a class and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from goodfit.errors import SpaceError
from goodfit.space.levels import Choice, Integer, PowersOfTwo
from goodfit.space.scales import Linear, Log, Logit, ReverseLog, Scale

SCALES: Mapping[str, Any] = {
    scale.code: scale for scale in (Log, Linear, ReverseLog, Logit, Integer, PowersOfTwo, Choice)
}


def scale_from_json(document: Mapping[str, Any]) -> Scale:
    """The scale that `as_json` wrote; keys that are not the scale's own are left to the caller.

    Raises:
        SpaceError: the scale's name is unknown, a key is missing, or the range cannot be.
    """
    name = document.get("scale")
    if not isinstance(name, str) or name not in SCALES:
        raise SpaceError(f"There is no scale {name!r}; there are {', '.join(SCALES)}.")
    if name == Choice.code:
        if "values" not in document:
            raise SpaceError("A choice needs its values, such as {'scale': 'choice', 'values': ['sgd', 'adamw']}.")
        return Choice(tuple(document["values"]))
    missing = [end for end in ("low", "high") if end not in document]
    if missing:
        raise SpaceError(f"A {name} scale needs low and high; {' and '.join(missing)} is missing.")
    own = {key: document[key] for key in ("low", "high", "zero", "hard") if key in document}
    if "zero" in own and name != Log.code:
        raise SpaceError(f"Only a log scale has zero, the share of exactly 0; a {name} scale has not.")
    return SCALES[name](**own)
