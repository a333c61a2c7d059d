"""docs/search.md and docs/from-optuna.md: their snippets run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import goodfit as gf
from goodfit.searching.options import STRATEGIES
from goodfit.searching.space_file import read_space

DOCS = Path(__file__).parents[2] / "docs"


def run_snippets(name: str) -> dict[str, Any]:
    """All Python snippets of a page, one after another in one namespace."""
    names: dict[str, Any] = {"__name__": name}
    for number, snippet in enumerate(re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(), flags=re.DOTALL)):
        exec(compile(snippet, f"docs/{name}, snippet {number}", "exec"), names)
    return names


def test_the_snippets_about_the_search_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    names = run_snippets("search.md")
    assert len(names["study"].trials) == 40
    assert names["study"].best_value < 0.5
    assert names["later"].trials[0].hyperparameters["lr"] == 0.01
    assert names["later"].trials[1].hyperparameters == names["study"].best_hyperparameters
    assert len(names["mine"].trials) == 20


def test_the_snippets_of_those_who_come_from_optuna_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    optuna = pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        names = run_snippets("from-optuna.md")
    finally:
        optuna.logging.set_verbosity(before)
    assert len(names["theirs"].trials) == len(names["ours"].trials) == len(names["back"].trials) == 30
    assert names["back"].best_value == names["ours"].best_value


def test_every_strategy_is_told():
    text = (DOCS / "search.md").read_text()
    assert [name for name in STRATEGIES if f"`{name}`" not in text] == []


def test_the_space_file_of_the_page_is_a_space(tmp_path: Path):
    (text,) = re.findall(r"```toml\n(.*?)```", (DOCS / "search.md").read_text(), flags=re.DOTALL)
    file = tmp_path / "space.toml"
    file.write_text(text)
    assert read_space(file) == gf.Space(
        gf.when(optimizer="sgd", momentum=gf.reverse_log(0.5, 0.99)),
        lr=gf.log(1e-5, 1e-1),
        optimizer=gf.choice("sgd", "adamw"),
    )
