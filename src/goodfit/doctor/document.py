"""The document that `goodfit doctor --json` writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from goodfit.errors import FolderError
from goodfit.findings import Finding


def document(script: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """By the schema `doctor`."""
    return {"version": 1, "script": script, "findings": [finding.as_json() for finding in findings]}


def write_json(path: Path, script: str, findings: Sequence[Finding]) -> None:
    """Write the document.

    Raises:
        FolderError: the file cannot be written.
    """
    text = json.dumps(document(script, findings), indent=1, allow_nan=False)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise FolderError(f"{path} cannot be written: {error.strerror}.") from None
