"""Settings of the search alone: how its trials are shared over rounds, and when failures end it."""

from __future__ import annotations

import dataclasses

from goodfit.settings.base import setting


@dataclasses.dataclass(frozen=True)
class RoundSettings:
    """See each field's origin."""

    coarse_share: float = setting(
        0.4, "share of a coarse-to-fine search's trials that its first, coarse round has", "ours [PD]"
    )
    fine_share: float = setting(0.15, "share of its trials that each finer round has", "ours [PD]")
    trials_least: int = setting(
        8, "trials that a round has at least", "recipe 2.4: 8-16 trials for two dimensions [PD]"
    )
    trials: int = setting(50, "trials of a search that is given neither trials nor time", "ours")
    failures_most: int = setting(
        5, "trials that failed, with none that did not, after which a search ends", "ours: a bug in the objective"
    )
    batch_trials: int = setting(
        4, "trials that a model-based strategy proposes at once for a task, for each worker", "ours: a cohort is cheap"
    )
