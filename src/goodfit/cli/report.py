"""`goodfit report DIR`: a run's page, written again from its ledger alone."""

from __future__ import annotations

from collections.abc import Sequence

from goodfit.cli.arguments import Parser, UsageError
from goodfit.cli.endings import DONE
from goodfit.errors import FolderError
from goodfit.ledger.folder import RunFolder

EXAMPLES = """\
  goodfit report runs/digits-1                    writes runs/digits-1/report.html
  xdg-open "$(goodfit report runs/digits-1)"      and opens it"""

EXIT_STATUS = """\
exit status:
  0  the report is written
  2  the folder holds no run, or cannot be written; one sentence on standard error says why"""


def command(arguments: Sequence[str]) -> int:
    """Run `goodfit report` with these arguments; gives the exit status."""
    parser = Parser(
        "report",
        "Writes report.html again from a run's ledger alone and prints its path. "
        "A run that is under way or was cut short can be looked at too.",
        EXAMPLES,
        EXIT_STATUS,
    )
    parser.add_argument("dir", metavar="DIR", nargs="?", help="a run's folder")
    parser.add_argument("--traceback", action="store_true", help="show the traceback of whatever goes wrong")
    options = parser.read(arguments)
    if options.dir is None:
        raise UsageError("goodfit report needs a run's folder, such as: goodfit report runs/digits-1.")
    folder = RunFolder.existing(options.dir)

    from goodfit.ledger.store import read_ledger
    from goodfit.report.html import write_report

    ledger = read_ledger(folder.ledger)
    try:
        studies = ledger.studies()
        if not studies:
            raise FolderError(f"The ledger in {folder.path} holds no study yet.")
        print(write_report(ledger.read(studies[-1].study), folder.report))
    finally:
        ledger.close()
    return DONE
