"""The search over any command: values are put into its arguments, metrics are read from what it prints."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from goodfit.errors import TaskError
from goodfit.execution.functions import FunctionWork, Reported, Returned
from goodfit.searching.runners import Listener
from goodfit.space import Space
from goodfit.training.trial import Status

PLACEHOLDER = re.compile(r"\{(\w+)\}")
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf(?:inity)?)"
PAIR = re.compile(rf"[\"']?([A-Za-z_][\w./-]*)[\"']?\s*[=:]\s*({NUMBER})(?![\w.])", re.IGNORECASE)
EPOCH = re.compile(rf"\bepoch[\"']?\s*[=: \[]\s*({NUMBER})", re.IGNORECASE)
OWN = ("trial", "seed", "epochs")  # placeholders besides the space's names
GRACE_SECONDS = 5.0  # between asking a command to end and ending it
TAIL = 400  # characters of a failed command's last line


def check_command(command: Sequence[str], space: Space) -> None:
    """Raises:
    TaskError: there is no command, a placeholder stands for nothing, or a hyperparameter has no placeholder.
    """
    if not command:
        raise TaskError("There is no command after --, such as: goodfit search --space space.toml -- python train.py.")
    used = {name for word in command for name in PLACEHOLDER.findall(word)}
    known = {*space.names, *OWN}
    unknown = sorted(name for name in used - known if name.isidentifier())
    missing = [name for name in space.names if name not in used]
    if missing:
        raise TaskError(
            f"The command has no place for {', '.join(missing)}; write {' '.join(f'{{{name}}}' for name in missing)} "
            "where the value goes, such as --lr {lr}."
        )
    if unknown:
        raise TaskError(
            f"The command has {{{unknown[0]}}}, which is neither in the space nor one of {', '.join(OWN)}; "
            f"the space has {', '.join(space.names)}."
        )


def filled(command: Sequence[str], values: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """The command with values in the places of their names.

    A word that asks for a hyperparameter which this trial does not have (a conditional one) is left out, and with it
    the option before it: `--momentum {momentum}` goes as a whole.
    """
    words: list[str] = []
    for word in command:
        asked = [name for name in PLACEHOLDER.findall(word) if name in names or name in OWN]
        if any(name not in values for name in asked):
            if PLACEHOLDER.fullmatch(word) and words and words[-1].startswith("-") and "=" not in words[-1]:
                words.pop()
            continue
        for name in asked:
            word = word.replace(f"{{{name}}}", str(values[name]))
        words.append(word)
    return words


def read_line(line: str, metric: str) -> tuple[float | None, dict[str, float]]:
    """The epoch and the metrics that a line tells; no metrics where the one asked for is not among them.

    Example:
        >>> read_line("epoch=3 train_loss=0.4 val_loss=0.31", "val_loss")
        (3.0, {'train_loss': 0.4, 'val_loss': 0.31})
        >>> read_line('{"epoch": 2, "val_loss": 1e-3}', "val_loss")
        (2.0, {'val_loss': 0.001})
        >>> read_line("loading data: 60000 images", "val_loss")
        (None, {})
    """
    found = {name: float(value) for name, value in PAIR.findall(line)}
    if metric not in found:
        return None, {}
    epoch = EPOCH.search(line)
    return (None if epoch is None else float(epoch[1])), {n: v for n, v in found.items() if n.lower() != "epoch"}


class CommandRunner:
    """Runs a command once a trial, several at a time; what it prints is kept in trials/<number>.log."""

    def __init__(self, command: Sequence[str], space: Space, metric: str, workers: int, folder: Path) -> None:
        self._command = list(command)
        self._names = space.names
        self._metric = metric
        self._workers = workers
        self._logs = folder / "trials"
        self._told: queue.SimpleQueue[Reported | Returned] = queue.SimpleQueue()
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._ended_by_us: dict[int, float] = {}  # trial -> when it is ended by force
        self._interrupted = False

    @property
    def slots(self) -> int:
        return self._workers

    def submit(self, work: FunctionWork) -> None:
        trial = work.trials[0]
        epochs = {} if work.epochs is None else {"epochs": f"{work.epochs:g}"}
        values = {**trial.hyperparameters, "trial": trial.number, "seed": trial.seed, **epochs}
        words = filled(self._command, values, self._names)
        self._logs.mkdir(parents=True, exist_ok=True)
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,  # Ctrl-C is ours to pass on, and its children end with it
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        except OSError as error:
            reason = f"{words[0]} cannot be started: {error.strerror or error}."
            self._told.put(Returned(trial.number, Status.FAILED, None, reason))
            return
        self._processes[trial.number] = process
        log = self._logs / f"{trial.number}.log"
        threading.Thread(target=self._listen, args=(trial.number, process, words, log), daemon=True).start()

    def pump(self, listener: Listener, timeout: float) -> None:
        until = time.monotonic() + timeout
        while True:
            try:
                event = self._told.get(timeout=max(until - time.monotonic(), 0.0))
            except queue.Empty:
                break
            if isinstance(event, Reported):
                listener.reported(event)
                if listener.is_stopped(event.trial):
                    self._end(event.trial)
            else:
                self._processes.pop(event.trial, None)
                was_ours = self._ended_by_us.pop(event.trial, None) is not None
                if was_ours and event.status is Status.FAILED:
                    status = Status.INTERRUPTED if self._interrupted else Status.DONE  # the driver says why it ended
                    event = Returned(event.trial, status)
                listener.returned(event)
            until = min(until, time.monotonic())  # take what is there, and wait for no more
        for number, by in list(self._ended_by_us.items()):
            if time.monotonic() > by and number in self._processes:
                self._signal(number, signal.SIGKILL)

    def interrupt(self) -> None:
        self._interrupted = True
        for number in list(self._processes):
            self._end(number)

    def close(self) -> None:
        for number in list(self._processes):
            self._signal(number, signal.SIGKILL)

    def _end(self, number: int) -> None:
        if number not in self._ended_by_us:
            self._ended_by_us[number] = time.monotonic() + GRACE_SECONDS
            self._signal(number, signal.SIGTERM)

    def _signal(self, number: int, what: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._processes[number].pid, what)

    def _listen(self, number: int, process: subprocess.Popen[str], words: Sequence[str], log: Path) -> None:
        """Read what the command prints until it ends; in a thread of its own."""
        reports, last_epoch, last_line = 0, 0.0, ""
        assert process.stdout is not None
        with process.stdout, log.open("w", encoding="utf-8") as file:
            file.write(f"$ {' '.join(words)}\n")
            for line in process.stdout:
                file.write(line)
                file.flush()
                last_line = line.strip() or last_line
                epoch, metrics = read_line(line, self._metric)
                if not metrics:
                    continue
                if epoch is None or epoch <= last_epoch:
                    epoch = last_epoch + 1
                reports, last_epoch = reports + 1, epoch
                self._told.put(Reported(number, reports, epoch, metrics))
        status = process.wait()
        if status != 0:
            how = f"ended with status {status}" if status > 0 else f"was ended by signal {-status}"
            said = f": {last_line[:TAIL].rstrip('.')}" if last_line else ""
            self._told.put(Returned(number, Status.FAILED, None, f"The command {how}{said}."))
        elif not reports:
            self._told.put(
                Returned(
                    number,
                    Status.FAILED,
                    None,
                    f"No line of the command's output had {self._metric}=NUMBER; name the metric that it prints.",
                )
            )
        else:
            self._told.put(Returned(number, Status.DONE))
