"""JSON Schemas (2020-12) of the documents that goodfit writes: result.json, doctor --json and diagnose --json."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

NAMES = ("result", "doctor", "diagnose")


def load(name: str) -> dict[str, Any]:
    """The schema of a document.

    Raises:
        ValueError: there is no document of this name.
    """
    if name not in NAMES:
        raise ValueError(f"There is no schema named {name!r}; there are {', '.join(NAMES)}.")
    return json.loads(resources.files("goodfit.schemas").joinpath(f"{name}.schema.json").read_text(encoding="utf-8"))
