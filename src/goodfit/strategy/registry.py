"""Every proposer by its name in `--strategy`: a new one adds its line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from goodfit.errors import SettingsError
from goodfit.space import Space
from goodfit.strategy.coarse_to_fine import CoarseToFine
from goodfit.strategy.proposers import Grid, Proposer, Random
from goodfit.strategy.sequences import Halton, Sobol

# name -> how it is made, the options that it needs besides the space, and one line about it
PROPOSERS: Mapping[str, tuple[Callable[..., Proposer], tuple[str, ...], str]] = {
    "coarse-to-fine": (
        CoarseToFine,
        ("seed", "trials"),
        "rounds: even over the space, then in boxes drawn in around what worked and out over crowded borders",
    ),
    "random": (Random, ("seed",), "independent draws over the space: good at any number of trials"),
    "sobol": (Sobol, ("seed",), "points of a scrambled Sobol sequence: more even than random ones"),
    "halton": (Halton, ("seed",), "points of a scrambled Halton sequence: even at any number of trials"),
    "grid": (Grid, ("levels",), "every combination of evenly spaced levels: for one or two hyperparameters"),
}


def make_proposer(name: str, space: Space, **options: Any) -> Proposer:
    """The proposer of that name.

    Args:
        options: what it takes besides the space: `seed`, `levels` for grid, `trials` in all for coarse-to-fine; those
            that it has no use for are left aside.

    Raises:
        SettingsError: there is no such proposer.
    """
    if name not in PROPOSERS:
        raise SettingsError(f"There is no strategy {name!r}; there are {', '.join(PROPOSERS)}.")
    make, needed, _ = PROPOSERS[name]
    return make(space, **{key: value for key, value in options.items() if key in (*needed, "settings", "first")})
