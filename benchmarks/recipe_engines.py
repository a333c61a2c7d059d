"""The whole recipe with every engine there is, and with the pool alone: what the engines buy in a run.

    python benchmarks/recipe_engines.py [--tasks digits fashion-mlp] [--budget 60] [--seeds 3]

Each run is `goodfit run` with the same budget and seed in a process of its own; the two ways take turns at going first.
With the pool alone the other engines refuse every task, so that nothing else is changed. Trials and epochs are counted
as the result has them, over the whole recipe: gates, search and final trainings; the time is the run's own. A run may
end before its budget, when it has nothing more to find; on a busy machine the columns in processor time, that of a run
and all its workers, are the ones to read.
Fashion-MNIST is read from where `examples/fashion_data.py` says.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from turns import described, print_table, spread

ROOT = Path(__file__).parent.parent
TASKS = {
    "digits": ROOT / "src" / "goodfit" / "demos" / "digits.py",
    "fashion-mlp": ROOT / "examples" / "fashion_mlp.py",
    "fashion-cnn": ROOT / "examples" / "fashion_cnn.py",
}
WAYS = ("pool alone", "all engines")


def inside(way: str, arguments: list[str]) -> int:
    """The command line, with the engines of this way."""
    from goodfit.cli.main import main as goodfit
    from goodfit.training.engines import Batched, Native

    if way == "pool alone":
        for engine in (Batched, Native):
            engine.refuses = lambda self, problem, trials, regime: "It is left out of this run."
    return goodfit(arguments)


def run(task: str, way: str, budget: float, seed: int) -> dict[str, Any]:
    """The result document of a run."""
    with tempfile.TemporaryDirectory() as folder:
        own = {**os.environ, "GOODFIT_CACHE": f"{folder}/cache"}  # each measures its engines anew
        arguments = ["run", str(TASKS[task]), "--budget", f"{budget:g}", "--seed", str(seed), "--out", f"{folder}/run"]
        command = [sys.executable, __file__, "--inside", way, *arguments, "--quiet"]
        before = spent()
        ended = subprocess.run(command, env=own, cwd=ROOT / "examples", capture_output=True, text=True, check=False)
        if ended.returncode not in (0, 1):
            raise SystemExit(f"{task} with {way} ended with {ended.returncode}: {ended.stderr.strip()[-300:]}")
        result = json.loads(Path(folder, "run", "result.json").read_text())
        return {**result, "processor_seconds": spent() - before}


def spent() -> float:
    """Processor seconds of all children that have ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def metric_of(result: dict[str, Any]) -> float:
    """Of the best model on the test samples, or on the validation samples where there are none."""
    best = result["best"]
    values = best.get("test") or best["val"]
    return values.get("accuracy", values["loss"])


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--inside"]:
        raise SystemExit(inside(sys.argv[2], sys.argv[3:]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=["digits", "fashion-mlp"])
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for each run (default 60)")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    print(f"{described(torch.device('cpu'))}; {options.budget:g} s a run; medians (least..most)\n", flush=True)
    rows = []
    for task in options.tasks:
        found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
        for seed in range(options.seeds):
            for way in WAYS if seed % 2 else WAYS[::-1]:
                found[way].append(run(task, way, options.budget, seed))
        rows += [row(task, way, found) for way in WAYS]
    speeds = [f"{what} a {kind}" for kind in ("minute", "processor minute") for what in ("trials", "epochs")]
    head = ["task", "way", *(cell for speed in speeds for cell in (speed, "times")), "test accuracy"]
    print_table(head, rows)


def row(task: str, way: str, found: dict[str, list[dict[str, Any]]]) -> list[str]:
    def a_minute(what: str, seconds: str) -> Callable[[dict[str, Any]], float]:
        return lambda result: 60 * result[what] / result[seconds]

    cells = [task, way]
    for seconds, what in itertools.product(("seconds", "processor_seconds"), ("trials", "epochs")):
        speed = a_minute(what, seconds)
        pairs = zip(found[way], found[WAYS[0]], strict=True)
        cells.append(f"{statistics.median(map(speed, found[way])):,.0f}")
        cells.append("1" if way == WAYS[0] else spread([speed(one) / speed(other) for one, other in pairs]))
    return [*cells, spread([metric_of(result) for result in found[way]], 3)]


if __name__ == "__main__":
    main()
