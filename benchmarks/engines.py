"""How many trial-steps a second do the engines make, against plain PyTorch that trains one trial after another?

    python benchmarks/engines.py [--device cuda] [--tasks mlp cnn gru transformer] [--cohorts 1 4 16 64] [--repeats 5]

Both ways are first shown to compute the same (float64, losses of the first steps). Then they take turns, on one thread,
and each ratio is of two neighbours in time. Plain PyTorch is a loop as one writes it for speed: fused AdamW, indices
drawn ahead, no synchronisation inside. Evaluation, probes and reporting are left out; `overhead.py` has these.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn
from turns import described, in_turns, print_table, seconds, spread

from goodfit.hyperparameters import Hyperparameters
from goodfit.training.engines import ENGINES
from goodfit.training.engines.dry_run import Undisturbed
from goodfit.training.problem import Loss, Problem
from goodfit.training.seeds import INIT, ORDER, mixed
from goodfit.training.splits import ResidentSplit
from goodfit.training.trial import Event, Points, Regime, Segment, Trial, TrialState

SEED = 0
EQUAL_STEPS = 12
TOLERANCE = 1e-10  # float64 losses of order 1, after a dozen steps of an optimiser that divides by small roots
WARM_STEPS = 3
TURN_SECONDS = 0.4  # of one candidate's turn, about
MOST_STEPS = 400
LENGTH = 32  # characters a text model sees


class Block(nn.Module):
    """A causal transformer block."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        q, k, v = (
            part.view(n, length, self.heads, width // self.heads).transpose(1, 2)
            for part in self.qkv(self.norm_1(x)).chunk(3, -1)
        )
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).reshape(n, length, width))
        return x + self.mlp(self.norm_2(x))


class Transformer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding, self.output = nn.Embedding(128, width), nn.Linear(width, 128)
        self.position = nn.Parameter(0.02 * torch.randn(LENGTH, width))
        self.block = Block(width, 4)

    def forward(self, text: Tensor) -> Tensor:
        return self.output(self.block(self.embedding(text) + self.position)).mT


class Recurrent(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding, self.output = nn.Embedding(128, 32), nn.Linear(width, 128)
        self.gru = nn.GRU(32, width, batch_first=True)

    def forward(self, text: Tensor) -> Tensor:
        return self.output(self.gru(self.embedding(text))[0]).mT


def digits(shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images / 16 - 0.3, dtype=torch.float64).view(-1, *shape), torch.tensor(labels)


def text() -> tuple[Tensor, Tensor]:
    """Windows of a file of the standard library, and the same a character later: int64 [n, LENGTH] each."""
    source = Path(sysconfig.get_paths()["stdlib"], "argparse.py").read_text(encoding="utf-8")
    characters = torch.tensor([min(ord(c), 127) for c in source])
    count = (len(characters) - 1) // LENGTH
    return characters[: count * LENGTH].view(count, LENGTH), characters[1 : count * LENGTH + 1].view(count, LENGTH)


@dataclasses.dataclass(frozen=True)
class Case:
    """One thing to train."""

    about: str
    build: Callable[[Hyperparameters], nn.Module]
    data: Callable[[], tuple[Tensor, Tensor]]
    batch_size: int


CASES = {
    "mlp": Case(
        "digits MLP 64-128-128-10, batch 32",
        lambda hp: nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)),
        lambda: digits((64,)),
        32,
    ),
    "cnn": Case(
        "digits CNN, 16 and 32 channels with BatchNorm, batch 32",
        lambda hp: nn.Sequential(
            *(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
            *(nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU()),
            *(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(512, 10)),
        ),
        lambda: digits((1, 8, 8)),
        32,
    ),
    "gru": Case("character GRU, width 64, length 32, batch 32", lambda hp: Recurrent(64), text, 32),
    "transformer": Case(
        "character transformer, width 64, one block, length 32, batch 32", lambda hp: Transformer(64), text, 32
    ),
}


def problem_of(case: Case, device: torch.device, dtype: torch.dtype) -> Problem:
    split = ResidentSplit(case.data(), device, dtype)
    return Problem(case.build, Loss(F.cross_entropy), {}, split, split, device, dtype, case.batch_size)


def trials_of(count: int) -> list[Trial]:
    """Trials that start alike and see the same batches, each with its own rate."""
    return [
        Trial(n, SEED, (Segment(0, {"optimizer": "adamw", "lr": 1e-3 * 0.97**n, "weight_decay": 0.01}, 0),))
        for n in range(count)
    ]


class Plain:
    """One trial in plain PyTorch, gone on with at each call."""

    def __init__(self, case: Case, problem: Problem, trial: Trial) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(mixed(trial.seed, INIT))
            self.model = case.build(Hyperparameters(trial.hyperparameters)).to(problem.device, problem.dtype)
        hp = trial.hyperparameters
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), hp["lr"], weight_decay=hp["weight_decay"], fused=True
        )
        self.inputs, self.targets = problem.train.fetch(torch.arange(len(problem.train)))
        self.per_epoch = len(self.inputs) // case.batch_size
        self.orders: dict[int, Tensor] = {}
        self.seed, self.batch_size, self.step = trial.seed, case.batch_size, 0

    def indices(self, step: int) -> Tensor:
        epoch, place = divmod(step, self.per_epoch)
        if epoch not in self.orders:
            generator = torch.Generator().manual_seed(mixed(self.seed, ORDER, epoch))
            self.orders[epoch] = torch.randperm(len(self.inputs), generator=generator).to(self.inputs.device)
        return self.orders[epoch][place * self.batch_size : (place + 1) * self.batch_size]

    def train(self, steps: int) -> list[Tensor]:
        """The losses of the next steps, left on the device."""
        losses = []
        for _ in range(steps):
            taken = self.indices(self.step)
            loss = F.cross_entropy(self.model(self.inputs[taken]), self.targets[taken])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            losses.append(loss.detach())
            self.step += 1
        return losses


