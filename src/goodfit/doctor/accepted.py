"""Findings that are known and accepted: they stay quiet."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from goodfit.errors import SettingsError
from goodfit.findings import Finding

Known = frozenset[tuple[str, str]]  # kind, file; lines move when a script is edited


def read_accepted(path: Path) -> Known:
    """The findings in a file that `--json` wrote.

    Raises:
        SettingsError: it cannot be read, or is no such file.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        listed = document["findings"] if isinstance(document, dict) else document
        return frozenset((entry["kind"], _file(entry.get("where", ""))) for entry in listed)
    except OSError as error:
        raise SettingsError(f"--accept {path}: it cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise SettingsError(f"--accept {path}: it holds no findings; give a file that --json wrote.") from None


def without_accepted(findings: Iterable[Finding], known: Known) -> list[Finding]:
    """The findings that are not known."""
    return [finding for finding in findings if (finding.kind, _file(finding.where)) not in known]


def _file(where: str) -> str:
    return where.rpartition(":")[0].replace("\\", "/").rpartition("/")[2]
