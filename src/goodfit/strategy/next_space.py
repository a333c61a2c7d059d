"""One call after each search stage: the box drawn in, its crowded borders moved out, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from goodfit.findings import Finding
from goodfit.settings.search import SearchSettings
from goodfit.space import Space
from goodfit.space.scales import Limits
from goodfit.strategy.borders import BorderReading
from goodfit.strategy.extending import Extended, extend_borders
from goodfit.strategy.narrowing import NextBox, held_open, kept_box, next_box
from goodfit.strategy.observation import Observation


@dataclasses.dataclass(frozen=True)
class NextSpace:
    """Where to search next, after narrowing and widening."""

    space: Space
    boxes: tuple[Space, ...]  # what to draw from, with `shares`; the rest from the old box
    shares: tuple[float, ...]
    box: NextBox
    extended: Extended

    @property
    def findings(self) -> tuple[Finding, ...]:
        return (*self.extended.findings, *self.box.findings)

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences for the decision log."""
        return (*self.extended.reasons, *self.box.reasons)

    @property
    def before(self) -> dict[str, Any]:
        return self.box.before.as_json()

    @property
    def after(self) -> dict[str, Any]:
        return self.space.as_json()


def next_space(
    space: Space,
    observations: Sequence[Observation],
    settings: SearchSettings | None = None,
    *,
    sigma: float | None = None,
    delta: float = 0.0,
    limits: Mapping[str, Limits] | None = None,
    already: Mapping[str, int] | None = None,
    seed: int = 0,
    readings: Sequence[BorderReading] | None = None,
    searched: Space | None = None,
    steps: Mapping[str, int] | None = None,
    is_narrowed: bool = True,
    held: Collection[str] = (),
) -> NextSpace:
    """`next_box`, then `extend_borders` on its result; the arguments are theirs.

    Args:
        searched: all that was searched so far, whose ends are moved out; the box itself unless given.
        held: sides that are not drawn in, such as "lr:high", since they were moved out only just now.
        is_narrowed: false where borders alone are looked at.
    """
    box = kept_box(space)
    if is_narrowed:
        box = held_open(next_box(space, observations, settings, sigma=sigma, delta=delta, seed=seed), held)
    extended = extend_borders(
        searched or space,
        observations,
        settings,
        target=box.space,
        limits=limits,
        already=already,
        seed=seed,
        readings=readings,
        steps=steps,
    )
    boxes = []
    for part in box.boxes:
        scales = {}
        for side in extended.moved:
            key, _, end = side.rpartition(":")
            mine, hull = part[key].scale, box.space[key].scale
            if mine.as_json()[end] == hull.as_json()[end]:
                scales[key] = dataclasses.replace(
                    scales.get(key, mine), **{end: extended.space[key].scale.as_json()[end]}
                )
        boxes.append(part.replace(scales))
    return NextSpace(extended.space, tuple(boxes), box.shares, box, extended)
