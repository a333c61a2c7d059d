"""Dropout that does not help although the net overfits: the network is too small for it, not the rate wrong. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from goodfit.findings import Finding
from goodfit.settings.search import SearchSettings
from goodfit.strategy.noise import best_of_k
from goodfit.strategy.observation import Observation


def dropout_not_working(
    observations: Sequence[Observation],
    names: Sequence[str],
    gap: float | None,
    noise: float,
    settings: SearchSettings,
    where: str,
) -> Finding | None:
    """Whether trials with dropout end no better than those without, on a net whose gap asks for it.

    Each side has tuned its own rate and all else among as many trials: the best of k is compared with the best of k,
    k the number of trials on the smaller side.

    Args:
        observations: trials of one length, over a box that dropout varies in.
        names: the hyperparameters that set a dropout rate; a trial is without where all of them are small.
        gap: g of recipe 5 of the best trial; None: unknown.
        noise: the difference of scores that counts.
        settings: where "without" ends, and how many trials and how much gap it takes.
        where: for the finding.

    Returns:
        None where dropout helps, where the gap does not ask for it, or where too few trials can tell.

    Source: recipe 5 (seed S1, "dropout not working").
    """
    if not names or gap is None or gap <= settings.dropout_gap:
        return None
    off, on = [], []
    for observation in observations:
        rates = [float(observation.hyperparameters[name]) for name in names if name in observation.hyperparameters]
        if observation.score is None or not rates:
            continue
        if max(rates) <= settings.dropout_off:
            off.append(observation.score)
        elif max(rates) >= settings.dropout_on:
            on.append(observation.score)
    count = min(len(off), len(on))
    if count < settings.dropout_trials_least:
        return None
    without, with_ = best_of_k(off, [count]).mean[0], best_of_k(on, [count]).mean[0]
    if without - with_ > noise:
        return None
    return Finding(
        kind="dropout-not-working",
        message=(
            f"The best trial loses {100 * gap:.0f} % of what it learned on validation samples, yet dropout of "
            f"{settings.dropout_on:g} or more ends no better than {settings.dropout_off:g} or less: the network is too "
            "small to do without the units that are dropped."
        ),
        action="Use a network twice as wide, and try dropout again.",
        evidence={
            "best_without": without,
            "best_with": with_,
            "trials_without": len(off),
            "trials_with": len(on),
            "compared_best_of": count,
            "noise": noise,
            "gap": gap,
        },
        where=where,
        confidence=0.7,
    )
