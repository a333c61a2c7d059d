"""Spans of time as people write them: "90s", "10m", "1h30m"."""

from __future__ import annotations

import math
import re

from goodfit.errors import SettingsError

_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_NUMBER = r"\d+(?:\.\d+)?|\.\d+"
_PARTS = re.compile(rf"(?:(?P<h>{_NUMBER})h)?(?:(?P<m>{_NUMBER})m)?(?:(?P<s>{_NUMBER})s)?", re.ASCII)
_PLAIN = re.compile(_NUMBER, re.ASCII)


def parse_duration(text: str | float) -> float:
    """The seconds in a span of time.

    Args:
        text: "90s", "10m", "2h", "1h30m", "1h 30m", or plain seconds ("90", 90, 0.5).

    Raises:
        SettingsError: it does not read like that, or it is not above zero.
    """
    seconds = _seconds_in(text)
    if seconds is None:
        raise SettingsError(f"A time reads like 90s, 10m, 2h, 1h30m or plain seconds; {text!r} does not.")
    if not 0 < seconds < math.inf:
        raise SettingsError(f"A time must be above zero and finite, got {text!r}.")
    return seconds


def _seconds_in(text: str | float) -> float | None:
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return float(text)
    if not isinstance(text, str):
        return None
    squeezed = "".join(text.split()).lower()
    if _PLAIN.fullmatch(squeezed):
        return float(squeezed)
    match = _PARTS.fullmatch(squeezed)
    if not squeezed or match is None:
        return None
    return sum(float(count) * _SECONDS[unit] for unit, count in match.groupdict().items() if count is not None)
