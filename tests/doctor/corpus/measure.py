"""Measure the corpus's figures again: run scripts and compare the last number that each prints with the manifest.

    python tests/doctor/corpus/measure.py SPLIT [--write] [FILE ...]

Every script of the corpus prints its own measure of success last. For a faulty script the manifest also holds that
of its mended version, which is a healthy script of the corpus (`parent`), differing from it in the fault alone.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:nan|inf|\d+\.?\d*(?:e[-+]?\d+)?)(?!\w)", re.IGNORECASE)
TIMEOUT_SECONDS = 120
LEAST_HARM = 0.08  # ours: beyond what another seed changes in most of these scripts
LEAST_GROWTH = 1.5  # ours: for errors that are tiny beside chance


def last_number(text: str) -> float:
    """The last number on the last line that holds anything; not-a-number where there is none."""
    lines = [line for line in text.splitlines() if line.strip()]
    found = NUMBER.findall(lines[-1]) if lines else []
    return float(found[-1]) if found else math.nan


def measured(script: Path) -> float:
    """Run the script alone, in an empty folder and on one thread; what it printed last.

    Raises:
        RuntimeError: the script ended with another status than 0.
    """
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, str(script.resolve())],
            cwd=folder,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        raise RuntimeError(f"{script.name} ended with status {done.returncode}: {done.stderr.strip()[-300:]}")
    return last_number(done.stdout)


def is_seen(entry: dict[str, Any]) -> bool:
    """Whether the fault shows in the figure.

    It does where at least `LEAST_HARM` of the way from chance to the mended figure is lost, where an error grew to
    `LEAST_GROWTH` times the mended one, and where there is no figure at all (not-a-number).
    """
    figure, mended = entry["figure"], entry["mended"]
    if figure is None:
        return True
    lost = mended - figure if entry["better"] == "higher" else figure - mended
    grown = entry["better"] == "lower" and mended > 0 and figure >= LEAST_GROWTH * mended
    return grown or lost >= LEAST_HARM * abs(mended - entry["chance"])


def manifest(split: str) -> Path:
    """Where a split is described: a file each, so that nobody who writes rules loads the other's by accident."""
    return CORPUS / split / "manifest.json"


def splits() -> list[str]:
    return sorted(path.parent.name for path in CORPUS.glob("*/manifest.json"))


def entries_of(split: str) -> list[dict[str, Any]]:
    return json.loads(manifest(split).read_text())["scripts"]


def write_manifest(split: str, entries: list[dict[str, Any]]) -> None:
    """One script a line, so that a change reads well."""
    rows = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    manifest(split).write_text('{"version": 1, "scripts": [\n' + rows + "\n]}\n")


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the corpus's figures again.")
    parser.add_argument("split", choices=splits())
    parser.add_argument("files", nargs="*", metavar="FILE", help="as in the manifest; all without it")
    parser.add_argument("--write", action="store_true", help="keep the new figures in the manifest")
    chosen = parser.parse_args()
    entries = entries_of(chosen.split)
    figures = {entry["file"]: entry["figure"] for entry in entries}
    differing = 0
    for entry in entries:
        if chosen.files and entry["file"] not in chosen.files:
            continue
        value = measured(CORPUS / entry["file"])
        now = float(f"{value:.4g}") if math.isfinite(value) else None
        if now != entry["figure"]:
            differing += 1
            print(f"{entry['file']}: {now}, the manifest has {entry['figure']}")
            figures[entry["file"]] = now
    if chosen.write:
        for entry in entries:
            entry["figure"] = figures[entry["file"]]
            if "parent" in entry:
                entry["mended"] = figures[entry["parent"]]
        write_manifest(chosen.split, entries)
    return int(differing > 0 and not chosen.write)


if __name__ == "__main__":
    raise SystemExit(main())
