"""Configurations compared sample by sample on the same validation samples, over their seeds together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from goodfit.recipe.final import Candidate
from goodfit.running.outcome import Outcome
from goodfit.running.scoring import scored
from goodfit.running.session import Session
from goodfit.training.ensemble import merge_for
from goodfit.training.trained import load_model


def per_sample(session: Session, runs: Sequence[Outcome]) -> Candidate | None:
    """The mean over trainings of each validation sample's loss and score; None where none of them left its weights."""
    problem, objective = session.problem, session.opened.task.parsed_objective
    good = [run for run in runs if run.is_feasible and session.trainer.has_state(run.number)]
    if not good:
        return None
    states = session.states([run.number for run in good])
    merge, most = merge_for(problem.loss), session.settings.budget.paired_samples
    each = []
    for run in good:
        model = load_model(problem.build, run.hyperparameters, run.trial.seed, states[run.number])
        each.append(scored(problem, [model], problem.val, merge, most))
    return Candidate(
        "plain",
        tuple(run.number for run in good),
        np.mean([one.values["loss"] for one in each], axis=0),
        np.mean([one.scores(objective) for one in each], axis=0),
    )
