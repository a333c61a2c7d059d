"""What the trials of a stage say as a whole: too few, too many infeasible, no difference."""

from __future__ import annotations

from collections.abc import Sequence

from goodfit.findings import Finding
from goodfit.settings.search import SearchSettings
from goodfit.space import Dimension, Space
from goodfit.strategy.importance import Importance
from goodfit.strategy.observation import Observation


def findings_of_trials(
    space: Space, observations: Sequence[Observation], settings: SearchSettings | None = None
) -> tuple[Finding, ...]:
    """`many-infeasible-trials` and `too-few-trials`, where they hold."""
    chosen = settings or SearchSettings()
    n = len(observations)
    feasible = sum(o.is_feasible for o in observations)
    found = []
    if n >= chosen.infeasible_trials_least and (n - feasible) / n > chosen.infeasible_most:
        found.append(
            Finding(
                kind="many-infeasible-trials",
                message=f"{n - feasible} of {n} trials diverged or failed.",
                action=_where_they_lie(space, observations),
                evidence={
                    "trials": n,
                    "infeasible": n - feasible,
                    "statuses": {s: sum(o.status == s for o in observations) for s in {o.status for o in observations}},
                },
                where="search",
            )
        )
    wanted = chosen.trials_per_dimension * len(space.dimensions)
    if feasible < wanted:
        found.append(
            Finding(
                kind="too-few-trials",
                message=(
                    f"{feasible} feasible trials over {len(space.dimensions)} hyperparameters: fewer than the {wanted} "
                    "from which a shape can be told."
                ),
                action=f"Give the search {wanted} trials, or open fewer hyperparameters.",
                evidence={"trials": feasible, "dimensions": len(space.dimensions), "wanted": wanted},
                where="search",
            )
        )
    return tuple(found)


def _where_they_lie(space: Space, observations: Sequence[Observation]) -> str:
    """What to do, from how high the infeasible trials' rates lie above the others'."""
    infeasible, feasible = [], []
    for o in observations:
        places = space.to_units(o.hyperparameters)
        place = next((p for key, p in places.items() if space[key].name == "lr"), None)
        if place is not None:
            (feasible if o.is_feasible else infeasible).append(place)
    if infeasible and feasible and min(infeasible) >= max(feasible) - 0.2:
        return "They have the highest learning rates: lower the top of lr's range."
    if infeasible and feasible:
        return "They lie at low learning rates too: look for a bug in the model or the loss before searching on."
    return "Shrink the top of the learning rate's range, and look for a bug in the model or the loss."


def insensitive(dimension: Dimension, weight: Importance, trials: int) -> Finding:
    """An `insensitive` finding for a dimension whose importance chance explains."""
    return Finding(
        kind="insensitive",
        message=(
            f"{dimension.key} makes no measurable difference in this box: it explains "
            f"{max(weight.share, 0.0):.0%} of the differences "
            f"(90 % interval {weight.low:.0%} to {weight.high:.0%}, p = {weight.p:.2g})."
        ),
        action=f"Leave {dimension.name} at its default, or search it where the others are good.",
        evidence={
            "hyperparameter": dimension.name,
            "dimension": dimension.key,
            "share": weight.share,
            "low": weight.low,
            "high": weight.high,
            "p": weight.p,
            "trials": trials,
        },
        where=dimension.key,
        confidence=min(1.0, 0.5 + weight.p / 2),
    )
