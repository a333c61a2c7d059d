"""What a round's verdicts change in the next one, with a line in the log for each; each is acted on once in vain."""

from __future__ import annotations

import dataclasses

from goodfit.diagnosis.levels import gap
from goodfit.findings import Severity
from goodfit.recipe.decide import Position, act
from goodfit.recipe.dropout import dropout_not_working
from goodfit.recipe.search import ranked
from goodfit.running.loop import Loop, best_score
from goodfit.running.verdicts import curves_for


def heeded(loop: Loop, target: Position) -> Position:
    """The position that the last verdict makes of this one, with a line in the log."""
    if loop.verdict is None:
        return target
    if not is_worth_heeding(loop):
        if loop.verdict.kind in loop.heeded:
            loop.session.decide(
                f"{loop.verdict.kind} is not acted on again.",
                "It was, and the best trial is no better for it.",
                {},
                {},
            )
        return target
    change = act(loop.verdict, target, loop.prepared.roles)
    if not change.what:
        return target
    loop.heeded[loop.verdict.kind] = best_score(loop)
    if loop.known.epochs is not None and change.position.epochs > loop.known.epochs:
        change = dataclasses.replace(
            change, position=dataclasses.replace(change.position, epochs=max(loop.known.epochs, target.epochs))
        )
    loop.session.decide(
        change.what,
        f"{loop.verdict.kind}: {loop.verdict.message}",
        {"space": target.space.as_json(), "epochs": target.epochs},
        {"space": change.position.space.as_json(), "epochs": change.position.epochs},
    )
    return change.position


def with_room_for_dropout(loop: Loop, target: Position) -> Position:
    """A wider network for the next round where dropout does not help though the best trial overfits (seed S1)."""
    best = ranked(loop.observations)
    if not best:
        return target
    by_number = {o.number: o for o in loop.outcomes}
    session, settings = loop.session, loop.session.settings
    seen = gap(curves_for(loop, by_number[best[0].number]), settings.curves)
    finding = dropout_not_working(
        loop.observations,
        loop.prepared.roles.dropout,
        None if seen is None else seen.share,
        max(2 * (loop.sigma or 0.0), loop.delta),
        settings.search,
        "stage coarse",
    )
    if finding is None:
        return target
    session.find(finding)
    change = act(finding, target, loop.prepared.roles)
    if not change.what:  # the space has no hyperparameter of size: the finding tells the user
        return target
    session.decide(
        change.what,
        f"{finding.kind}: {finding.message}",
        {"space": target.space.as_json()},
        {"space": change.position.space.as_json()},
    )
    return change.position


def is_worth_heeding(loop: Loop) -> bool:
    """Whether the verdict is more than worth knowing, and was not acted on before in vain."""
    if loop.verdict is None or loop.verdict.severity is Severity.INFO:
        return False
    before = loop.heeded.get(loop.verdict.kind)
    return before is None or before - best_score(loop) > loop.delta / 2
