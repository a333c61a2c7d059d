"""How a command ends: an exit status and one sentence on standard error, never a bare traceback."""

from __future__ import annotations

import errno
import sys
import tempfile
import traceback
from pathlib import Path

from goodfit.errors import GoodfitError

DONE = 0
STOPPED = 1  # an error-level finding stopped the recipe
UNUSABLE = 2  # arguments, task or data
INTERRUPTED = 3  # cut short by a signal; can be resumed
FAULT = 70  # a fault in goodfit itself; sysexits.h calls it EX_SOFTWARE
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)  # a full disk is nobody's fault
ABANDONED = 130  # Ctrl-C before anything was kept, so there is nothing to resume; the shell's 128 + SIGINT


class ResumableInterrupt(KeyboardInterrupt):
    """A second Ctrl-C: ended at once, but the ledger holds the run. The message says how to resume."""


def ending_of(error: BaseException, *, show_traceback: bool) -> int:
    """Say on standard error what went wrong, in one sentence, and give the exit status for it."""
    if isinstance(error, ResumableInterrupt):
        say_error(str(error))
        return INTERRUPTED
    if isinstance(error, KeyboardInterrupt):
        say_error("Interrupted before anything was kept.")
        return ABANDONED
    if show_traceback:
        traceback.print_exception(error)
    if isinstance(error, GoodfitError):
        say_error(str(error))
        return UNUSABLE
    if isinstance(error, SystemExit):
        say_error(f"The task's own code called sys.exit({'' if error.code is None else repr(error.code)}).")
        return UNUSABLE
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        say_error(f"{error.filename or 'The output'} could not be written: {error.strerror}.")
        return UNUSABLE
    said = one_line(f"{type(error).__name__}: {error}") if str(error) else type(error).__name__
    kept = "above" if show_traceback else f"in {_keep_traceback(error)}"
    say_error(f"A fault in goodfit itself, not in your task, please report it: {said} (the traceback is {kept}).")
    return FAULT


def say_error(message: str) -> None:
    """One line on standard error."""
    stream = sys.stderr
    line = f"goodfit: {one_line(message)}\n"
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(line.encode(encoding, "replace").decode(encoding))
    stream.flush()


def one_line(text: str) -> str:
    """The text without line breaks and control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _keep_traceback(error: BaseException) -> Path | str:
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="goodfit-traceback-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            traceback.print_exception(error, file=file)
            return Path(file.name)
    except OSError:
        return "lost, for no temporary file could be written; --traceback shows it"
