"""What looking and keeping cost on tiny trials, and how long one waits for a first answer.

    python benchmarks/overhead.py [--repeats 7] [--trials 16] [--steps 300] [--engines native batched pool]

The first table trains the same tiny trials (digits, one hidden layer, the case where overhead weighs most) bare, and
then with each thing added: evaluations as a search asks for them, all that is told put through the line to the parent
and kept in a ledger on the disk, and gradient norms and update ratios at every step, as the gates want them. Evaluating
is arithmetic that a search wants; telling and keeping are timed by themselves too, with one commit for all the trials
of a turn: in a run a commit comes once a second, so `--trials` should be what ends in a second. First it is checked
that looking changes nothing: the weights at the end are equal, bit for bit. The second table starts workers, and the
third the command line, anew each time, by the wall clock.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pickle
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from engines import digits
from torch import nn
from turns import described, in_turns, print_table, spread

import goodfit as gf
from goodfit.execution.processes import ProcessExecutor
from goodfit.execution.source import write_problem
from goodfit.execution.work import CohortWork, Finished, Told
from goodfit.ledger.records import CurveRecord, StageRecord, StudyRecord, TrialRecord
from goodfit.ledger.store import open_ledger, read_ledger
from goodfit.ledger.versions import versions
from goodfit.ledger.writer import Writer
from goodfit.training.engines import ENGINES
from goodfit.training.engines.dry_run import Undisturbed
from goodfit.training.problem import Loss, Problem
from goodfit.training.splits import ResidentSplit
from goodfit.training.trial import Ended, Event, Points, Regime, Segment, Trial, TrialState

BATCH_SIZE = 32
EVALUATIONS = 12  # as a search asks for
BARE = Regime(explosion_factor=float("inf"))


def problem() -> Problem:
    inputs, labels = digits((64,))
    train = ResidentSplit((inputs[:1149], labels[:1149]), dtype=torch.float32)
    val = ResidentSplit((inputs[1149:1437], labels[1149:1437]), dtype=torch.float32)
    return Problem(
        build=lambda hp: nn.Sequential(nn.Linear(64, hp.width), nn.ReLU(), nn.Linear(hp.width, 10)),
        loss=Loss(F.cross_entropy),
        metrics={"accuracy": gf.accuracy},
        train=train,
        val=val,
        default_batch_size=BATCH_SIZE,
    )


class Ledger:
    """Keeps what an engine tells in a fresh ledger on the disk, as a run does."""

    def __init__(self, path: Path, trials: list[Trial]) -> None:
        self.store = open_ledger(path)
        study = StudyRecord(
            study="overhead",
            task="overhead",
            seed=0,
            objective="min val loss",
            command="benchmarks/overhead.py",
            device="cpu",
            versions=versions(),
            fingerprint="",
            source="",
            space={},
            settings={},
            options={},
            created_at=time.time(),
        )
        self.writer = Writer(self.store.begin(study))
        self.writer.add(StageRecord(number=0, stage="coarse", round=1, verdict=""))
        self.points = 0
        self.begin(trials)

    def begin(self, trials: list[Trial]) -> None:
        for t in trials:
            values = dict(t.hyperparameters)
            self.writer.add(TrialRecord(trial=t.number, stage=0, hyperparameters=values, seed=t.seed, status="running"))

    def hear(self, events: list[Event]) -> None:
        """As the parent of a worker: a message read from the line, each event kept."""
        told = pickle.loads(pickle.dumps(Told("work", tuple(events)), protocol=pickle.HIGHEST_PROTOCOL))
        for event in told.events:
            self(event)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Points):
            self.points += len(event.steps)
            epochs = event.steps / 35
            self.writer.add(
                CurveRecord(
                    trial=event.trial, series=event.series, steps=event.steps, epochs=epochs, values=event.values
                )
            )
        elif isinstance(event, Ended):
            ended = TrialRecord(
                trial=event.trial, stage=0, hyperparameters={}, seed=0, status=event.status, ended_at=time.time()
            )
            self.writer.add(ended)
        self.writer.tick()

    def close(self) -> None:
        self.writer.close()
        self.store.close()


def looking(engine: str, trials: list[Trial], steps: int, repeats: int, folder: Path) -> list[list[str]]:
    """Rows: what was added, trial-steps a second, times the bare training's seconds."""
    torch.set_num_threads(1)
    data = problem()
    looks = tuple(sorted({0, 1, *(round(steps * i / (EVALUATIONS - 1)) for i in range(EVALUATIONS))}))
    evaluated = Regime(explosion_factor=float("inf"), eval_steps=looks, eval_train=288, eval_val=288)
    probed = Regime(explosion_factor=float("inf"), probe_every=1)
    count = 0

    def train(regime: Regime, emit: Callable[[Event], None] = lambda event: None) -> list[TrialState]:
        return ENGINES[engine].advance(data, trials, [None] * len(trials), regime, steps, emit, Undisturbed())

    def kept(regime: Regime) -> list[TrialState]:
        nonlocal count
        count += 1
        ledger = Ledger(folder / f"{engine}-{count}.db", trials)
        states = train(regime, ledger)
        ledger.close()
        reader = read_ledger(folder / f"{engine}-{count}.db")
        stored = sum(len(c.steps) for series in reader.read("overhead").curves.values() for c in series.values())
        reader.close()
        if stored != ledger.points:
            raise SystemExit(f"{ledger.points} points were told and {stored} are in the ledger.")
        return states

    bare = train(BARE)
    for other in (train(evaluated), train(probed), kept(evaluated)):
        for one, same in zip(bare, other, strict=True):
            if any(not torch.equal(one.parameters[name], same.parameters[name]) for name in one.parameters):
                raise SystemExit(f"{engine}: looking changed what was trained; nothing was timed.")

    kept_seconds: list[float] = []
    long_open = Ledger(folder / f"{engine}-open.db", [])

    def told_and_kept(regime: Regime) -> None:
        """Trials of new numbers, as they come and go in a run whose ledger is open."""
        nonlocal count
        count += 1
        some = [dataclasses.replace(t, number=count * len(trials) + t.number) for t in trials]
        events: list[Event] = []
        ENGINES[engine].advance(data, some, [None] * len(some), regime, steps, events.append, Undisturbed())
        begun = time.process_time()
        long_open.begin(some)
        long_open.hear(events)
        long_open.writer.flush()
        kept_seconds.append(time.process_time() - begun)

    works = {
        "bare": lambda: train(BARE),
        f"{len(looks)} evaluations of 2 x 288 samples": lambda: train(evaluated),
        "the same, told to a parent and kept in its ledger": lambda: told_and_kept(evaluated),
        "norms and ratios at every step": lambda: train(probed),
    }
    rounds = in_turns(works, torch.device("cpu"), repeats)
    rows = []
    for name in works:
        speed = statistics.median(len(trials) * steps / turn[name] for turn in rounds)
        ratio = "1" if name == "bare" else spread([turn[name] / turn["bare"] for turn in rounds])
        rows.append([f"{engine}, {len(trials)} trials: {name}", f"{speed:,.0f}", ratio])
    added = kept_seconds[1:]  # the first is thrown away, as in the turns
    shares = [share / turn["bare"] for share, turn in zip(added, rounds, strict=True)]
    rows.append([f"{engine}: telling and keeping alone, of the bare seconds", "", spread(shares, 3)])
    each = [share / len(trials) * 1e3 for share in added]
    rows.append([f"{engine}: telling and keeping alone, milliseconds a trial", "", spread(each)])
    long_open.close()
    return rows


