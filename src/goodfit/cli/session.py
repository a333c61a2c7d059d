"""What `run`, `check` and `demo` share: one call of the library, watched in the terminal, ended by the contract."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from goodfit.cli.endings import DONE, INTERRUPTED, STOPPED, ResumableInterrupt, say_error
from goodfit.execution.early import early_workers
from goodfit.execution.machine import likely_workers
from goodfit.findings import plain
from goodfit.ledger.folder import RunFolder
from goodfit.ledger.places import claim_next, drop_if_empty, latest
from goodfit.settings import Settings
from goodfit.settings.budget import COARSE_STRATEGIES

if TYPE_CHECKING:
    from goodfit.recipe.progress import Watcher

_STATUS = {"done": DONE, "stopped": STOPPED, "interrupted": INTERRUPTED}


def perform(
    spec: str, options: argparse.Namespace, command: Sequence[str], *, budget: str, only_checks: bool = False
) -> int:
    """Run the recipe on the task that `spec` names.

    Args:
        spec: a TASK argument.
        options: what `add_run_options` reads.
        command: the whole command line, program's name first; it is kept with the study and repeated in the line that
            says how to resume.
        budget: the budget where neither --budget nor a plan in trials or epochs is given.
        only_checks: steps 1 to 3 only.

    Returns:
        The exit status.

    Raises:
        GoodfitError: the task, its data or the options cannot be used.
        ResumableInterrupt: a second Ctrl-C ended the run at once.
    """
    trials, epochs = getattr(options, "trials", None), getattr(options, "epochs", None)
    planned = trials is not None or epochs is not None
    seconds = options.budget if options.budget is not None or planned else budget

    def prepare() -> tuple[str, Callable[[Path, Watcher], Kept]]:
        import_from_here()
        from goodfit.task_file import load_task  # imports torch with the user's file

        task = load_task(spec)

        def run(out: Path, watcher: Watcher) -> Kept:
            from goodfit import api

            return api.run(
                task,
                budget=seconds,
                out=out,
                seed=options.seed,
                device=options.device,
                trials=trials,
                epochs=epochs,
                workers=options.workers,
                settings=Settings().replaced(dict(options.settings)),
                resume=options.resume,
                force=options.force,
                watcher=watcher,
                command=shlex.join(command),
                only_checks=only_checks,
                strategy=getattr(options, "strategy", COARSE_STRATEGIES[0]),
                levels=getattr(options, "levels", None),
            )

        return f"{task.name}-check" if only_checks else task.name, run

    with early_workers(likely_workers(options.device, options.workers)):
        return watched(options, command, prepare)


class Kept(Protocol):
    """What a command ends with: a run's result, or a search's study."""

    @property
    def document(self) -> Mapping[str, Any]: ...

    @property
    def status(self) -> str: ...

    @property
    def out(self) -> Path: ...


def watched(
    options: argparse.Namespace,
    command: Sequence[str],
    prepare: Callable[[], tuple[str, Callable[[Path, Watcher], Kept]]],
) -> int:
    """Do what `prepare` prepares, watched in the terminal, and end by the contract.

    Args:
        options: what `add_run_options` reads.
        command: the whole command line, repeated in the line that says how to resume.
        prepare: reads what the user brought; gives the name of the folder under runs/, and what is to be done in it.

    Returns:
        The exit status.
    """
    from goodfit.report.terminal import TerminalWatcher

    with _streams(for_json=options.json) as (document_stream, progress_stream):
        with TerminalWatcher(progress_stream, quiet=options.quiet) as watcher:
            name, perform_in = prepare()
            out, claimed = _folder(options, name)
            try:
                result = perform_in(out, watcher)
            except KeyboardInterrupt:
                if RunFolder(out).ledger.exists():
                    raise ResumableInterrupt(_how_to_resume(command, out)) from None
                raise
            finally:
                if claimed:
                    drop_if_empty(out)
        if options.json:
            json.dump(plain(result.document), document_stream, indent=2, allow_nan=False)
            document_stream.write("\n")
            document_stream.flush()
    if result.status == "interrupted":
        say_error(_how_to_resume(command, result.out))
    return _STATUS[result.status]


def resume_command(command: Sequence[str], out: Path) -> str:
    """The command line that goes on with an interrupted run: the same one, with its folder and --resume."""
    kept: list[str] = []
    at = list(command).index("--") if "--" in command else len(command)
    own, rest = command[:at], command[at:]  # what comes after -- is another program's
    words = iter(own)
    for word in words:
        if word == "--out":
            next(words, None)
        elif word != "--resume" and not word.startswith("--out="):
            kept.append(word)
    return shlex.join([*kept, "--out", str(out), "--resume", *rest])


def _how_to_resume(command: Sequence[str], out: Path) -> str:
    return f"Interrupted; everything so far is kept. Go on with: {resume_command(command, out)}"


def _folder(options: argparse.Namespace, name: str) -> tuple[Path, bool]:
    """The run's folder, and whether it was made just now."""
    if options.out is not None:
        return Path(options.out), False
    if options.resume:
        return latest(name), False
    return claim_next(name), True


@contextlib.contextmanager
def _streams(*, for_json: bool) -> Generator[tuple[TextIO, TextIO]]:
    """Standard output as it was, and where progress goes; whatever else is printed meanwhile goes to standard error.

    The file descriptor is moved too: worker processes and native code write there, not to `sys.stdout`.
    """
    document = sys.stdout
    document.flush()
    try:
        saved, errors_to = os.dup(document.fileno()), sys.stderr.fileno()
    except (OSError, AttributeError, ValueError):  # no real file behind it: a notebook, a test's buffer
        with contextlib.redirect_stdout(sys.stderr):
            yield document, sys.stderr if for_json else document
        return
    original = open(saved, "w", encoding=document.encoding, errors="replace")  # noqa: SIM115 - closed below
    try:
        if original.isatty() and not for_json:
            # One terminal shows both; the live view takes prints over and shows them above itself.
            yield original, original
            return
        os.dup2(errors_to, document.fileno())
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield original, sys.stderr if for_json else original
        finally:
            document.flush()
            os.dup2(saved, document.fileno())
    finally:
        # Whoever read a log through a pipe may have gone long ago; the run's own ending counts.
        with contextlib.suppress(BrokenPipeError):
            original.close()


def import_from_here() -> None:
    """Let package.module:name be found from the current folder, as `python -m` does; a console script would not."""
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
