"""Reading a TASK argument: file.py, file.py:name or package.module:name."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from goodfit.errors import GoodfitError, TaskError
from goodfit.task import Task


def load_task(spec: str) -> Task:
    """The task that a TASK argument names.

    Args:
        spec: "file.py", "file.py:name" or "package.module:name". Without a name, the file's only Task.

    Raises:
        TaskError: there is no such file, module or task, or reading it raised.
    """
    location, _, name = spec.partition(":")
    if location.endswith(".py") or Path(location).is_file():
        module = _module_from_file(Path(location))
    elif name:
        module = _module_by_name(location)
    else:
        raise TaskError(f"{spec!r} is no file. A task is file.py, file.py:name or package.module:name.")
    task = _named(module, name, spec) if name else _only_task(module, spec)
    if not task.source and getattr(module, "__file__", None):
        task = dataclasses.replace(task, source=Path(str(module.__file__)).read_text())
    return task


def _module_from_file(path: Path) -> ModuleType:
    if not path.is_file():
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*.py")], n=1)
        raise TaskError(f"There is no file {path}.{f' Did you mean {path.parent / near[0]}?' if near else ''}")
    # A name of its own: the file's stem could hide an installed package of that name.
    name = f"goodfit_task_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TaskError(f"{path} cannot be read as Python; a task file ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as `python file.py` does, so that the file can import its neighbours
    try:
        spec.loader.exec_module(module)
    except GoodfitError:
        raise
    except SyntaxError as error:
        raise TaskError(f"{path}, line {error.lineno}: {error.msg}.") from error
    except Exception as error:
        raise TaskError(f"Reading {path} raised {_said(error)} ({_line_in(error, path)}).") from error
    return module


def _module_by_name(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except GoodfitError:
        raise
    except ModuleNotFoundError as error:
        raise TaskError(f"There is no module {error.name!r}; is its package installed here?") from error
    except Exception as error:
        raise TaskError(f"Importing {name} raised {_said(error)}.") from error


def _named(module: ModuleType, name: str, spec: str) -> Task:
    task = getattr(module, name, None)
    if isinstance(task, Task):
        return task
    names = [key for key, value in vars(module).items() if isinstance(value, Task)]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else f" It has: {', '.join(names) or 'none'}."
    raise TaskError(f"{spec.partition(':')[0]} has no gf.Task named {name!r}.{hint}")


def _only_task(module: ModuleType, spec: str) -> Task:
    tasks = {key: value for key, value in vars(module).items() if isinstance(value, Task)}
    if len({id(task) for task in tasks.values()}) == 1:
        return next(iter(tasks.values()))
    if not tasks:
        raise TaskError(f"{spec} defines no gf.Task. Add one: task = gf.Task(name=..., model=..., data=..., loss=...).")
    raise TaskError(f"{spec} defines {len(tasks)} tasks; name one of them: {', '.join(f'{spec}:{n}' for n in tasks)}.")


def _said(error: Exception) -> str:
    text = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _line_in(error: Exception, path: Path) -> str:
    """The last line of the user's file that the error passed through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).name == path.name]
    return f"line {frames[-1].lineno}" if frames else "outside the file"
