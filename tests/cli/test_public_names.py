from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import goodfit
from goodfit import errors


def names_for_type_checkers() -> list[str]:
    """The names imported under TYPE_CHECKING, as a type checker sees them."""
    tree = ast.parse(Path(str(goodfit.__file__)).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return [name.name for node in block.body if isinstance(node, ast.ImportFrom) for name in node.names]


def test_public_names_are_sorted_and_the_same_for_people_and_type_checkers() -> None:
    assert goodfit.__all__ == sorted(set(goodfit.__all__))
    assert sorted(names_for_type_checkers()) == goodfit.__all__
    assert sorted(goodfit._HOME_OF) == goodfit.__all__
    assert set(goodfit.__all__) <= set(dir(goodfit))


def test_every_error_is_public() -> None:
    ours = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert ours <= set(goodfit.__all__)


@pytest.mark.parametrize("name", goodfit.__all__)
def test_every_public_name_loads(name: str) -> None:
    assert getattr(goodfit, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'goodfit' has no attribute 'nonsense'"):
        goodfit.nonsense  # noqa: B018 - reading it is the test


def test_the_version_is_the_installed_one() -> None:
    assert goodfit.__version__ == importlib.metadata.version("goodfit")


def test_importing_goodfit_imports_nothing_heavy() -> None:
    code = "import sys, goodfit; print([m for m in ('torch', 'numpy', 'sqlalchemy', 'rich') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
