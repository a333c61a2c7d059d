"""SVG elements as escaped text, and the record that a figure is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from markupsafe import Markup, escape


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend."""

    style: str  # the mark's CSS class
    label: str
    mark: str = "line"  # line | dot | cross | ring | box


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with the sentence that says what is seen in it."""

    title: str
    svg: Markup
    note: str = ""
    legend: tuple[Key, ...] = ()
    flag: str = ""  # a warning that belongs to the drawing: "best on the upper border"


def element(tag: str, content: str = "", /, **attributes: object) -> Markup:
    """One element. `style` is its CSS class, `_` in other names is a hyphen; content that is not Markup is escaped."""
    texts = []
    for name, value in attributes.items():
        if value is None:
            continue
        text = coordinate(value) if isinstance(value, float) else escape(str(value))
        texts.append(f' {"class" if name == "style" else name.replace("_", "-")}="{text}"')
    return Markup(f"<{tag}{''.join(texts)}>{escape(content)}</{tag}>")


def joined(parts: Iterable[str]) -> Markup:
    """Elements one after another."""
    return Markup("".join(str(escape(part)) for part in parts))


def coordinate(value: float) -> str:
    """A tenth of a unit of the drawing is finer than the eye: 12.3, 12, never 12.0 or -0."""
    text = f"{value:.1f}"
    text = text.removesuffix(".0")
    return "0" if text == "-0" else text


def drawing(width: float, height: float, label: str, parts: Iterable[str], style: str = "") -> Markup:
    """The whole SVG; `label` is what a screen reader says."""
    return element(
        "svg",
        joined([element("title", label), *parts]),
        viewBox=f"0 0 {coordinate(width)} {coordinate(height)}",
        role="img",
        style=style or None,
    )
