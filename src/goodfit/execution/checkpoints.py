"""States in files, written so that a kill -9 at any moment leaves either the old checkpoint or the new one.

A checkpoint is two files. `<name>` holds states by trial number, the trials that have ended, the seconds used and a
length; `<name>.told` holds what was told so far, appended to and as long as that length says. The order is: append
what was told, bring it to the disk, write the states under another name, bring them to the disk, rename. So a
checkpoint never speaks of a step whose points are lost: whoever goes on from it tells everything before it again,
whether or not the ledger had got to write it. A tail beyond the length belongs to no checkpoint and is cut off.
"""

from __future__ import annotations

import dataclasses
import io
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from goodfit.errors import FolderError
from goodfit.training.trial import Ended, Event, Points, Probed, Status, TrialState

FORMAT = 1
LENGTH_BYTES = 8  # before each frame of `.told`, big-endian


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """Where a work stood."""

    states: Mapping[int, TrialState]  # by trial number
    ended: Mapping[int, Ended]  # the trials that are not to be trained again
    seconds: float = 0.0  # running time so far
    told_bytes: int = 0  # length of `.told` that belongs to this checkpoint


def save_states(path: Path, states: Mapping[int, TrialState]) -> None:
    """Write states by trial number, all or nothing.

    Raises:
        FolderError: the file cannot be written; says why.
    """
    save_checkpoint(path, Checkpoint(states, {}))


def load_states(path: Path, only: Collection[int] | None = None) -> dict[int, TrialState]:
    """The states in a file by trial number; their tensors are read from the disk when they are used.

    Args:
        path: written by `save_states` or by a work.
        only: leave out the other trials; numbers that the file lacks are left out of the answer.

    Raises:
        FolderError: the file is missing, damaged or of another version.
    """
    states = load_checkpoint(path).states
    return {number: state for number, state in states.items() if only is None or number in only}


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, all or nothing.

    Raises:
        FolderError: the file cannot be written; says why.
    """
    content = {
        "format": FORMAT,
        "states": {number: _as_plain(state) for number, state in checkpoint.states.items()},
        "ended": {number: (end.status.value, int(end.step), end.reason) for number, end in checkpoint.ended.items()},
        "seconds": float(checkpoint.seconds),
        "told_bytes": checkpoint.told_bytes,
    }
    # The process's number: a worker that is about to end after its parent was killed may still be writing.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise FolderError(f"The checkpoint {path} cannot be written: {error.strerror or error}.") from error


def load_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in a file.

    Raises:
        FolderError: the file is missing, damaged or of another version.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        if content["format"] != FORMAT:
            raise FolderError(f"The checkpoint {path} has format {content['format']}, this goodfit reads {FORMAT}.")
        return Checkpoint(
            states={number: TrialState(**fields) for number, fields in content["states"].items()},
            ended={
                number: Ended(number, Status(status), step, reason)
                for number, (status, step, reason) in content["ended"].items()
            },
            seconds=content["seconds"],
            told_bytes=content["told_bytes"],
        )
    except FileNotFoundError as error:
        raise FolderError(f"There is no checkpoint {path}.") from error
    except FolderError:
        raise
    except Exception as error:  # a damaged archive raises RuntimeError, EOFError, UnpicklingError, KeyError, ...
        raise FolderError(
            f"The checkpoint {path} is damaged ({type(error).__name__}); delete it to begin anew."
        ) from error


def kept_path(checkpoint: Path, step: int) -> Path:
    """Where a work keeps the weights that its trials had after a step on the way."""
    return checkpoint.with_name(f"{checkpoint.stem}.at-{step}{checkpoint.suffix}")


def save_kept(checkpoint: Path, step: int, states: Mapping[int, TrialState]) -> None:
    """Keep weights, buffers and averages after a step; what an optimiser would need to go on is left out.

    Raises:
        FolderError: the file cannot be written; says why.
    """
    bare = {number: dataclasses.replace(state, optimizer={}) for number, state in states.items()}
    save_states(kept_path(checkpoint, step), bare)


def load_kept(checkpoint: Path, only: Collection[int]) -> dict[int, dict[int, TrialState]]:
    """The states that a work kept on the way, by step and trial number.

    Raises:
        FolderError: a file is damaged or of another version.
    """
    files = checkpoint.parent.glob(f"{checkpoint.stem}.at-*{checkpoint.suffix}")
    steps = sorted(int(file.stem.rpartition("-")[2]) for file in files)
    return {step: load_states(kept_path(checkpoint, step), only) for step in steps}


def remove_checkpoint(path: Path) -> None:
    """Delete a checkpoint with what lies beside it; a checkpoint that is not there is none to delete."""
    path.unlink(missing_ok=True)
    told_path(path).unlink(missing_ok=True)
    remove_leftovers(path)


def remove_leftovers(path: Path) -> None:
    """Delete half-written files of killed processes beside a checkpoint."""
    if path.parent.is_dir():
        for leftover in path.parent.glob(f".{path.name}.*.tmp"):
            leftover.unlink(missing_ok=True)


def told_path(checkpoint: Path) -> Path:
    """The file of what was told up to a checkpoint; may be deleted once the work's end is in the ledger."""
    return checkpoint.with_name(checkpoint.name + ".told")


