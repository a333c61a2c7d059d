"""Which weights of the final trainings answer: the last, the best checkpoint in retrospect, or a Polyak average."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from goodfit.execution.checkpoints import load_kept
from goodfit.recipe.checkpoints import best_kept_step
from goodfit.recipe.final import Candidate, Comparison, choose_paired, choose_variant, compared
from goodfit.running.outcome import Outcome
from goodfit.running.roles import weights_of
from goodfit.running.scoring import Scored, scored
from goodfit.running.session import Session
from goodfit.training.averaging import decay_at, decay_of, mixed_average, rebuilding
from goodfit.training.ensemble import Merge
from goodfit.training.fresh_statistics import refresh_statistics
from goodfit.training.problem import Problem
from goodfit.training.trained import load_model
from goodfit.training.trial import TrialState

TRIED_RUNS = 2  # trainings by which the averages' decay is chosen: it is the same for all


@dataclasses.dataclass(frozen=True)
class Weights:
    """One way to take weights from every final training."""

    name: str  # "plain" or "averaged"
    told: str  # "the plain weights", "the Polyak average of decay 0.995"
    states: Mapping[int, TrialState]  # by trial number
    decay: float | None = None  # of the average

    def model(self, problem: Problem, outcome: Outcome) -> nn.Module:
        """A training's network with these weights, in eval mode; an average has statistics of its own."""
        averaged = self.name == "averaged"
        state, values = self.states[outcome.number], outcome.hyperparameters
        model = load_model(problem.build, values, outcome.trial.seed, state, averaged)
        if averaged:
            refresh_statistics(model, problem, int(values.get("batch_size", problem.default_batch_size)))
        return model


@dataclasses.dataclass(frozen=True)
class Chosen:
    """The weights to go on with."""

    weights: Weights
    each: list[Scored]  # of every training with these weights
    together: Candidate  # the mean over the trainings of each sample's values
    evidence: dict[str, Any]
    comparisons: list[Comparison]


def choose_weights(
    session: Session, runs: Sequence[Outcome], merge: Merge | None, samples: int | None = None
) -> Chosen:
    """Compare, on all validation samples or so many, over all trainings together: what holds for one may be luck."""
    began = session.elapsed()
    problem = session.problem
    states = session.states([run.number for run in runs])
    last = Weights("plain", "the plain weights", states)
    each = _scored(session, runs, last, merge, samples)
    best = Chosen(last, each, _together(session, "plain", runs, each), {}, [])
    affordable = session.decided("final/weights", lambda: _affordable(session, session.elapsed() - began))
    kept = _kept(session, runs)
    best = _checkpoint(session, runs, merge, best, kept, samples) if affordable > 1 else best
    averages, told = _averages(session, runs, last, kept, most=max(affordable, 1))
    best.evidence["averages"] = told
    if not averages:
        return best
    place = 0
    if len(averages) > 1:
        some = runs[:TRIED_RUNS]
        most = session.settings.budget.paired_samples
        tried = [_together(session, a.name, some, _scored(session, some, a, merge, most)) for a in averages]
        place = choose_paired(tried, range(len(tried)))
        for record, candidate in zip(told, tried, strict=True):
            record |= {
                "val_loss": candidate.loss,
                "score": session.opened.task.parsed_objective.natural(candidate.score),
                "samples": min(most, len(problem.val)),
            }
    each = _scored(session, runs, averages[place], merge, samples)
    rival = _together(session, "averaged", runs, each)
    winner, comparison = choose_variant(best.together, rival, None)
    best.evidence.update(comparison)
    best.evidence["average_decay"] = averages[place].decay
    best.comparisons.append(compared(best.together, rival))
    if winner is not rival:
        return best
    return Chosen(averages[place], each, rival, best.evidence, best.comparisons)


def keeps(session: Session, hyperparameters: Mapping[str, Any], trainings: int) -> tuple[float, ...]:
    """The shares of the final training after which weights are kept; none where they would fill the disk."""
    settings = session.settings.budget
    numbers = weights_of(session.problem, hyperparameters)
    gigabytes = 2 * 8e-9 * numbers * len(settings.kept_shares) * trainings  # with averages; eight bytes at most
    return settings.kept_shares if gigabytes <= settings.kept_gigabytes else ()


def _kept(session: Session, runs: Sequence[Outcome]) -> dict[int, dict[int, TrialState]]:
    """The states that all trainings kept on their way, by step and trial number."""
    found: dict[int, dict[int, TrialState]] = {}
    for run in runs:
        file = session.folder.checkpoints / session.journal[f"states/{run.number}"]
        for step, states in load_kept(file, (run.number,)).items():
            found.setdefault(step, {}).update(states)
    return {step: states for step, states in found.items() if len(states) == len(runs)}


