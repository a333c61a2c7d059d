"""The whole recipe against what an Optuna user runs, on real tasks at equal wall time: how good, and how soon.

    python benchmarks/recipe_against_optuna.py --tasks digits diabetes --budget 120 --seeds 5 --keep found.jsonl

Each pair of runs takes two budgets and is written to the file of `--keep` as it ends; the same command again takes from
there what it has and goes on.

Optuna: TPE (multivariate, constant liar) with Hyperband over epochs, one study shared by two processes of one thread
each, plain PyTorch with fused optimisers and resident data; whether a trial's rate decays by a cosine is one more
choice; the trial that is best on the validation samples is tested, once. goodfit: `goodfit run` with the same budget on
the same splits. Both search the task's own space. They run one after the other, in turns, each alone on the machine.

How soon is asked in two ways. By validation: when did a trial of goodfit's have a value as good as the best of Optuna's
trials, or the run as a whole at its end? The best of many trials is flattered by the samples that chose it, on both
sides: the more trials, the more. And goodfit scores a trial while it lasts on 2,000 validation samples at most, Optuna
on all of them; where there are more, ours is the noisier value. By test, with `--shares 0.33 0.1`: a run of goodfit's
with that share of the budget, from its start to its answer, ends with which test value, against Optuna's with all of
it? Nothing is chosen by these samples, and it is what somebody with less time gets.
"""

from __future__ import annotations

import argparse
import json
import math
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from turns import described, print_table, spread

EXAMPLES = Path(__file__).parent.parent / "examples"
DEMOS = Path(__file__).parent.parent / "src" / "goodfit" / "demos"
TASKS = {  # task and the epochs that its user would give each trial
    "digits": (f"{DEMOS / 'digits.py'}", 60),
    "diabetes": (f"{DEMOS / 'diabetes.py'}", 60),
    "fashion-mlp": (f"{EXAMPLES / 'fashion_mlp.py'}", 12),
    "fashion-cnn": (f"{EXAMPLES / 'fashion_cnn.py'}", 3),
    "char-gru": (f"{EXAMPLES / 'char_lm.py'}:gru", 2),
}
PROCESSES = 2
REDUCTION = 3  # Hyperband's
NEVER = 2.0  # the share of the budget that a value counts as reached after where it never was


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--budget", type=float, default=120.0, help="seconds for each (default 120)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--shares", type=float, nargs="*", default=[], help="of the budget, for further runs of goodfit"
    )
    parser.add_argument("--keep", type=Path, help="file of the pairs measured so far; those in it are not run again")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(**json.loads(arguments.worker))
        return
    print(f"{described(torch.device('cpu'))}; {arguments.budget:.0f} s each\n", flush=True)
    kept = kept_pairs(arguments.keep)
    rows, shares, ratios, wins = [], [], [], 0
    sooner = dict.fromkeys(arguments.shares, 0)
    for name in arguments.tasks:
        pairs = []
        for seed in range(arguments.seeds):
            key = (name, arguments.budget, seed)
            if not kept.get(key, ({}, {}))[1]:
                turns = (optuna_run, goodfit_run) if seed % 2 else (goodfit_run, optuna_run)
                found = {run: run(name, arguments.budget, seed) for run in turns}
                kept[key] = found[goodfit_run], found[optuna_run]
                keep(arguments.keep, key, kept[key])
            pairs.append(kept[key])
            print(f"{name}, seed {seed}: {told(*pairs[-1], arguments.budget)}", flush=True)
        rows.append(row(name, pairs, arguments.budget))
        shares.append(statistics.median(share_of(*pair, arguments.budget) for pair in pairs))
        ratios.append(statistics.median(ratio_of(*pair, arguments.budget) for pair in pairs))
        wins += ends_better(pairs)
        for share in arguments.shares:
            short = [shorter(name, arguments.budget, seed, share, kept, arguments.keep) for seed in range(len(pairs))]
            is_as_good = ends_better(
                [(ours, peer) for ours, (_, peer) in zip(short, pairs, strict=True)], or_equal=True
            )
            sooner[share] += is_as_good
            told_as = "as good as" if is_as_good else "worse than"
            print(
                f"{name}, {share:g} of the budget: test {spread([one['test'] for one in short], 4)}, {told_as} Optuna's"
            )
    print()
    print_table(HEAD, rows)
    print(
        f"\nBetter at the end, by the median test value: {wins} of {len(rows)} tasks. goodfit reaches Optuna's last "
        f"validation value after {statistics.geometric_mean(shares):.2f} of the budget and after "
        f"{statistics.geometric_mean(ratios):.2f} of the time that Optuna took for it (geometric means of medians)."
    )

    for share, tasks in sooner.items():
        print(
            f"With {share:g} of the budget, goodfit's median test value is as good as Optuna's on {tasks} of "
            f"{len(rows)} tasks."
        )


