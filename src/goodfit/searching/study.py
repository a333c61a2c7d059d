"""A search's trials and what they say, read from its ledger: while it runs, when it has ended, or years later."""

from __future__ import annotations

import dataclasses
import importlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goodfit.errors import FolderError, SettingsError
from goodfit.findings import Finding
from goodfit.ledger.folder import RunFolder
from goodfit.ledger.records import Snapshot, TrialRecord
from goodfit.ledger.store import read_ledger
from goodfit.searching.books import Goal
from goodfit.space import Space
from goodfit.space.levels import frozen_value
from goodfit.strategy.halving import Course, comparable
from goodfit.strategy.importance import Importance, importances
from goodfit.strategy.observation import Observation

if TYPE_CHECKING:
    import optuna

COMPETING = ("coarse", "fine", "final", "")


@dataclasses.dataclass(frozen=True, slots=True)
class StudyTrial:
    """One trial of a study."""

    number: int
    hyperparameters: Mapping[str, Any]
    value: float | None  # of the objective; None: it diverged, failed, or has not ended
    status: str
    epochs: float
    seed: int
    parent: int | None
    reason: str  # why it did not end well, in a sentence
    seconds: float | None
    curves: Mapping[str, tuple[tuple[float, float], ...]] = dataclasses.field(
        repr=False
    )  # series -> (epoch, value), epochs growing


