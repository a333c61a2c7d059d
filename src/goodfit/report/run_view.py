"""What a watched run looks like at one moment: progress events folded into a record, for whatever shows it.

Pure: events in, state out. The terminal's faces (live, log, quiet) read it and decide only how to draw.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from goodfit.findings import Finding, Severity
from goodfit.recipe.progress import (
    Decided,
    Found,
    PlannedStage,
    ProgressEvent,
    RunEnded,
    RunStarted,
    StageEnded,
    StageProgress,
    StageStarted,
)
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.report.numbers import count, duration, number

# The recipe numbers its steps 1 to 7; data come before, the final training after.
LABELS: Mapping[StageName, str] = {
    StageName.DATA: "data",
    StageName.INITIAL_LOSS: "1 initial loss",
    StageName.OVERFIT: "2 overfit",
    StageName.LEARNING_RATE: "3 learning rate",
    StageName.COARSE: "4 coarse",
    StageName.FINE: "5 fine",
    StageName.CURVES: "6 curves",
    StageName.DECIDE: "7 decide",
    StageName.FINAL: "final",
}
BARS = "▁▂▃▄▅▆▇█"
BARS_ASCII = "_.-=+*#@"


class RowState(Enum):
    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


@dataclasses.dataclass(slots=True)
class Row:
    """A line of the rail: one stage of the recipe, in its latest round."""

    stage: StageName
    state: RowState = RowState.WAITING
    round: int = 1
    about: str = ""
    planned_seconds: float | None = None
    result: StageResult | None = None

    @property
    def label(self) -> str:
        return LABELS[self.stage]

    @property
    def verdict(self) -> Verdict | None:
        return self.result.verdict if self.result is not None and self.state is RowState.ENDED else None


@dataclasses.dataclass(frozen=True, slots=True)
class Note:
    """A finding or a decision, in the order in which they came."""

    label: str  # "error", "warning", "info" or "decided"
    kind: str  # a finding's kind; "" for a decision
    text: str  # sentences

    @property
    def is_grave(self) -> bool:
        return self.label in (Severity.ERROR, Severity.WARNING)


@dataclasses.dataclass(slots=True)
class RunView:
    """All that is known of the run so far."""

    started: RunStarted | None = None
    rows: dict[StageName, Row] = dataclasses.field(default_factory=dict)  # in the recipe's order
    current: StageName | None = None
    progress: StageProgress | None = None
    notes: list[Note] = dataclasses.field(default_factory=list)
    ended: RunEnded | None = None
    _seen: set[tuple[str, str, str]] = dataclasses.field(default_factory=set)

    def fold(self, event: ProgressEvent) -> list[Note]:
        """Take in an event; gives the notes that it added."""
        before = len(self.notes)
        match event:
            case RunStarted():
                self.started = event
                self.rows = {stage: Row(stage) for stage in _stages_of(event.plan)}
                for planned in event.plan:
                    row = self.rows[planned.stage]
                    if row.planned_seconds is None:  # a stage with several rounds: the first one is next
                        row.about, row.planned_seconds = planned.about, planned.seconds
            case StageStarted():
                self._row(event.stage, RowState.RUNNING, event.round).about = event.about
                self.current, self.progress = event.stage, self._carried_over()
            case StageProgress():
                self._row(event.stage, RowState.RUNNING)
                self.current, self.progress = event.stage, event
            case StageEnded():
                self._row(event.result.stage, RowState.ENDED, event.result.round).result = event.result
                if self.current == event.result.stage:
                    self.current = None
                for finding in event.result.findings:
                    self._note(finding)
            case Found():
                self._note(event.finding)
            case Decided():
                self.notes.append(Note("decided", "", _decision(event)))
            case RunEnded():
                self.ended, self.current = event, None
        return self.notes[before:]

    def _row(self, stage: StageName, state: RowState, round_number: int | None = None) -> Row:
        if stage not in self.rows:
            self.rows[stage] = Row(stage)
            self.rows = {name: self.rows[name] for name in StageName if name in self.rows}
        row = self.rows[stage]
        row.state = state
        if round_number is not None:
            row.round = round_number
        return row

    def _carried_over(self) -> StageProgress | None:
        """The best so far and the time left stay on show until the new stage tells its own."""
        if self.progress is None:
            return None
        return dataclasses.replace(
            self.progress, done=0.0, trials_running=0, trials_done=0, trials_diverged=0, trials_total=0
        )

    def _note(self, finding: Finding) -> None:
        """A finding may come on its own and again with its stage's result; it is shown once."""
        key = (finding.kind, finding.where, finding.message)
        if key in self._seen:
            return
        self._seen.add(key)
        severity = str(finding.severity)
        where = f" ({finding.where})" if finding.where else ""
        text = f"{sentence(finding.message + where)} {sentence(finding.action)}".strip()
        self.notes.append(Note(severity, finding.kind, text))


