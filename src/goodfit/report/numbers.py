"""Numbers, durations and hyperparameters as people read them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

MISSING = "–"


def number(value: Any, digits: int = 4) -> str:
    """A value in at most `digits` significant digits: 0.9712, 3.2e-4, 1,797; a dash where there is none."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):  # a choice among tuples; JSON has lists of them
        return f"({', '.join(number(item, digits) for item in value)})"
    if isinstance(value, int):
        return f"{value:,}"
    value = float(value)
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        rounded = float(f"{value:.{digits}g}")
        return f"{rounded:,.0f}" if abs(rounded) >= 10 ** (digits - 1) else f"{rounded:.{digits}g}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent)}"


def duration(seconds: float | None) -> str:
    """0.8 s, 42 s, 3 min 20 s, 2 h 05 min."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def count(amount: float, noun: str) -> str:
    """1 trial, 24 trials, 0.5 epochs."""
    plural = "" if amount == 1 else "s"
    shown = int(amount) if float(amount).is_integer() else float(amount)
    return f"{number(shown, 3)} {noun}{plural}"


def hyperparameters(values: Mapping[str, Any]) -> str:
    """lr 0.012, weight_decay 3.2e-4, optimizer sgd."""
    return ", ".join(f"{name} {number(value, 3)}" for name, value in values.items())


def without_passwords(text: str) -> str:
    """The text with the password of every address in it hidden: a report is made to be passed on."""
    return re.sub(r"(://[^\s:/@]*):[^\s@]+@", r"\1:***@", text)
