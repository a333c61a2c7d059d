"""How much of this machine is ours to use."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

GPU_DEVICE = Path("/dev/nvidiactl")  # there where NVIDIA's driver is
CPU_MAX = Path("/sys/fs/cgroup/cpu.max")  # a container's share: "<microseconds> <period>" or "max <period>"


def default_workers(device: torch.device | str) -> int:
    """How many workers suit a device: one on a GPU, where a cohort fills it; elsewhere one a CPU that we may use."""
    if not str(device).startswith("cpu"):
        return 1
    return usable_cpus()


def likely_workers(device: str, workers: int | None) -> int:
    """How many workers a run will want, told without loading torch.

    Args:
        device: as asked for: "auto", "cpu" or "cuda".
        workers: as asked for; None: by the device.
    """
    if workers is not None:
        return workers
    has_gpu = device.startswith("cuda") or (device == "auto" and GPU_DEVICE.exists())
    return 1 if has_gpu else usable_cpus()


def usable_cpus() -> int:
    """CPUs that this process may run on, by its affinity and by its container's quota; 1 or more."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(affinity, _quota(CPU_MAX)))


def _quota(file: Path) -> int:
    """CPUs that a control group allows (rounded up), or a number beyond any machine."""
    try:
        quota, period = file.read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no such file, or "max"
        return 1 << 30
