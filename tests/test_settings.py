"""Settings: changed by name, and documented."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import re
from pathlib import Path

import pytest

from goodfit.errors import SettingsError
from goodfit.settings import Settings

ROOT = Path(__file__).parent.parent


def test_a_setting_is_changed_by_its_name_and_text_is_read_as_its_type():
    settings = Settings().replaced({"budget.final_seeds": "3", "budget.peak_factors": "1,2"})
    assert settings.budget.final_seeds == 3
    assert settings.budget.peak_factors == (1.0, 2.0)
    assert Settings().budget.final_seeds == 5


def test_a_misspelled_setting_gets_the_nearest_name():
    with pytest.raises(SettingsError, match=r"Did you mean budget\.final_seeds"):
        Settings().replaced({"budget.final_seed": 3})


def test_a_value_of_another_type_is_refused():
    with pytest.raises(SettingsError, match="is a int"):
        Settings().replaced({"budget.final_seeds": "many"})


def test_every_setting_says_what_it_is_and_where_it_is_from():
    for name, _, origin in Settings().listed():
        assert len(origin.about) > 5, name
        assert len(origin.source) > 3, name


def test_the_page_of_settings_is_up_to_date():
    spec = importlib.util.spec_from_file_location("settings_page", ROOT / "tools" / "settings_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text() == module.page(), "run: python tools/settings_page.py"


def test_every_setting_is_read():
    """A setting that nothing reads is a lie: changing it changes nothing."""
    read = set().union(*(settings_read(path) for path in source_files()))
    unread = [name for name, _, _ in Settings().listed() if name not in read]
    assert not unread


def source_files():
    source = ROOT / "src" / "goodfit"
    return [path for path in source.rglob("*.py") if "settings" not in path.relative_to(source).parts]


def settings_read(path):
    """Dotted names of the settings that a module reads: `session.settings.data.samples`, or `settings.samples` of a
    name that is annotated with the group's class or stands for the group in that module."""
    text = path.read_text()
    groups = {group.name: type(getattr(Settings(), group.name)) for group in dataclasses.fields(Settings)}
    fields = {name: {field.name for field in dataclasses.fields(kind)} for name, kind in groups.items()}
    mentioned = {
        name for name, kind in groups.items() if kind.__name__ in text or re.search(rf"settings\.{name}\b", text)
    }
    tree = ast.parse(text)
    known = {"settings"} | {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and re.search(r"settings(\.\w+)?\b|Settings\(\)", ast.unparse(node.value))
        for part in node.targets
        for target in ast.walk(part)
        if isinstance(target, ast.Name)
    }
    known |= {
        node.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.arg) and "Settings" in ast.unparse(node.annotation or node)
    }
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        last = ast.unparse(node.value).split(".")[-1]
        near = {last} if last in groups and ".settings." in f".{ast.unparse(node.value)}" else mentioned
        if last in known or last in groups or "Settings()" in last:
            found |= {f"{group}.{node.attr}" for group in near if node.attr in fields[group]}
    return found


def test_a_setting_counts_as_read_only_where_its_group_is(tmp_path):
    module = tmp_path / "module.py"
    module.write_text(
        "def one(session, s: 'OverfitSettings'):\n"
        "    budget = session.settings.budget\n"
        "    return budget.safety + s.r2 + session.settings.data.samples + session.feed.samples + session.steps\n"
    )
    assert settings_read(module) == {"budget.safety", "overfit.r2", "data.samples"}
