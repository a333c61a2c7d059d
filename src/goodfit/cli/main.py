"""The command `goodfit`: finds the command asked for, runs it, and turns every ending into an exit status.

Nothing here imports torch, the ledger or the report: `goodfit --help` answers at once.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Sequence

from goodfit.cli.arguments import HelpShown, UsageError, print_help
from goodfit.cli.endings import DONE, ending_of

# name -> (module, one line for `goodfit --help`); a new command is a new file and a line here
COMMANDS = {
    "run": ("goodfit.cli.run", "the whole recipe on a task: check, search, read the curves, train"),
    "check": ("goodfit.cli.check", "steps 1 to 3 only: initial loss, overfit a tiny sample, learning rate"),
    "search": ("goodfit.cli.search", "the search alone, over a task or any command, with any strategy"),
    "diagnose": ("goodfit.cli.diagnose", "what curves recorded elsewhere say: CSV, JSON, TensorBoard"),
    "doctor": ("goodfit.cli.doctor", "run a training script under watch and say what is wrong with it"),
    "report": ("goodfit.cli.report", "write a run's report.html again, from its ledger"),
    "demo": ("goodfit.cli.demo", "the recipe on a bundled real task; without a name, lists them"),
}

HELP = """\
goodfit runs the neural-network tuning recipe on your PyTorch task and says what it saw.

usage: goodfit COMMAND ...

commands:
{commands}

A TASK is a Python file that defines a gf.Task: task.py, or task.py:name where
there are several, or package.module:name.

examples:
  goodfit demo                        what is bundled, to try it right away
  goodfit check task.py               is the task sound? before anything is spent
  goodfit run task.py --budget 10m    the whole recipe in ten minutes
  goodfit doctor train.py             what is wrong with this training script?

`goodfit COMMAND --help` tells all about one command; `goodfit --version` the version.

exit status: 0 done; 1 done, and an error-level finding stopped the recipe;
2 unusable arguments, task or data; 3 cut short by a signal, and the last line
says how to resume.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments after the program's name; those of this process unless given.

    Returns:
        The exit status of the contract: 0 done, 1 stopped by an error-level finding, 2 unusable, 3 interrupted and
        resumable; 70 for a fault in goodfit itself.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for the process's lifetime
    try:
        try:
            status = _dispatch(arguments)
        except HelpShown:
            status = DONE
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # `goodfit ... | head` has read enough. Python would complain at exit, when it flushes once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except BaseException as error:
        return ending_of(error, show_traceback="--traceback" in arguments)


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        listed = "\n".join(f"  {name:<10}{about}" for name, (_, about) in COMMANDS.items())
        print_help(HELP.format(commands=listed))
        return DONE
    name, *rest = arguments
    if name in ("-V", "--version"):
        import goodfit

        print(f"goodfit {goodfit.__version__}")
        return DONE
    if name not in COMMANDS:
        raise UsageError(_unknown(name))
    return importlib.import_module(COMMANDS[name][0]).command(rest)


def _unknown(name: str) -> str:
    commands = ", ".join(COMMANDS)
    if name.startswith("-"):
        return f"There is no option {name!r} before a command; write goodfit COMMAND {name} ... ({commands})."
    if name.partition(":")[0].endswith(".py"):
        return f"{name!r} is a task, not a command. Did you mean: goodfit run {name}?"
    near = difflib.get_close_matches(name.lower(), COMMANDS, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"There is no command {name!r}.{hint} The commands are {commands}; goodfit --help tells about them."
