"""`gf.ask`: a question to the search, such as "which optimizer?", with everything else tuned for each answer."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from goodfit.errors import SettingsError, SpaceError
from goodfit.findings import plain
from goodfit.searching.api import search
from goodfit.searching.study import Study
from goodfit.searching.trial import Objective
from goodfit.settings import Settings
from goodfit.space import Space
from goodfit.space.defaults import default_space
from goodfit.strategy.isolation import Answer, answer
from goodfit.strategy.questions import InTurns, Question
from goodfit.strategy.questions import ask as asked
from goodfit.task import Task

TRIALS_EACH = 20  # of each value where no number is given


@dataclasses.dataclass(frozen=True)
class Asked:
    """What came of a question: the answer, and the study of its trials."""

    answer: Answer
    study: Study

    @property
    def sentence(self) -> str:
        return self.answer.sentence

    @property
    def caveats(self) -> tuple[str, ...]:
        return self.answer.caveats

    @property
    def out(self) -> Path:
        return self.study.out

    @property
    def status(self) -> str:
        return self.study.status

    @property
    def document(self) -> Mapping[str, Any]:
        """result.json of the study."""
        return self.study.document

    def __str__(self) -> str:
        return "\n".join((self.answer.question.goal, self.sentence, *self.caveats))


def ask(
    objective: Objective | Task,
    hyperparameter: str,
    space: Space | None = None,
    *,
    values: Sequence[Any] | None = None,
    fixed: Mapping[str, Any] | None = None,
    trials: int | None = None,
    seed: int = 0,
    settings: Settings | None = None,
    **options: Any,
) -> Asked:
    """Ask what one hyperparameter does when all others are tuned anew for each of its values, with equal trials.

    Args:
        objective: a task, or a function as `gf.search` takes it.
        hyperparameter: the one asked about.
        space: what may vary; a task has its own.
        values: those to compare; unless given, all of a choice, "off" and "on" of a range that begins at 0, four levels
            of another range.
        fixed: hyperparameters that are not tuned, with their values; the answer names them as caveats.
        trials: in all, shared equally; 20 for each value unless given.
        seed, settings, options: as for `gf.search`.

    Returns:
        The answer and the study; the answer also stands in answer.json in the study's folder.

    Raises:
        GoodfitError: something that was given cannot be used, or no trial trained.

    Example:
        asked = gf.ask(task, "optimizer")
        print(asked.sentence)
        print(*asked.caveats)
    """
    for taken in ("strategy", "early", "start", "levels"):
        if options.pop(taken, None) is not None:
            raise SettingsError(f"ask has no {taken}: a question's trials are spread evenly and all go to their end.")
    if not isinstance(hyperparameter, str):
        raise SpaceError(f"ask needs a hyperparameter's name after the objective, got {type(hyperparameter).__name__}.")
    if space is not None and not isinstance(space, Space):
        raise SpaceError(f"ask needs a space, such as gf.Space(lr=gf.log(1e-5, 1e-1)), got {type(space).__name__}.")
    kept = dict(fixed or {})
    if isinstance(objective, Task):
        task = objective
        whole = space or task.space or default_space(str(task.start.get("optimizer", "adamw")), uses=task.start)
        kept = {**{k: v for k, v in task.start.items() if k not in whole.names}, **kept}
        question = asked(whole, hyperparameter, values, fixed=kept)
        objective = dataclasses.replace(task, space=question.space, start={**task.start, **kept})
        space = None
    else:
        if space is None:
            raise SpaceError("A question about a function needs a space, which says what may vary.")
        question = asked(space, hyperparameter, values, fixed=kept)
        objective, space = _with_fixed(objective, space, question), question.space
    each = TRIALS_EACH if trials is None else trials // len(question.values)
    if each < 4:
        raise SettingsError(
            f"{question.goal} needs 4 trials or more for each of {len(question.values)} values, "
            f"{4 * len(question.values)} in all; got {trials}."
        )
    study = search(
        objective,
        space,
        strategy=InTurns(question, seed),
        early="none",
        trials=each * len(question.values),
        seed=seed,
        settings=settings,
        **options,
    )
    found = read_answer(question, study, settings)
    path = study.out / "answer.json"
    path.write_text(json.dumps(plain(found.as_json()), indent=2, allow_nan=False) + "\n")
    return Asked(found, study)


def read_answer(question: Question, study: Study, settings: Settings | None = None) -> Answer:
    """What a study's trials say to a question.

    Raises:
        SettingsError: a value has no trial, or none trained.
    """
    told = (lambda score: -score) if study.direction == "max" else float
    try:
        return answer(question, study.observations(), (settings or Settings()).search, told=told)
    except ValueError as error:
        raise SettingsError(f"{question.goal} cannot be answered: {error}.") from None


def _with_fixed(objective: Objective, space: Space, question: Question) -> Objective:
    """The objective as it is, where all that it may read is in the question's space.

    Raises:
        SpaceError: a hyperparameter was fixed that the function would look for in vain.
    """
    missing = [name for name in question.fixed if name in space.names]
    if missing:
        raise SpaceError(
            f"{', '.join(missing)}: a function fixes its own values; leave them out of the space and write them there."
        )
    return objective
