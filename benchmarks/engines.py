"""How many trial-steps a second do the engines make, against plain PyTorch that trains one trial after another?

    python benchmarks/engines.py [--device cuda] [--tasks mlp cnn gru transformer] [--cohorts 1 4 16 64] [--repeats 5]

Both ways are first shown to compute the same (float64, losses of the first steps). Then each trains in a process of its
own, on one thread, in turns, and each ratio is of two neighbours in time. Plain PyTorch is a loop as one writes it:
torch.optim as it comes, indices drawn ahead, no synchronisation inside; and the same with `fused=True`. A second
process of plain PyTorch shows the noise. goodfit's engines run as in its workers. Evaluation, probes and reporting are
left out; `overhead.py` has these.
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
from sides import Side, Train, take_turns
from sklearn.datasets import load_digits
from torch import Tensor, nn
from turns import described, print_table, spread

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
MOST_STEPS = 1500
MOST_WARM = 100  # in one piece, which is a trial long enough for an engine to find its quickest way
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


class Rows(nn.Module):
    """Reads an image row by row."""

    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.recurrent, self.output = kind(28, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, rows: Tensor) -> Tensor:
        return self.output(self.recurrent(rows)[0][:, -1])


def larger_digits(as_rows: bool = False) -> tuple[Tensor, Tensor]:
    """The digits as images of 28 x 28: what is in them does not matter to the speed."""
    inputs, labels = digits((1, 8, 8))
    larger = F.interpolate(inputs, size=(28, 28), mode="bilinear")
    return (larger[:, 0] if as_rows else larger), labels


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
    optimizer: str = "adamw"


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
    "tiny": Case(
        "digits MLP 64-32-10, batch 32",
        lambda hp: nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
        lambda: digits((64,)),
        32,
    ),
    "images": Case(
        "CNN on 28 x 28: 3x3 to 32, 3x3 to 64, pooled after each, then 3136-10; SGD, batch 32",
        lambda hp: nn.Sequential(
            *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(3136, 10)),
        ),
        lambda: larger_digits(),
        32,
        "sgd",
    ),
    "lstm": Case("LSTM of 64 over 28 rows of 28, batch 32", lambda hp: Rows(nn.LSTM), lambda: larger_digits(True), 32),
    "rows": Case("GRU of 64 over 28 rows of 28, batch 32", lambda hp: Rows(nn.GRU), lambda: larger_digits(True), 32),
    "gru": Case("character GRU, width 64, length 32, batch 32", lambda hp: Recurrent(64), text, 32),
    "transformer": Case(
        "character transformer, width 64, one block, length 32, batch 32", lambda hp: Transformer(64), text, 32
    ),
}


def problem_of(case: Case, device: torch.device, dtype: torch.dtype) -> Problem:
    split = ResidentSplit(case.data(), device, dtype)
    return Problem(case.build, Loss(F.cross_entropy), {}, split, split, device, dtype, case.batch_size)


def trials_of(count: int, optimizer: str = "adamw") -> list[Trial]:
    """Trials that start alike and see the same batches, each with its own rate."""
    values = {"optimizer": optimizer, "weight_decay": 0.01}
    return [Trial(n, SEED, (Segment(0, {**values, "lr": 1e-3 * 0.97**n}, 0),)) for n in range(count)]


class Plain:
    """One trial in plain PyTorch, gone on with at each call."""

    def __init__(self, case: Case, problem: Problem, trial: Trial, fused: bool = True) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(mixed(trial.seed, INIT))
            self.model = case.build(Hyperparameters(trial.hyperparameters)).to(problem.device, problem.dtype)
        hp = trial.hyperparameters
        weights, decay, used = self.model.parameters(), hp["weight_decay"], True if fused else None
        if case.optimizer == "sgd":
            self.optimizer: torch.optim.Optimizer = torch.optim.SGD(
                weights, hp["lr"], momentum=0.9, weight_decay=decay, fused=used
            )
        else:
            self.optimizer = torch.optim.AdamW(weights, hp["lr"], weight_decay=decay, fused=used)
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


def plain(case: str, device: str, fused: bool) -> Train:
    """Plain PyTorch, in a process of its own."""
    problem = problem_of(CASES[case], torch.device(device), torch.float32)
    return Plain(CASES[case], problem, trials_of(1, CASES[case].optimizer)[0], fused).train


def ours(case: str, device: str, engine: str, count: int) -> Train:
    """An engine with so many trials, in a process of its own."""
    problem = problem_of(CASES[case], torch.device(device), torch.float32)
    return Ours(engine, problem, trials_of(count, CASES[case].optimizer)).train


def measure(
    name: str, device: torch.device, engines: Sequence[str], cohorts: Sequence[int], repeats: int
) -> tuple[list[list[str]], str]:
    """A table's rows, and a line about what was checked."""
    case = CASES[name]
    problem = problem_of(case, device, torch.float32)
    counts = {"pool": (1,), "native": (1,), "batched": cohorts}
    candidates, notes, apart = [], [], []
    for engine in engines:
        refusal = ENGINES[engine].refuses(problem, trials_of(2, case.optimizer), Regime())
        if refusal is not None:
            notes.append(f"{engine} refuses: {refusal}")
            continue
        candidates += [(engine, count) for count in counts[engine]]
        apart.append(check_equal(case, device, engine, trials_of(4 if engine == "batched" else 1, case.optimizer)))
    shown = str(device)
    sides = {
        "plain": Side(plain, name, shown, False, device=shown),
        "plain, again": Side(plain, name, shown, False, device=shown),
        "plain, fused optimiser": Side(plain, name, shown, True, device=shown),
    }
    made = dict.fromkeys(sides, 1)  # trials that a step advances
    for engine, count in candidates:
        sides[f"{engine}, {count} at once"] = Side(ours, name, shown, engine, count, device=shown, as_worker=True)
        made[f"{engine}, {count} at once"] = count
    steps = {side: _steps_for(sides[side]) for side in sides}
    rounds = take_turns(sides, steps, repeats)
    for side in sides.values():
        side.close()
    rates = {side: [made[side] / turn[side] for turn in rounds] for side in sides}
    rows = [[side, f"{statistics.median(rates[side]):,.0f}", *_ratios(rates, side)] for side in sides]
    return rows, "; ".join([f"equal to plain PyTorch within {max(apart, default=0.0):.0e} nats", *notes])