Pair = tuple[dict[str, Any], dict[str, Any]]  # goodfit's run and Optuna's
HEAD = (
    "task",
    "n",
    "goodfit, test",
    "Optuna, test",
    "better in",
    "Optuna's last val after, of the budget",
    "of Optuna's time",
)


def kept_pairs(path: Path | None) -> dict[tuple[str, float, int], Pair]:
    """The pairs in a file, by task, budget and seed."""
    if path is None or not path.exists():
        return {}
    found = [json.loads(line) for line in path.read_text().splitlines() if line]
    return {(one["task"], one["budget"], one["seed"]): (one["goodfit"], one.get("optuna", {})) for one in found}


def shorter(
    name: str, budget: float, seed: int, share: float, kept: dict[tuple[str, float, int], Pair], path: Path | None
) -> dict[str, Any]:
    """goodfit's run with a share of the budget; it is kept under its own budget, without a peer."""
    key = (name, share * budget, seed)
    if key not in kept:
        kept[key] = goodfit_run(*key), {}
        keep(path, key, kept[key])
    return kept[key][0]


def keep(path: Path | None, key: tuple[str, float, int], pair: Pair) -> None:
    """Append a pair to the file."""
    if path is not None:
        name, budget, seed = key
        document = {"task": name, "budget": budget, "seed": seed, "goodfit": pair[0], "optuna": pair[1]}
        with path.open("a") as file:
            file.write(json.dumps(document) + "\n")


def told(ours: Mapping[str, Any], peer: Mapping[str, Any], budget: float) -> str:
    return (
        f"goodfit test {ours['test']:.4f} (val {ours['val']:.4f}, {ours['trials']} trials), Optuna test "
        f"{peer['test']:.4f} (val {peer['val']:.4f} after {peer['reached']:.0f} s, {peer['trials']} trials); goodfit "
        f"had that val after {share_of(ours, peer, budget) * budget:.0f} s"
    )


def row(name: str, pairs: list[Pair], budget: float) -> list[str]:
    sign = pairs[0][0]["sign"]  # 1: lower is better
    shares = [share_of(*pair, budget) for pair in pairs]
    never = sum(share >= NEVER for share in shares)
    return [
        name,
        str(len(pairs)),
        spread([ours["test"] for ours, _ in pairs], 4),
        spread([peer["test"] for _, peer in pairs], 4),
        f"{sum(sign * ours['test'] < sign * peer['test'] for ours, peer in pairs)} of {len(pairs)}",
        spread(shares) + (f" ({NEVER:g}: never, {never} times)" if never else ""),
        spread([ratio_of(*pair, budget) for pair in pairs]),
    ]


def ends_better(pairs: list[Pair], or_equal: bool = False) -> bool:
    """Whether the median of goodfit's test values is the better one; or as good."""
    sign = pairs[0][0]["sign"]
    ours, peer = (statistics.median(pair[side]["test"] for pair in pairs) for side in (0, 1))
    return sign * ours < sign * peer or (or_equal and ours == peer)


