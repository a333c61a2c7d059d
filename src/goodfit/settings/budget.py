"""Settings of the budget: how time is shared over the stages, and when the loop ends."""

from __future__ import annotations

import dataclasses

from goodfit.settings.base import setting


@dataclasses.dataclass(frozen=True)
class BudgetSettings:
    """How the whole run's time is spent."""

    gates_share: float = setting(0.05, "share of the budget for steps 1 to 3", "recipe 2 and 4.8 [PD]: 2-5 %")
    coarse_share: float = setting(0.20, "share of the budget for the coarse search", "recipe 4.8 [PD]")
    fine_share: float = setting(0.45, "share of the budget for all finer rounds", "recipe 4.8 [PD]")
    repeats_share: float = setting(0.07, "share of the budget for repeats over seeds", "recipe 4.8 [PD]")
    final_share: float = setting(0.25, "share of the budget for the final training", "recipe 4.8 [PD]")
    safety: float = setting(
        0.92, "share of the remaining time that a plan may fill", "ours: plans are kept within 10 %"
    )
    most_rounds: int = setting(4, "finer rounds at most", "recipe 4.8 [PD]: 1-3 usual, one spare")
    repeat_top: int = setting(3, "best trials that are trained again with fresh seeds", "recipe 4.6: k = 3-5")
    repeat_seeds: int = setting(3, "fresh seeds for each of them", "recipe 4.6: 3-5 [PB]")
    final_seeds: int = setting(5, "seeds of the final training", "recipe 4.8: 3-5 seeds")
    ema_decay: float = setting(0.995, "decay of the Polyak average in the final training", "seed S4, recipe 4.8")
    end_factor: float = setting(0.01, "the rate's last value as a share of its peak", "recipe 4.8: at most 1e-2")
    peak_factors: tuple[float, ...] = setting(
        (0.5, 1.0, 2.0, 3.0), "peak rates tried under decay, as multiples of the constant one", "recipe 4.8"
    )
    ensemble_most: int = setting(5, "members of the ensemble at most", "recipe 4.8: flattens after about 5 [KR]")
