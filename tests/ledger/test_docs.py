"""docs/ledger.md: every query in it runs, and every table, view and column is in it."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from ledger_made import a_curve, a_study, some_of_each

from goodfit.ledger import schema
from goodfit.ledger.lease import LEASE_SECONDS
from goodfit.ledger.store import open_ledger

DOCUMENT = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", DOCUMENT, flags=re.DOTALL)


@pytest.fixture
def shell(tmp_path):
    store = open_ledger(tmp_path / "ledger.db")
    writer = store.begin(a_study())
    writer.append([*some_of_each(), a_curve(1, 0, 5, series="train_loss", offset=-0.5)])
    connection = sqlite3.connect(tmp_path / "ledger.db")
    yield connection
    connection.close()
    store.close()


def test_there_are_queries():
    assert len(QUERIES) >= 5


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_a_query_runs_and_finds_something(shell, query):
    assert shell.execute(query).fetchall()


def test_the_gap_is_that_of_the_last_evaluation(shell):
    (query,) = [query for query in QUERIES if "AS gap" in query]
    assert shell.execute(query).fetchall() == [("digits/1", 0.4, pytest.approx(0.5))]


def test_every_table_has_a_row_with_its_columns():
    rows = {found[1]: found[0] for found in re.findall(r"^(\| `(\w+)` \|.*)$", DOCUMENT, flags=re.MULTILINE)}
    common = {"study_id", "sequence", "attempt"}
    assert all(f"`{name}`" in DOCUMENT for name in common)
    for table in schema.metadata.tables.values():
        missing = {column.name for column in table.c if f"`{column.name}`" not in rows[table.name]} - common
        assert not missing, f"{table.name}: {missing}"


@pytest.mark.parametrize("view", ["trials", "curves"])
def test_every_column_of_a_view_has_a_row(shell, view):
    part = DOCUMENT.split(f"### `{view}`")[1].split("\n## ")[0].split("\n### ")[0]
    described = re.findall(r"^\| `(\w+)` \| (\w+) \|", part, flags=re.MULTILINE)
    assert [name for name, _ in described] == [row[1] for row in shell.execute(f"PRAGMA table_info({view})")]


def test_the_lease_is_as_long_as_it_says():
    assert f"{LEASE_SECONDS:.0f} s of silence" in DOCUMENT