def _ratios(rates: dict[str, list[float]], side: str) -> list[str]:
    """Over plain PyTorch, and over plain PyTorch with a fused optimiser."""
    return [
        "1" if side == base else spread([one / other for one, other in zip(rates[side], rates[base], strict=True)])
        for base in ("plain", "plain, fused optimiser")
    ]


def _steps_for(side: Side) -> int:
    """Steps that fill a turn."""
    side.train(WARM_STEPS)
    side.train(MOST_WARM)
    each = side.train(WARM_STEPS) / WARM_STEPS
    return max(WARM_STEPS, min(MOST_STEPS, round(TURN_SECONDS / max(each, 1e-6))))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--tasks", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument(
        "--engines", nargs="+", choices=ENGINES, default=[name for name in ENGINES if name != "batched"]
    )
    parser.add_argument("--cohorts", nargs="+", type=int, default=[1, 4, 16, 64])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    device = torch.device(options.device)
    torch.set_num_threads(1)
    print(f"{described(device)}; one thread, medians of {options.repeats} turns (least..most)\n")
    for name in options.tasks:
        rows, checked = measure(name, device, options.engines, options.cohorts, options.repeats)
        print(f"**{CASES[name].about}** ({checked})\n")
        print_table(["", "trial-steps a second", "times plain PyTorch", "times its fused optimiser"], rows)
        print()


if __name__ == "__main__":
    main()
