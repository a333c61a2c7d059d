"""A candidate in a process of its own: memory, caches and settings of one cannot help or hinder another."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

import torch
from turns import seconds

Train = Callable[[int], object]


class Side:
    """Trains so many steps when told to, on one thread; says what they took."""

    def __init__(
        self, make: Callable[..., Train], *arguments: Any, device: str = "cpu", as_worker: bool = False
    ) -> None:
        """
        Args:
            make: a function of a module, called in the new process with these arguments; gives what trains.
            device: whose clock is read: on a processor the process's own time.
            as_worker: set up as a worker of goodfit is; else as Python and PyTorch set it up.
        """
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make, arguments, device, as_worker), daemon=True)
        self._process.start()
        theirs.close()

    def train(self, steps: int) -> float:
        """Seconds that these steps took.

        Raises:
            SystemExit: it cannot train this.
        """
        self.begin(steps)
        return self.end()

    def begin(self, steps: int) -> None:
        """Train so many steps, while others may."""
        self._line.send(steps)

    def end(self) -> float:
        """Seconds that the steps begun took.

        Raises:
            SystemExit: it cannot train this.
            EOFError: its process is gone.
        """
        answer = self._line.recv()
        if isinstance(answer, str):
            raise SystemExit(answer)
        return answer

    def close(self) -> None:
        self._line.send(0)
        self._process.join()

    def kill(self) -> None:
        """End a process that may be at work or gone."""
        self._process.kill()
        self._process.join()


def take_turns(sides: Mapping[str, Side], steps: Mapping[str, int], repeats: int) -> list[dict[str, float]]:
    """Seconds a step of each side, once a repeat; who goes first moves on each time."""
    names = list(sides)
    rounds = []
    for turn in range(repeats):
        first = turn % len(names)
        rounds.append({name: sides[name].train(steps[name]) / steps[name] for name in names[first:] + names[:first]})
    return rounds


def _serve(
    line: Connection, make: Callable[..., Train], arguments: Sequence[Any], device: str, as_worker: bool
) -> None:
    torch.set_num_threads(1)
    if as_worker:
        from goodfit.execution.memory import keep_freed_memory

        keep_freed_memory()
    where = torch.device(device)
    try:
        train = make(*arguments)
        while steps := line.recv():
            line.send(seconds(lambda steps=steps: train(steps), where))
    except Exception as error:  # told by the parent, which would wait forever for a dead side
        line.send(f"{type(error).__name__}: {error}")
