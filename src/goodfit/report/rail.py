"""The recipe's steps with their verdicts, findings and decisions, as the report lists them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.findings import most_important_first
from goodfit.ledger.records import DecisionRecord, FindingRecord, StageRecord
from goodfit.report.evidence import Node, as_node, words
from goodfit.report.numbers import count, duration, number
from goodfit.report.reading import PREPARING, Box, Reading, as_box

STEPS = (  # stage, its number in the recipe, its name for people
    ("data", "0", "Look at the data"),
    ("initial-loss", "1", "Check the initial loss"),
    ("overfit", "2", "Overfit a tiny sample"),
    ("learning-rate", "3", "Find the learning rate"),
    ("coarse", "4", "Search coarse"),
    ("fine", "5", "Search fine"),
    ("curves", "6", "Read the curves"),
    ("decide", "7", "Decide, and go to 5"),
    ("final", "★", "Final training"),
)
VERDICTS = {"pass": "passed", "warn": "passed with a warning", "fail": "failed", "skip": "skipped"}


@dataclasses.dataclass(frozen=True, slots=True)
class Round:
    """One pass through a step."""

    label: str  # "round 2"; "" for the only one
    verdict: str  # pass | warn | fail | skip | none
    word: str
    summary: str
    cost: str
    evidence: Node | None
    box: tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    stage: str
    number: str
    title: str
    verdict: str  # of the last round
    word: str
    rounds: tuple[Round, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """A finding as the report shows it."""

    kind: str
    severity: str
    message: str
    action: str
    where: str
    sureness: str
    experiment: str
    follows_from: str
    trial: int | None
    evidence: Node | None


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    stage: str
    what: str
    why: str
    changes: tuple[tuple[str, str, str], ...]  # name, before, after
    cost: str


def steps(reading: Reading) -> list[Step]:
    """Every step of the recipe in order, reached or not, and after them stages of other names.

    The search alone has no recipe around it, and a check ends before the search: of them only what they do is listed.
    """
    recorded = [record.stage for record in reading.snapshot.stages]
    is_search = bool(recorded) and set(recorded) <= {"coarse", "fine"}
    names = {stage for stage, _, _ in STEPS}
    others = dict.fromkeys(s.stage for s in reading.snapshot.stages if s.stage not in names)
    listed = []
    for stage, its_number, title in (*STEPS, *((other, "·", words(other)) for other in others)):
        records = [record for record in reading.snapshot.stages if record.stage == stage]
        rounds = tuple(_round(reading, record, len(records) > 1) for record in records)
        if not rounds and (is_search or (reading.is_check and stage not in PREPARING)):
            continue
        verdict, word = (rounds[-1].verdict, rounds[-1].word) if rounds else ("none", "not reached")
        listed.append(Step(stage, its_number, title, verdict, word, rounds))
    return listed


def findings(reading: Reading) -> list[Told]:
    """Most important first, each once."""
    records = {id(record.finding): record for record in reading.snapshot.findings}
    ordered = [records[id(finding)] for finding in most_important_first(r.finding for r in records.values())]
    of_trials = {(record.finding.kind, record.finding.message) for record in ordered if record.trial is not None}
    seen, told = set(), []
    for record in ordered:
        finding = record.finding
        if record.trial is None and (finding.kind, finding.message) in of_trials:
            continue  # a stage repeats what its trial says
        key = (finding.kind, finding.message, finding.where, record.trial)
        if key not in seen:
            seen.add(key)
            told.append(_told(reading, record))
    return told


def alike(told: Sequence[Told]) -> list[list[Told]]:
    """Findings of one kind and severity together, those that are about a trial; the first of each as the order has it.

    Twenty trials that a rule finds healthy are one thing to know, not twenty.
    """
    groups: dict[object, list[Told]] = {}
    for place, finding in enumerate(told):
        about_trial = finding.trial is not None or finding.where.startswith("trial")
        groups.setdefault((finding.kind, finding.severity) if about_trial else place, []).append(finding)
    return list(groups.values())


def decisions(reading: Reading) -> list[Decision]:
    return [
        Decision(
            reading.stage_label(record.stage),
            record.what,
            record.why,
            changes(record),
            _cost(reading.stages.get(record.stage)),
        )
        for record in reading.snapshot.decisions
    ]


def changes(record: DecisionRecord) -> tuple[tuple[str, str, str], ...]:
    """What a decision changed: boxes by hyperparameter, everything else by its key; what stayed is left out."""
    before, after = _flat(record.before), _flat(record.after)
    return tuple(
        (_key(name), before.get(name, "–"), after.get(name, "–"))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    )


def box_text(box: Box) -> str:
    """log 1e-4 to 0.1; one of sgd, adamw."""
    if box.choices:
        return "one of " + ", ".join(number(choice) for choice in box.choices)
    if box.has_edges:
        return f"{number(box.low, 3)} to {number(box.high, 3)} ({words(box.scale)})".replace(" ()", "")
    return words(box.scale) or "–"


def _round(reading: Reading, record: StageRecord, is_one_of_many: bool) -> Round:
    verdict = record.verdict or "none"
    unfinished = "under way" if reading.snapshot.study.status == "running" else "cut short"
    word = VERDICTS.get(verdict, unfinished if verdict == "none" else verdict)
    boxes = ((key, as_box(entry)) for key, entry in record.space.items())
    return Round(
        label=f"round {record.round}" if is_one_of_many else "",
        verdict=verdict if verdict in VERDICTS else "none",
        word=word,
        summary=record.summary,
        cost=_cost(record),
        evidence=as_node(record.evidence) if record.evidence else None,
        box=tuple((_key(key), box_text(box)) for key, box in boxes if box is not None),
    )


def _told(reading: Reading, record: FindingRecord) -> Told:
    finding = record.finding
    evidence = {key: value for key, value in finding.evidence.items() if key != "experiment"}
    return Told(
        kind=finding.kind,
        severity=str(finding.severity),
        message=finding.message,
        action=finding.action,
        where=finding.where or reading.stage_label(record.stage),
        sureness=f"{finding.confidence:.0%} sure",
        experiment=_experiment(finding.evidence.get("experiment")),
        follows_from=finding.follows_from or "",
        trial=record.trial,
        evidence=as_node(evidence) if evidence else None,
    )


def _experiment(experiment: Any) -> str:
    if not isinstance(experiment, Mapping):
        return ""
    metric, seeds = experiment.get("metric", "result"), experiment.get("seeds")
    over = f" over {count(seeds, 'seed')}" if isinstance(seeds, int) else ""
    return (
        f"Tried: {experiment.get('remedy', 'a remedy')}. {metric} was {number(experiment.get('without'), 3)} "
        f"without it and {number(experiment.get('with'), 3)} with it{over}."
    )


def _cost(record: StageRecord | None) -> str:
    if record is None:
        return ""
    parts = [count(record.trials, "trial")] if record.trials else []
    parts += [count(round(record.epochs, 2), "epoch")] if record.epochs else []
    parts += [duration(record.seconds)] if record.seconds else []
    return " · ".join(parts)


def _key(key: str) -> str:
    """lr[optimizer=sgd] as "lr (optimizer sgd)"."""
    return words(key).replace("[", " (").replace("]", ")").replace("=", " ").replace("|", " or ")


def _flat(values: Mapping[str, Any]) -> dict[str, str]:
    flat = {}
    for key, value in values.items():
        if key == "space" and isinstance(value, Mapping):
            flat |= {name: box_text(box) if (box := as_box(entry)) else str(entry) for name, entry in value.items()}
        elif (box := as_box(value)) is not None:
            flat[key] = box_text(box)
        elif isinstance(value, Mapping):
            flat |= {f"{key} {name}": text for name, text in _flat(value).items()}
        elif isinstance(value, (list, tuple)):
            flat[key] = ", ".join(
                number(item) if not isinstance(item, (Mapping, list)) else str(item) for item in value
            )
        else:
            flat[key] = number(value)
    return flat