TASK = """
import torch, torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
import goodfit as gf
x, y = (torch.tensor(part) for part in load_digits(return_X_y=True))
task = gf.Task(
    name="start", model=lambda hp: nn.Linear(64, 10), data=gf.Data(train=(x.float() / 16, y)), loss=F.cross_entropy
)
"""


def waiting(repeats: int, folder: Path) -> list[list[str]]:
    """Rows: what was asked, wall-clock seconds."""
    (folder / "task.py").write_text(TASK)
    own = {**os.environ, "GOODFIT_CACHE": str(folder / "cache")}

    def took(*words: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, *words], cwd=folder, env=own, check=True, capture_output=True)
        return time.perf_counter() - start

    seconds: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        seconds.setdefault(name, []).append(value)

    for turn in range(repeats):
        note("`python -c pass`, for comparison", took("-c", "pass"))
        note("`goodfit --help`", took("-m", "goodfit", "--help"))
        note("`python -c 'import torch'`, for comparison", took("-c", "import torch"))
        start = time.time()
        run = ("run", "task.py", "--trials", "2", "--epochs", "1", "--workers", "1", "--quiet", "--out", f"run-{turn}")
        subprocess.run([sys.executable, "-m", "goodfit", *run], cwd=folder, env=own, check=True, capture_output=True)
        ledger = read_ledger(folder / f"run-{turn}" / "ledger.db")
        (study,) = ledger.studies()
        stages = {stage.stage: stage for stage in ledger.read(study.study).stages}
        ledger.close()
        note("`goodfit run`: the task is read and tried once, the ledger is open", study.created_at - start)
        begun = stages["overfit"].started_at
        note("`goodfit run`: data and initial loss are judged, the first trials begin", begun - start)
    return [[name, spread(values)] for name, values in seconds.items()]


