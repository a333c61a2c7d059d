"""Settings of the initial-loss stage."""

from __future__ import annotations

import dataclasses

from goodfit.settings.base import setting


@dataclasses.dataclass(frozen=True)
class InitialLossSettings:
    """See each field's origin."""

    samples: int = setting(1024, "samples in the measurement", "recipe 2.1")
    batches: int = setting(10, "fewest batches, where the data suffices", "recipe 2.1")
    seeds: int = setting(4, "initialisations looked at: one may be lucky on an easy task", "ours")
    share: float = setting(0.01, "share of the budget that these may take", "ours")
    samples_least: int = setting(256, "samples all the same", "ours")
    seeds_least: int = setting(2, "initialisations all the same", "ours")
    standard_errors: float = setting(
        3.0, "distance from the expectation within noise, in standard errors", "recipe 2.1 [PD]"
    )
    relative: float = setting(0.05, "distance from the expectation that passes, as a share of it", "recipe 2.1 [PD]")
    sane_output_sd: float = setting(
        0.8,
        "spread of the outputs that passes: a linear layer after a normalisation has 0.58 by PyTorch's defaults, +-0.2",
        "calibrated on healthy nets; recipe 2.1 gives 5 % of the expectation [PD]",
    )
    fail_nats: float = setting(0.5, "excess that fails a loss in nats", "recipe 2.1 [PD]")
    fail_relative: float = setting(
        1.0,
        "excess that fails another loss, as a share of the expectation",
        "recipe 2.1 has 25 % [PD]; a LayerNorm net with PyTorch's own init reaches 33 %",
    )
    constant_multiple: float = setting(
        3.0, "multiple of the constant's loss that a loss without closed form may reach", "recipe 2.1"
    )
    easy_gain_nats: float = setting(
        0.1, "gain of the best constant over uniform outputs that is told", "recipe 5 row 7"
    )
    easy_gain_relative: float = setting(0.05, "the same as a share of the first loss", "recipe 5 row 7")
    favoured_class: float = setting(
        0.5, "mean probability of one class above its uniform share that is named", "ours; recipe row 21"
    )
    watched_steps: int = setting(24, "plain steps that the doctor's rules look at", "ours; a rule needs 3")
    watched_share: float = setting(0.01, "share of the budget that those may take", "ours")
    watched_rate: float = setting(1e-3, "their learning rate, which is not what they test", "PyTorch's for Adam")
