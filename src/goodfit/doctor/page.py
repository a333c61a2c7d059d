"""The doctor's page: findings and the pictures of every layer, one self-contained file."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from goodfit.doctor.health import health_line
from goodfit.errors import FolderError
from goodfit.findings import Finding
from goodfit.recording.records import Recording


def write_page(path: Path, script: str, findings: Sequence[Finding], recording: Recording) -> None:
    """Write the page.

    Raises:
        FolderError: the file cannot be written.
    """
    told = "".join(
        f"<li><b>{html.escape(f.kind)}</b> ({f.severity}) {html.escape(f.where)}: {html.escape(f.message)} "
        f"{html.escape(f.action)}</li>"
        for f in findings
    )
    text = (
        f"<!doctype html><meta charset=utf-8><title>{html.escape(script)}</title><h1>{html.escape(script)}</h1>"
        f"<ul>{told}</ul><p>{html.escape(health_line(recording))}</p>"
    )
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FolderError(f"{path} cannot be written: {error.strerror}.") from None
