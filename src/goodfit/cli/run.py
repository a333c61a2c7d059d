"""`goodfit run TASK`: the whole recipe."""

from __future__ import annotations

from collections.abc import Sequence

from goodfit.cli.arguments import Parser, add_run_options, task_argument
from goodfit.cli.session import perform

BUDGET = "10m"

EXAMPLES = """\
  goodfit run task.py                              ten minutes, best device here
  goodfit run task.py:mnist --budget 1h            one of several tasks, an hour
  goodfit run task.py --trials 64 --epochs 30      a plan that needs no clock
  goodfit run task.py --json --quiet > out.json    for a script"""


def command(arguments: Sequence[str]) -> int:
    """Run `goodfit run` with these arguments; gives the exit status."""
    parser = Parser(
        "run",
        "Runs the whole recipe on a task: is the initial loss right, can the model overfit a tiny sample, which "
        "learning rates work; then a coarse and a fine search, steered by what the curves say; then the final "
        "training. Everything is kept in one folder.",
        EXAMPLES,
    )
    task_argument(parser)
    add_run_options(parser, budget=BUDGET, plans=True, folder="runs/<task's name>")
    options = parser.read(arguments)
    spec = parser.task_of(options)
    return perform(spec, options, ["goodfit", "run", *arguments], budget=BUDGET)
