"""Trials that fail in the user's code, where a search goes on without them: each is kept with its reason.

A run ends with the first exception: its trials differ in numbers, and code that raises for one is broken. A search
over widths, layers and kernels meets points that cannot work, and says which.
"""

from __future__ import annotations

import dataclasses
import shutil
import traceback

from goodfit.errors import TrainingError
from goodfit.execution.work import CohortWork
from goodfit.running.journal import Journal
from goodfit.running.works import Request
from goodfit.training.structure import built


@dataclasses.dataclass
class Failures:
    """How many trials failed one after another.

    Attributes:
        most: how many may before training ends; None: the first exception ends it.
    """

    most: int | None = None
    in_a_row: int = 0

    @property
    def are_kept(self) -> bool:
        return self.most is not None

    def count(self, reason: str, trace: str) -> None:
        """One more.

        Raises:
            TrainingError: none is allowed, or too many have come.
        """
        self.in_a_row += 1
        if self.most is not None and self.in_a_row < self.most:
            return
        told = f"{self.in_a_row} trials failed one after another; the last: {reason}" if self.are_kept else reason
        error = TrainingError(told)
        error.add_note(trace)
        raise error


def unbuildable(request: Request, first: int) -> dict[int, tuple[str, str]]:
    """The trials of a request whose models cannot be built, by number: why, and the traceback.

    Args:
        first: the number of the first entry's trial.
    """
    found: dict[int, tuple[str, str]] = {}
    for number, entry in enumerate(request.entries, first):
        try:
            built(request.problem, entry.hyperparameters, entry.seed)
        except Exception as error:  # the user's own code may raise anything, and each trial is told its own
            found[number] = (str(error), traceback.format_exc())
    return found


def apart(work: CohortWork, journal: Journal) -> list[CohortWork]:
    """A cohort's trials as works of their own, since one of them raises: the others go on without it."""
    singles = []
    for trial in work.trials:
        suffix = f".alone-{trial.number}.pt"
        single = dataclasses.replace(
            work,
            key=f"{work.key}/alone-{trial.number}",
            trials=(trial,),
            parents=None if work.parents is None else work.parents.with_suffix(suffix),
            checkpoint=None if work.checkpoint is None else work.checkpoint.with_suffix(suffix),
        )
        if single.checkpoint is not None:
            journal.note(f"states/{trial.number}", single.checkpoint.name)
        if single.parents is not None and work.parents is not None and work.parents.exists():
            shutil.copyfile(work.parents, single.parents)
        singles.append(single)
    return singles
