"""How many steps a second does the native engine make, against two plain PyTorch processes' worth of one thread each?

    python benchmarks/native.py [--nets tiny small ...] [--repeats 5] [--instructions avx512|avx2|plain]

Columns, all of one thread and in its processor time, so that they are those of one of two processes (two native threads
against two plain processes give the same ratio, where memory is not short): a loop in plain PyTorch as people write it;
the same with PyTorch's fused optimiser; the native kernel alone (one call, data and state ready); and the native engine
through its seam, `advance`, with building the model, curves, states in and out. Each ratio is of neighbours in time.
The roof is what oneDNN's own float32 product reaches on this thread (a `Linear` of 1024 x 1024 on 1024 rows); the
arithmetic of a step is 6 operations a weight and sample, 4 in the first layer. Both ways are first shown to give the
same losses in float64. The last table is an A/A run: plain PyTorch against itself, which is this machine's noise.
"""

from __future__ import annotations

import argparse
import ctypes
import dataclasses
import math
import statistics
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from turns import described, in_turns, print_table, seconds, spread

from goodfit.training.engines.dry_run import Undisturbed
from goodfit.training.engines.native import Native, library
from goodfit.training.engines.native.training import NativeTraining
from goodfit.training.problem import Loss, Problem
from goodfit.training.splits import ResidentSplit
from goodfit.training.structure import built
from goodfit.training.trial import Event, Points, Regime, Segment, Trial

CPU = torch.device("cpu")
SAMPLES = 4096
EQUAL_STEPS, TOLERANCE = 20, 1e-10
ROOF_SIZE = 1024


@dataclasses.dataclass(frozen=True)
class Net:
    """One thing to train."""

    widths: tuple[int, ...]
    batch_size: int
    optimizer: str

    @property
    def about(self) -> str:
        return f"{'-'.join(map(str, self.widths))}, batch {self.batch_size}, {self.optimizer}"

    @property
    def operations(self) -> float:
        """Floating-point operations of a step's products."""
        pairs = list(zip(self.widths, self.widths[1:], strict=False))
        return sum(a * b * (6 if place else 4) for place, (a, b) in enumerate(pairs)) * self.batch_size

    def build(self, hp: object) -> nn.Module:
        layers: list[nn.Module] = []
        for before, after in zip(self.widths, self.widths[1:], strict=False):
            layers += [nn.Linear(before, after), nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    def problem(self, dtype: torch.dtype) -> Problem:
        generator = torch.Generator().manual_seed(0)
        inputs = torch.randn(SAMPLES, self.widths[0], generator=generator, dtype=dtype)
        targets = torch.randint(0, self.widths[-1], (SAMPLES,), generator=generator)
        split = ResidentSplit((inputs, targets))
        return Problem(
            self.build, Loss(F.cross_entropy), {}, split, split, dtype=dtype, default_batch_size=self.batch_size
        )

    @property
    def trial(self) -> Trial:
        return Trial(0, 0, (Segment(0, {"optimizer": self.optimizer, "lr": 1e-3, "weight_decay": 1e-4}, 0),))


NETS = {
    "tiny": Net((64, 32, 10), 32, "sgd"),
    "tiny-adamw": Net((64, 32, 10), 32, "adamw"),
    "narrow": Net((64, 64, 64, 10), 32, "sgd"),
    "narrow-adamw": Net((64, 64, 64, 10), 32, "adamw"),
    "small": Net((784, 128, 64, 10), 32, "sgd"),
    "small-adamw": Net((784, 128, 64, 10), 32, "adamw"),
    "wide": Net((784, 512, 256, 10), 128, "sgd"),
    "wide-adamw": Net((784, 512, 256, 10), 128, "adamw"),
}


class Plain:
    """A loop in plain PyTorch, data resident, indices drawn ahead."""

    def __init__(self, net: Net, problem: Problem, fused: bool) -> None:
        self.net = net
        self.model = built(problem, net.trial.hyperparameters, net.trial.seed)
        make = (
            (lambda ps, **more: torch.optim.SGD(ps, 1e-3, momentum=0.9, weight_decay=1e-4, **more))
            if net.optimizer == "sgd"
            else (lambda ps, **more: torch.optim.AdamW(ps, 1e-3, weight_decay=1e-4, **more))
        )
        self.optimizer = make(self.model.parameters(), fused=True) if fused else make(self.model.parameters())
        self.inputs, self.targets = problem.train.fetch(torch.arange(SAMPLES))
        self.order = torch.randint(0, SAMPLES, (256, net.batch_size), generator=torch.Generator().manual_seed(1))

    def step(self, taken: Tensor) -> Tensor:
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(self.inputs[taken]), self.targets[taken])
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def train(self, steps: int) -> None:
        for step in range(steps):
            self.step(self.order[step % len(self.order)])


class Bare:
    """The kernel alone, gone on with at each call."""

    def __init__(self, net: Net, problem: Problem, instructions: str) -> None:
        kernel = library.kernel(instructions)
        if kernel is None:
            raise SystemExit(library.why_missing() or f"This processor does not run {instructions} code.")
        self.training = NativeTraining(problem, net.trial, None, Regime(), lambda event: None, kernel)
        self.kernel, self.batch_size = kernel, net.batch_size
        self.ready = 0

    def train(self, steps: int) -> None:
        job = self.training.job
        if self.ready < steps:
            generator = torch.Generator().manual_seed(1)
            self.indices = torch.randint(0, SAMPLES, (steps, self.batch_size), generator=generator)
            self.rates, self.losses, self.ready = np.full(steps, 1e-3), np.empty(steps), steps
            job.indices, job.rates, job.losses = (
                self.indices.data_ptr(),
                self.rates.ctypes.data,
                self.losses.ctypes.data,
            )
            job.limit, job.goal = math.inf, -math.inf
        job.steps = steps
        self.kernel.train(ctypes.byref(job), 0)
        if job.steps_done != steps:
            raise SystemExit("the kernel ended early; nothing was timed.")


