"""What watching costs: the same loops with and without the doctor, in turns, by processor time.

    python benchmarks/doctor.py [--repeats 7]

A small loop (a step of well under a millisecond) and a large one (50 ms and more). The results must be bit for bit the
same. Experiments after the script are not counted: they have a budget of their own (`--extra-time`).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from goodfit.recording.recorder import Recorder
from goodfit.recording.sites import Sites


def small(steps: int = 1500) -> torch.Tensor:
    """A multilayer perceptron on a batch of 32, with an evaluation every hundred steps."""
    torch.manual_seed(0)
    x, y = torch.randn(1024, 20), torch.randint(0, 4, (1024,))
    model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for step in range(steps):
        rows = torch.randint(0, 1024, (32,))
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
        if step % 100 == 99:
            model.eval()
            with torch.no_grad():
                model(x).argmax(1)
            model.train()
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def large(steps: int = 60) -> torch.Tensor:
    """A convolution network whose step takes 50 ms and more on one thread."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 64, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), 1e-2, momentum=0.9)
    x, y = torch.randn(128, 3, 32, 32), torch.randint(0, 10, (128,))
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def seconds(work: Callable[[], torch.Tensor], watched: bool) -> tuple[float, torch.Tensor]:
    """Processor time of one training, and its weights."""
    recorder = Recorder(Sites(frozenset({__file__})))
    before = time.process_time()
    if watched:
        recorder.start()
    weights = work()
    recorder.stop()
    return time.process_time() - before, weights


def main() -> None:
    """Print the median ratio and its range for each loop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for work in (small, large):
        ratios, plain = [], []
        for turn in range(options.repeats):
            took = {watched: seconds(work, watched) for watched in ((True, False) if turn % 2 else (False, True))}
            assert torch.equal(took[True][1], took[False][1]), "the doctor changed the training"
            ratios.append(took[True][0] / took[False][0])
            plain.append(took[False][0])
        print(
            f"{work.__name__}: {statistics.median(ratios):.3f} times the processor time "
            f"(least {min(ratios):.3f}, most {max(ratios):.3f}, n = {len(ratios)}; "
            f"alone {statistics.median(plain):.2f} s)"
        )


if __name__ == "__main__":
    main()
