"""A search's study in its folder: begun, or taken up again where an earlier process left it."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

from goodfit.errors import DataError, FolderError
from goodfit.findings import Finding, plain
from goodfit.ledger.folder import RunFolder
from goodfit.ledger.places import claim_next, latest
from goodfit.ledger.records import Snapshot, StudyRecord
from goodfit.ledger.store import Store
from goodfit.ledger.versions import versions
from goodfit.ledger.writer import Writer
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.searching.books import Goal
from goodfit.searching.options import SearchOptions
from goodfit.settings import Settings
from goodfit.space import Space


def ended_stage_of(record: Any, snapshot: Snapshot) -> StageResult:
    """A stage that had ended before, with its findings."""
    findings: list[Finding] = [f.finding for f in snapshot.findings if f.stage == record.number]
    return StageResult(
        stage=StageName(record.stage),
        verdict=Verdict(record.verdict),
        summary=record.summary,
        findings=tuple(findings),
        evidence=record.evidence,
        round=record.round,
        trials=record.trials,
        epochs=record.epochs,
        seconds=record.seconds,
        space=record.space,
    )


def study_writer(
    store: Store,
    folder: RunFolder,
    space: Space,
    options: SearchOptions,
    seed: int,
    settings: Settings,
    title: str,
    engine: str,
    command: str,
    source: str,
) -> tuple[Writer, Snapshot | None]:
    """A writer for a new study, or for the one in the folder with what is known of it."""
    known = store.studies()
    if not known:
        goal = Goal(options.direction == "max", options.metric or "value")
        record = StudyRecord(
            study=title,
            task=title,
            seed=seed,
            objective=str(goal),
            command=command or f"gf.search({title}, ...)",
            device=engine,
            versions=versions(),
            fingerprint="",
            source=source,
            space=space.as_json(),
            settings={name: value for name, value, _ in settings.listed()},
            options=dataclasses.asdict(options),
            created_at=time.time(),
        )
        return Writer(store.begin(record)), None
    study = known[-1]
    if study.task != title:
        raise FolderError(f"{folder.path} holds a study of {study.task!r}, not of {title!r}; give another out.")
    if plain(study.space) != plain(space.as_json()):
        raise DataError(
            f"The space has changed since the search in {folder.path} began, so its trials cannot be gone on with; "
            "bring the old one back, or begin anew in another folder with the old one as start."
        )
    writer = store.resume(study.study)
    return Writer(writer), store.read(study.study)


def options_of(options: SearchOptions, snapshot: Snapshot) -> SearchOptions:
    """The study's own options; more trials and more time may be asked for than at first."""
    before = SearchOptions(**snapshot.study.options)
    return dataclasses.replace(
        before,
        trials=before.trials if options.trials is None else options.trials,
        budget_seconds=before.budget_seconds if options.budget_seconds is None else options.budget_seconds,
    )


def folder_for(out: str | Path | None, title: str, resume: bool) -> tuple[RunFolder, bool]:
    """The folder, and whether it was made just now."""
    if out is not None:
        return RunFolder.create(out, resume), False
    if resume:
        return RunFolder.create(latest(title), resume), False
    return RunFolder.create(claim_next(title)), True