class ToldLog:
    """The events of a work in a file that only grows: each is written once, however often states are."""

    def __init__(self, path: Path, kept_bytes: int) -> None:
        """Open the log and cut off what belongs to no checkpoint; `kept_bytes` is 0 for a work that begins."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        whole = path.exists() and path.stat().st_size >= kept_bytes
        self._kept = kept_bytes if whole else 0  # somebody deleted it: the checkpoint's states still count
        with path.open("ab") as file:
            file.truncate(self._kept)

    @property
    def bytes_kept(self) -> int:
        return self._kept

    def append(self, events: Sequence[Event]) -> None:
        """Write events and bring them to the disk."""
        if not events:
            return
        buffer = io.BytesIO()
        torch.save([_event_as_plain(event) for event in events], buffer)
        with self._path.open("ab") as file:
            file.write(buffer.getbuffer().nbytes.to_bytes(LENGTH_BYTES, "big"))
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
            self._kept = file.tell()

    def frames(self) -> Iterable[list[Event]]:
        """The events in order, in the groups in which they were appended."""
        with self._path.open("rb") as file:
            while header := file.read(LENGTH_BYTES):
                frame = io.BytesIO(file.read(int.from_bytes(header, "big")))
                yield [_event_from_plain(plain) for plain in torch.load(frame, weights_only=True)]


def _as_plain(state: TrialState) -> dict[str, Any]:
    return {field.name: _compact(getattr(state, field.name)) for field in dataclasses.fields(TrialState)}


def _compact(value: Any) -> Any:
    """Tensors on the CPU with a storage of their own size: saving a trial's view would save its whole cohort."""
    if isinstance(value, Mapping):
        return {key: _compact(inner) for key, inner in value.items()}
    if isinstance(value, Tensor):
        tensor = value.detach().cpu()
        return tensor if tensor.untyped_storage().nbytes() == tensor.nbytes else tensor.clone()
    return value.item() if isinstance(value, np.generic) else value


def _event_as_plain(event: Event) -> tuple[Any, ...]:
    """The event as tensors, numbers and text, which can be read back without running code."""
    if isinstance(event, Points):
        return "points", int(event.trial), event.series, torch.tensor(event.steps), torch.tensor(event.values)
    if isinstance(event, Probed):
        spread, dead = float(event.output_spread), float(event.dead_fraction)
        return "probed", int(event.trial), int(event.step), torch.tensor(event.losses), spread, dead
    return "ended", int(event.trial), event.status.value, int(event.step), event.reason


def _event_from_plain(plain: tuple[Any, ...]) -> Event:
    kind, trial, *rest = plain
    if kind == "points":
        series, steps, values = rest
        return Points(trial, series, steps.numpy(), values.numpy())
    if kind == "probed":
        step, losses, spread, dead = rest
        return Probed(trial, step, losses.numpy(), spread, dead)
    status, step, reason = rest
    return Ended(trial, Status(status), step, reason)


def _sync_folder(folder: Path) -> None:
    """Bring a rename to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
