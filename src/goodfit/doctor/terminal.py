"""The report as people read it in a terminal: the leading finding, the rest, and a line of health."""

from __future__ import annotations

import linecache
import os
import textwrap
from collections.abc import Sequence
from typing import Any, TextIO

from goodfit.doctor.health import health_line
from goodfit.doctor.script import Ending
from goodfit.findings import Finding, Severity
from goodfit.recording.records import Recording
from goodfit.report.numbers import number

_WIDTH = 100
_COLOURS = {"error": "31", "warning": "33", "info": "36"}
_MOST_FIGURES = 4


def report(
    script: str,
    findings: Sequence[Finding],
    recording: Recording,
    ending: Ending | None,
    accepted: int,
    stream: TextIO | None = None,
) -> str:
    """The whole report, ending in a newline."""
    colour = stream is not None and _has_colours(stream)
    lines = ["", f"goodfit doctor: {script}{_how(ending)}"]
    loud = [f for f in findings if f.severity != Severity.INFO]
    quiet = [f for f in findings if f.severity == Severity.INFO and f.kind != "healthy"]
    if loud:
        lines += ["", *_leading(loud[0], colour)]
        consequences = [f for f in quiet if f.follows_from == loud[0].kind]
        if consequences:
            lines.append(f"  follows from it: {', '.join(f.kind for f in consequences)}")
        for finding in loud[1:]:
            lines += ["", *_leading(finding, colour)]
        quiet = [f for f in quiet if f not in consequences]
    else:
        first = next((f for f in findings if f.kind in ("healthy", "not-enough-points")), None)
        if first is not None:
            lines += ["", f"{_mark(first, colour)}  {first.message}"]
            quiet = [f for f in quiet if f is not first]
        elif findings:
            lines += ["", f"No mistake was seen in {recording.steps:,} steps."]
    if quiet:
        lines += ["", "worth knowing"]
        for finding in quiet:
            place = f" ({finding.where})" if finding.where else ""
            lines += _wrapped(f"{finding.kind}{place}: {finding.message}", "  ")
    lines += ["", *_wrapped(health_line(recording), "")]
    if recording.opaque:
        lines += _wrapped(f"not looked into: {'; '.join(dict.fromkeys(recording.opaque))}", "")
    if accepted:
        lines.append(f"{accepted} accepted finding{'s' * (accepted > 1)} not shown.")
    if recording.faults:
        lines.append(f"The doctor's own watch failed in places, please report it: {recording.faults[0]}")
    return "\n".join(lines) + "\n"


def _leading(finding: Finding, colour: bool) -> list[str]:
    where = f"  {finding.where}" if finding.where else ""
    lines = [f"{_mark(finding, colour)}  {finding.kind}{where}"]
    code = code_at(finding.where)
    if code:
        lines.append(f"    > {code}")
    lines += _wrapped(finding.message, "  ")
    figures = [f"{key} {_figure(value)}" for key, value in finding.evidence.items() if _is_figure(value)]
    if figures:
        lines += _wrapped("seen: " + ", ".join(figures[:_MOST_FIGURES]), "  ")
    experiment = finding.evidence.get("experiment")
    if experiment:
        lines += _wrapped(
            f"tried on a copy: {experiment['remedy']}: {experiment['metric']} "
            f"{_middle(experiment['without'])} without, {_middle(experiment['with'])} with it.",
            "  ",
        )
    lines += _wrapped("do: " + finding.action, "  ")
    return lines


def code_at(where: str) -> str:
    """The line of code at a place such as train.py:41; empty where it cannot be read."""
    file, _, line = where.rpartition(":")
    return linecache.getline(file, int(line)).strip() if file and line.isdigit() else ""


def _mark(finding: Finding, colour: bool) -> str:
    word = str(finding.severity)
    return f"\x1b[1;{_COLOURS[word]}m{word}\x1b[0m" if colour else word


def _how(ending: Ending | None) -> str:
    if ending is None or ending.how in ("done", "exit"):
        return ""
    if ending.how == "enough":
        return " (ended after --steps)"
    return f" (ended by {ending.error or ending.how}; this is what was seen until then)"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ") or [indent]


def _is_figure(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _figure(value: Any) -> str:
    return number(value, 3)


def _middle(values: Any) -> str:
    if isinstance(values, list):
        known = sorted(v for v in values if v is not None)
        return number(known[len(known) // 2], 3) if known else "not finite"
    return number(values, 3) if values is not None else "not finite"


def _has_colours(stream: TextIO) -> bool:
    try:
        return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM", "dumb") != "dumb"
    except (AttributeError, ValueError):
        return False
