"""Settings of the search alone: how its trials are shared over rounds, and when failures end it."""

from __future__ import annotations

import dataclasses

from goodfit.settings.base import setting


@dataclasses.dataclass(frozen=True)
class RoundSettings:
    """See each field's origin."""

    coarse_share: float = setting(
        0.3, "share of a coarse-to-fine search's trials that its first, coarse round has", "benchmarks/search.py"
    )
    coarse_look: float = setting(
        2 / 3,
        "part of a coarse round of 16 trials or more after which borders are looked at: the rest fills what is new",
        "benchmarks/search.py --cut",
    )
    extended_share: float = setting(
        0.5, "share of a finer round's trials spread evenly over what an extension has added", "as above"
    )
    fine_share: float = setting(0.08, "share of its trials that each finer round has", "benchmarks/search.py")
    trials_least: int = setting(
        8, "trials that a round has at least", "recipe 2.4: 8-16 trials for two dimensions [PD]"
    )
    half_width_least: float = setting(
        0.3, "half-width of the next box at least, of the old width: rounds are many and short", "benchmarks/search.py"
    )
    trials: int = setting(50, "trials of a search that is given neither trials nor time", "ours")
    failures_most: int = setting(
        5, "trials that failed, with none that did not, after which a search ends", "ours: a bug in the objective"
    )
    batch_trials: int = setting(
        4, "trials that a model-based strategy proposes at once for a task, for each worker", "ours: a cohort is cheap"
    )
