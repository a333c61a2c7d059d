"""A worker process: `python -m goodfit.execution.worker DESCRIPTOR [early]`, started by `WorkerProcess` alone.

It never runs the user's script: the problem comes by value. It ends when its parent does, whichever way that ends.
Imports above are light on purpose: orders are read, and Ctrl-C is ignored, while torch is still loading.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import importlib
import io
import os
import pickle
import queue
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from goodfit.execution.failures import in_one_sentence
from goodfit.execution.memory import keep_freed_memory
from goodfit.execution.orders import Orders
from goodfit.execution.wire import Answer, Hello, Interrupt, Line, Run, Stop
from goodfit.execution.work import Failed, Finished, Message

if TYPE_CHECKING:
    from goodfit.training.problem import Problem

LOOK_SECONDS = 1.0  # between looks at whether the parent lives: a forked child of it may hold our line open
Works = queue.SimpleQueue[tuple[Run, Orders]]


def main() -> None:
    """Serve until the line closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to everyone; the parent says what it means
    faulthandler.enable()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)  # a worker ends without ceremony; what was printed is kept
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    if "early" in sys.argv[2:]:  # nobody knows yet what is to be trained, but torch will be needed
        keep_freed_memory()
        importlib.import_module("goodfit.training.engines")
    try:
        received = line.receive()
        while not received:
            received = line.receive()
    except EOFError:
        return
    hello: Hello = pickle.loads(received[0])
    sys.path[:] = hello.path
    if hello.log is not None:
        _print_to(hello.log)
    works: Works = queue.SimpleQueue()
    threading.Thread(target=_read, args=(line, hello.parent, received[1:], works), daemon=True).start()
    _serve(line, hello, works)


def _serve(line: Line, hello: Hello, works: Works) -> None:
    """Run the works that come, one after another."""
    import torch

    keep_freed_memory()
    torch.set_num_threads(hello.threads)
    torch.set_num_interop_threads(1)
    problem = functools.cache(lambda: pickle.loads(hello.source).load())

    def send(message: Message) -> None:
        try:
            line.send(pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL))
        except OSError:
            os._exit(0)  # the parent is gone; what it did not hear is in the checkpoint

    trains = True
    with contextlib.suppress(Exception, SystemExit):
        # Loaded while nothing waits for it; if it raises, the first work raises it again and tells.
        trains = not callable(problem())
    if trains:
        importlib.import_module("goodfit.training.engines")
    while True:
        run, orders = works.get()
        send(_run(run, orders, problem, send))


def _run(
    run: Run, orders: Orders, problem: Callable[[], Problem], send: Callable[[Message], None]
) -> Finished | Failed:
    from goodfit.clock import SystemClock
    from goodfit.execution.attempt import run_work
    from goodfit.execution.functions import FunctionWork, run_function

    try:
        work = pickle.loads(run.work)
    except Exception as error:
        return Failed(run.key, in_one_sentence(error, "Reading the work in a worker process"), traceback.format_exc())
    if isinstance(work, FunctionWork):
        return run_function(problem, work, send, orders)  # ty: ignore[invalid-argument-type]
    return run_work(problem, work, send, orders, SystemClock())


def _print_to(log: str) -> None:
    """Append what this process prints, from Python or from compiled code, to a file."""
    opened = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
        stream.flush()
        os.dup2(opened, descriptor)
    os.close(opened)


def _read(line: Line, parent: int, received: list[bytes], works: Works) -> None:
    """Turn messages into works and orders, until the parent is gone: then the process ends, whatever it is doing."""
    known: dict[str, Orders] = {}
    while True:
        for message in map(pickle.loads, received):
            if isinstance(message, Run):
                known = {message.key: Orders()}  # the parent gives a work only after the one before has ended
                works.put((message, known[message.key]))
            elif message.key in known and isinstance(message, Stop):
                known[message.key].stopped.add(message.trial)
            elif message.key in known and isinstance(message, Interrupt):
                known[message.key].interrupted = True
            elif message.key in known and isinstance(message, Answer):
                known[message.key].answered[message.trial] = message.reports
            if message.key in known:
                known[message.key].changed.set()
        received = []
        try:
            while not line.is_readable(LOOK_SECONDS):
                if os.getppid() != parent:
                    os._exit(0)
            received = line.receive()
        except (EOFError, OSError):
            os._exit(0)


if __name__ == "__main__":
    main()
