"""docs/recipe.md says for every row of the recipe what does it and what tests it; both must exist."""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "recipe.md"
ROWS = 60


@dataclasses.dataclass(frozen=True)
class Row:
    number: int
    does: str
    functions: tuple[str, ...]  # "goodfit.module.name" or "goodfit.module.Class.method"
    tests: tuple[str, ...]  # pytest's node ids, without parameters
    left_to: str  # "issue 4", "later"; "" for what is done


def rows(text: str) -> list[Row]:
    """The rows of the page's table: number | what | functions | tests."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 4 or not cells[0].isdigit():
            continue
        left = re.search(r"\b(issue \d|later)\b", cells[3])
        found.append(
            Row(
                int(cells[0]),
                cells[1],
                tuple(re.findall(r"`(goodfit[\w.]*)`", cells[2])),
                tuple(re.findall(r"`(tests/[^`]*)`", cells[3])),
                left[1] if left else "",
            )
        )
    return found


PAGE_ROWS = rows(PAGE.read_text())


@functools.cache
def names_in(path: Path) -> frozenset[str]:
    """Functions, classes, values and methods ("Class.method") at the top of a file, what it imports included."""
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        match node:
            case ast.FunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name, body=body):
                names.add(name)
                names |= {f"{name}.{inner.name}" for inner in body if isinstance(inner, ast.FunctionDef)}
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.ImportFrom(names=imported):
                names |= {alias.asname or alias.name for alias in imported}
    return frozenset(names)


def function_exists(dotted: str) -> bool:
    """Whether a module of the package, or a name in one."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        base = ROOT / "src" / Path(*parts[:cut])
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.exists():
                rest = ".".join(parts[cut:])
                return not rest or rest in names_in(file)
    return False


def is_a_test(node_id: str) -> bool:
    """Whether a file holds a test of this name (a contract's cases stand in their base class)."""
    file, *names = node_id.split("::")
    path = ROOT / file
    if not path.exists() or not names or not names[-1].startswith("test_"):
        return False
    return ".".join(names) in names_in(path)


def test_every_row_is_in_the_table_once():
    assert [row.number for row in PAGE_ROWS] == list(range(1, ROWS + 1))


@pytest.mark.parametrize("row", PAGE_ROWS, ids=lambda row: f"row {row.number}")
def test_a_row_says_what_does_it_and_what_tests_it(row: Row):
    assert len(row.does) > 20
    assert row.left_to or (row.functions and row.tests), "neither done and tested nor left to an issue"
    assert [name for name in row.functions if not function_exists(name)] == []
    assert [name for name in row.tests if not is_a_test(name)] == []


def test_the_other_tables_name_tests_that_exist():
    named = re.findall(r"`(tests/[^`]*::[^`]*)`", PAGE.read_text())
    assert len(named) > 100
    assert [name for name in named if not is_a_test(name)] == []


def test_what_does_not_exist_is_seen():
    assert function_exists("goodfit.strategy.grids.grid_price")
    assert not function_exists("goodfit.strategy.grids.grid_prize")
    assert not function_exists("goodfit.nowhere.grid_price")
    assert is_a_test("tests/test_recipe_rows.py::test_every_row_is_in_the_table_once")
    assert not is_a_test("tests/test_recipe_rows.py::test_every_row_is_in_the_table_twice")
    assert not is_a_test("tests/test_nowhere.py::test_every_row_is_in_the_table_once")
    assert [row.number for row in rows("| 7 | words | `goodfit.x` | `tests/a.py::test_b`; issue 4 |")] == [7]


def test_tests_of_rows_are_named_in_the_table():
    """A test in tests/rows that no row names would be forgotten when its row changes."""
    named = {test for row in PAGE_ROWS for test in row.tests}
    own = {
        f"tests/rows/{path.name}::{name}"
        for path in sorted((ROOT / "tests" / "rows").glob("test_*.py"))
        for name in names_in(path)
        if name.startswith("test_")
    }
    assert own - named == set()
