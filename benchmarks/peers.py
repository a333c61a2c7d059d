"""The same trials end to end: goodfit's engines in two workers, Optuna in two processes, Ray Tune with reused actors.

    python benchmarks/peers.py [--trials 24] [--epochs 6] [--repeats 3] [--ways plain optuna goodfit-pool ...]

Each way trains the same trials (digits, 64-128-64-10, AdamW, the same rates), evaluates each of them after every epoch,
and keeps what it found: Optuna in SQLite, Ray Tune in its results, goodfit as its workers tell it. Everything
is loaded and every process is warm before the clock starts; what a way needs besides training is counted. "plain" is
two processes that share the list, with no library at all, and is run twice: the second tells the noise. Ray runs in a
network of its own that ends with the benchmark (`unshare --net`), and no other Ray is ever stopped.

Processor seconds are those of all processes of a way; the wall clock is only worth reading on a machine with nothing
else to do.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from engines import digits
from torch import Tensor, nn
from turns import described, print_table, spread

import goodfit as gf
from goodfit.execution.processes import ProcessExecutor
from goodfit.execution.source import write_problem
from goodfit.execution.work import CohortWork, Failed, Finished
from goodfit.training.problem import Loss, Problem
from goodfit.training.splits import ResidentSplit
from goodfit.training.trial import Regime, Segment, Trial

PROCESSES = 2
BATCH_SIZE = 32
TRAIN = 1437

Way = Callable[[int, int], None]  # trials, epochs


def rate(number: int) -> float:
    """The learning rate of a trial: spread evenly over two decades by the golden ratio."""
    return 10 ** (-4 + 2 * (number * 0.6180339887 % 1.0))


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


@functools.cache
def samples() -> tuple[Tensor, Tensor]:
    """The digits, loaded once a process."""
    inputs, labels = digits((64,))
    return inputs.float(), labels


def train_plainly(number: int, epochs: int, report: Callable[[int, float], None]) -> float:
    """One trial as one writes it in PyTorch with its tensors at hand: the last validation loss."""
    torch.set_num_threads(1)
    inputs, labels = samples()
    torch.manual_seed(number)
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), rate(number), weight_decay=0.01)
    loss = float("nan")
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(TRAIN)
        for start in range(0, TRAIN - BATCH_SIZE + 1, BATCH_SIZE):
            taken = order[start : start + BATCH_SIZE]
            optimizer.zero_grad()
            F.cross_entropy(model(inputs[taken]), labels[taken]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            loss = float(F.cross_entropy(model(inputs[TRAIN:]), labels[TRAIN:]))
        report(epoch, loss)
    return loss


def _serve_plainly(line: Connection) -> None:
    train_plainly(0, 1, lambda epoch, loss: None)
    line.send("warm")
    while (order := line.recv()) is not None:
        number, epochs = order
        line.send(train_plainly(number, epochs, lambda epoch, loss: None))


@contextlib.contextmanager
def plain() -> Generator[Way]:
    """Two processes, each taking the next trial when it has done one."""
    context = get_context("spawn")
    lines = []
    for _ in range(PROCESSES):
        ours, theirs = context.Pipe()
        context.Process(target=_serve_plainly, args=(theirs,), daemon=True).start()
        lines.append(ours)
    for line in lines:
        line.recv()

    def run(trials: int, epochs: int) -> None:
        from multiprocessing.connection import wait

        waiting, busy = list(range(trials)), 0
        for line in lines:
            line.send((waiting.pop(0), epochs))
            busy += 1
        while busy:
            for line in wait(lines):
                line.recv()  # ty: ignore[unresolved-attribute]
                busy -= 1
                if waiting:
                    line.send((waiting.pop(0), epochs))  # ty: ignore[unresolved-attribute]
                    busy += 1

    yield run
    for line in lines:
        line.send(None)


def _serve_optuna(line: Connection) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    train_plainly(0, 1, lambda epoch, loss: None)
    line.send("warm")
    while (order := line.recv()) is not None:
        url, epochs, count = order

        def objective(trial: Any, epochs: int = epochs) -> float:
            trial.suggest_float("lr", 1e-5, 1.0, log=True)
            return train_plainly(trial.number, epochs, lambda epoch, loss: trial.report(loss, epoch))

        study = optuna.load_study(study_name="peers", storage=url, sampler=optuna.samplers.RandomSampler(0))
        study.optimize(objective, n_trials=count)
        line.send("done")


@contextlib.contextmanager
def with_optuna() -> Generator[Way]:
    """Two processes that share a study in SQLite, as Optuna's documentation has it."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    context = get_context("spawn")
    lines = []
    for _ in range(PROCESSES):
        ours, theirs = context.Pipe()
        context.Process(target=_serve_optuna, args=(theirs,), daemon=True).start()
        lines.append(ours)
    for line in lines:
        line.recv()
    folder = Path(tempfile.mkdtemp())
    runs = 0

    def run(trials: int, epochs: int) -> None:
        nonlocal runs
        runs += 1
        url = f"sqlite:///{folder}/{runs}.db"
        optuna.create_study(study_name="peers", storage=url)
        for place, line in enumerate(lines):
            line.send((url, epochs, trials // PROCESSES + (place < trials % PROCESSES)))
        for line in lines:
            line.recv()

    yield run
    for line in lines:
        line.send(None)
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def with_ray() -> Generator[Way]:
    """Ray Tune, an actor a CPU, each reused for the next trial."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray import tune

    ray.init(
        num_cpus=PROCESSES,
        include_dashboard=False,
        object_store_memory=100 << 20,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
        runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}},
    )
    folder = tempfile.mkdtemp()

    class Trains(tune.Trainable):
        """Trains a trial in its first step: what it reports by epoch is in the list."""

        def setup(self, config: dict[str, Any]) -> None:
            self.values = config

        def step(self) -> dict[str, Any]:
            import peers  # an actor knows this file as a module only, not as the script that was started

            losses: list[float] = []
            peers.train_plainly(self.values["number"], self.values["epochs"], lambda epoch, loss: losses.append(loss))
            return {"loss": losses[-1], "losses": losses, "done": True}

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.values = new_config
            return True

        def save_checkpoint(self, checkpoint_dir: str) -> None:
            return None

        def load_checkpoint(self, checkpoint: Any) -> None:
            return None

    def run(trials: int, epochs: int) -> None:
        tuner = tune.Tuner(
            Trains,
            param_space={"number": tune.grid_search(list(range(trials))), "epochs": epochs},
            tune_config=tune.TuneConfig(reuse_actors=True, metric="loss", mode="min"),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        results = tuner.fit()
        if results.errors:
            raise SystemExit(f"Ray Tune failed: {results.errors[0]}")

    yield run
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def with_goodfit(engine: str, cohort: int) -> Generator[Way]:
    """Two warm workers, as a run has them."""
    inputs, labels = digits((64,))
    problem = Problem(
        build=lambda hp: network(),
        loss=Loss(F.cross_entropy),
        metrics={"accuracy": gf.accuracy},
        train=ResidentSplit((inputs[:TRAIN], labels[:TRAIN]), dtype=torch.float32),
        val=ResidentSplit((inputs[TRAIN:], labels[TRAIN:]), dtype=torch.float32),
        default_batch_size=BATCH_SIZE,
    )
    per_epoch = TRAIN // BATCH_SIZE
    runs = 0
    with tempfile.TemporaryDirectory() as folder, ProcessExecutor(write_problem(problem, Path(folder)), 2) as executor:

        def run(trials: int, epochs: int) -> None:
            nonlocal runs
            runs += 1
            looks = tuple(per_epoch * epoch for epoch in range(1, epochs + 1))
            regime = Regime(eval_steps=looks, eval_val=360, explosion_factor=float("inf"))
            made = [
                Trial(n, n, (Segment(0, {"optimizer": "adamw", "lr": rate(n), "weight_decay": 0.01}, 0),))
                for n in range(trials)
            ]
            open_works = 0
            for start in range(0, trials, cohort):
                some = tuple(made[start : start + cohort])
                executor.submit(CohortWork(f"{runs}/{start}", some, regime, per_epoch * epochs, engine))
                open_works += 1
            while open_works:
                for message in executor.messages(1.0):
                    if isinstance(message, Failed):
                        raise SystemExit(message.message)
                    open_works -= isinstance(message, Finished)

        run(2 * cohort, 1)  # both workers have begun
        yield run


WAYS: dict[str, Callable[[], contextlib.AbstractContextManager[Way]]] = {
    "plain": plain,
    "plain-again": plain,
    "optuna": with_optuna,
    "ray": with_ray,
    "goodfit-pool": lambda: with_goodfit("pool", 1),
    "goodfit-batched": lambda: with_goodfit("batched", 12),
    "goodfit-native": lambda: with_goodfit("native", 6),
}


def tree_seconds() -> float:
    """Processor seconds of this process and of those that it started, those alive among them."""
    ticks, total = os.sysconf("SC_CLK_TCK"), 0.0
    parents: dict[int, tuple[int, float]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                used = sum(map(int, fields[11:15])) / ticks  # its own, and of its children that have ended
                parents[int(entry.name)] = int(fields[1]), used
    for process, (_, used) in parents.items():
        above: int | None = process
        while above is not None and above != os.getpid():
            above = parents[above][0] if above in parents else None
        total += used if above is not None else 0.0
    return total


def one_way(way: str, trials: int, epochs: int, line: Connection) -> None:
    """In a process of its own: warm up, then run whenever told; sends wall-clock and processor seconds."""
    torch.set_num_threads(1)
    with WAYS[way]() as run:
        run(PROCESSES, 1)
        line.send(None)
        while line.recv():
            wall, used = time.perf_counter(), tree_seconds()
            run(trials, epochs)
            line.send((time.perf_counter() - wall, tree_seconds() - used))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=None)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    ways = options.ways or [way for way in WAYS if is_there(way)]
    if "ray" in ways and not options.inside and shutil.which("unshare"):
        again = ['ip link set lo up && exec "$@"', "sh", sys.executable, *sys.argv, "--inside"]
        command = ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", *again]
        raise SystemExit(subprocess.run(command, check=False).returncode)
    print(f"{described(torch.device('cpu'))}; {options.trials} trials of {options.epochs} epochs\n", flush=True)
    context = get_context("spawn")
    lines: dict[str, Connection] = {}
    for way in ways:
        ours, theirs = context.Pipe()
        # Not daemonic: it starts processes of its own.
        context.Process(target=one_way, args=(way, options.trials, options.epochs, theirs)).start()
        theirs.close()
        try:
            ours.recv()
        except EOFError:
            print(f"{way} cannot run here (its reason stands above), and is left out.\n", flush=True)
            continue
        lines[way] = ours
    ways = list(lines)
    rounds: list[dict[str, tuple[float, float]]] = []
    for turn in range(options.repeats):
        first = turn % len(ways)
        done = {}
        for way in ways[first:] + ways[:first]:
            lines[way].send(True)
            done[way] = lines[way].recv()
        rounds.append(done)
    for line in lines.values():
        line.send(False)
    rows = []
    for way in ways:
        used = [turn[way][1] for turn in rounds]
        ratios = [turn[ways[0]][1] / turn[way][1] for turn in rounds]
        walls = [turn[way][0] for turn in rounds]
        per_minute = 60 * options.trials * PROCESSES / statistics.median(used)
        rows.append([way, spread(used), spread(ratios), f"{per_minute:,.0f}", spread(walls)])
    head = ["way", "processor seconds", f"times {ways[0]}", "trials a minute on two free cores", "wall-clock seconds"]
    print_table(head, rows)


def is_there(way: str) -> bool:
    """Whether what a way needs is installed."""
    from goodfit.training.engines import ENGINES

    if way.startswith("goodfit-"):
        return way.removeprefix("goodfit-") in ENGINES
    return way not in ("optuna", "ray") or importlib.util.find_spec(way) is not None


if __name__ == "__main__":
    main()
