"""The experiment that decides how a GPU trains many small trials: kinds of model, ways, and how many at once.

    python benchmarks/gpu.py [--models tiny small wide cnn transformer lstm] [--cohorts 1 8 64 256 1024 4096]
                             [--processes 16] [--repeats 5] [--seconds 1] [--device cuda]

Ways: `eager`, one trial at a time in plain PyTorch with its fused optimiser; `eager, N processes`, N of these that
share the GPU; `batched`, the engine as it is; `batched, no graph`, the same without its CUDA graphs; `batched, TF32`,
with float32 products in TF32. Data lies on the device, all ways train the same steps. Each has a process of its own,
one way after another, timed by the wall clock until the device has done its work. Where a way cannot train (memory),
its row says so and larger cohorts are not tried. First the batched engine's losses are compared with plain PyTorch's in
float64.

`--device cpu` runs the same code without a GPU, to try the command: its figures say nothing about a GPU.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import statistics
from collections.abc import Callable

import torch
from engines import CASES, Case, Ours, Plain, check_equal, larger_digits, problem_of, trials_of
from sides import Side, Train
from torch import nn
from turns import described, print_table, spread

WARM_STEPS = 20  # before anything is timed: graphs are recorded in these
NEVER = 1 << 60


def perceptron(*widths: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Flatten()]
    for before, width in itertools.pairwise(widths):
        layers += [nn.Linear(before, width), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


MODELS = {
    "tiny": CASES["tiny"],
    "small": Case(
        "784-128-64-10, batch 32, SGD", lambda hp: perceptron(784, 128, 64, 10), lambda: larger_digits(), 32, "sgd"
    ),
    "wide": Case(
        "784-512-256-10, batch 128, SGD", lambda hp: perceptron(784, 512, 256, 10), lambda: larger_digits(), 128, "sgd"
    ),
    "cnn": CASES["images"],
    "transformer": CASES["transformer"],
    "lstm": CASES["lstm"],
}


def eager(model: str, device: str) -> Train:
    """One trial after another, in a process of its own."""
    case = MODELS[model]
    return Plain(case, problem_of(case, torch.device(device), torch.float32), trials_of(1, case.optimizer)[0]).train


def batched(model: str, device: str, count: int, has_graph: bool, has_tf32: bool) -> Train:
    """So many trials at once, in a process of its own."""
    from goodfit.training.engines import captured

    if not has_graph:
        captured.WARM_RUNS = NEVER
    torch.set_float32_matmul_precision("high" if has_tf32 else "highest")
    case = MODELS[model]
    problem = problem_of(case, torch.device(device), torch.float32)
    return Ours("batched", problem, trials_of(count, case.optimizer)).train


def speeds(sides: list[Side], trials: int, turn_seconds: float, repeats: int) -> list[float]:
    """Trial-steps a second of processes that train at the same time, once a repeat."""

    def seconds(steps: int) -> float:
        for side in sides:
            side.begin(steps)
        return max(side.end() for side in sides)

    seconds(WARM_STEPS)
    each = seconds(WARM_STEPS) / WARM_STEPS
    steps = max(WARM_STEPS, round(turn_seconds / max(each, 1e-6)))
    return [trials * len(sides) * steps / seconds(steps) for _ in range(repeats)]


def measured(make: Callable[[], list[Side]], trials: int, turn_seconds: float, repeats: int) -> list[float] | str:
    """The speeds of a way, or why it has none."""
    sides = make()
    try:
        found = speeds(sides, trials, turn_seconds, repeats)
    except (SystemExit, EOFError) as error:
        for side in sides:
            side.kill()
        return str(error).partition("\n")[0][:80] or "its process ended"
    for side in sides:
        side.close()
    return found


def row(name: str, found: list[float] | str, eager_speeds: list[float]) -> list[str]:
    if isinstance(found, str):
        return [name, found, ""]
    ratio = spread([one / other for one, other in zip(found, eager_speeds, strict=True)])
    return [name, f"{statistics.median(found):,.0f}", ratio]


def table(model: str, options: argparse.Namespace) -> None:
    """Measure one kind of model and print its rows."""
    device, repeats, turn = options.device, options.repeats, options.seconds
    case = MODELS[model]
    print(f"**{case.about}**", flush=True)
    apart = check_equal(case, torch.device(device), "batched", trials_of(4, case.optimizer))
    print(f"(batched and plain PyTorch apart by at most {apart:.0e} nats in float64)\n", flush=True)
    alone = functools.partial(Side, eager, model, device, device=device)
    first = measured(lambda: [alone()], 1, turn, repeats)
    if isinstance(first, str):
        raise SystemExit(f"plain PyTorch cannot train {model}: {first}")
    rows = [row("eager", first, first), row("eager, again", measured(lambda: [alone()], 1, turn, repeats), first)]
    many = measured(lambda: [alone() for _ in range(options.processes)], 1, turn, repeats)
    rows.append(row(f"eager, {options.processes} processes", many, first))
    for name, has_graph, has_tf32 in (
        ("batched", True, False),
        ("batched, no graph", False, False),
        ("batched, TF32", True, True),
    ):
        for count in options.cohorts:
            side = functools.partial(Side, batched, model, device, count, has_graph, has_tf32, device=device)
            found = measured(lambda side=side: [side()], count, turn, repeats)
            rows.append(row(f"{name}, {count} at once", found, first))
            if isinstance(found, str):
                break
    print_table(["", "trial-steps a second", "times eager"], rows)
    print(flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--cohorts", nargs="+", type=int, default=[1, 8, 64, 256, 1024, 4096])
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="that a turn lasts (default 1)")
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    if torch.device(options.device).type == "cuda" and not torch.cuda.is_available():
        raise SystemExit("There is no CUDA device here, so nothing was measured; --device cpu only tries the command.")
    print(f"{described(torch.device(options.device))}; medians (least..most) of {options.repeats}\n", flush=True)
    for model in options.models:
        table(model, options)


if __name__ == "__main__":
    main()
