"""Plain lines about a run, for log files and pipes: no colours, no control characters, one line an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from goodfit.clock import Clock
from goodfit.recipe.progress import ProgressEvent, RunEnded, RunStarted, StageEnded, StageProgress, StageStarted
from goodfit.report.numbers import count, duration, hyperparameters
from goodfit.report.run_view import LABELS, Note, RunView, ending, objective_of, result_of, score_of, sentence
from goodfit.report.whats_next import whats_next

PROGRESS_SECONDS = 10.0  # a log that is read afterwards needs no more


class LogFace:
    """A line an event, prefixed with the elapsed time; progress every ten seconds at most."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._began = clock.now()
        self._progress_at = self._began
        self._best: Mapping[str, Any] | None = None
        self._view = RunView()

    def see(self, event: ProgressEvent) -> None:
        notes = self._view.fold(event)
        match event:
            case RunStarted():
                self._header(event)
            case StageStarted():
                again = f", round {event.round}" if event.round > 1 else ""
                self._line(f"{LABELS[event.stage]}{again}: {sentence(event.about) or 'starts.'}")
                self._progress_at = self._clock.now()
            case StageProgress() if self._clock.now() - self._progress_at >= PROGRESS_SECONDS:
                self._progress_at = self._clock.now()
                self._line(self._progress(event))
            case StageEnded():
                result = event.result
                self._line(f"{LABELS[result.stage]}: {result.verdict}. {sentence(result.summary)}{_cost(event)}")
            case _:
                pass
        for note in notes:
            self._line(note_line(note))
        if isinstance(event, RunEnded):
            self._footer(event)

    def close(self) -> None:
        self._stream.flush()

    def _header(self, event: RunStarted) -> None:
        budget = f", budget {duration(event.budget_seconds)}" if event.budget_seconds is not None else ""
        verb = "goes on" if event.resumed else "starts"
        self._line(f"{event.task} {verb} on {event.device}, seed {event.seed}{budget}, in {event.out}.")
        for planned in event.plan:
            seconds = f", about {duration(planned.seconds)}" if planned.seconds is not None else ""
            self._line(f"plan: {LABELS[planned.stage]}: {planned.about}{seconds}")

    def _footer(self, event: RunEnded) -> None:
        self._line(ending(event.document))
        for line in ended_lines(event, self._view):
            self._line(line)

    def _progress(self, event: StageProgress) -> str:
        parts = [f"{LABELS[event.stage]}: {event.done:.0%}"]
        if event.trials_total:
            diverged = f", {event.trials_diverged} diverged" if event.trials_diverged else ""
            total = count(event.trials_total, "trial")
            parts.append(f"{event.trials_running} running, {event.trials_done} done{diverged}, of {total}")
        if event.best:
            parts.append(f"best {score_of(event.best)}")
            shown = event.best.get("hyperparameters")
            if shown and shown != self._best:  # told once, not with every line
                parts[-1] += f" with {hyperparameters(shown)}"
            self._best = shown
        if event.seconds_left is not None:
            parts.append(f"about {duration(event.seconds_left)} left")
        return "; ".join(parts)

    def _line(self, text: str) -> None:
        elapsed = int(self._clock.now() - self._began)
        write_line(self._stream, f"{elapsed // 3600}:{elapsed // 60 % 60:02d}:{elapsed % 60:02d}  {text}")


class QuietFace:
    """Errors and warnings as they are found, and one last line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._view = RunView()

    def see(self, event: ProgressEvent) -> None:
        for note in self._view.fold(event):
            if note.is_grave:
                write_line(self._stream, note_line(note))
        if isinstance(event, RunEnded):
            best = result_of(event.document, objective_in(self._view))
            page = next((line for label, line in whats_next(event.out, event.document) if label == "open"), "")
            parts = [ending(event.document), sentence("; ".join(best)), f"See {page}" if page else ""]
            write_line(self._stream, " ".join(part for part in parts if part))

    def close(self) -> None:
        self._stream.flush()


def objective_in(view: RunView) -> str | None:
    """The objective's name, as far as progress told it."""
    return objective_of(view.progress.best) if view.progress is not None and view.progress.best else None


def ended_lines(event: RunEnded, view: RunView) -> list[str]:
    """The best, its hyperparameters and what to do next."""
    best = event.document.get("best") or {}
    lines = [f"best: {line}" for line in result_of(event.document, objective_in(view))]
    if best.get("hyperparameters"):
        lines.append(f"with: {hyperparameters(best['hyperparameters'])}")
    return lines + [f"{label}: {text}" for label, text in whats_next(event.out, event.document)]


def note_line(note: Note) -> str:
    """A finding or a decision on one line: "warning diverged: 2 of 24 trials diverged. ..."."""
    return f"{note.label} {note.kind}: {note.text}" if note.kind else f"{note.label}: {note.text}"


def write_line(stream: TextIO, text: str) -> None:
    """A line, readable at once, without control characters, in whatever encoding the stream has."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(clean.encode(encoding, "replace").decode(encoding) + "\n")
    stream.flush()


def _cost(event: StageEnded) -> str:
    parts = []
    if event.result.trials:
        parts.append(count(event.result.trials, "trial"))
    if event.result.epochs:
        parts.append(count(round(event.result.epochs, 1), "epoch"))
    if event.result.seconds:
        parts.append(duration(event.result.seconds))
    return f" ({', '.join(parts)})" if parts else ""
