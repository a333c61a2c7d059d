"""One examination: run the script under watch, try remedies, tell what was found.

Nothing here imports torch or numpy before the script does: a script may set variables that they read.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from goodfit.doctor.accepted import Known, without_accepted
from goodfit.doctor.script import Ending, EnoughSteps, run_script
from goodfit.findings import Finding, Severity

if TYPE_CHECKING:
    from goodfit.recording.recorder import Recorder


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What was asked for."""

    script: str
    arguments: tuple[str, ...] = ()
    steps: int | None = None
    extra_seconds: float | None = None
    accepted: Known = frozenset()
    json: Path | None = None
    html: Path | None = None
    quiet: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    status: int  # the script's own
    findings: list[Finding]

    @property
    def has_error(self) -> bool:
        """Whether a finding is of level error."""
        return any(finding.severity == Severity.ERROR for finding in self.findings)


def examine_script(request: Request, stream: TextIO) -> Outcome:
    """Run a script under watch and report on a stream.

    Raises:
        TaskError: the script cannot be read.
        FolderError: a file that was asked for cannot be written.
    """
    watching: list[Recorder] = []
    folder = os.getcwd()

    def begin() -> None:
        from goodfit.recording.recorder import Recorder
        from goodfit.recording.sites import Sites

        recorder = Recorder(
            Sites(frozenset({request.script, os.path.realpath(request.script)}), folder),
            request.script,
            request.steps,
            _enough,
        )
        watching.append(recorder)
        recorder.start()

    ending = run_script(request.script, request.arguments, begin)
    # Ctrl-C during the report must not hide what was seen
    recorder = watching[0] if watching else None
    findings, recording = _examined(recorder, ending, request)
    kept = without_accepted(findings, request.accepted)
    if request.json is not None:
        from goodfit.doctor.document import write_json

        write_json(request.json, request.script, kept)
    if request.html is not None:
        from goodfit.doctor.page import write_page

        write_page(request.html, request.script, kept, recording)
    if not request.quiet:
        from goodfit.doctor.terminal import report

        stream.write(report(request.script, kept, recording, ending, len(findings) - len(kept), stream))
        stream.flush()
    return Outcome(ending.status, kept)


def _enough() -> None:
    raise EnoughSteps


def _examined(recorder: Recorder | None, ending: Ending, request: Request) -> tuple[list[Finding], Any]:
    from goodfit.doctor.examination import examine
    from goodfit.doctor.quiet import quietly
    from goodfit.recording.records import Recording
    from goodfit.settings import Settings

    settings = Settings()
    if recorder is None:
        recording = Recording(script=request.script, ended=ending.how)
        return examine(recording, settings), recording
    recording = recorder.stop()
    recording.seconds = ending.seconds
    recording.ended = ending.how
    seconds = request.extra_seconds
    if seconds is None:
        seconds = min(
            max(settings.doctor.extra_share * ending.seconds, settings.doctor.extra_least), settings.doctor.extra_most
        )
    with quietly():
        return examine(recording, settings, recorder, seconds), recording
