"""`goodfit demo [NAME]`: the recipe on a bundled real task."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from goodfit.cli.arguments import Parser, UsageError, add_run_options
from goodfit.cli.endings import DONE
from goodfit.cli.session import perform

BUDGET = "2m"

EXAMPLES = """\
  goodfit demo                          the bundled tasks, one line each
  goodfit demo digits                   the recipe on one of them, in two minutes
  goodfit demo digits --budget 30s      faster"""


def command(arguments: Sequence[str]) -> int:
    """Run `goodfit demo` with these arguments; gives the exit status."""
    parser = Parser(
        "demo", "Runs the whole recipe on a bundled real task; without a name, lists the bundled tasks.", EXAMPLES
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="which bundled task; without it they are listed")
    add_run_options(parser, budget=BUDGET, plans=True, folder="runs/<task's name>")
    options = parser.read(arguments)

    from goodfit.demos import DEMOS

    if options.name is None:
        width = max((len(name) for name in DEMOS), default=0)
        print("Bundled tasks; goodfit demo NAME runs the recipe on one:")
        for demo in DEMOS.values():
            print(f"  {demo.name:<{width}}  {demo.about}")
        return DONE
    if options.name not in DEMOS:
        near = difflib.get_close_matches(options.name.lower(), DEMOS, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"There is no bundled task {options.name!r}.{hint} There are: {', '.join(DEMOS)}.")
    return perform(DEMOS[options.name].spec, options, ["goodfit", "demo", *arguments], budget=BUDGET)
