"""Settings of the budget: how time is shared over the stages, and when the loop ends."""

from __future__ import annotations

import dataclasses

from goodfit.settings.base import setting

COARSE_STRATEGIES = ("sobol", "random", "grid")  # where the coarse search's points may come from; the first by default


@dataclasses.dataclass(frozen=True)
class BudgetSettings:
    """How the whole run's time is spent."""

    gates_share: float = setting(0.05, "share of the budget for steps 1 to 3", "recipe 2 and 4.8 [PD]: 2-5 %")
    gates_most: float = setting(
        0.10,
        "share of the budget after which steps 1 to 3 are cut, counted from their beginning",
        "ours: most is trials",
    )
    gates_seconds: float = setting(3.0, "seconds that steps 1 to 3 have in any case", "ours: processes have to start")
    overfit_part: float = setting(0.5, "part of that time after which step 2 is cut", "ours: step 3 needs the rest")
    coarse_share: float = setting(0.20, "share of the budget for the coarse search", "recipe 4.8 [PD]")
    fine_share: float = setting(0.45, "share of the budget for all finer rounds", "recipe 4.8 [PD]")
    repeats_share: float = setting(0.07, "share of the budget for repeats over seeds", "recipe 4.8 [PD]")
    final_share: float = setting(0.25, "share of the budget for the final training", "recipe 4.8 [PD]")
    final_share_most: float = setting(
        0.60, "share kept for the final training at most, where a full training is long", "ours: length before rounds"
    )
    final_seeds_least: int = setting(
        3, "full trainings that the final training's share is to hold, up to that most", "recipe 4.8: 3-5 seeds"
    )
    incumbent_errors: float = setting(
        4.0,
        "standard errors by which the search's best trial has to beat the final training to stay",
        "ours: the best of 100 is flattered by 2.5 (recipe 4.6)",
    )
    dear_trainings: float = setting(
        4.0, "full trainings that the budget pays for, below which no round refines", "recipe 4.8 [PD]: panda"
    )
    measuring_share: float = setting(0.02, "share of the budget for measuring engines", "issue: at most 2 %")
    safety: float = setting(
        0.92, "share of the remaining time that a plan may fill", "ours: plans are kept within 10 %"
    )
    most_rounds: int = setting(5, "finer rounds at most", "recipe 4.8 [PD]: 1-3 usual, the rest for longer trials")
    repeat_top: int = setting(3, "best trials that are trained again with fresh seeds", "recipe 4.6: k = 3-5")
    repeat_seeds: int = setting(3, "fresh seeds for each of them", "recipe 4.6: 3-5 [PB]")
    final_seeds: int = setting(5, "seeds of the final training", "recipe 4.8: 3-5 seeds")
    ema_half_life: float = setting(
        0.025, "half-life of the Polyak average kept in the final training, as a share of it", "recipe 4.8: 1-5 % [PD]"
    )
    ema_decay: float = setting(0.995, "decay of a Polyak average rebuilt after the final training", "seed S4")
    average_half_lives: tuple[float, ...] = setting(
        (0.05, 0.1, 0.2), "half-lives of further averages that are rebuilt, as shares of it", "recipe 4.1, tier 4"
    )
    average_likeness: float = setting(
        0.75, "share of an average's profile that its rebuilding must have, else it is left out", "ours"
    )
    kept_shares: tuple[float, ...] = setting(
        (0.25, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95), "shares of the final training after which weights are kept", "ours"
    )
    kept_gigabytes: float = setting(2.0, "size of all that is kept so at most; beyond, nothing is", "ours")
    paired_samples: int = setting(2000, "validation samples on which rivals are compared one by one, at most", "ours")
    second_leg_most: float = setting(
        1.5, "length of a final training's second half at most, as a multiple of its plan", "ours: spare time is used"
    )
    closing_share: float = setting(
        0.05,
        "share of the budget that comparing final trainings on all validation samples may take; beyond, fewer compare",
        "ours",
    )
    comparing_share: float = setting(0.02, "share of the budget for trying other averages and checkpoints", "ours")
    peak_factors: tuple[float, ...] = setting(
        (0.5, 1.0, 2.0, 3.0), "peak rates tried under decay, as multiples of the constant one", "recipe 4.8"
    )
    final_warmup: float = setting(0.05, "warm-up tried in the final training, as a share of it", "recipe 3.5 [AP]")
    ensemble_most: int = setting(8, "members of the ensemble at most", "recipe 4.8: 5-10, flattens after about 5 [KR]")
    runners_up: int = setting(
        6, "trainings of other good hyperparameters for the ensemble at most, where time is left over", "ours"
    )

    # Sizes of the searches
    coarse_steps: int = setting(300, "steps of a coarse trial at least, where epochs allow", "recipe 2.4 [PD]")
    coarse_epochs_least: float = setting(1.0, "epochs of a coarse trial at least", "seeds S0 and S4: 1-5 epochs")
    coarse_epochs_most: float = setting(5.0, "epochs of a coarse trial at most, but on tiny data", "seeds S0 and S4")
    coarse_epochs_tiny_data: float = setting(20.0, "epochs at most where an epoch has few steps", "ours, for 300 steps")
    coarse_epochs_floor: float = setting(0.1, "epochs below which no trial is cut", "ours: a curve needs some length")
    coarse_trials_per_dimension: int = setting(8, "coarse trials per hyperparameter", "recipe 2.4: 8-16 for two [PD]")
    coarse_trials_least: int = setting(8, "coarse trials at least", "recipe 2.4 [PD]")
    coarse_trials_most: int = setting(64, "coarse trials at most", "recipe 4.2: top 5 % with 95 % chance in 59 [C]")
    fine_epochs: float = setting(15.0, "epochs of a trial in the first finer round", "seeds S0 and S4: 10-20 epochs")
    fine_trials_least: int = setting(4, "trials of a finer round at least", "recipe 2 [PD]: 4-12")
    fine_trials_most: int = setting(24, "trials of a finer round at most", "recipe 2 [PD]: 4-12, doubled where time is")
    dear_round_share: float = setting(
        0.6, "share of the remaining search time that one round of dear trials may take", "ours: length before rounds"
    )
    final_stretch: float = setting(
        2.0, "a full training's epochs as a multiple of the last round's, where the task gives none", "ours"
    )
    final_stretch_most: float = setting(3.0, "the same at most, where time is left over", "ours")
