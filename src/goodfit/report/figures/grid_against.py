"""The search's own trials against a grid of the same size: how many values each tries, and how soon it gets how far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.errors import GoodfitError
from goodfit.report.figures.axes import hyperparameter_axis, value_axis
from goodfit.report.figures.isolation import first_round, observed
from goodfit.report.figures.panel import Panel, cross, dot
from goodfit.report.figures.search_views import words_of
from goodfit.report.figures.svg import Figure, Key, element
from goodfit.report.numbers import number
from goodfit.report.reading import Reading
from goodfit.space import Space
from goodfit.strategy.grids import grid_levels, random_against_grid
from goodfit.strategy.noise import best_of_k
from goodfit.strategy.observation import Observation
from goodfit.strategy.proposers import Grid
from goodfit.strategy.surrogate import places_of

TRIALS_LEAST = 6  # fewer show nothing


def grid_against_trials(reading: Reading) -> list[Figure]:
    """Two figures, or none: where the first round was itself a grid, was too small, or has one hyperparameter.

    The grid's trainings were not run: each of its cells is taken to be as good as the trial that is nearest to it.

    Source: recipe 1 row 4, section 8; Bergstra and Bengio 2012, figure 1.
    """
    trials = first_round(reading)
    stage = reading.stages.get(trials[0].stage) if trials else None
    if stage is None or not stage.space or (reading.snapshot.study.options or {}).get("strategy") == "grid":
        return []
    try:
        space = Space.from_json(stage.space)
    except (GoodfitError, KeyError, TypeError, ValueError):  # written by another version
        return []
    names = [name for name in reading.tuned if name in space.names and all(name in t.hyperparameters for t in trials)]
    seen = [o for o in observed(reading, trials) if all(d.is_active(o.hyperparameters) for d in space.dimensions)]
    if len(names) < 2 or len(seen) < TRIALS_LEAST or not any(o.is_feasible for o in seen):
        return []
    cells = _cells(space, seen)
    compared = random_against_grid(seen, cells)
    return [_points(reading, names[:2], seen, cells, compared), _reached(reading, seen, cells)]


def _cells(space: Space, seen: Sequence[Observation]) -> list[Observation]:
    """As many cells as trials at most, spread over the grid, each with the score of its nearest trial."""
    points = [dict(point) for point in Grid(space, grid_levels(space, len(seen))).points]
    count = min(len(points), len(seen))
    points = [points[i * len(points) // count] for i in range(count)]
    cells = [Observation(i, point, None) for i, point in enumerate(points)]
    units, _ = places_of(space, [*cells, *seen])
    apart = ((units[:count, None, :] - units[None, count:, :]) ** 2).sum(axis=2)
    nearest = apart.argmin(axis=1)
    return [Observation(i, points[i], seen[int(nearest[i])].score) for i in range(count)]


def _points(
    reading: Reading, names: Sequence[str], seen: Sequence[Observation], cells: Sequence[Observation], compared: Any
) -> Figure:
    across, up = names
    axes = []
    for name in names:
        boxes = reading.boxes(name)
        values = [o.hyperparameters[name] for o in (*seen, *cells) if name in o.hyperparameters]
        axes.append(hyperparameter_axis(boxes[0].scale if boxes else "", values, []))
    panel = Panel(axes[0], axes[1], width=520, height=340)
    marks = []
    for observations, style in ((cells, "grid"), (seen, "late")):
        for observation in observations:
            values: Mapping[str, Any] = observation.hyperparameters
            place = panel.point(values.get(across), values.get(up))
            if place is None:
                continue
            marks += _projected(panel, place, style)
            if style == "grid":
                marks.append(cross(*place, "other", None, 3.5))
            else:
                marks.append(dot(*place, "late", observation.number, 3.6))
    counts = ", ".join(
        f"{compared.values_random[name]} values of {words_of(name)} against {compared.values_grid[name]}"
        for name in names
    )
    body = [panel.frame(words_of(across), words_of(up), grid=False), *marks]
    legend = (Key("late", "the search's trials", "dot"), Key("other", "cells of a grid", "cross"))
    title = f"{min(len(seen), len(cells))} trials try {counts} of a grid of {len(cells)} cells"
    return Figure(title, panel.drawn("trials and a grid, projected on both axes", body, "trials"), legend=legend)


def _projected(panel: Panel, place: tuple[float, float], style: str) -> list[str]:
    """A short mark on each axis where the point falls upon it; a grid's outside the frame, the trials' inside."""
    x, y = place
    bottom, sign = panel.height - panel.bottom, 1.0 if style == "grid" else -1.0
    tint = "line train" if style == "grid" else "line val"
    return [
        element("line", style=tint, x1=x, x2=x, y1=bottom, y2=bottom + sign * 9),
        element("line", style=tint, x1=panel.left, x2=panel.left - sign * 9, y1=y, y2=y),
    ]


def _reached(reading: Reading, seen: Sequence[Observation], cells: Sequence[Observation]) -> Figure:
    """The best of k trials and of k cells, drawn in any order, with a band."""
    sign = -1.0 if reading.maximise else 1.0
    count = min(len(seen), len(cells))
    ks = list(range(1, count + 1))
    curves = [best_of_k([o.score for o in group], ks) for group in (seen, cells)]
    ends = [sign * value for curve in curves for side in (curve.low, curve.high) for value in side]
    panel = Panel(value_axis([1.0, float(count)], log=False, room=0.02), value_axis(ends, log=False), height=340)
    marks = []
    for curve, style in zip(curves, ("val", "train"), strict=True):
        low, high = ([sign * v for v in side] for side in (curve.low, curve.high))
        marks.append(_band(panel, ks, low, high, style))
        marks.append(panel.line(ks, [sign * v for v in curve.mean], f"line {style}"))
    ours, grid = (sign * curve.mean[-1] for curve in curves)
    body = [panel.frame("trials", reading.objective), *marks]
    legend = (Key("line val", "the search's trials"), Key("line train", "cells of a grid, by the nearest trial"))
    title = (
        f"The best of {count}: {number(ours, 3)} for the trials, {number(grid, 3)} for the cells of a grid, on average"
    )
    note = "The grid was not trained: each cell counts as the trial nearest to it. Bands are 90 % over other draws."
    return Figure(title, panel.drawn("best of k trials and of k cells", body, "trials"), note=note, legend=legend)


def _band(panel: Panel, xs: Sequence[int], low: Sequence[float], high: Sequence[float], style: str) -> str:
    places = [panel.point(x, y) for x, y in (*zip(xs, low, strict=True), *reversed(list(zip(xs, high, strict=True))))]
    return element("polygon", style=f"band {style}", points=" ".join(f"{p[0]:.1f},{p[1]:.1f}" for p in places if p))