def share_of(ours: Mapping[str, Any], peer: Mapping[str, Any], budget: float) -> float:
    """After which share of the budget goodfit had a validation value as good as Optuna's last; or NEVER."""
    sign = ours["sign"]
    return next((at for at, found in ours["progress"] if sign * found <= sign * peer["val"]), NEVER * budget) / budget


def ratio_of(ours: Mapping[str, Any], peer: Mapping[str, Any], budget: float) -> float:
    """The same over the seconds after which Optuna had it."""
    return share_of(ours, peer, budget) * budget / max(peer["reached"], 1e-9)


def goodfit_run(name: str, budget: float, seed: int) -> dict[str, Any]:
    """`goodfit run`, and what its ledger says of when a trial had which validation value."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        began = time.time()
        command = [sys.executable, "-m", "goodfit", "run", TASKS[name][0], "--budget", f"{budget:g}s"]
        command += ["--out", str(out), "--seed", str(seed), "--quiet", "--json"]
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        result = json.loads(ended.stdout)
        with sqlite3.connect(out / "ledger.db") as ledger:
            trials = ledger.execute(
                "select ended_at, objective from trials where objective is not null and ended_at is not null "
                "order by ended_at"
            ).fetchall()
    _, objective = loaded(name)
    metric, sign = objective.metric, -1 if objective.maximise else 1
    progress = [[at - began, value] for at, value in trials]
    progress.append([time.time() - began, result["best"]["val"][metric]])
    return {
        "test": result["best"]["test"][metric],
        "val": result["best"]["val"][metric],
        "trials": result["trials"],
        "progress": progress,
        "sign": sign,
    }


def optuna_run(name: str, budget: float, seed: int) -> dict[str, Any]:
    """Two processes on one study; the better of their best trials counts, with the test value it got."""
    with tempfile.TemporaryDirectory() as folder:
        until = time.time() + budget
        children = []
        for number in range(PROCESSES):
            given = {"name": name, "until": until, "budget": budget, "seed": seed, "number": number, "folder": folder}
            children.append(subprocess.Popen([sys.executable, __file__, "--worker", json.dumps(given)]))
        if any(child.wait() for child in children):
            raise SystemExit("an Optuna process failed; its error is above")
        found = [json.loads((Path(folder) / f"{number}.json").read_text()) for number in range(PROCESSES)]
    best = min(found, key=lambda one: one["sign"] * one["val"])
    return {**best, "trials": max(one["trials"] for one in found)}  # both see one study


def loaded(name: str) -> tuple[Any, Any]:
    from goodfit.task_file import load_task

    task = load_task(TASKS[name][0])
    return task, task.parsed_objective


def work(name: str, until: float, budget: float, seed: int, number: int, folder: str) -> None:
    """One Optuna process."""
    import optuna

    from goodfit.opened import open_task

    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    task, objective = loaded(name)
    opened = open_task(task, torch.device("cpu"))
    test_samples = opened.test.unlock()
    epochs = TASKS[name][1]
    sign = -1 if objective.maximise else 1
    study = optuna.create_study(
        study_name="peer",
        storage=optuna.storages.JournalStorage(
            optuna.storages.journal.JournalFileBackend(str(Path(folder) / "journal"))
        ),
        load_if_exists=True,
        direction="maximize" if objective.maximise else "minimize",
        sampler=optuna.samplers.TPESampler(multivariate=True, constant_liar=True, seed=1000 * seed + number),
        pruner=optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=REDUCTION),
    )
    best: dict[str, Any] = {"val": sign * math.inf, "test": math.nan, "reached": budget}

    def objective_of(trial: Any) -> float:
        hyperparameters = {**task.start, **suggested(trial, task.space, task.start)}
        decays = trial.suggest_categorical("schedule", ["constant", "cosine"]) == "cosine"
        model, value = None, math.nan
        for epoch, reached in enumerate(trained(opened, hyperparameters, epochs, decays, seed), 1):
            model, value = reached
            if not math.isfinite(value):
                raise optuna.TrialPruned
            trial.report(value, epoch)
            if time.time() > until:
                study.stop()
                break
            if trial.should_prune():
                raise optuna.TrialPruned
        if sign * value < sign * best["val"]:
            test = scored_on(opened, model, test_samples, objective.metric)
            best.update(val=value, test=test, reached=time.time() - (until - budget))
        return value

    study.optimize(objective_of, timeout=max(until - time.time(), 0.1), catch=())
    document = {**best, "sign": sign, "trials": len(study.trials)}
    (Path(folder) / f"{number}.json").write_text(json.dumps(document))


def suggested(trial: Any, space: Any, start: Mapping[str, Any]) -> dict[str, Any]:
    """A point of the task's space, asked of Optuna as its users would declare it."""
    point = dict(start)
    for dimension in space.dimensions:
        if not dimension.is_active(point):
            continue
        name, scale, shown = dimension.name, dimension.scale, dimension.scale.as_json()
        if "values" in shown:
            point[name] = trial.suggest_categorical(name, shown["values"])
        elif shown["scale"] == "powers_of_two":
            point[name] = 2 ** trial.suggest_int(name, int(math.log2(scale.low)), int(math.log2(scale.high)))
        elif shown["scale"] == "integer":
            point[name] = trial.suggest_int(name, scale.low, scale.high)
        elif shown["scale"] == "reverse_log":
            point[name] = 1.0 - trial.suggest_float(name, 1 - scale.high, 1 - scale.low, log=True)
        else:
            is_zero = getattr(scale, "atom", 0.0) > 0 and trial.suggest_categorical(f"{name}=0", [False, True])
            value = trial.suggest_float(name, scale.low, scale.high, log=shown["scale"] == "log")
            point[name] = 0.0 if is_zero else value
    return point


