"""Settings of the overfit stage."""

from __future__ import annotations

import dataclasses

from goodfit.settings.base import setting


@dataclasses.dataclass(frozen=True)
class OverfitSettings:
    """See each field's origin."""

    samples: int = setting(20, "samples in the tiny sample", "recipe 2.2: S1")
    steps: int = setting(300, "steps on the tiny sample", "recipe 2.2 [PD]")
    batches: int = setting(8, "minibatches in the second part", "recipe 2.2: S0 has 5 to 10")
    control_stretch: float = setting(
        2.0, "steps of the negative control, as a multiple of what the sample itself took", "ours: a leak is as quick"
    )
    control_least: int = setting(100, "steps of the negative control at least", "ours")
    passes: int = setting(100, "passes over these minibatches", "recipe 2.2 [PD]")
    adaptive_rates: tuple[float, ...] = setting(
        (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 1e-1), "rates tried side by side with Adam and its kin", "recipe 2.2 [KR]"
    )
    plain_rates: tuple[float, ...] = setting(
        (1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0), "rates tried side by side with SGD and others", "recipe 2.2; 3.6"
    )
    lower_factor: float = setting(100.0, "how far rates go down when all explode", "recipe 2.2")
    higher_factor: float = setting(100.0, "how far rates go up when none moves the loss", "recipe 2.2, mirrored")
    longer: float = setting(4.0, "times the steps where the loss was still falling well", "ours")
    still_falling: float = setting(
        0.1, "fall over the last fifth of the steps, as a share of what is left, that is falling well", "ours"
    )
    fitted: float = setting(0.01, "share of the loss above its floor that may be left", "recipe 2.2 [PD]")
    r2: float = setting(0.99, "R² that counts as fitted for a regression", "recipe 2.2 [PD]")
    fitted_unknown_floor: float = setting(0.1, "share of the loss that may be left where its floor is unknown", "ours")
    moved: float = setting(0.01, "fall of the loss, as a share, below which it did not go down", "recipe 2.2")
    moved_z: float = setting(3.0, "the same in standard errors of the paired differences", "recipe 2.2")
    widths: tuple[float, ...] = setting(
        (2, 4, 8, 32), "factors of the capacity ladder", "recipe 2.2; 32 for a single unit"
    )
    layers: int = setting(1, "layers added where no width was enough", "recipe 2.2: +1 layer")
    eval_accuracy: float = setting(
        0.9, "accuracy in eval mode, on a sample learned in train mode, that is bad", "recipe 2.2: loses 10 points"
    )
    eval_steps: int = setting(
        50, "steps at least, before eval mode is looked at: running statistics settle", "ours: 0.9 to the 50th is 0.5 %"
    )
    gradient_error: float = setting(1e-2, "relative error of a gradient written by hand that is wrong", "recipe 2.0")
    jitter: float = setting(
        0.02, "median step-to-step change of the loss on one fixed batch at the smallest rate, as a share", "ours"
    )
    control_share: float = setting(
        0.25, "share of the best constant's loss below which zeroed inputs are too good", "ours"
    )
    dead_units: float = setting(
        0.9, "share of a layer's units that are dead, or of values saturated, that fails", "recipe 6.1"
    )
    floor_share: float = setting(1e-3, "a floor below this share of the first loss is none", "ours")
