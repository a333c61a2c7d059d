"""Where workers get the problem from: written once, its large tensors mapped by every worker and copied by none."""

from __future__ import annotations

import dataclasses
import math
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np
import torch
from torch import Tensor

from goodfit.errors import GoodfitError, TaskError
from goodfit.execution.by_value import ByValuePickler

if TYPE_CHECKING:
    from goodfit.training.problem import Problem

SHARED_BYTES = 1 << 16  # smaller tensors travel inside the pickle: a file and a mapping each would cost more


class ProblemSource(Protocol):
    """Something small that can be sent to a worker and gives the problem there."""

    def load(self) -> Problem: ...


@dataclasses.dataclass(frozen=True)
class HeldProblem:
    """A problem in this very process, for `InlineExecutor`."""

    problem: Problem

    def load(self) -> Problem:
        return self.problem


@dataclasses.dataclass(frozen=True)
class WrittenProblem:
    """A problem in a folder: its code by value, its large tensors as files that workers map."""

    path: Path

    def load(self) -> Problem:
        """The problem. Its data lie in pages that all workers share; who writes into them writes into a copy."""
        with self.path.open("rb") as file:
            return pickle.load(file)


def write_problem(problem: Problem, folder: Path) -> WrittenProblem:
    """Write a problem for worker processes on this machine.

    Args:
        problem: its `build`, loss, metrics and datasets may be lambdas, closures, or from a file or a notebook.
        folder: made where it is missing; must live as long as the executor.

    Raises:
        TaskError: something in the task cannot be sent to another process; says what Python said.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "problem.pickle"
    try:
        with path.open("wb") as file:
            SharingPickler(file, folder).dump(problem)
    except (GoodfitError, OSError):
        raise
    except Exception as error:
        said = str(error).strip().split("\n")[0]
        raise TaskError(
            f"The task cannot be sent to worker processes: {type(error).__name__}: {said}. Open files, locks and "
            "connections inside the functions that use them, or train in this process with --workers 0."
        ) from error
    return WrittenProblem(path)


class SharingPickler(ByValuePickler):
    """Writes large tensors and arrays beside the pickle, a file each, and refers to them."""

    def __init__(self, file: BinaryIO, folder: Path) -> None:
        super().__init__(file)
        self._folder = folder
        self._written = 0

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is Tensor and _is_plain(obj) and obj.untyped_storage().nbytes() >= SHARED_BYTES:
            if obj.nbytes < SHARED_BYTES:
                return obj.clone().__reduce_ex__(pickle.HIGHEST_PROTOCOL)  # a small view would bring its whole storage
            if obj.nbytes <= obj.untyped_storage().nbytes():  # an expanded tensor would grow; it travels as it is
                path = self._next_path()
                obj.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tofile(path)
                return map_tensor, (str(path), obj.dtype, tuple(obj.shape), str(obj.device))
        if type(obj) is np.ndarray and not obj.dtype.hasobject and obj.nbytes >= SHARED_BYTES:
            path = self._next_path()
            np.ascontiguousarray(obj).tofile(path)
            return map_array, (str(path), obj.dtype, obj.shape)
        return super().reducer_override(obj)

    def _next_path(self) -> Path:
        self._written += 1
        return self._folder / f"shared-{self._written}.bin"


def map_tensor(path: str, dtype: torch.dtype, shape: tuple[int, ...], device: str) -> Tensor:
    """The tensor in a file, mapped (copy on write); on another device than the CPU, a copy there."""
    mapped = torch.from_file(path, shared=False, size=math.prod(shape), dtype=dtype).reshape(shape)
    return mapped if device == "cpu" else mapped.to(device)


def map_array(path: str, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """The array in a file, mapped (copy on write)."""
    return np.memmap(path, dtype=dtype, mode="c", shape=shape).view(np.ndarray)


def _is_plain(tensor: Tensor) -> bool:
    return (
        tensor.layout is torch.strided
        and not tensor.is_quantized
        and not tensor.requires_grad
        and tensor.device.type in ("cpu", "cuda")
        and not tensor.is_conj()
        and not tensor.is_neg()
    )
