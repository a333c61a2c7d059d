"""`goodfit check TASK`: the recipe's first three steps."""

from __future__ import annotations

from collections.abc import Sequence

from goodfit.cli.arguments import Parser, add_run_options, task_argument
from goodfit.cli.session import perform

BUDGET = "10m"

EXAMPLES = """\
  goodfit check task.py                   is the task sound? about a minute
  goodfit check task.py --force           all three steps, even if one fails
  goodfit check task.py --json --quiet    for a script: verdicts and exit status"""


def command(arguments: Sequence[str]) -> int:
    """Run `goodfit check` with these arguments; gives the exit status."""
    parser = Parser(
        "check",
        "Runs steps 1 to 3 of the recipe: is the initial loss what chance predicts, can the model overfit a tiny "
        "sample, between which learning rates does the loss fall. They take a small part of the budget of a whole "
        "run.",
        EXAMPLES,
    )
    task_argument(parser)
    budget = f"{BUDGET}, of which these steps take a few percent"
    add_run_options(parser, budget=budget, plans=False, folder="runs/<task's name>-check")
    options = parser.read(arguments)
    spec = parser.task_of(options)
    return perform(spec, options, ["goodfit", "check", *arguments], budget=BUDGET, only_checks=True)