def trained(opened: Any, hyperparameters: Mapping[str, Any], epochs: int, decays: bool, seed: int) -> Any:
    """A plain PyTorch loop; yields the model and its validation value after each epoch."""
    from goodfit.hyperparameters import Hyperparameters
    from goodfit.training.optimizers import Choice, torch_optimizer

    problem, objective = opened.problem, opened.task.parsed_objective
    torch.manual_seed(seed)
    model = problem.build(Hyperparameters(hyperparameters))
    optimizer = torch_optimizer(Choice.read(hyperparameters), model.parameters())
    size = int(hyperparameters.get("batch_size", problem.default_batch_size))
    steps = max(1, len(problem.train) // size)
    shape = (lambda step: 0.5 * (1 + math.cos(math.pi * step / (epochs * steps)))) if decays else (lambda step: 1.0)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, shape)
    clip = hyperparameters.get("grad_clip")
    for _ in range(epochs):
        model.train()
        for indices in torch.randperm(len(problem.train))[: steps * size].split(size):
            optimizer.zero_grad()
            problem.loss(model, problem.train.fetch(indices)).backward()
            if clip:
                torch.nn.utils.clip_grad_norm_(model.parameters(), float(clip))
            optimizer.step()
            scheduler.step()
        yield model, scored_on(opened, model, problem.val, objective.metric)


def scored_on(opened: Any, model: torch.nn.Module, split: Any, metric: str) -> float:
    """The mean of the objective's metric over a split, by batches of 1,000."""
    problem = opened.problem
    total = 0.0
    model.eval()
    with torch.no_grad():
        for indices in torch.arange(len(split)).split(1000):
            batch = split.fetch(indices)
            if metric == "loss":
                value = problem.loss(model, batch)
            else:
                value = problem.metrics[metric](model(batch[0]), batch[1])
            total += float(value) * len(indices)
    return total / len(split)


if __name__ == "__main__":
    main()
