"""The top of the report: how the run ended, what it reached, and what it cost."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from goodfit.report.numbers import count, duration, number
from goodfit.report.reading import Reading

WORDS = {"done": "done", "stopped": "stopped", "interrupted": "interrupted", "running": "unfinished"}
MADE_OF = {"plain": "the weights as trained", "averaged": "of weights over time", "ensemble": "several models' mean"}
VARIANTS = {"plain": "a single model", "averaged": "the Polyak average of its weights", "ensemble": "an ensemble"}


@dataclasses.dataclass(frozen=True, slots=True)
class Tile:
    """One number that matters, with what it is and what it rests on."""

    name: str
    value: str
    beside: str = ""


def status_of(reading: Reading) -> str:
    """done, stopped, interrupted or unfinished; the result document outranks the study's record."""
    status = (reading.result or {}).get("status") or reading.snapshot.study.status
    return WORDS.get(str(status), str(status))


def sentence(reading: Reading) -> str:
    """How the run ended, in one or two sentences."""
    status = status_of(reading)
    failed = [stage for stage in reading.snapshot.stages if stage.verdict == "fail"]
    best = _reached(reading)
    if status == "stopped":
        at = failed[-1] if failed else None
        where = f" at {reading.stage_label(at.number)}" if at else ""
        return f"The recipe stopped{where}. {at.summary if at else ''}".strip()
    if status == "done" and reading.is_check:
        return _checked(reading)
    if status == "done":
        return f"The run is done: {best}." if best else "The run is done; no trial ended with a result that counts."
    last = reading.snapshot.stages[-1] if reading.snapshot.stages else None
    where = f" in {reading.stage_label(last.number)}" if last else " before its first step"
    how = "was interrupted" if status == "interrupted" else "has not ended"
    return f"The run {how}{where}; " + (f"so far: {best}." if best else "no trial has ended yet.")


def _checked(reading: Reading) -> str:
    """What a check that came to its end says of the task."""
    warned = [reading.stage_label(number) for number, s in reading.stages.items() if s.verdict == "warn"]
    if warned:
        return f"The first three steps are done, with warnings at {' and '.join(warned)}; a search may begin."
    return "The first three steps passed: the task is sound as far as they can tell, and a search may begin."


def tiles(reading: Reading) -> list[Tile]:
    """Validation, test, variant, cost and device; what is not known is left out."""
    study, best = reading.snapshot.study, _best(reading)
    metric = reading.series.removeprefix("val_")
    found = []
    value = _metric(best.get("val"), metric)
    if value is not None:
        spread, seeds = best.get("spread"), best.get("seeds")
        several = isinstance(seeds, int) and seeds > 1
        beside = f"± {number(spread, 2)} over {seeds} seeds" if several and _finite(spread) is not None else "one seed"
        found.append(Tile(f"validation {metric}", number(value), beside))
    elif reading.best is not None:
        found.append(Tile(reading.objective, number(reading.best.objective), f"trial {reading.best.trial}"))
    tested = _metric(best.get("test"), metric)
    if tested is not None:
        interval = _interval(reading, metric)
        beside = f"95 % interval {number(interval[0])} to {number(interval[1])}" if interval else "evaluated once"
        found.append(Tile(f"test {metric}", number(tested), beside))
    if best.get("variant"):
        found.append(Tile("variant", str(best["variant"]), MADE_OF.get(str(best["variant"]), "")))
    seconds = _seconds(reading)
    budget = _finite(study.options.get("budget_seconds"))
    found.append(
        Tile("time used", duration(seconds), f"of a budget of {duration(budget)}" if budget else "no time limit")
    )
    whole = {trial.trial: trial.epochs for trial in reading.snapshot.trials if math.isfinite(trial.epochs)}
    epochs = sum(  # what a trial took over from its parent counts once
        max(0.0, whole.get(trial.trial, 0.0) - (whole.get(trial.parent, 0.0) if trial.parent is not None else 0.0))
        for trial in reading.snapshot.trials
    )
    infeasible = len(reading.infeasible)
    beside = count(round(epochs, 1), "epoch") + " in all" + (f", {infeasible} diverged or failed" if infeasible else "")
    found.append(Tile("trials", number(len(reading.snapshot.trials)), beside))
    return found


def _reached(reading: Reading) -> str:
    best, metric = _best(reading), reading.series.removeprefix("val_")
    value = _metric(best.get("val"), metric)
    if value is None:
        if reading.best is None:
            return ""
        return f"{reading.objective} {number(reading.best.objective)} (trial {reading.best.trial})"
    said = f"validation {metric} {number(value)}"
    tested = _metric(best.get("test"), metric)
    if tested is not None:
        said += f", test {metric} {number(tested)}"
    variant = VARIANTS.get(str(best.get("variant")))
    return f"{said}, with {variant}" if variant else said


def _best(reading: Reading) -> Mapping[str, Any]:
    best = (reading.result or {}).get("best")
    return best if isinstance(best, Mapping) else {}


def _metric(values: Any, metric: str) -> float | None:
    return _finite(values.get(metric)) if isinstance(values, Mapping) else None


def _interval(reading: Reading, metric: str) -> tuple[float, float] | None:
    """The test metric's interval, wherever the final stage wrote it."""
    best = _best(reading)
    final = [stage.evidence for stage in reading.snapshot.stages if stage.stage == "final"]
    for holder in (best.get("test"), best, *final[-1:]):
        if not isinstance(holder, Mapping):
            continue
        for key in (f"{metric}_interval", f"test_{metric}_interval", "test_interval", "interval"):
            ends = holder.get(key)
            ends = ends.get(metric) if isinstance(ends, Mapping) else ends
            if isinstance(ends, (list, tuple)) and len(ends) == 2:
                low, high = _finite(ends[0]), _finite(ends[1])
                if low is not None and high is not None:
                    return low, high
    return None


def _seconds(reading: Reading) -> float:
    told = _finite((reading.result or {}).get("seconds"))
    return told if told is not None else sum(stage.seconds for stage in reading.snapshot.stages)


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return value
