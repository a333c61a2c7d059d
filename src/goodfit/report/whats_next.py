"""What to do after a run, by what lies in its folder."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from goodfit.ledger.folder import RunFolder


def whats_next(out: str | Path, document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs of a label and a path, a command or a sentence; only of what is there."""
    folder = RunFolder(Path(out))
    next_moves = []
    if folder.report.is_file():
        next_moves.append(("open", str(folder.report)))
    if (folder.best / "use.py").is_file():
        next_moves.append(("use", f"python {shlex.quote(str(folder.best / 'use.py'))}"))
    if document.get("status") == "stopped":
        next_moves.append(("then", "mend what the finding says and run again, or go on in spite of it with --force"))
    return next_moves
