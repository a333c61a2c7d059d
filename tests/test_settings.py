"""Settings: changed by name, and documented."""

from __future__ import annotations

import importlib.util
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