def _stages_of(plan: Sequence[PlannedStage]) -> list[StageName]:
    """Every stage up to the furthest that is planned: a check has three, a whole run all."""
    if plan and all(planned.stage is StageName.COARSE for planned in plan):
        return [StageName.COARSE]  # the search alone: finer rounds come as they come
    order = list(StageName)
    furthest = max((order.index(planned.stage) for planned in plan), default=len(order) - 1)
    return order[: furthest + 1]


def _decision(event: Decided) -> str:
    what, why = event.what.strip(), event.why.strip()
    if not why:
        return sentence(what)
    # A reason written as a clause goes on in the same sentence.
    return sentence(f"{what.rstrip('.')}: {why}") if why[0].islower() else f"{sentence(what)} {sentence(why)}"


def sentence(text: str) -> str:
    """The text on one line, without control characters, ended by a full stop."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return clean if not clean or clean[-1] in ".!?…:" else f"{clean}."


def sparkline(values: Sequence[float], width: int, bars: str = BARS) -> str:
    """Values as a row of small bars, the newest on the right.

    Args:
        values: any numbers; those that are not finite leave a gap.
        width: characters at most; longer rows are thinned to the last value of each of `width` equal parts.
        bars: eight characters, from low to high.
    """
    if width <= 0 or not values:
        return ""
    if len(values) > width:
        values = [values[(i + 1) * len(values) // width - 1] for i in range(width)]
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    span = high - low

    def bar(value: float) -> str:
        if not math.isfinite(value):
            return " "
        # A flat row, or one so wide that its span overflows, is drawn in the middle.
        share = (value - low) / span if 0 < span < math.inf else 0.5
        return bars[min(int(share * len(bars)), len(bars) - 1)]

    return "".join(bar(value) for value in values)


def objective_of(best: Mapping[str, Any]) -> str | None:
    """The name of the live best's objective: "val_accuracy"."""
    return next((name for name in best if name not in ("trial", "hyperparameters")), None)


def score_of(best: Mapping[str, Any]) -> str:
    """The live best in words: "trial 7: val accuracy 0.9711"."""
    name = objective_of(best)
    score = f"{_spaced(name)} {number(best[name])}" if name else ""
    trial = f"trial {best['trial']}" if best.get("trial") is not None else ""
    return ": ".join(part for part in (trial, score) if part)


def result_of(document: Mapping[str, Any], objective: str | None = None) -> list[str]:
    """The best of a result document in words, a line a split.

    Args:
        document: result.json.
        objective: "val_accuracy" where it is known; it comes first, with its spread.
    """
    best = document.get("best") or {}
    lines = []
    for split in ("val", "test"):
        values = {f"{split}_{name}": value for name, value in (best.get(split) or {}).items() if value is not None}
        # The objective first; metrics say more to people than the loss does, so that comes last.
        names = sorted(values, key=lambda name: (name != objective, name.endswith("_loss")))
        words = [f"{_spaced(name)} {number(values[name])}" for name in names]
        if split == "val" and words and best.get("spread") and (best.get("seeds") or 0) > 1:
            which = 0 if objective in values else -1
            spread = f"± {number(best['spread'], 2)} over {best['seeds']} seeds"
            words[which] += f" {spread}" if which == 0 else f" (objective {spread})"
        if words:
            lines.append(", ".join(words))
    if lines and best.get("variant") in ("averaged", "ensemble"):
        lines[-1] += f" ({'averaged weights' if best['variant'] == 'averaged' else 'an ensemble'})"
    return lines


def spent(document: Mapping[str, Any]) -> str:
    """What a run took: "184 trials, 412 epochs, 9 min 48 s"."""
    return (
        f"{count(document.get('trials') or 0, 'trial')}, {count(round(document.get('epochs') or 0, 1), 'epoch')}, "
        f"{duration(document.get('seconds') or 0.0)}"
    )


def ending(document: Mapping[str, Any]) -> str:
    """How a run ended, in one sentence."""
    task, took = document.get("task", "the task"), spent(document)
    status = document.get("status")
    if status == "stopped":
        failed = [step for step in document.get("steps") or [] if step.get("verdict") == "fail"]
        label = f" at {LABELS[StageName(failed[-1]['step'])].lstrip('1234567 ')}" if failed else ""
        why = f": {failed[-1]['summary']}" if failed else ""
        return sentence(f"{task} stopped{label} after {took}{why}")
    word = "was interrupted" if status == "interrupted" else "is done"
    return sentence(f"{task} {word} after {took}")


def _spaced(name: str) -> str:
    return name.replace("_", " ")
