"""What a trial's curves say, in words: the rules of curves on a trial of the loop."""

from __future__ import annotations

import dataclasses

from goodfit.diagnosis.curves import Curves
from goodfit.diagnosis.reading import Reading, diagnose_curves
from goodfit.running.loop import Loop, evaluated_samples
from goodfit.running.outcome import Outcome
from goodfit.running.reading import curves_of
from goodfit.running.roles import has_dropout


def tell_verdict(loop: Loop, outcome: Outcome) -> None:
    """Keep what a trial's curves say, as a finding of its own."""
    verdict = read_trial(loop, outcome).verdict
    loop.session.find(dataclasses.replace(verdict, where=f"trial {outcome.number}"), outcome.number)


def read_trial(loop: Loop, outcome: Outcome) -> Reading:
    """A trial's curves, diagnosed."""
    return diagnose_curves(curves_for(loop, outcome), loop.session.settings.curves)


def curves_for(loop: Loop, outcome: Outcome) -> Curves:
    """A trial's curves as rules read them."""
    session = loop.session
    family = session.outcomes
    samples = evaluated_samples(session, outcome.epochs)
    sizes = (min(samples, len(session.problem.train)), samples)
    smoothed = float(outcome.hyperparameters.get("label_smoothing") or 0.0) > 0
    return curves_of(
        outcome,
        family,
        session.opened.task.parsed_objective,
        loop.known.landmarks,
        samples=sizes,
        regularised=smoothed or has_dropout(session.problem, outcome.hyperparameters),
    )