@dataclasses.dataclass(frozen=True)
class Study:
    """What a search (or a run) has tried. `gf.search` returns one; `gf.Study.open("runs/mine")` reads one.

    Attributes:
        out: its folder.
        snapshot: its ledger, read at one moment.

    Example:
        study = gf.search(objective, space, trials=100)
        study.best.hyperparameters, study.best.value
        for trial in study.trials: ...
        study.importance()["lr"].share
        study.to_optuna()
    """

    out: Path
    snapshot: Snapshot

    @classmethod
    def open(cls, out: str | Path) -> Study:
        """The study in a folder.

        Raises:
            FolderError: there is none.
        """
        folder = RunFolder.existing(out)
        reader = read_ledger(folder.ledger)
        try:
            studies = reader.studies()
            if not studies:
                raise FolderError(f"The ledger in {folder.path} holds no study yet.")
            return cls(folder.path, reader.read(studies[-1].study))
        finally:
            reader.close()

    @property
    def name(self) -> str:
        return self.snapshot.study.study

    @property
    def status(self) -> str:
        """running, done, stopped or interrupted."""
        return self.snapshot.study.status

    @property
    def direction(self) -> str:
        """ "min" or "max"."""
        return "max" if self.snapshot.study.objective.split()[:1] == ["max"] else "min"

    @property
    def space(self) -> Space:
        """The space that the search began with."""
        return Space.from_json(self.snapshot.study.space)

    @property
    def document(self) -> Mapping[str, Any]:
        """result.json; empty before the search has ended."""
        return self.snapshot.memos.get("result") or {}

    @property
    def trials(self) -> tuple[StudyTrial, ...]:
        """Every trial of the search, by number; those of a run's first steps are none of it."""
        stages = {s.number: s.stage for s in self.snapshot.stages}
        return tuple(
            self._trial(record) for record in self.snapshot.trials if stages.get(record.stage, "") in COMPETING
        )

    @property
    def configurations(self) -> tuple[StudyTrial, ...]:
        """The trials, those that went on from another joined with it: one a configuration, with its whole curve.

        One that came to a rung and did not go on is "stopped". A function's trials are never gone on with, so there
        these are the trials.
        """
        trials = {t.number: t for t in self.trials}
        continued = {t.parent for t in trials.values()}
        found = []
        for trial in trials.values():
            if trial.number in continued:
                continue
            line = [trial]
            while line[0].parent in trials:
                line.insert(0, trials[line[0].parent])
            curves: dict[str, dict[float, float]] = {}
            for member in line:
                for name, points in member.curves.items():
                    curves.setdefault(name, {}).update(points)
            longest = self.longest_epochs
            is_short = trial.status == "done" and longest is not None and trial.epochs < 0.98 * longest
            found.append(
                dataclasses.replace(
                    trial,
                    status="stopped" if is_short and self._is_judged_in_cohorts else trial.status,
                    curves={name: tuple(points.items()) for name, points in curves.items()},
                    seconds=sum(m.seconds for m in line if m.seconds is not None) or None,
                )
            )
        return tuple(found)

    @property
    def longest_epochs(self) -> float | None:
        """Epochs of a trial that goes to its end; None where that was left to the objective."""
        planned = self.snapshot.memos.get("search/plan") or {}
        return planned.get("epochs") or self.snapshot.study.options.get("epochs")

    @property
    def _is_judged_in_cohorts(self) -> bool:
        """Whether trials end at rungs as "done", to be gone on with: a task's do, a function's are stopped there."""
        early = self.snapshot.study.options.get("early", "none")
        return early != "none" and "search/plan" in self.snapshot.memos

    @property
    def best(self) -> StudyTrial | None:
        """The best of the trials that went to their end; None where none has a value."""
        scored = [t for t in self.trials if t.value is not None]
        whole = [t for t in scored if t.status == "done"]
        return min(whole or scored, key=lambda t: (self._score(t.value), t.number), default=None)

    @property
    def best_value(self) -> float | None:
        return None if self.best is None else self.best.value

    @property
    def best_hyperparameters(self) -> Mapping[str, Any] | None:
        return None if self.best is None else self.best.hyperparameters

    @property
    def findings(self) -> list[Finding]:
        """All findings, in order of writing."""
        return [record.finding for record in self.snapshot.findings]

    def importance(self) -> dict[str, Importance]:
        """How much of the trials' differences each dimension explains, most important first, with its interval."""
        space = self.searched_space
        found = importances(space, [o for o in self.observations() if space.contains(o.hyperparameters)])
        return {i.key: i for i in sorted(found, key=lambda i: -i.share)}

    @property
    def searched_space(self) -> Space:
        """The smallest of the search's own spaces that held every trial's box: the first one, extended where it was."""
        spaces = [Space.from_json(s.space) for s in self.snapshot.stages if s.stage in COMPETING and s.space]
        widest = max(
            spaces,
            key=lambda s: sum(s.contains(t.hyperparameters) for t in self.trials),
            default=self.space,
        )
        return widest if widest.dimensions else self.space

    def observations(self) -> tuple[Observation, ...]:
        """The trials as strategies see them: lower scores are better, early ends stand behind those that went on."""
        configurations = self.configurations
        seen = [
            Observation(
                t.number, t.hyperparameters, None if t.value is None else self._score(t.value), t.status, t.epochs
            )
            for t in configurations
        ]
        return comparable(seen, [self._course(t) for t in configurations], self.longest_epochs)

    def _course(self, trial: StudyTrial) -> Course:
        points = self.compared_curve(trial)
        return Course(trial.number, tuple(e for e, _ in points), tuple(self._score(v) for _, v in points))

    def compared_curve(self, trial: StudyTrial) -> tuple[tuple[float, float], ...]:
        """The curve by which the trial was compared while it ran: (epoch, value); empty where it told none."""
        metric = "_".join(self.snapshot.study.objective.split()[1:])
        goal = Goal(self.direction == "max", metric)
        last = {name: points[-1][1] for name, points in trial.curves.items() if points}
        return trial.curves[goal.compared(last)] if last else ()

    def table(self) -> list[dict[str, Any]]:
        """A row for each trial: number, status, value, epochs, seconds, reason, and every hyperparameter."""
        names = list(dict.fromkeys(name for t in self.trials for name in t.hyperparameters))
        return [
            {
                "number": t.number,
                "status": t.status,
                "value": t.value,
                "epochs": t.epochs,
                "seconds": t.seconds,
                **{name: t.hyperparameters.get(name) for name in names},
                "reason": t.reason,
            }
            for t in self.trials
        ]

    def dataframe(self) -> Any:
        """`table` as a `pandas.DataFrame`.

        Raises:
            SettingsError: pandas is not installed.
        """
        try:
            pandas = importlib.import_module("pandas")  # no extra of ours: who has it may use it
        except ModuleNotFoundError:
            raise SettingsError(
                "study.dataframe() needs pandas: pip install pandas; study.table() needs nothing."
            ) from None
        return pandas.DataFrame(self.table())

    def to_optuna(self) -> optuna.Study:
        """The same trials as an Optuna study in memory, with distributions and intermediate values.

        Raises:
            SettingsError: Optuna is not installed.
        """
        from goodfit.integrations.optuna import as_optuna

        return as_optuna(self)

    def _score(self, value: float | None) -> float:
        if value is None:
            return math.inf
        return -value if self.direction == "max" else value

    def _trial(self, record: TrialRecord) -> StudyTrial:
        took = None
        if record.started_at is not None and record.ended_at is not None:
            took = record.ended_at - record.started_at
        curves = self.snapshot.curves.get(record.trial, {})
        return StudyTrial(
            number=record.trial,
            hyperparameters={name: frozen_value(value) for name, value in record.hyperparameters.items()},
            value=record.objective if record.status in ("done", "stopped") else None,
            status=record.status,
            epochs=record.epochs,
            seed=record.seed,
            parent=record.parent,
            reason=record.reason,
            seconds=took,
            curves={
                name: tuple(zip(curve.epochs.tolist(), curve.values.tolist(), strict=True))
                for name, curve in curves.items()
            },
        )

    def __iter__(self) -> Iterator[StudyTrial]:
        return iter(self.trials)

    def __repr__(self) -> str:
        best = f", best {self.best.value:.6g}" if self.best is not None and self.best.value is not None else ""
        return f"Study({self.name!r}, {len(self.trials)} trials{best}, {self.status}, {str(self.out)!r})"