def workers(repeats: int, folder: Path) -> list[list[str]]:
    """Rows: what a worker does, wall-clock seconds until it is done."""
    seconds: dict[str, list[float]] = {}
    source = write_problem(problem(), folder / "problem")
    short = Regime(explosion_factor=float("inf"))

    def ended(executor: ProcessExecutor, key: str) -> float:
        trial = Trial(0, 0, (Segment(0, {"optimizer": "adamw", "width": 64, "lr": 1e-3}, 0),))
        begun = time.perf_counter()
        executor.submit(CohortWork(key, (trial,), short, 1, "pool"))
        while not any(isinstance(message, Finished) for message in executor.messages(1.0)):
            pass
        return time.perf_counter() - begun

    for turn in range(repeats):
        with ProcessExecutor(source, 1) as executor:
            seconds.setdefault("a new worker trains its first step", []).append(ended(executor, f"first-{turn}"))
            for again in range(20):
                seconds.setdefault("a warm worker takes a trial, trains one step and ends", []).append(
                    ended(executor, f"warm-{turn}-{again}")
                )
            os.kill(executor.worker_pids[0], signal.SIGKILL)
            name = "a killed worker is replaced, the trial tried again"
            seconds.setdefault(name, []).append(ended(executor, f"killed-{turn}"))
    return [[name, spread(values, 4)] for name, values in seconds.items()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=["native", "batched", "pool"])
    parser.add_argument("--starts", type=int, default=3, help="times that the command line is started anew")
    options = parser.parse_args()
    print(f"{described(torch.device('cpu'))}; medians (least..most)\n")
    values = {"optimizer": "adamw", "width": 64}
    trials = [Trial(n, 0, (Segment(0, {**values, "lr": 1e-3 * 0.9**n}, 0),)) for n in range(options.trials)]
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for engine in options.engines:
            some = trials[:1] if engine == "pool" else trials
            rows += looking(engine, some, options.steps, options.repeats, Path(folder))
        print_table(["processor time, one thread", "trial-steps a second", "times the bare seconds"], rows)
        print()
        if options.starts:
            print_table(["wall clock", "seconds"], workers(options.starts, Path(folder)))
            print()
            print_table(["wall clock", "seconds"], waiting(options.starts, Path(folder)))


if __name__ == "__main__":
    main()
