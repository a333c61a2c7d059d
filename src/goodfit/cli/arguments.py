"""Options that several commands share, and a parser whose faults are one sentence."""

from __future__ import annotations

import argparse
import difflib
import math
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from goodfit.durations import parse_duration
from goodfit.errors import GoodfitError, SettingsError
from goodfit.settings.budget import COARSE_STRATEGIES

T = TypeVar("T")

EXIT_STATUS = """\
exit status:
  0  done; a spent budget is done, with the best so far
  1  done, and an error-level finding stopped the recipe; it says what to do
  2  unusable arguments, task or data; one sentence on standard error says why
  3  cut short by a signal; all is kept, and the last line says how to resume"""


class UsageError(GoodfitError, ValueError):
    """The command line cannot be used."""


class Parser(argparse.ArgumentParser):
    """argparse with whole option names only, examples kept as written, and faults as `UsageError`."""

    def __init__(self, command: str, about: str, examples: str, exit_status: str = EXIT_STATUS) -> None:
        super().__init__(
            prog=f"goodfit {command}",
            description=about,
            epilog=f"examples:\n{examples}\n\n{exit_status}",
            formatter_class=_Formatter,
            allow_abbrev=False,
            add_help=False,
        )
        self.add_argument("-h", "--help", action=_Help, help="show this and end")

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The options in `arguments`.

        Raises:
            UsageError: an argument is unknown, missing or unusable.
        """
        options, unknown = self.parse_known_args(list(arguments))
        if unknown:
            raise UsageError(self._unknown(unknown[0]))
        return options

    def task_of(self, options: argparse.Namespace) -> str:
        """The TASK argument.

        Raises:
            UsageError: there is none.
        """
        if options.task is None:
            raise UsageError(f"{self.prog} needs a task, such as: {self.prog} task.py. {self.prog} --help tells more.")
        return options.task

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message.removeprefix('argument ')}. {self.prog} --help tells more.")

    def _unknown(self, argument: str) -> str:
        if not argument.startswith("-"):
            return f"{self.prog} takes no further argument {argument!r}. {self.prog} --help tells more."
        option = argument.partition("=")[0]
        options = [name for name in self._option_string_actions if name.startswith("--")]
        near = difflib.get_close_matches(option, options, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        return f"{self.prog} has no option {option}.{hint} {self.prog} --help lists them."


def print_help(text: str) -> None:
    """Help on standard output, with the headings in bold where that is a terminal that shows it."""
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM", "dumb") != "dumb":
        text = "\n".join(
            f"\x1b[1m{line}\x1b[0m" if line.endswith(":") and not line.startswith(" ") else line
            for line in text.split("\n")
        )
    sys.stdout.write(text)


def task_argument(parser: argparse.ArgumentParser) -> None:
    """The TASK of `run` and `check`; read it with `Parser.task_of`."""
    parser.add_argument("task", metavar="TASK", nargs="?", help="file.py, file.py:name or package.module:name")


def add_run_options(
    parser: argparse.ArgumentParser, *, budget: str, plans: bool, folder: str, force: bool = True
) -> None:
    """The options of `run`, `check` and `demo`.

    Args:
        budget: what the budget is unless given; for the help's words.
        plans: whether a plan in trials and epochs instead of the clock makes sense.
        folder: where the run is kept unless --out is given; for the help's words.
    """
    spending = parser.add_argument_group("how much to spend")
    spending.add_argument(
        "--budget",
        metavar="TIME",
        type=duration,
        help=f"wall-clock time for everything: 90s, 10m, 2h, 1h30m or plain seconds (default {budget}"
        + (", or none where --trials or --epochs is given)" if plans else ")"),
    )
    if plans:
        spending.add_argument(
            "--trials", metavar="N", type=whole_number(1), help="plan with N trials in the coarse search, not the clock"
        )
        spending.add_argument(
            "--epochs", metavar="N", type=positive, help="plan with N epochs for a full training, not the clock"
        )
        spending.add_argument(
            "--strategy",
            metavar="NAME",
            choices=COARSE_STRATEGIES,
            default=COARSE_STRATEGIES[0],
            help="of the coarse search: sobol (the default: points that fill the box evenly), random, or grid, whose "
            "price is told before it starts",
        )
        spending.add_argument(
            "--levels",
            metavar="N",
            type=whole_number(2),
            help="values of each hyperparameter in a grid (default: as many as fit)",
        )
    spending.add_argument(
        "--workers", metavar="N", type=whole_number(1), help="processes that train side by side (default: by the CPUs)"
    )
    spending.add_argument(
        "--device", metavar="NAME", choices=("auto", "cpu", "cuda"), default="auto", help="auto, cpu or cuda"
    )
    keeping = parser.add_argument_group("what is kept, and where")
    keeping.add_argument("--out", metavar="DIR", help=f"the run's folder (default {folder}-<next free number>)")
    keeping.add_argument("--resume", action="store_true", help="go on with the run in --out, or with the latest one")
    deciding = parser.add_argument_group("how it decides")
    deciding.add_argument(
        "--seed", metavar="N", type=whole_number(0), default=0, help="same seed and same plan, same result (default 0)"
    )
    deciding.add_argument(
        "--force",
        action="store_true",
        help="go on where an error-level finding would stop the recipe" if force else argparse.SUPPRESS,
    )
    deciding.add_argument(
        "--set",
        metavar="NAME=VALUE",
        type=assignment,
        action="append",
        default=[],
        dest="settings",
        help="another value for a setting, such as overfit.steps=500; may be given more than once",
    )
    showing = parser.add_argument_group("what is shown")
    showing.add_argument(
        "--json", action="store_true", help="the result document on standard output, progress on standard error"
    )
    showing.add_argument("--quiet", action="store_true", help="only errors, warnings and the last line")
    showing.add_argument("--traceback", action="store_true", help="show the traceback of whatever goes wrong")


def _as_argument_type(function: Callable[[str], T]) -> Callable[[str], T]:
    """argparse shows the message of an ArgumentTypeError only; ours are GoodfitErrors."""

    def read(text: str) -> T:
        try:
            return function(text)
        except GoodfitError as error:
            raise argparse.ArgumentTypeError(str(error).rstrip(".")) from None

    return read


duration = _as_argument_type(parse_duration)


def whole_number(least: int) -> Callable[[str], int]:
    """A reader of whole numbers from `least` on."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or int(text) < least:
            raise UsageError(f"a whole number of {least} or more is needed, got {text!r}")
        return int(text)

    return _as_argument_type(read)


@_as_argument_type
def positive(text: str) -> float:
    """A number above zero."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise UsageError(f"a number above 0 is needed, got {text!r}")
    return value


@_as_argument_type
def assignment(text: str) -> tuple[str, str]:
    """The two sides of name=value, for a setting that exists and takes that value."""
    from goodfit.settings import Settings

    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name or not value:
        raise SettingsError(f"a setting reads like overfit.steps=500, got {text!r}")
    Settings().replaced({name: value})
    return name, value


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=24, width=min(shutil.get_terminal_size((100, 24)).columns, 110))

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Paragraphs are wrapped; the examples and the exit status stay as written."""
        as_written = text.startswith("examples:")
        return super()._fill_text(text, width, indent) if as_written else textwrap.fill(text, width)


class _Help(argparse.Action):
    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest=argparse.SUPPRESS, default=argparse.SUPPRESS, nargs=0, help=help)

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option_string: str | None = None
    ) -> NoReturn:
        print_help(parser.format_help())
        raise HelpShown


class HelpShown(Exception):  # noqa: N818 - an answer, not an error
    """`--help` was asked for and answered."""
