"""Runs a script as `python SCRIPT ARGS` would, in this process, with a recorder that begins once torch is imported."""

from __future__ import annotations

import builtins
import contextlib
import dataclasses
import importlib.abc
import importlib.machinery
import importlib.util
import io
import os
import sys
import time
import traceback
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from goodfit.errors import TaskError


@dataclasses.dataclass(slots=True)
class Ending:
    """How a script ended."""

    status: int  # that Python would have ended with
    how: str  # "done", "exit", "exception", "interrupted", "enough"
    seconds: float  # of processor time
    error: str = ""  # the exception in one line


class EnoughSteps(BaseException):
    """Ends a script after `--steps`; no handler of the script's own for exceptions catches it."""


def run_script(path: str, arguments: Sequence[str], begin: Callable[[], None]) -> Ending:
    """Run a script to its end, whatever that is.

    Args:
        path: the script, as given.
        arguments: its own arguments.
        begin: called once, right after torch was imported (or at once, if it is there already).

    Raises:
        TaskError: there is no such file, or it cannot be read as Python.
    """
    code = _compiled(path)
    folder = os.path.dirname(os.path.abspath(path))
    # what Python does itself before it runs a script
    sys.argv = [path, *arguments]
    sys.path[0:1] = [folder] if sys.path[:1] and sys.path[0] in ("", os.getcwd(), folder) else [folder, *sys.path[:1]]
    main = types.ModuleType("__main__")
    main.__dict__.update(
        __file__=path, __builtins__=builtins, __spec__=None, __loader__=None, __package__=None, __cached__=None
    )
    sys.modules["__main__"] = main
    _once_torch_is_there(begin)
    before = time.process_time()
    status, how, error = 0, "done", ""
    try:
        exec(code, main.__dict__)
    except EnoughSteps:
        how = "enough"
    except SystemExit as ending:
        status, how = _status_of(ending), "exit"
    except KeyboardInterrupt as ending:
        _show(ending)
        status, how, error = 130, "interrupted", "KeyboardInterrupt"
    except BaseException as ending:
        _show(ending)
        status, how, error = 1, "exception", _one_line(ending)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    return Ending(status, how, time.process_time() - before, error)


def _compiled(path: str) -> types.CodeType:
    file = Path(path)
    if not file.is_file():
        raise TaskError(f"There is no script {path!r}; give the path of a Python file.")
    try:
        with io.open_code(str(file.resolve())) as stream:
            return compile(stream.read(), path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise TaskError(f"{path} cannot be read as Python: {_one_line(error)}.") from None
    except OSError as error:
        raise TaskError(f"{path} cannot be read: {error.strerror}.") from None


def _once_torch_is_there(begin: Callable[[], None]) -> None:
    if "torch" in sys.modules:
        begin()
        return
    # A script may set variables that torch reads when it is imported, so nothing may import it earlier.
    sys.meta_path.insert(0, _AfterTorch(begin))


class _AfterTorch(importlib.abc.MetaPathFinder):
    """Finds torch as everybody else does, and calls back once it has been imported."""

    def __init__(self, begin: Callable[[], None]) -> None:
        self._begin = begin

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        spec.loader = _Calling(spec.loader, self._begin)
        return spec


class _Calling(importlib.abc.Loader):
    def __init__(self, loader: Any, begin: Callable[[], None]) -> None:
        self._loader, self._begin = loader, begin

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        self._loader.exec_module(module)
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._begin()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def _status_of(ending: SystemExit) -> int:
    code = ending.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def _show(error: BaseException) -> None:
    """The traceback as Python shows it: without our own frames."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    sys.excepthook(type(error), error.with_traceback(trace), trace)


def _one_line(error: BaseException) -> str:
    return " ".join(traceback.format_exception_only(type(error), error)[-1].split())
