"""What leaves this process by value: a user's functions and classes, whatever file or notebook they stand in."""

from __future__ import annotations

import functools
import io
import os
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import cloudpickle


class ByValuePickler(cloudpickle.Pickler):
    """Pickles what another process could not import by value: `__main__`, notebooks, and modules read from a file.

    Modules that a fresh process finds by their name travel by name, as with plain pickle.
    """

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, (FunctionType, type)):
            _send_by_value_if_foreign(obj.__module__)
        elif isinstance(obj, ModuleType):
            _send_by_value_if_foreign(obj.__name__)
        return super().reducer_override(obj)


def dumps(value: Any) -> bytes:
    """The value as bytes that `pickle.loads` of another process on this machine understands."""
    buffer = io.BytesIO()
    ByValuePickler(buffer).dump(value)
    return buffer.getvalue()


def _send_by_value_if_foreign(name: str | None) -> None:
    if not name or name == "__main__":
        return  # cloudpickle sends __main__ by value anyway
    top = name.partition(".")[0]
    module = sys.modules.get(top)
    if module is not None and not _is_found_by_name(top, getattr(module, "__file__", None)):
        cloudpickle.register_pickle_by_value(module)


@functools.lru_cache(maxsize=4096)
def _is_found_by_name(top: str, file: str | None) -> bool:
    """Whether a fresh interpreter with our `sys.path` would find this very module under this name."""
    if top in sys.builtin_module_names:
        return True
    for finder in sys.meta_path:
        find_spec = getattr(finder, "find_spec", None)
        spec = None if find_spec is None else find_spec(top, None)
        if spec is None:
            continue
        if file is None or spec.origin is None or not os.path.exists(spec.origin):
            return True  # built in, frozen, or a namespace: there is no file to compare
        # A user's task.py read from a file may bear the name of another module that stands on the path.
        return Path(spec.origin).resolve() == Path(file).resolve()
    return False