class Seam:
    """The engine as an executor calls it, from the trial's start each time."""

    def __init__(self, net: Net, problem: Problem, instructions: str) -> None:
        self.engine, self.problem, self.net = Native(instructions), problem, net

    def train(self, steps: int) -> None:
        events: list[Event] = []
        regime = Regime(explosion_factor=math.inf)
        self.engine.advance(self.problem, [self.net.trial], [None], regime, steps, events.append, Undisturbed())


def check_equal(net: Net, instructions: str) -> float:
    """The largest difference between the losses of both ways over the first steps, in float64.

    Raises:
        SystemExit: it is above the tolerance; a faster way to other numbers is no speed.
    """
    problem, events = net.problem(torch.float64), []
    engine = Native(instructions)
    engine.advance(problem, [net.trial], [None], Regime(), EQUAL_STEPS, events.append, Undisturbed())
    told = np.concatenate([e.values for e in events if isinstance(e, Points) and e.series == "step_loss"])
    plain = Plain(net, problem, fused=False)
    training = NativeTraining(problem, net.trial, None, Regime(), events.append, library.kernel(instructions))
    hand = np.array([float(plain.step(training.feed.indices(0, step))) for step in range(EQUAL_STEPS)])
    most = float(np.abs(told - hand).max())
    if not most <= TOLERANCE:
        raise SystemExit(f"the native engine and plain PyTorch differ by {most:.2g} on {net.about}; nothing was timed.")
    return most


def steps_for(train: Callable[[int], object], turn_seconds: float) -> int:
    """Steps that fill a turn."""
    steps = 8
    train(steps)
    while True:
        took = seconds(lambda steps=steps: train(steps), CPU)
        if took > 0.1 * turn_seconds:
            return max(8, round(steps * turn_seconds / took))
        steps *= 4


def roof() -> Callable[[int], object]:
    """Products of oneDNN in float32, so many of them."""
    x, w = torch.randn(ROOF_SIZE, ROOF_SIZE), torch.randn(ROOF_SIZE, ROOF_SIZE)
    packed = torch.ops.mkldnn._linear_pointwise if hasattr(torch.ops.mkldnn, "_linear_pointwise") else None

    def run(count: int) -> None:
        for _ in range(count):
            if packed is not None:
                packed(x, w, None, "none", [], "")
            else:
                F.linear(x, w)

    return run


def measure(net: Net, instructions: str, repeats: int, turn_seconds: float) -> tuple[list[str], list[str]]:
    """A row of the speeds' table, and one of the A/A table."""
    apart = check_equal(net, instructions)
    problem = net.problem(torch.float32)
    trains: dict[str, Callable[[int], object]] = {
        "plain": Plain(net, problem, fused=False).train,
        "fused": Plain(net, problem, fused=True).train,
        "again": Plain(net, problem, fused=False).train,
        "kernel": Bare(net, problem, instructions).train,
        "engine": Seam(net, problem, instructions).train,
        "roof": roof(),
    }
    steps = {name: steps_for(train, turn_seconds) for name, train in trains.items()}
    steps["again"] = steps["plain"]
    works = {name: (lambda train=train, name=name: train(steps[name])) for name, train in trains.items()}
    rounds = in_turns(works, CPU, repeats)
    rates = {name: [steps[name] / turn[name] for turn in rounds] for name in trains}

    def ratio(one: str, other: str) -> str:
        return spread([a / b for a, b in zip(rates[one], rates[other], strict=True)], 1 if one != "again" else 2)

    top = 2 * ROOF_SIZE**3
    shares = [a * net.operations / (b * top) for a, b in zip(rates["kernel"], rates["roof"], strict=True)]
    median = {name: statistics.median(values) for name, values in rates.items()}
    row = [
        net.about,
        *(f"{median[name]:,.0f}" for name in ("plain", "fused", "kernel", "engine")),
        *(ratio("kernel", "plain"), ratio("engine", "plain"), ratio("engine", "fused")),
        f"{median['kernel'] * net.operations / 1e9:.0f} of {median['roof'] * top / 1e9:.0f} GFLOP/s",
        f"{statistics.median(shares):.0%}",
        f"{apart:.0e}",
    ]
    return row, [net.about, ratio("again", "plain")]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--instructions", choices=["", "avx512", "avx2", "plain"], default="")
    parser.add_argument("--turn-seconds", type=float, default=0.3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = library.kernel(options.instructions)
    name = found.name.decode() if found is not None else "none"
    print(f"{described(CPU)}; kernel {name}; one thread, medians of {options.repeats} turns (least..most)\n")
    rows = [measure(NETS[net], options.instructions, options.repeats, options.turn_seconds) for net in options.nets]
    print_table(
        [
            *("", "plain, steps/s", "fused", "kernel", "engine", "kernel / plain", "engine / plain", "engine / fused"),
            *("of the roof", "share", "apart in float64"),
        ],
        [speeds for speeds, _ in rows],
    )
    print("\nA/A: plain PyTorch against itself\n")
    print_table(["", "times itself"], [noise for _, noise in rows])


if __name__ == "__main__":
    main()
