"""`goodfit doctor SCRIPT [ARGS ...]`: run an unmodified training script under watch and report its mistakes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from goodfit.cli.arguments import Parser, UsageError
from goodfit.cli.endings import DONE, STOPPED
from goodfit.durations import parse_duration

EXAMPLES = """\
  goodfit doctor train.py                           what is wrong with it?
  goodfit doctor train.py --epochs 3                its own arguments follow it
  goodfit doctor --json findings.json train.py      for a script or a check
  goodfit doctor --accept known.json train.py       keep known findings quiet"""

EXIT_STATUS = """\
exit status:
  the script's own, where that is not zero; else
  0  no finding of level error
  1  at least one, or the script raised
  2  the arguments or the script's file cannot be used"""


def command(arguments: Sequence[str]) -> int:
    """Run `goodfit doctor` with these arguments; gives the exit status."""
    own, script, theirs = _split(list(arguments))
    parser = Parser(
        "doctor",
        "Runs a training script as `python SCRIPT ARGS` would, watches its networks, losses and optimisers, tries "
        "remedies on copies, and says on standard error what is wrong with it, where, and what to do. The script's own "
        "output, random numbers and results stay as they are.",
        EXAMPLES,
        EXIT_STATUS,
    )
    parser.usage = "goodfit doctor [OPTIONS] SCRIPT [ARGS ...]"
    parser.add_argument("--json", metavar="FILE", help="write the findings as JSON too")
    parser.add_argument("--html", metavar="FILE", help="write a page with pictures of every layer too")
    parser.add_argument("--steps", metavar="N", help="end the script after N optimiser steps")
    parser.add_argument(
        "--extra-time", metavar="TIME", help="time for experiments after the script (a quarter of its own, 30s at most)"
    )
    parser.add_argument("--accept", metavar="FILE", help="findings that are known: a file that --json wrote")
    parser.add_argument("--quiet", action="store_true", help="no report on standard error")
    parser.add_argument("--traceback", action="store_true", help="show the traceback of whatever goes wrong in goodfit")
    parser.add_argument("script", metavar="SCRIPT", nargs="?", help="the training script; all that follows is its own")
    options = parser.read([*own, *([script] if script is not None else [])])
    if options.script is None:
        raise UsageError("goodfit doctor needs a training script, such as: goodfit doctor train.py.")
    steps = _whole(options.steps)
    extra = None if options.extra_time is None else _seconds(options.extra_time)

    from goodfit.doctor.accepted import read_accepted
    from goodfit.doctor.session import Request, examine_script

    accepted = read_accepted(Path(options.accept)) if options.accept else frozenset()
    for name in (options.json, options.html):
        if name is not None and not Path(name).absolute().parent.is_dir():
            raise UsageError(f"The folder of {name} does not exist.")
    outcome = examine_script(
        Request(
            script=options.script,
            arguments=tuple(theirs),
            steps=steps,
            extra_seconds=extra,
            accepted=accepted,
            json=Path(options.json).absolute() if options.json else None,
            html=Path(options.html).absolute() if options.html else None,
            quiet=options.quiet,
        ),
        sys.stderr,
    )
    if outcome.status:
        return outcome.status
    return STOPPED if outcome.has_error else DONE


_WITH_VALUE = {"--json", "--html", "--steps", "--extra-time", "--accept"}


def _split(arguments: list[str]) -> tuple[list[str], str | None, list[str]]:
    """Our options, the script, and its own arguments: the first word that is no option of ours is the script."""
    index = 0
    while index < len(arguments):
        word = arguments[index]
        if word == "--":
            rest = arguments[index + 1 :]
            return arguments[:index], (rest[0] if rest else None), rest[1:]
        if not word.startswith("-") or word == "-":
            return arguments[:index], word, arguments[index + 1 :]
        index += 2 if word in _WITH_VALUE else 1
    return arguments, None, []


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or int(text) < 1:
        raise UsageError(f"--steps is a whole number of 1 or more, got {text!r}.")
    return int(text)


def _seconds(text: str) -> float:
    return 0.0 if text.strip() in ("0", "0s") else parse_duration(text)
