"""The house's arrows: a folder imports only what stands below it, and the pure core does no input or output."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "goodfit"

# From the top down; a module may import from its own layer's folder and from below. docs/architecture.md draws it.
LAYERS = [
    ["cli"],
    ["searching"],
    ["doctor", "integrations"],
    ["api"],
    ["report"],
    ["running", "diagnosed", "best", "opened", "task_file", "demos"],
    ["execution", "ledger"],
    ["task"],
    ["recipe", "curve_files"],
    ["diagnosis", "strategy"],
    ["recording"],
    ["training"],
    ["space"],
    ["hyperparameters", "settings", "findings", "errors", "clock", "durations", "device", "schemas"],
]
PURE = ["space", "strategy", "diagnosis", "recipe", "findings", "settings"]
EDGES = {"os", "sys", "pathlib", "sqlite3", "sqlalchemy", "socket", "subprocess", "time", "io", "shutil", "tempfile"}
# `training.measure` and `records` of a stage are read by the recipe as data; what trains is not.
ALLOWED = {
    ("strategy", "training"): {"goodfit.training.seeds"},
    ("opened", "ledger"): {"goodfit.ledger.fingerprint"},
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
    return found


def part_of(path: Path) -> str:
    relative = path.relative_to(SOURCE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def modules() -> list[Path]:
    return [path for path in sorted(SOURCE.rglob("*.py")) if part_of(path) not in ("__init__", "__main__")]


LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def test_every_part_of_the_house_has_its_layer():
    assert {part_of(path) for path in modules()} <= set(LEVEL)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_down(path):
    own = part_of(path)
    for name in imports(path):
        if not name.startswith("goodfit."):
            continue
        other = name.split(".")[1]
        if other == own or other not in LEVEL or name in ALLOWED.get((own, other), set()):
            continue
        assert LEVEL[other] >= LEVEL[own], f"{path.name} ({own}) imports {name}, which stands above it"


@pytest.mark.parametrize(
    "path", [path for path in modules() if part_of(path) in PURE], ids=lambda path: str(path.relative_to(SOURCE))
)
def test_the_pure_core_does_no_input_or_output(path):
    used = {name.split(".")[0] for name in imports(path)} & EDGES
    assert not used, f"{path.name} imports {used}"
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not {"print", "open", "input"} & {call.id for call in calls if isinstance(call, ast.Name)}
