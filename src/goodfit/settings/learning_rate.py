"""Settings of the learning-rate stage: the bracket."""

from __future__ import annotations

import dataclasses

from goodfit.settings.base import setting


@dataclasses.dataclass(frozen=True)
class LearningRateSettings:
    """See each field's origin."""

    ladder: tuple[float, ...] = setting((1e-4, 1e-3, 1e-2, 1e-1), "rates tried first", "recipe 3.3: S0")
    lowest: float = setting(1e-7, "the ladder is not extended below", "recipe 3.3")
    highest: float = setting(1e2, "the ladder is not extended above", "recipe 3.3")
    extend: float = setting(10.0, "factor by which the ladder is extended", "recipe 3.3")
    extend_rungs: int = setting(2, "rungs asked for at once on each side", "ours: rungs of a cohort are cheap")
    steps: int = setting(100, "steps for each rate of the ladder", "recipe 2.3: S0, S4")
    bisect: float = setting(
        1.8, "factor between the last stable and the first bad rate that is fine enough", "recipe 3.3"
    )
    confirm_steps: int = setting(300, "steps of the confirmation", "recipe 3.3: 300 to 500")
    confirm_seeds: int = setting(3, "seeds of the confirmation", "recipe 3.3")
    confirm_rungs: int = setting(3, "rates confirmed side by side", "ours")
    confirm_rounds: int = setting(3, "times that the confirmation may move down or up", "ours")
    explosion: float = setting(
        3.0, "the median of the last losses over the first loss that is an explosion", "recipe 3.2: L6"
    )
    explosion_window: int = setting(5, "step losses that this median is taken of", "recipe 3.2")
    explosion_sds: float = setting(
        10.0, "the same for losses that may be negative, in sd of the first losses", "recipe 3.2"
    )
    rise: float = setting(0.25, "rise after a fall, as a share of the fall, that is unstable", "recipe 3.2 [PD]")
    rise_sds: float = setting(5.0, "and in standard errors of the smoothed loss", "recipe 3.2 [PD]")
    upper_half: float = setting(0.5, "share of the fall that may be given back at the end", "recipe 3.2 [PD]")
    gradient_peak: float = setting(10.0, "gradient norm over its running median that is a peak", "recipe 3.2 [PD]")
    gradient_peaks: int = setting(2, "peaks that make a run unstable", "recipe 3.2 [PD]")
    moved: float = setting(0.01, "fall of the loss, as a share, below which it does not go down", "recipe 3.2 [PD]")
    moved_z: float = setting(3.0, "the same in standard errors of the paired differences", "recipe 3.2 [PD]")
    well: float = setting(0.5, "share of the ladder's best fall that is going down well", "recipe 3.2")
    low_ratio: float = setting(1e-5, "update/weight ratio below which a flat loss means a rate too low", "recipe 3.2")
    spike: float = setting(1.5, "multiple of the first loss that is a spike", "recipe 3.2")
    dead_units: float = setting(0.9, "share of dead units in a layer that explains a flat loss", "recipe 3.2")
    constant_outputs: float = setting(
        1e-3, "spread of the outputs, as a share of the first, that is constant", "recipe 3.2 [PD]"
    )
    accuracy_sds: float = setting(5.0, "rise of the accuracy, in standard errors, that is one", "recipe 5 row 3")
    below_max: float = setting(
        2.0, "factor by which the working rate stays below the largest stable one", "recipe 3.3 [PD]"
    )
    box_below: float = setting(10.0, "factor from the working rate to the low end of the coarse box", "recipe 2.4 [PD]")
    box_above: float = setting(3.0, "factor from it to the top, at most the largest stable rate", "recipe 2.4 [PD]")
    edge_lead: float = setting(
        1.5, "the fall at the largest stable rate over that at the working rate that says edge", "ours"
    )
    batch_steps: int = setting(50, "steps that the gradient's noise scale is averaged over", "recipe 4.7 [GNS]")
    batch_gain: float = setting(
        1.1, "gain in samples a second by a doubled batch, below which it brings none", "recipe 4.7: time doubles"
    )
    batch_waste: float = setting(4.0, "multiple of the noise scale above which a batch wastes data", "recipe 4.7: ≫")
    batch_share: float = setting(0.01, "share of the budget that measuring batches may take", "ours")
