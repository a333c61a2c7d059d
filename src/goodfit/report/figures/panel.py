"""A panel: two axes, a frame, and marks placed on them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from goodfit.report.figures.axes import Axis
from goodfit.report.figures.svg import coordinate, drawing, element, joined


@dataclasses.dataclass(frozen=True, slots=True)
class Panel:
    """Sizes are in units of the drawing, about a pixel on a wide screen."""

    x: Axis
    y: Axis
    width: float = 520.0
    height: float = 320.0
    left: float = 58.0
    right: float = 18.0
    top: float = 30.0
    bottom: float = 46.0

    def across(self, unit: float) -> float:
        return self.left + unit * (self.width - self.left - self.right)

    def down(self, unit: float) -> float:
        return self.height - self.bottom - unit * (self.height - self.top - self.bottom)

    def point(self, x: Any, y: Any) -> tuple[float, float] | None:
        """Where a pair lies; a value beyond an end is held just outside the frame, where it is clipped."""
        across, down = self.x.place(x), self.y.place(y)
        if across is None or down is None:
            return None
        return self.across(min(max(across, -0.1), 1.1)), self.down(min(max(down, -0.1), 1.1))

    def frame(self, x_label: str, y_label: str, grid: bool = True) -> Markup:
        """Ticks, grid lines and labels; the y axis's label stands upright above it."""
        bottom, left, right = self.height - self.bottom, self.left, self.width - self.right
        parts = []
        for unit, text in self.y.ticks():
            y = self.down(unit)
            if grid:
                parts.append(element("line", style="gridline", x1=left, x2=right, y1=y, y2=y))
            parts.append(element("text", text, style="tick end", x=left - 8, y=y + 4))
        for unit, text in self.x.ticks():
            x = self.across(unit)
            parts.append(element("line", style="mark", x1=x, x2=x, y1=bottom, y2=bottom + 4))
            parts.append(element("text", text, style="tick mid", x=x, y=bottom + 18))
        parts.append(element("line", style="base", x1=left, x2=right, y1=bottom, y2=bottom))
        parts.append(element("text", x_label, style="name mid", x=(left + right) / 2, y=self.height - 8))
        parts.append(element("text", y_label, style="name", x=8.0, y=16.0))
        return joined(parts)

    def line(self, xs: Iterable[Any], ys: Iterable[Any], style: str, trial: int | None = None) -> Markup:
        """A line through the pairs that can be shown; empty where there are fewer than two."""
        places = [place for x, y in zip(xs, ys, strict=True) if (place := self.point(x, y))]
        if len(places) < 2:
            return Markup("")
        return element("polyline", style=style, data_t=trial, points=_pairs(places))

    def dots(self, xs: Iterable[Any], ys: Iterable[Any], style: str) -> Markup:
        """Many small dots as one path."""
        places = [place for x, y in zip(xs, ys, strict=True) if (place := self.point(x, y))]
        path = "".join(f"M{coordinate(x)} {coordinate(y)}h0" for x, y in places)
        return element("path", style=f"dots {style}", d=path) if path else Markup("")

    def upright(self, x: Any, style: str, label: str = "", rise: float = 0.0) -> Markup:
        """A line from bottom to top at x, with a label above the frame, raised by `rise`."""
        unit = self.x.place(x)
        if unit is None or not -0.001 <= unit <= 1.001:
            return Markup("")
        across = self.across(unit)
        parts = [element("line", style=style, x1=across, x2=across, y1=self.top - rise, y2=self.height - self.bottom)]
        if label:
            is_right = unit > 0.75
            parts.append(
                element(
                    "text",
                    label,
                    style="note end" if is_right else "note",
                    x=across + 4 if is_right else across - 4,
                    y=self.top - 6 - rise,
                )
            )
        return joined(parts)

    def level(self, y: Any, style: str, label: str = "") -> Markup:
        """A line from left to right at y, with a label above its right end."""
        unit = self.y.place(y)
        if unit is None or not 0 <= unit <= 1:
            return Markup("")
        down = self.down(unit)
        right = self.width - self.right
        parts = [element("line", style=style, x1=self.left, x2=right, y1=down, y2=down)]
        if label:
            parts.append(element("text", label, style="note end", x=right - 4, y=down - 5))
        return joined(parts)

    def clipped(self, name: str, parts: Iterable[str]) -> Markup:
        """Marks that end at the frame; `name` is unique in the page."""
        clip = element(
            "clipPath",
            element(
                "rect",
                x=self.left - 1,
                y=self.top - 4,
                width=self.width - self.left - self.right + 2,
                height=self.height - self.top - self.bottom + 5,
            ),
            id=name,
        )
        return joined([clip, element("g", joined(parts), clip_path=f"url(#{name})")])

    def drawn(self, label: str, parts: Iterable[str], style: str = "") -> Markup:
        return drawing(self.width, self.height, label, parts, style)


def cross(x: float, y: float, style: str, trial: int | None = None, size: float = 4.0) -> Markup:
    """The mark of an infeasible trial."""
    across = f"{2 * size:g}"
    d = f"M{coordinate(x - size)} {coordinate(y - size)}l{across} {across}m0 -{across}l-{across} {across}"
    return element("path", style=f"cross {style}".strip(), data_t=trial, d=d)


def dot(x: float, y: float, style: str, trial: int | None = None, radius: float = 4.5) -> Markup:
    return element("circle", style=f"dot {style}".strip(), data_t=trial, cx=x, cy=y, r=radius)


def ring(x: float, y: float) -> Markup:
    """Around the best trial."""
    return element("circle", style="ring", cx=x, cy=y, r=9.0)


def _pairs(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{coordinate(x)},{coordinate(y)}" for x, y in places if math.isfinite(x) and math.isfinite(y))
