"""What a trial in a cohort takes of a device's memory, predicted and measured.

    python benchmarks/memory.py [--tasks mlp cnn ...] [--device cpu|cuda] [--mebibytes 256] [--repeats 3]

Predicted is what the choice of an engine goes by (`training/memory.py`), from one forward pass of one trial. Measured
is the peak of a process that trains a large cohort for three steps, less that of one that trains a few of the same
trials, over the trials between: of a processor the largest resident set, of a GPU what PyTorch allocated. The large
cohort is as large as is predicted to take so many mebibytes more. Small trials are thousands then, so that the
engine's own Python objects, some kilobytes a trial, are in what is measured. Above 1 the prediction leaves memory
unused; below 1 a cohort takes more than was told.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
from multiprocessing import get_context
from multiprocessing.connection import Connection

import torch
from engines import CASES, Ours, problem_of, trials_of
from turns import described, print_table, spread

from goodfit.training.memory import bytes_per_trial
from goodfit.training.trial import Regime

FEW = 4
MOST = 4096
STEPS = 3


def peak(line: Connection, name: str, device: str, count: int) -> None:
    """In a process of its own: sends the bytes that training so many trials took at most."""
    torch.set_num_threads(1)
    problem = problem_of(CASES[name], torch.device(device), torch.float32)
    Ours("batched", problem, trials_of(count, CASES[name].optimizer)).train(STEPS)
    if device == "cpu":
        unit = 1 if sys.platform == "darwin" else 1024
        line.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
    else:
        line.send(torch.cuda.max_memory_allocated())


def peak_of(name: str, device: str, count: int) -> int:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=peak, args=(theirs, name, device, count))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        raise SystemExit(f"{name} with {count} trials could not be trained; its reason stands above.") from None
    finally:
        process.join()


def measured(name: str, device: str, extra_bytes: int, repeats: int) -> list[str]:
    """A row of the table."""
    problem = problem_of(CASES[name], torch.device(device), torch.float32)
    predicted = bytes_per_trial(problem, trials_of(1, CASES[name].optimizer)[0], Regime())
    many = FEW + min(MOST, max(1, extra_bytes // predicted))
    each = [(peak_of(name, device, many) - peak_of(name, device, FEW)) / (many - FEW) for _ in range(repeats)]
    return [
        CASES[name].about,
        str(many),
        f"{predicted / 1024:,.0f}",
        f"{statistics.median(each) / 1024:,.0f}",
        spread([predicted / one for one in each]),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--tasks", nargs="+", choices=CASES, default=["tiny", "mlp", "cnn", "images", "gru", "transformer"]
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--mebibytes", type=int, default=256, help="that the larger cohort takes more (default 256)")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"{described(torch.device(options.device))}; medians (least..most)\n", flush=True)
    rows = [measured(name, options.device, options.mebibytes << 20, options.repeats) for name in options.tasks]
    print_table(["", "trials", "KiB a trial, predicted", "measured", "predicted / measured"], rows)


if __name__ == "__main__":
    main()