def _affordable(session: Session, seconds: float) -> int:
    """How many other ways to take weights there is time to score, by the time that the plain ones took."""
    settings = session.settings.budget
    most = 2 + len(settings.average_half_lives)
    if session.budget_seconds is None:
        return most
    return min(most, int(settings.comparing_share * session.budget_seconds / max(seconds, 1e-6)))


def _checkpoint(
    session: Session,
    runs: Sequence[Outcome],
    merge: Merge | None,
    last: Chosen,
    kept: dict[int, dict[int, TrialState]],
    samples: int | None,
) -> Chosen:
    """The state on the way that was best on the smoothed validation curve, against the last one."""
    objective = session.opened.task.parsed_objective
    curves = []
    for run in runs:
        steps, values = run.curve(f"val_{objective.metric}")
        curves.append((steps.tolist(), [objective.score(float(value)) for value in values]))
    step = best_kept_step(curves, sorted(kept))
    if step is None:
        says = "no state that was kept is better on the smoothed validation curve" if kept else "none was kept"
        last.evidence["checkpoint"] = {"kept": sorted(kept), "says": says}
        return last
    share = step / max(run.step for run in runs)
    weights = Weights("plain", f"the plain weights after {100 * share:.0f} % of the training", kept[step])
    each = _scored(session, runs, weights, merge, samples)
    rival = _together(session, "plain", runs, each)
    comparison = compared(last.together, rival)
    adopted = comparison.is_better
    last.evidence["checkpoint"] = {
        "step": step,
        "share": share,
        "val_loss": rival.loss,
        "last_val_loss": last.together.loss,
        **comparison.as_json(),
        "adopted": adopted,
    }
    low, high = comparison.interval
    session.decide(
        f"The weights after {100 * share:.0f} % of the training are taken." if adopted else "The last weights stay.",
        f"Of the states kept, that after {100 * share:.0f} % was best on the smoothed validation curve; sample by "
        f"sample it gains {comparison.gain:.2g} over the last (95 % interval {low:.2g} to {high:.2g}), and "
        f"{comparison.loss_gain:.2g} in the loss.",
        {},
        {"step": step, "adopted": adopted},
    )
    last.comparisons.append(comparison)
    return Chosen(weights, each, rival, last.evidence, last.comparisons) if adopted else last


def _averages(
    session: Session, runs: Sequence[Outcome], last: Weights, kept: dict[int, dict[int, TrialState]], most: int
) -> tuple[list[Weights], list[dict[str, Any]]]:
    """The average that training kept, then those of other decays that can be rebuilt; and what is told of each."""
    settings = session.settings.budget
    decay = runs[0].hyperparameters.get("ema_decay")
    if decay is None or not all(last.states[run.number].average for run in runs):
        return [], []
    found = [Weights("averaged", f"the Polyak average of decay {decay:.4g}", last.states, decay)]
    told: list[dict[str, Any]] = [{"decay": decay, "rebuilt": False, "likeness": 1.0}]
    ends = {run.step for run in runs}
    if not kept or len(ends) > 1:  # a training that was cut ended elsewhere: one mixture does not fit all
        return found, told
    length = ends.pop()
    steps = [*sorted(step for step in kept if step < length), length]
    # Early in training the decay is smaller than its own: beyond the last such value all averages are the same one.
    widest = decay_at(1.0, length)
    seen = {min(decay, widest)}
    for wanted in (settings.ema_decay, *(decay_of(share * length) for share in settings.average_half_lives)):
        if min(wanted, widest) in seen:
            continue
        seen.add(min(wanted, widest))
        mixture = rebuilding(decay, steps, wanted)
        if mixture.likeness < settings.average_likeness or len(found) >= most:
            continue
        states = {
            run.number: dataclasses.replace(
                last.states[run.number],
                average=mixed_average(
                    mixture,
                    [(kept[step] if step < length else last.states)[run.number].average for step in steps],
                    _values(last.states[run.number]),
                ),
            )
            for run in runs
        }
        found.append(Weights("averaged", f"the Polyak average of decay {wanted:.4g}, rebuilt", states, wanted))
        told.append({"decay": wanted, "rebuilt": True, "likeness": mixture.likeness})
    return found, told


def _values(state: TrialState) -> dict[str, Any]:
    """The plain values of what an average covers."""
    everything = {**state.parameters, **state.buffers}
    return {name: everything[name] for name in state.average}


def _scored(
    session: Session, runs: Sequence[Outcome], weights: Weights, merge: Merge | None, most: int | None = None
) -> list[Scored]:
    problem = session.problem
    return [scored(problem, [weights.model(problem, run)], problem.val, merge, most) for run in runs]


def _together(session: Session, name: str, runs: Sequence[Outcome], each: Sequence[Scored]) -> Candidate:
    """All trainings as one candidate: the mean over them of each sample's values."""
    objective = session.opened.task.parsed_objective
    losses = np.mean([one.values["loss"] for one in each], axis=0)
    scores = np.mean([one.scores(objective) for one in each], axis=0)
    return Candidate(name, tuple(run.number for run in runs), losses, scores)
