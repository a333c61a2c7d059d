"""The best configurations again with fresh seeds: what a seed alone changes, and which one is trained for good."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from goodfit.findings import plain
from goodfit.recipe.final import Candidate as PerSample
from goodfit.recipe.final import choose_paired, compared
from goodfit.recipe.search import ranked
from goodfit.running.final_choice import ANSWER_SECONDS
from goodfit.running.lengths import search_seconds_left, trial_seconds
from goodfit.running.loop import Loop
from goodfit.running.pairs import per_sample
from goodfit.running.reading import observation_of
from goodfit.running.works import Entry
from goodfit.strategy.choosing import Candidate, basin_width, choose_among_repeats
from goodfit.strategy.observation import Observation
from goodfit.training.seeds import PROPOSAL, mixed


def choose(loop: Loop) -> Observation:
    """The configuration for the final training: the top few again with fresh seeds, by their means (recipe 4.6)."""
    session, settings = loop.session, loop.session.settings.budget
    objective = session.opened.task.parsed_objective
    top = loop.contenders[: settings.repeat_top]
    if len(top) < 2:
        return top[0]
    if loop.mode.is_dear:
        return _choose_as_they_are(loop, top)
    seconds = search_seconds_left(loop)
    cost = sum(trial_seconds(session, o.hyperparameters, loop.position.epochs) for o in top) / session.executor.slots
    seeds = settings.repeat_seeds
    if seconds is not None:
        seeds = int(session.decided("choose/seeds", lambda: min(seeds, int(seconds / max(cost, 1e-9)))))
    if seeds < 1:
        return top[0]
    fresh = [mixed(session.seed, PROPOSAL, 777, i) % 2**31 for i in range(seeds)]
    outcomes = session.train(
        "choose",
        [Entry(o.hyperparameters, seed) for o in top for seed in fresh],
        epochs=loop.position.epochs,
        deadline=None if seconds is None else session.elapsed() + max(2 * cost * seeds, 1.0),
        share=(0.8, 1.0),
    )
    space = loop.position.space
    candidates = []
    for i, found in enumerate(top):
        runs = [observation_of(o, objective) for o in outcomes[i * seeds : (i + 1) * seeds]]
        candidates.append(
            Candidate(
                trial=found.number,
                hyperparameters=found.hyperparameters,
                scores=tuple(run.score for run in runs),
                cost=session.size_of(found.hyperparameters),
                basin=basin_width(space, loop.contenders, found.number),
            )
        )
    pairs = [per_sample(session, outcomes[i * seeds : (i + 1) * seeds]) for i in range(len(top))]
    sigma = loop.sigma
    if sigma is None and seeds == 1:
        # One seed each tells nothing of what a seed changes: what paired samples cannot tell apart counts instead.
        sigma = _paired_error(pairs, loop.delta)
    winner = choose_among_repeats(candidates, sigma, session.settings.search, told=objective.natural)
    for finding in winner.findings:
        session.find(finding)
    session.decide(
        f"Trial {winner.candidate.trial}'s hyperparameters go into the final training.",
        " ".join([*winner.reasons, *_told_by_samples(pairs, [o.number for o in top], winner.index)]),
        {"best_trial": top[0].number},
        {"hyperparameters": plain(winner.candidate.hyperparameters)},
    )
    return top[winner.index]


def _choose_as_they_are(loop: Loop, top: Sequence[Observation]) -> Observation:
    """The best of the top few, sample by sample and without fresh seeds; between equals the cheaper one."""
    session = loop.session
    began = session.elapsed()
    pairs = [per_sample(session, [session.outcomes[found.number]]) for found in top]
    if not any(pairs):
        return top[0]
    samples = sum(len(pair.losses) for pair in pairs if pair is not None)
    session.decided(ANSWER_SECONDS, lambda: (session.elapsed() - began) / samples)
    place = choose_paired(pairs, [session.size_of(found.hyperparameters) for found in top])
    session.decide(
        f"Trial {top[place].number}'s hyperparameters go into the final training.",
        " ".join(["No time for fresh seeds.", *_told_by_samples(pairs, [found.number for found in top], place)]),
        {"best_trial": top[0].number},
        {"hyperparameters": plain(top[place].hyperparameters)},
    )
    return top[place]


def _paired_error(pairs: Sequence[PerSample | None], unpaired: float) -> float:
    """The largest standard error of the differences between the best and the others, as one configuration's own."""
    good = [pair for pair in pairs if pair is not None]
    if len(good) < 2:
        return unpaired
    best = min(good, key=lambda pair: pair.score)
    return max(compared(best, other).standard_error for other in good if other is not best) / 2**0.5


def _told_by_samples(pairs: Sequence[PerSample | None], trials: Sequence[int], winner: int) -> list[str]:
    """What the one that was taken gains over each of the others, sample by sample."""
    best = pairs[winner]
    if best is None:
        return []
    told = []
    for trial, other in zip(trials, pairs, strict=True):
        if other is None or other is best:
            continue
        comparison = compared(other, best)
        low, high = comparison.interval
        told.append(f"{comparison.gain:.2g} over trial {trial} (95 % interval {low:.2g} to {high:.2g})")
    return [f"Sample by sample it gains {', '.join(told)}."] if told else []


def repeat_best(loop: Loop, key: str, seeds: int, deadline: float | None) -> None:
    """The best trial again with other seeds, once: what a seed alone changes."""
    session = loop.session
    best = ranked(loop.observations)
    if loop.sigma is not None or not best or best[0].score is None:
        return
    remaining = search_seconds_left(loop)
    cost = seeds * trial_seconds(session, best[0].hyperparameters, loop.position.epochs) / session.executor.slots
    allowed = session.decided(
        f"{key}/allowed", lambda: remaining is None or cost <= session.settings.budget.repeats_share * remaining + 0.5
    )
    if not allowed:
        return
    objective = session.opened.task.parsed_objective
    outcomes = session.train(
        key,
        [Entry(best[0].hyperparameters, mixed(session.seed, 31, i) % 2**31) for i in range(seeds)],
        epochs=loop.position.epochs,
        deadline=deadline,
        share=(0.8, 1.0),
    )
    scores = [best[0].score] + [s for o in outcomes if (s := observation_of(o, objective).score) is not None]
    if len(scores) >= 2:
        loop.sigma = float(np.std(scores, ddof=1))
        session.decide(
            f"Differences below {2 * loop.sigma:.2g} are noise.",
            f"{len(scores)} seeds of trial {best[0].number} spread by {loop.sigma:.2g}.",
            {},
            {"sigma_seed": loop.sigma},
        )
