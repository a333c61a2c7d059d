"""Settings of the data stage: what is looked at before any training."""

from __future__ import annotations

import dataclasses

from goodfit.settings.base import setting


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """See each field's origin."""

    samples: int = setting(1000, "samples looked at closely, per split", "recipe 2.0")
    hashed_samples: int = setting(20000, "samples per split whose copies are looked for", "ours: a second of hashing")
    mean_limit: float = setting(1.0, "an input whose mean lies further from 0 is flagged, in units", "recipe 2.0 [PD]")
    sd_low: float = setting(0.1, "an input with a smaller standard deviation is flagged", "recipe 2.0 [PD]")
    sd_high: float = setting(10.0, "an input with a larger standard deviation is flagged", "recipe 2.0 [PD]")
    target_sd_low: float = setting(
        0.1, "regression targets with a smaller sd are flagged", "recipe 2.1 exceptions [PD]"
    )
    target_sd_high: float = setting(
        10.0, "regression targets with a larger sd are flagged", "recipe 2.1 exceptions [PD]"
    )
    target_mean_sds: float = setting(3.0, "targets whose mean lies further from 0, in their sd, are flagged", "ours")
    imbalance_ratio: float = setting(
        10.0, "most over least frequent class from which it is told", "recipe row 43: 1:10"
    )
    imbalance_majority: float = setting(0.95, "share of one class from which imbalance is a warning", "ours")
    leak_share: float = setting(0.05, "share of validation samples that are copies, from which it is an error", "ours")
    leak_count: int = setting(5, "fewest copies for that error", "ours: chance pairs stay silent")
    leak_excess: float = setting(3.0, "copies across splits, in multiples of what a random split predicts", "ours")
    column_samples: int = setting(30, "fewest samples for the one-column check", "ours")
    column_share: float = setting(0.98, "share of a column's variance between classes that makes it the label", "ours")
    column_r2: float = setting(0.998, "squared correlation with the target that makes a column the target", "ours")
    column_lead: float = setting(
        10.0, "how many times less the leaking column leaves unexplained than the next one", "ours: spares time windows"
    )
    independence_samples: int = setting(8, "samples in the test for information between samples", "recipe 2.0")
    independence_change: float = setting(
        1e-4, "change of an output, relative to the outputs' size, that counts as information", "ours: above rounding"
    )
