"""goodfit runs the neural-network tuning recipe on your PyTorch task.

    import goodfit as gf

    result = gf.run(gf.Task(name=..., model=..., data=..., loss=...), budget="10m")

Every public name is loaded on first use (PEP 562), so that `goodfit --help` does not wait for torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goodfit.api import Result, check, run
    from goodfit.diagnosed import diagnose
    from goodfit.doctor.watching import Watch, watch
    from goodfit.errors import (
        CurvesError,
        DataError,
        DeviceError,
        FolderError,
        GoodfitError,
        SettingsError,
        SpaceError,
        TaskError,
        TestSetLocked,
        TrainingError,
    )
    from goodfit.findings import Finding
    from goodfit.hyperparameters import Hyperparameters
    from goodfit.searching.api import search
    from goodfit.searching.asking import Asked, ask
    from goodfit.searching.study import Study
    from goodfit.searching.trial import StopTrial, Trial
    from goodfit.settings import Settings
    from goodfit.space import Space, choice, integer, linear, log, logit, powers_of_two, reverse_log, when
    from goodfit.task import Data, Task, accuracy, model_loss

__all__ = [
    "Asked",
    "CurvesError",
    "Data",
    "DataError",
    "DeviceError",
    "Finding",
    "FolderError",
    "GoodfitError",
    "Hyperparameters",
    "Result",
    "Settings",
    "SettingsError",
    "Space",
    "SpaceError",
    "StopTrial",
    "Study",
    "Task",
    "TaskError",
    "TestSetLocked",
    "TrainingError",
    "Trial",
    "Watch",
    "accuracy",
    "ask",
    "check",
    "choice",
    "diagnose",
    "integer",
    "linear",
    "log",
    "logit",
    "model_loss",
    "powers_of_two",
    "reverse_log",
    "run",
    "search",
    "watch",
    "when",
]

_HOMES = {
    "api": ("Result", "check", "run"),
    "diagnosed": ("diagnose",),
    "doctor.watching": ("Watch", "watch"),
    "errors": (
        "CurvesError",
        "DataError",
        "DeviceError",
        "FolderError",
        "GoodfitError",
        "SettingsError",
        "SpaceError",
        "TaskError",
        "TestSetLocked",
        "TrainingError",
    ),
    "findings": ("Finding",),
    "hyperparameters": ("Hyperparameters",),
    "searching.api": ("search",),
    "searching.asking": ("Asked", "ask"),
    "searching.study": ("Study",),
    "searching.trial": ("StopTrial", "Trial"),
    "settings": ("Settings",),
    "space": ("Space", "choice", "integer", "linear", "log", "logit", "powers_of_two", "reverse_log", "when"),
    "task": ("Data", "Task", "accuracy", "model_loss"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("goodfit")
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
