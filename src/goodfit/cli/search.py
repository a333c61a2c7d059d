"""`goodfit search TASK`, and `goodfit search --space FILE -- COMMAND`: the search alone."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goodfit.cli.arguments import Parser, UsageError, add_run_options, positive, task_argument, whole_number
from goodfit.cli.session import Kept, import_from_here, watched

if TYPE_CHECKING:
    import argparse

    from goodfit.recipe.progress import Watcher
    from goodfit.task import Task

BUDGET = "10m"

EXAMPLES = """\
  goodfit search task.py                                    coarse to fine, ten minutes
  goodfit search task.py --strategy halving --trials 81 --epochs 27
  goodfit search task.py --strategy tpe --trials 50 --start runs/first-1
  goodfit search task.py --question optimizer               which is best, all else tuned anew for each?
  goodfit search --space space.toml --trials 30 -- python train.py --lr {lr} --width {width}"""

ABOUT = (
    "Searches for good hyperparameters, with no recipe around it: over a task, whose trials train side by side; or "
    "over any command, with {name} where a value goes and metrics read from the lines that it prints "
    "(epoch=3 val_loss=0.31). The plan is told before anything is spent; all is kept in one folder."
)


def command(arguments: Sequence[str]) -> int:
    """Run `goodfit search` with these arguments; gives the exit status."""
    own, program = _split(arguments)
    parser = Parser("search", ABOUT, EXAMPLES)
    task_argument(parser)
    _add_options(parser)
    options = parser.read(own)
    if options.force:
        raise UsageError("--force is for run and check: no finding stops a search, so there is nothing to go on past.")
    whole = ["goodfit", "search", *arguments]
    if options.question is not None:
        _check_question(options, program)
    if program is not None or options.space is not None:
        return watched(options, whole, lambda: _over_command(options, program, whole))
    spec = parser.task_of(options)
    for name in ("metric", "direction"):
        if getattr(options, name) is not None:
            raise UsageError(f"--{name} is for a command; a task has its objective.")
    return watched(options, whole, lambda: _over_task(options, spec, whole))


def _add_options(parser: argparse.ArgumentParser) -> None:
    searching = parser.add_argument_group("how it searches")
    searching.add_argument(
        "--strategy",
        metavar="NAME",
        default="coarse-to-fine",
        help="coarse-to-fine (the default), random, sobol, halton, grid, halving, asha; tpe, gp or cmaes with Optuna",
    )
    searching.add_argument(
        "--early",
        metavar="NAME",
        help="end trials early: none, halving (cohorts from rung to rung), data-halving (from few samples to all) "
        "or asha; by the strategy unless given",
    )
    searching.add_argument("--trials", metavar="N", type=whole_number(1), help="trials in all (default: what fits)")
    searching.add_argument("--epochs", metavar="N", type=positive, help="epochs of a trial that goes to its end")
    searching.add_argument(
        "--levels", metavar="N", type=whole_number(2), help="values of each hyperparameter in a grid"
    )
    searching.add_argument(
        "--start",
        metavar="FILE",
        action="append",
        default=[],
        help="points to try first: JSON or TOML, or a run's folder for its best; may be given more than once",
    )
    searching.add_argument(
        "--question",
        metavar="NAME",
        help="ask what this hyperparameter does, all others tuned for each of its values with equal trials (a task's)",
    )
    of_command = parser.add_argument_group("over a command")
    of_command.add_argument(
        "--space", metavar="FILE", help='TOML or JSON: lr = {scale = "log", low = 1e-5, high = 0.1}'
    )
    of_command.add_argument("--metric", metavar="NAME", help="what is optimised, as it is printed (default val_loss)")
    of_command.add_argument("--direction", metavar="WAY", help="min (the default) or max")
    add_run_options(
        parser,
        budget=f"{BUDGET} for a task, or none where --trials is given",
        plans=False,
        folder="runs/<task's name>-search",
        force=False,
    )


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """Our arguments and, after --, another program's."""
    words = list(arguments)
    if "--" not in words:
        return words, None
    at = words.index("--")
    return words[:at], words[at + 1 :]


def _shared(options: argparse.Namespace, whole: Sequence[str]) -> dict[str, Any]:
    from goodfit.settings import Settings

    return {
        "trials": options.trials,
        "strategy": options.strategy,
        "epochs": options.epochs,
        "budget": options.budget,
        "early": options.early,
        "start": options.start or None,
        "seed": options.seed,
        "levels": options.levels,
        "workers": options.workers,
        "settings": Settings().replaced(dict(options.settings)),
        "resume": options.resume,
        "command": shlex.join(whole),
    }


def _check_question(options: argparse.Namespace, program: list[str] | None) -> None:
    """Raises:
    UsageError: something was given that a question has no use for.
    """
    if program is not None or options.space is not None:
        raise UsageError("--question is for a task; over a command, fix the value in the command and search twice.")
    for name, given in (
        ("strategy", options.strategy != "coarse-to-fine"),
        ("early", options.early),
        ("start", options.start),
        ("levels", options.levels),
    ):
        if given:
            raise UsageError(
                f"--question takes no --{name}: its trials are spread evenly, equally many for each value, and all go "
                "to their end."
            )


def _question(task: Task, options: argparse.Namespace, shared: dict[str, Any], out: Path, watcher: Watcher) -> Kept:
    from goodfit.searching.asking import ask

    for name in ("strategy", "early", "start", "levels"):
        del shared[name]
    asked = ask(task, options.question, out=out, watcher=watcher, device=options.device, **shared)
    if not options.quiet:
        sys.stderr.write(f"{asked}\n")
    return asked


def _over_task(
    options: argparse.Namespace, spec: str, whole: Sequence[str]
) -> tuple[str, Callable[[Path, Watcher], Kept]]:
    import_from_here()
    from goodfit.searching.api import search
    from goodfit.task_file import load_task

    task = load_task(spec)

    def perform(out: Path, watcher: Watcher) -> Kept:
        if options.question is not None:
            return _question(task, options, _shared(options, whole), out, watcher)
        return search(task, out=out, watcher=watcher, device=options.device, **_shared(options, whole))

    return f"{task.name}-search", perform


def _over_command(
    options: argparse.Namespace, program: list[str] | None, whole: Sequence[str]
) -> tuple[str, Callable[[Path, Watcher], Kept]]:
    """Raises:
    UsageError: the command or its space is missing, or there is a task too.
    """
    if options.task is not None:
        raise UsageError(
            f"goodfit search takes a task or a command, got both {options.task!r} and a command's options."
        )
    if options.space is None:
        raise UsageError("A command needs --space FILE, which says what may vary. goodfit search --help tells more.")
    if not program:
        raise UsageError(
            "--space needs a command after --, such as: goodfit search --space space.toml -- python train.py."
        )
    from goodfit.searching.api import command_title, search_command
    from goodfit.searching.space_file import read_space

    words, space = program, read_space(options.space)

    def perform(out: Path, watcher: Watcher) -> Kept:
        return search_command(
            words,
            space,
            out=out,
            watcher=watcher,
            metric=options.metric or "val_loss",
            direction=options.direction or "min",
            **_shared(options, whole),
        )

    return command_title(words), perform
