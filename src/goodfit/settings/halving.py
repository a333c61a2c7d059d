"""Settings of early ends: at which epochs trials are judged, which go on, and how the rungs are checked."""

from __future__ import annotations

import dataclasses

from goodfit.settings.base import setting


@dataclasses.dataclass(frozen=True)
class HalvingSettings:
    """See each field's origin."""

    factor: float = setting(
        3.0, "of the trials at a rung one in so many goes on; rungs lie so far apart", "recipe 4.8 [PD]"
    )
    first_epochs: float = setting(1.0, "epochs before which no trial is judged", "recipe 4.8 [PD]")
    first_samples: int = setting(
        300, "training samples on which no fewer a trial is judged, where halving is over the data", "ours"
    )
    first_warmups: float = setting(2.0, "times its warm-up before which no trial is judged", "recipe 4.8 [PD]")
    guard_sigmas: float = setting(
        2.0, "standard deviations within which a slow starter must be heading for the incumbent", "recipe 4.8"
    )
    guard_points: int = setting(3, "points of a curve before its slope is believed", "ours: two always have one")
    guard_share_most: float = setting(
        0.2, "share of a rung's trials that are kept for their slope at most", "ours: a plan must keep its price"
    )
    cohort_trials: int = setting(
        27, "trials of a task that are halved together, each cohort in the light of those before", "ours: 3 rungs of 3"
    )
    witness_share: float = setting(0.1, "share of doomed trials that run on to check the rungs", "recipe 4.8")
    witnesses_least: int = setting(
        2, "doomed trials that went to the end before the rungs are judged", "ours: the best alone are no sample"
    )
    agreement_least: float = setting(
        0.7, "rank correlation between a rung and the end below which the rung is moved later", "recipe 4.8"
    )
    agreement_trials_least: int = setting(
        6, "trials that went to the end before that correlation is believed", "ours: of five, chance makes 0.7"
    )
