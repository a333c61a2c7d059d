"""Early ends while an objective runs: each report is judged at the rungs, and the rungs themselves are watched."""

from __future__ import annotations

import dataclasses
import math

from goodfit.execution.functions import Reported
from goodfit.searching.books import Books, Entry
from goodfit.settings.halving import HalvingSettings
from goodfit.strategy.halving import Judgement, Why, is_witness, judge, moved_later, rungs


@dataclasses.dataclass
class EarlyEnds:
    """Judges trials at rungs, in the asynchronous form: each among all that came to the rung before it.

    Attributes:
        longest: epochs of a trial that goes to its end.
        seed: of the choice of witnesses.
        settings: of halving.
        rungs: the epochs at which trials are judged from now on.
    """

    longest: float
    seed: int
    settings: HalvingSettings = dataclasses.field(default_factory=HalvingSettings)
    rungs: tuple[float, ...] = ()
    judged: dict[float, dict[int, Why]] = dataclasses.field(default_factory=dict)  # rung -> trial -> why
    doomed: set[int] = dataclasses.field(default_factory=set)  # witnesses: they go to the end, whatever comes

    def __post_init__(self) -> None:
        self.rungs = self.rungs or rungs(self.longest, self.settings)

    def judge(self, books: Books, entry: Entry, report: Reported) -> Judgement | None:
        """What a report decides; None where it came to no new rung, or the trial runs to the end as a witness."""
        reached = [r for r in self.rungs if r <= report.epoch + 1e-9 and entry.number not in self.judged.get(r, {})]
        if not reached or entry.number in self.doomed or report.epoch >= self.longest - 1e-9:
            return None
        rung = reached[-1]
        others = [books.course(e) for e in books.entries.values() if e.number != entry.number and e.reports]
        others += [books.course(e) for e in books.ended if not e.reports and e.number != entry.number]
        judgement = judge(
            books.course(entry),
            rung,
            others,
            longest=self.longest,
            seed=self.seed,
            settings=self.settings,
            kept=self.judged.get(rung),
        )
        for passed in reached:
            self.judged.setdefault(passed, {})[entry.number] = judgement.why
        if judgement.why is Why.WITNESS:
            self.doomed.add(entry.number)
        return judgement

    def look_back(self, books: Books) -> tuple[str, ...]:
        """Move the rungs later where their ranks were not those of the end; the sentences that say so."""
        courses = [
            dataclasses.replace(books.course(e), is_witness=is_witness(e.number, self.seed, self.settings))
            for e in books.entries.values()
        ]
        self.rungs, said = moved_later(self.rungs, courses, self.settings)
        return said


def is_broken(report: Reported) -> bool:
    """Whether a report holds a number that is not finite: the trial has diverged."""
    return any(not math.isfinite(value) for value in report.metrics.values())
