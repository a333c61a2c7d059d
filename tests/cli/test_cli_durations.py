from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.durations import parse_duration
from goodfit.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1H30M5S", 5405),
        ("1.5h", 5400),
        ("0.5", 0.5),
        (".5s", 0.5),
        ("90", 90),
        (90, 90),
        (0.25, 0.25),
    ],
)
def test_a_time_is_read_as_people_write_it(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", " ", "soon", "10 mins", "1h30", "30m1h", "h", "-5", "1e3", "10m!", "٣m", True, None]
)
def test_what_is_no_time_is_told_what_one_looks_like(text: str | float) -> None:
    with pytest.raises(SettingsError, match=r"reads like 90s, 10m, 2h, 1h30m or plain seconds"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0", "0s", "0h0m", 0, -1, float("inf"), float("nan"), "9" * 400])
def test_no_time_at_all_is_refused(text: str | float) -> None:
    with pytest.raises(SettingsError, match="above zero and finite"):
        parse_duration(text)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(1, 59))
def test_hours_minutes_and_seconds_add_up(hours: int, minutes: int, seconds: int) -> None:
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == 3600 * hours + 60 * minutes + seconds


@given(st.text(max_size=12))
def test_any_other_text_is_a_settings_error_and_nothing_else(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except SettingsError:
        return
    assert seconds > 0
