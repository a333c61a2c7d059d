"""`goodfit diagnose FILE`: what curves that another tool recorded say."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from goodfit.cli.arguments import Parser, UsageError, assignment, whole_number
from goodfit.cli.endings import DONE, STOPPED
from goodfit.errors import CurvesError, FolderError

EXAMPLES = """\
  goodfit diagnose log.csv --classes 10       epoch,train_loss,val_loss,val_accuracy,lr; what guessing scores
  goodfit diagnose trainer_state.json         Hugging Face; also Keras, Lightning, Weights & Biases exports
  goodfit diagnose runs/exp1 --html out.html  TensorBoard; a page with the plots and what was seen in them
  cat log.jsonl | goodfit diagnose - --json - findings as JSON on standard output"""

EXIT_STATUS = """\
exit status:
  0  the curves were read, and no finding is an error
  1  a finding is an error: the training diverged, or its data or code is suspect
  2  the file cannot be read or holds no curves; one sentence on standard error says why"""


def command(arguments: Sequence[str]) -> int:
    """Run `goodfit diagnose` with these arguments; gives the exit status."""
    parser = Parser(
        "diagnose",
        "Reads the curves of a training that was recorded elsewhere and says what they show: overfitting, a learning "
        "rate too high or too low, too few or too many epochs, a model too small, a suspect pipeline, or that all is "
        "well. FILE is CSV, TSV, JSON, JSON lines or TensorBoard's; common spellings of other tools' columns are "
        "understood, wide or long.",
        EXAMPLES,
        EXIT_STATUS,
    )
    parser.add_argument("file", metavar="FILE", nargs="?", help="the curves; - for standard input")
    parser.add_argument(
        "--json", metavar="FILE", help="the findings as JSON; - for standard output, and nothing else there"
    )
    parser.add_argument("--html", metavar="FILE", help="the findings and their plots as one self-contained page")
    parser.add_argument(
        "--classes",
        metavar="N",
        type=whole_number(2),
        help="number of classes of the targets, for what guessing scores",
    )
    parser.add_argument("--run", metavar="NAME", help="only this run of a file that holds several")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        type=assignment,
        action="append",
        default=[],
        dest="settings",
        help="another value for a setting, such as curves.points=6; may be given more than once",
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing; the exit status and the files tell")
    parser.add_argument("--traceback", action="store_true", help="show the traceback of whatever goes wrong")
    options = parser.read(arguments)
    if options.file is None:
        raise UsageError("goodfit diagnose needs a file of curves, such as: goodfit diagnose log.csv.")

    from goodfit.diagnosed import all_findings, diagnosed
    from goodfit.findings import Severity
    from goodfit.settings import Settings

    runs = diagnosed(options.file, classes=options.classes, settings=Settings().replaced(dict(options.settings)))
    if options.run is not None:
        named = [run for run in runs if run.run.name == options.run]
        if not named:
            names = ", ".join(repr(run.run.name) for run in runs if run.run.name) or "one run without a name"
            raise CurvesError(f"There is no run {options.run!r} in {options.file}; it holds {names}.")
        runs = named
    findings = all_findings(runs)
    if options.html is not None:
        from goodfit.report.diagnosis_page import page

        _write(options.html, page(options.file, runs))
    if options.json is not None:
        document = {"version": 1, "file": options.file, "findings": [finding.as_json() for finding in findings]}
        text = json.dumps(document, indent=2, allow_nan=False) + "\n"
        if options.json == "-":
            sys.stdout.write(text)
        else:
            _write(options.json, text)
    if options.json != "-" and not options.quiet:
        from goodfit.report.diagnosis_view import print_diagnosis

        print_diagnosis(options.file, runs, sys.stdout)
        for written in filter(None, (options.html, options.json)):
            print(f"written: {written}")
    return STOPPED if any(finding.severity is Severity.ERROR for finding in findings) else DONE


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise FolderError(f"{path} cannot be written: {error.strerror or error}.") from error
