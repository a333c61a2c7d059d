"""What the benchmarks share: work timed in turns, a machine described, a table printed."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

Work = Callable[[], object]


def clock_of(device: torch.device) -> Callable[[], float]:
    """The process's own time on a processor (other programs then disturb less), wall-clock time on a device."""
    return time.process_time if device.type == "cpu" else time.perf_counter


def seconds(work: Work, device: torch.device) -> float:
    """How long a work takes, until the device has done it."""
    now = clock_of(device)
    wait(device)
    start = now()
    work()
    wait(device)
    return now() - start


def wait(device: torch.device) -> None:
    """A device works asynchronously: without this only the launch is timed."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def in_turns(works: Mapping[str, Work], device: torch.device, repeats: int) -> list[dict[str, float]]:
    """Seconds of every work, once a repeat; who goes first moves on each time. The first round is thrown away."""
    names = list(works)
    for name in names:
        seconds(works[name], device)  # compilation, caches
    rounds = []
    for turn in range(repeats):
        first = turn % len(names)
        rounds.append({name: seconds(works[name], device) for name in names[first:] + names[:first]})
    return rounds


def spread(values: Sequence[float], digits: int = 2) -> str:
    """ "2.41 (2.2..2.6)": the median, the least and the most."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}..{max(values):.{digits}f})"


def described(device: torch.device) -> str:
    """The machine, its load, the versions and the commit, in a line."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    return (
        f"{name}, {os.cpu_count()} CPUs{load}; torch {torch.__version__}, Python {platform.python_version()}, "
        f"commit {_commit()}, {time.strftime('%Y-%m-%d')}"
    )


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The rows as a Markdown table."""
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(row) + " |", flush=True)


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str:
    """The commit that is checked out, with a + where files under src differ from it."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        ended = subprocess.run(["git", "-C", str(here), *words], capture_output=True, text=True, check=False)
        return ended.stdout.strip()

    commit = git("rev-parse", "--short", "HEAD")
    return f"{commit}+" if git("status", "--porcelain", "--", "../src") else commit or "unknown"
