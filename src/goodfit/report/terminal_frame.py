"""The live view's picture at one moment, as lines of styled text: pure, so that it can be tested and looked at.

digits on cpu, seed 0                                        1 min 12 s, about 48 s left

  ✓ data             1,797 samples in 10 classes.                                  0.1 s
  ▸ 4 coarse         ━━━━━━━━━━╸─────────────  42 %  24 trials × 4 epochs

  trials  8 running, 9 done, 1 diverged, of 24
  best    trial 7: val accuracy 0.9711  ▁▃▅▆▇█
          lr 0.012, weight_decay 3.2e-4

  ! diverged  1 of 24 trials diverged. ...
"""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from goodfit.recipe.progress import RunEnded
from goodfit.recipe.result import StageResult, Verdict
from goodfit.report.numbers import duration, hyperparameters
from goodfit.report.run_view import (
    BARS,
    BARS_ASCII,
    Note,
    Row,
    RowState,
    RunView,
    ending,
    objective_of,
    result_of,
    score_of,
    sentence,
    sparkline,
)
from goodfit.report.whats_next import whats_next

WIDEST = 120  # wider lines are hard to read, whatever the terminal
LABEL = 16  # "3 learning rate" and a space
BAR = 24
SPARKLINE = 24
COMPACT_BELOW = 22  # rows of the terminal below which the rail is one line
NOTE_LINES = 3  # of each finding or decision while the run goes on
NO_BREAK = "\u00a0"


@dataclasses.dataclass(frozen=True, slots=True)
class Symbols:
    """The signs of the picture; a terminal that cannot show them gets ASCII."""

    verdicts: dict[Verdict, str]
    running: str
    waiting: str
    full: str
    empty: str
    bars: str
    notes: dict[str, str]
    ellipsis: str


