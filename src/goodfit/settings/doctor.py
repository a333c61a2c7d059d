"""Settings of the doctor: when what was recorded of a training script is a mistake, and how remedies are tried."""

from __future__ import annotations

import dataclasses

from goodfit.settings.base import setting

_OURS = "ours"
_S62 = "recipe 6.2"


@dataclasses.dataclass(frozen=True)
class DoctorSettings:
    """Numbers that the rules of mistakes and the experiments decide by."""

    hits: int = setting(3, "times that something must be seen before it is told", "recipe 6.2 [PD]")
    share: float = setting(0.5, "share of what was looked at that must show it", _OURS)
    uncleared: float = setting(0.3, "share of steps whose gradients were not cleared before", _OURS)
    probability_rows: float = setting(0.9, "share of losses whose every row was a distribution", _S62)
    target_outside: float = setting(0.05, "share of targets beyond what the last activation can give", _OURS)
    softmax_over_batch: float = setting(0.5, "share of a softmax's calls that ran over the batch", _OURS)
    whole_values: int = setting(20, "most values of a target that reads as a class number", _OURS)
    in_loop: float = setting(0.5, "share of steps with such a pass from which it belongs to the loop itself", _OURS)
    extra_share: float = setting(0.25, "share of the script's own time for experiments", "issue 5")
    extra_most: float = setting(30.0, "seconds for experiments at most", "issue 5")
    extra_least: float = setting(3.0, "seconds for experiments at least, unless --extra-time says otherwise", _OURS)
