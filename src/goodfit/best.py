"""The best model of a run: kept in `best/`, and rebuilt from there."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goodfit.errors import FolderError, TaskError

if TYPE_CHECKING:
    from torch import nn

USE = '''"""Rebuilds the model that goodfit chose for task {task!r}: {what}.

Run it where goodfit is installed: python {name}
"""

from pathlib import Path

from goodfit.best import load_best

model = load_best(Path(__file__).parent)  # an nn.Module in eval mode
print(model)
print(sum(p.numel() for p in model.parameters()), "parameters")
'''


@dataclasses.dataclass(frozen=True)
class Member:
    """One network of an ensemble, which may have other hyperparameters, and thus another shape, than the others."""

    state: Mapping[str, Any]  # its state dict
    hyperparameters: Mapping[str, Any]


def load_best(folder: str | Path) -> nn.Module:
    """The model that a run's `best/` folder describes, in eval mode: a single network, or the ensemble that won.

    Args:
        folder: a run's folder, or its `best/`.

    Raises:
        FolderError: there is no model.
        TaskError: the task's source cannot be read any more.
    """
    import torch

    from goodfit.hyperparameters import Hyperparameters
    from goodfit.training.ensemble import Ensemble

    folder = Path(folder)
    if not (folder / "manifest.json").exists() and (folder / "best" / "manifest.json").exists():
        folder = folder / "best"
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
    except OSError:
        raise FolderError(
            f"{folder} holds no model: a run writes best/ when its final training has ended, "
            "a task's search when it has ended."
        ) from None
    build = _builder(folder, manifest)

    def rebuilt(file: str, hyperparameters: Mapping[str, Any]) -> nn.Module:
        model = build(Hyperparameters(hyperparameters))
        model.load_state_dict(torch.load(folder / file, weights_only=True, map_location="cpu"))
        return model.eval()

    if manifest["variant"] == "ensemble":
        return Ensemble([rebuilt(*member) for member in manifest["members"].items()], manifest["merge"]).eval()
    return rebuilt("model.pt", manifest["hyperparameters"])


def write_best(
    folder: Path,
    *,
    task_name: str,
    source: str,
    model: Any,
    spec: Mapping[str, str],
    hyperparameters: Mapping[str, Any],
    variant: str,
    single: Mapping[str, Any],
    members: Mapping[str, Member],
    merge: str | None,
) -> None:
    """Write `best/`: weights, hyperparameters, the task's source, the builder by value and the snippet.

    Args:
        folder: where; made where missing.
        task_name: for people.
        source: the task's text, "" where there is none.
        model: the task's builder.
        spec: where the task came from: {"folder": ..., "module": ...}.
        hyperparameters: those that were chosen, of the single model.
        variant: "plain", "averaged" or "ensemble".
        single: the state dict of the best single model.
        members: by file name; empty unless the ensemble won.
        merge: how members' predictions are averaged.
    """
    import torch

    from goodfit.execution.by_value import dumps

    folder.mkdir(parents=True, exist_ok=True)
    torch.save(dict(single), folder / "model.pt")
    if members:
        (folder / "members").mkdir(exist_ok=True)
        for file, member in members.items():
            torch.save(dict(member.state), folder / file)
    (folder / "hyperparameters.json").write_text(json.dumps(dict(hyperparameters), indent=2) + "\n")
    (folder / "task.py").write_text(
        source or "# The task was given from a prompt or a notebook; builder.pkl holds it.\n"
    )
    (folder / "builder.pkl").write_bytes(dumps(model))
    manifest = {
        "task": task_name,
        "variant": variant,
        "hyperparameters": dict(hyperparameters),
        "members": {file: dict(member.hyperparameters) for file, member in members.items()},
        "merge": merge,
        "spec": dict(spec),
    }
    what = {"plain": "a single network", "averaged": "the Polyak average of a single network"}
    (folder / "use.py").write_text(
        USE.format(task=task_name, name="use.py", what=what.get(variant, f"an ensemble of {len(members)} networks"))
    )
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")  # last: it says that all is there


def folder_of(function: Callable[..., Any]) -> dict[str, str]:
    """The folder that a task's file lies in, where it may import its neighbours from; {} where there is no file."""
    try:
        path = inspect.getsourcefile(inspect.unwrap(function))
    except TypeError:
        return {}
    return {"folder": str(Path(path).resolve().parent)} if path and Path(path).is_file() else {}


def _builder(folder: Path, manifest: Mapping[str, Any]) -> Any:
    """The task's builder, by value; a pickle of another Python version may not open, the source then says how."""
    import pickle
    import sys

    own = manifest["spec"].get("folder")
    if own and own not in sys.path:
        sys.path.append(own)  # the task file may import its neighbours
    try:
        return pickle.loads((folder / "builder.pkl").read_bytes())
    except Exception as error:
        raise TaskError(
            f"The model's builder in {folder / 'builder.pkl'} cannot be read here ({type(error).__name__}: {error}); "
            f"{folder / 'task.py'} holds its source."
        ) from error