UNICODE = Symbols(
    {Verdict.PASS: "✓", Verdict.WARN: "!", Verdict.FAIL: "✗", Verdict.SKIP: "–"},
    "▸",
    "·",
    "━",
    "─",
    BARS,
    {"error": "✗", "warning": "!", "info": "i", "decided": "→"},
    "…",
)
ASCII = Symbols(
    {Verdict.PASS: "+", Verdict.WARN: "!", Verdict.FAIL: "x", Verdict.SKIP: "-"},
    ">",
    ".",
    "#",
    "-",
    BARS_ASCII,
    {"error": "x", "warning": "!", "info": "i", "decided": ">"},
    "~",
)
_VERDICT_STYLES = {Verdict.PASS: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red", Verdict.SKIP: "dim"}
_NOTE_STYLES = {"error": "bold red", "warning": "yellow", "info": "dim", "decided": "cyan"}


def frame(
    view: RunView, width: int, height: int, since_progress: float = 0.0, symbols: Symbols = UNICODE
) -> list[Text]:
    """The live view's lines.

    Args:
        view: what is known of the run.
        width, height: of the terminal, in characters; no line is wider than width, there are at most height - 1.
        since_progress: seconds since the last progress was told, so that the clock ticks on.
        symbols: the signs to use.
    """
    width = min(width, WIDEST)
    lines = [_header(view, width, since_progress), Text()]
    if height < COMPACT_BELOW:
        lines.append(_compact_rail(view, symbols))
        lines += [_row(row, view, width, symbols) for row in view.rows.values() if row.state is RowState.RUNNING]
    else:
        lines += [_row(row, view, width, symbols) for row in view.rows.values()]
    lines += _trials_and_best(view, width, symbols)
    lines += _latest(view.notes, width, height - 1 - len(lines), symbols)
    return [_cut(line, width, symbols) for line in lines[: max(height - 1, 1)]]


def summary(view: RunView, event: RunEnded, width: int, symbols: Symbols = UNICODE) -> list[Text]:
    """What stays in the terminal when the run has ended: verdicts, grave findings, the result, what to do next."""
    width = min(width, WIDEST)
    lines = [
        line
        for row in view.rows.values()
        if row.verdict is not None and row.result is not None
        for line in _wrapped_verdict(row, row.result, width, symbols)
    ]
    grave = [note for note in view.notes if note.is_grave]
    if grave:
        lines.append(Text())
        for note in grave:
            lines += _note(note, width, symbols, most_lines=6)
    style = {"stopped": "bold red", "interrupted": "bold yellow"}.get(str(event.document.get("status")), "bold green")
    lines.append(Text())
    lines += [Text(line, style) for line in _wrap(ending(event.document), width)]
    best = event.document.get("best") or {}
    objective = objective_of(view.progress.best) if view.progress is not None and view.progress.best else None
    fields = [("best" if i == 0 else "", text) for i, text in enumerate(result_of(event.document, objective))]
    if best.get("hyperparameters"):
        fields.append(("with", _listed(best["hyperparameters"])))
    for label, text in fields:
        lines += _field(label, text, width)
    # Paths and commands are there to be copied: never wrapped by us, and not cut.
    moves = [
        Text.assemble(("  " + f"{label:<8}", "dim"), text) for label, text in whats_next(event.out, event.document)
    ]
    return [_cut(line, width, symbols) for line in lines] + moves


def _header(view: RunView, width: int, since_progress: float) -> Text:
    started, progress = view.started, view.progress
    left = Text()
    if started is not None:
        resumed = ", resumed" if started.resumed else ""
        left = Text.assemble((started.task, "bold"), (f" on {started.device}, seed {started.seed}{resumed}", "dim"))
    if progress is None:
        planned = started.budget_seconds if started is not None else None
        right = f"budget {duration(planned)}" if planned is not None else ""
    else:
        right = duration(progress.elapsed_seconds + since_progress)
        if progress.seconds_left is not None:
            right += f", about {duration(max(progress.seconds_left - since_progress, 0.0))} left"
    left.append(" " * max(width - left.cell_len - len(right), 2))
    left.append(right, "dim")
    return left


def _row(row: Row, view: RunView, width: int, symbols: Symbols) -> Text:
    if row.verdict is not None and row.result is not None:
        line = _verdict(row, row.result, symbols)
        cost = f" {duration(row.result.seconds)}" if row.result.seconds else ""
        if line.cell_len + len(cost) <= width:  # the sentence matters more than what it cost
            line.append(" " * (width - line.cell_len - len(cost))).append(cost, "dim")
        return line
    if row.state is RowState.RUNNING:
        done = view.progress.done if view.progress is not None and view.progress.stage is row.stage else 0.0
        done = min(max(done, 0.0), 1.0) if done == done else 0.0
        full = int(done * BAR)
        again = f"round {row.round}: " if row.round > 1 else ""
        return Text.assemble(
            "  ",
            (symbols.running, "bold cyan"),
            (f" {row.label:<{LABEL}} ", "bold"),
            (symbols.full * full, "cyan"),
            (symbols.empty * (BAR - full), "dim"),
            f" {done:>4.0%}  ",
            (again + row.about, "dim"),
        )
    planned = f"about {duration(row.planned_seconds)}" if row.planned_seconds is not None else ""
    told = ", ".join(part for part in (row.about, planned) if part)
    return Text(f"  {symbols.waiting} {row.label:<{LABEL}} {told}".rstrip(), "dim")


def _verdict(row: Row, result: StageResult, symbols: Symbols) -> Text:
    again = f"round {row.round}: " if row.round > 1 else ""
    return Text.assemble(
        "  ",
        (symbols.verdicts[result.verdict], _VERDICT_STYLES[result.verdict]),
        f" {row.label:<{LABEL}} ",
        (again + sentence(result.summary), "dim" if result.verdict is Verdict.SKIP else ""),
    )


def _wrapped_verdict(row: Row, result: StageResult, width: int, symbols: Symbols) -> list[Text]:
    """The verdict with its whole sentence, on as many lines as it takes."""
    line = _verdict(row, result, symbols)
    indent = LABEL + 5
    pieces = _wrap(line.plain[indent:], width - indent)
    first = Text.assemble(line[:indent], (pieces[0], "dim" if result.verdict is Verdict.SKIP else ""))
    return [first, *(Text(" " * indent + piece) for piece in pieces[1:])]


def _compact_rail(view: RunView, symbols: Symbols) -> Text:
    line = Text("  ")
    for row in view.rows.values():
        short = row.label.split(" ")[0]
        if row.verdict is not None:
            line.append(symbols.verdicts[row.verdict], _VERDICT_STYLES[row.verdict]).append(f"{short}  ")
        elif row.state is RowState.RUNNING:
            line.append(f"{symbols.running}{short}  ", "bold cyan")
        else:
            line.append(f"{symbols.waiting}{short}  ", "dim")
    line.rstrip()
    return line


def _trials_and_best(view: RunView, width: int, symbols: Symbols) -> list[Text]:
    progress = view.progress
    if progress is None:
        return []
    lines = [Text()]
    if progress.trials_total:
        line = Text.assemble(("  trials  ", "dim"), f"{progress.trials_running} running, {progress.trials_done} done")
        if progress.trials_diverged:
            line.append(f", {progress.trials_diverged} diverged", "yellow")
        lines.append(line.append(f", of {progress.trials_total}"))
    if progress.best:
        line = Text.assemble(("  best    ", "dim"), (score_of(progress.best), "bold green"))
        room = min(width - line.cell_len - 2, SPARKLINE)
        lines.append(line.append(f"  {sparkline(progress.live_curve, room, symbols.bars)}", "green"))
        if progress.best.get("hyperparameters"):
            lines += _field("", _listed(progress.best["hyperparameters"]), width)[:2]
    return lines if len(lines) > 1 else []


def _latest(notes: Sequence[Note], width: int, room: int, symbols: Symbols) -> list[Text]:
    """The latest findings and decisions that fit, in the order in which they came, below an empty line."""
    chosen: list[list[Text]] = []
    left = room - 1
    for note in reversed(notes):
        lines = _note(note, width, symbols, NOTE_LINES)
        if len(lines) > left:
            break
        left -= len(lines)
        chosen.append(lines)
    return [Text(), *(line for lines in reversed(chosen) for line in lines)] if chosen else []


def _note(note: Note, width: int, symbols: Symbols, most_lines: int) -> list[Text]:
    head = f"  {symbols.notes[note.label]} "
    style = _NOTE_STYLES[note.label]
    name = f"{note.kind}  " if note.kind else ""
    wrapped = _wrap(name + note.text, width - len(head))
    if len(wrapped) > most_lines:
        wrapped = [*wrapped[: most_lines - 1], wrapped[most_lines - 1] + symbols.ellipsis]
    lines = [Text.assemble((head, style), wrapped[0])]
    lines[0].stylize(style, len(head), len(head) + len(name.rstrip()))
    lines += [Text(" " * len(head) + line) for line in wrapped[1:]]
    if note.label == "info":
        for line in lines:
            line.stylize("dim")
    return lines


def _field(label: str, text: str, width: int) -> list[Text]:
    pieces = _wrap(text, width - 10)
    return [Text.assemble((f"  {label if i == 0 else '':<8}", "dim"), piece) for i, piece in enumerate(pieces)]


def _listed(values: Mapping[str, Any]) -> str:
    """Hyperparameters whose names stay on one line with their values."""
    return ", ".join(hyperparameters({name: value}).replace(" ", NO_BREAK) for name, value in values.items())


def _wrap(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` characters; at least one line."""
    lines = textwrap.wrap(text, max(width, 20), break_on_hyphens=False)
    return [line.replace(NO_BREAK, " ") for line in lines] or [""]


def _cut(line: Text, width: int, symbols: Symbols) -> Text:
    """The line within the width, with a sign where something was cut."""
    if line.cell_len <= width:
        return line
    cut = line.copy()
    cut.truncate(max(width - 1, 0))
    return cut.append(symbols.ellipsis)
