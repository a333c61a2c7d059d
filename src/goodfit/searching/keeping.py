"""The best trial of a task's search, kept as a model: `best/`, as a run leaves it."""

from __future__ import annotations

from goodfit.best import folder_of, write_best
from goodfit.running.session import Session
from goodfit.training.trained import load_model


def keep_best(session: Session) -> None:
    """Write `best/`: the weights that the best trial had when it ended, the same trial that `result.json` names.

    Nothing is written where no trial has ended well, or where a search that has ended is taken up again: its states are
    gone, and the model is there.
    """
    best = session.best_so_far()
    if best is None or not session.trainer.has_state(best.number):
        return
    task, problem = session.opened.task, session.problem
    state = session.states([best.number])[best.number]
    model = load_model(problem.build, best.hyperparameters, best.trial.seed, state, False)
    with session.folder.writing_best() as folder:
        write_best(
            folder,
            task_name=task.name,
            source=task.source,
            model=task.model,
            spec=folder_of(task.model),
            hyperparameters=best.hyperparameters,
            variant="plain",
            single=model.state_dict(),
            members={},
            merge=None,
        )
