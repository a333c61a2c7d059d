"""Where a run is kept when the user names no folder: runs/<task>-<n>."""

from __future__ import annotations

import re
from pathlib import Path

from goodfit.errors import FolderError
from goodfit.ledger.folder import RunFolder

RUNS = Path("runs")


def claim_next(name: str, under: Path = RUNS) -> Path:
    """Make and return the next free folder <under>/<name>-<n>; two runs started at once get two folders.

    Raises:
        FolderError: it cannot be made.
    """
    number = max(_numbers(name, under), default=0) + 1
    while True:
        folder = under / f"{name}-{number}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        except OSError as error:
            raise FolderError(
                f"The folder {folder} cannot be made: {error.strerror}. Name another with --out."
            ) from error
        else:
            return folder


def latest(name: str, under: Path = RUNS) -> Path:
    """The folder <under>/<name>-<n> with the highest n that holds a run.

    Raises:
        FolderError: there is none.
    """
    for number in sorted(_numbers(name, under), reverse=True):
        folder = under / f"{name}-{number}"
        if RunFolder(folder).holds_run:
            return folder
    raise FolderError(f"There is no run to resume in {under / f'{name}-1'} or later; name its folder with --out.")


def drop_if_empty(folder: Path) -> None:
    """Take back a folder that was claimed for a run that never began, and the one above it if that is empty too."""
    try:
        folder.rmdir()
        folder.parent.rmdir()
    except OSError:
        return  # something is in it: it is the run's now


def _numbers(name: str, under: Path) -> list[int]:
    if not under.is_dir():
        return []
    found = (re.fullmatch(rf"{re.escape(name)}-(\d+)", entry.name) for entry in under.iterdir())
    return [int(match[1]) for match in found if match]