class Ours:
    """A cohort in an engine, gone on with at each call; what it tells is counted and thrown away."""

    def __init__(self, engine: str, problem: Problem, trials: Sequence[Trial]) -> None:
        self.engine, self.problem, self.trials = ENGINES[engine], problem, list(trials)
        self.states: list[TrialState | None] = [None] * len(self.trials)
        self.step = 0
        self.events: list[Event] = []

    def train(self, steps: int) -> None:
        self.step += steps
        self.events.clear()
        regime = Regime(explosion_factor=float("inf"))
        self.states = list(
            self.engine.advance(
                *(self.problem, self.trials, self.states, regime, self.step),
                *(self.events.append, Undisturbed()),
            )
        )

    def losses(self, trial: int) -> list[float]:
        """The running losses that the last call told."""
        parts = [e for e in self.events if isinstance(e, Points) and (e.trial, e.series) == (trial, "step_loss")]
        return [float(value) for part in parts for value in part.values]


def check_equal(case: Case, device: torch.device, engine: str, trials: Sequence[Trial]) -> float:
    """The largest difference between the engine's losses and plain PyTorch's over the first steps, in float64.

    Raises:
        SystemExit: it is above the tolerance; a faster way to other numbers is no speed.
    """
    problem = problem_of(case, device, torch.float64)
    ours = Ours(engine, problem, trials)
    ours.train(EQUAL_STEPS)
    most = 0.0
    for trial in trials:
        hand = [float(loss) for loss in Plain(case, problem, trial).train(EQUAL_STEPS)]
        told = ours.losses(trial.number)
        if len(told) != EQUAL_STEPS:
            raise SystemExit(f"{engine} told {len(told)} losses of trial {trial.number}, not {EQUAL_STEPS}.")
        most = max(most, *(abs(a - b) for a, b in zip(hand, told, strict=True)))
    if not most <= TOLERANCE:
        raise SystemExit(f"{engine} and plain PyTorch differ by {most:.2g} on {case.about}; nothing was timed.")
    return most


def measure(case: Case, device: torch.device, cohorts: Sequence[int], repeats: int) -> tuple[list[list[str]], str]:
    """A table's rows, and a line about what was checked."""
    problem = problem_of(case, device, torch.float32)
    refusal = ENGINES["batched"].refuses(problem, trials_of(2), Regime())
    candidates = [("pool", 1), *(("batched", count) for count in cohorts if refusal is None)]
    apart = [check_equal(case, device, "pool", trials_of(1))]
    if refusal is None:
        apart.append(check_equal(case, device, "batched", trials_of(4)))
    plain = Plain(case, problem, trials_of(1)[0])
    works: dict[str, Callable[[], object]] = {}
    made: dict[str, int] = {}  # trial-steps of one turn
    made["plain"] = plain_steps = _steps_for(plain.train, device)
    works["plain"] = lambda: plain.train(plain_steps)
    for engine, count in candidates:
        ours = Ours(engine, problem, trials_of(count))
        steps = _steps_for(ours.train, device)
        name = f"{engine}, {count} at once"
        made[name] = steps * count
        works[name] = lambda ours=ours, steps=steps: ours.train(steps)
    rounds = in_turns(works, device, repeats)
    rates = {name: [made[name] / turn[name] for turn in rounds] for name in works}
    rows = [
        [
            name,
            f"{statistics.median(rates[name]):,.0f}",
            "1"
            if name == "plain"
            else spread([ours / hers for ours, hers in zip(rates[name], rates["plain"], strict=True)]),
        ]
        for name in works
    ]
    return rows, f"equal to plain PyTorch within {max(apart):.0e} nats" + (
        f"; batched refuses: {refusal}" if refusal else ""
    )


def _steps_for(train: Callable[[int], object], device: torch.device) -> int:
    """Steps that fill a turn."""
    train(WARM_STEPS)
    each = seconds(lambda: train(WARM_STEPS), device) / WARM_STEPS
    return max(WARM_STEPS, min(MOST_STEPS, round(TURN_SECONDS / max(each, 1e-6))))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--tasks", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--cohorts", nargs="+", type=int, default=[1, 4, 16, 64])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    device = torch.device(options.device)
    torch.set_num_threads(1)
    print(f"{described(device)}; one thread, medians of {options.repeats} turns (least..most)\n")
    for name in options.tasks:
        rows, checked = measure(CASES[name], device, options.cohorts, options.repeats)
        print(f"**{CASES[name].about}** ({checked})\n")
        print_table(["", "trial-steps a second", "times plain PyTorch"], rows)
        print()


if __name__ == "__main__":
    main()
