"""The answer to a crowded border: a wider range, or the word that stability ends there."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from goodfit.findings import Finding
from goodfit.settings.search import SearchSettings
from goodfit.space import Space
from goodfit.space.dimension import Dimension
from goodfit.space.scales import Limits, Scale
from goodfit.strategy.borders import BorderReading, limits_of, read_borders
from goodfit.strategy.observation import Observation


@dataclasses.dataclass(frozen=True, slots=True)
class Extended:
    """A space with its crowded borders moved out."""

    space: Space
    findings: tuple[Finding, ...]
    reasons: tuple[str, ...]  # a sentence for each side that was moved, or that was not although it was crowded
    moved: tuple[str, ...]  # "lr:high", for each side that was moved
    readings: tuple[BorderReading, ...]  # all sides looked at

    @property
    def any_flag(self) -> bool:
        """True where a border was crowded and moved: the search is not done."""
        return bool(self.moved)


def extend_borders(
    space: Space,
    observations: Sequence[Observation],
    settings: SearchSettings | None = None,
    *,
    target: Space | None = None,
    limits: Mapping[str, Limits] | None = None,
    already: Mapping[str, int] | None = None,
    seed: int = 0,
    readings: Sequence[BorderReading] | None = None,
    steps: Mapping[str, int] | None = None,
) -> Extended:
    """Move out every border that the best trials crowd, a decade on a logarithmic scale and half a width on others.

    Args:
        space: the box in which the trials were drawn.
        observations: the stage's trials.
        target: the box to widen, where it is not `space`: the narrowed one that `next_box` gave.
        limits: further limits by name, such as {"batch_size": (1, 512)}.
        already: how often each side was moved in this round, {"lr:high": 1}: two is the most.
        seed: of the shuffles behind the false-alarm rate.
        readings: what the sides show, where that was read in another way than by `read_borders`.
        steps: by how many extensions a side is to move at once, {"lr:high": 2}; 1 unless given, and never more than
            may be made in a round.

    Source: recipe 4.4.
    """
    chosen = settings or SearchSettings()
    if readings is None:
        readings = read_borders(space, observations, chosen, limits=limits, seed=seed)
    widened = target or space
    findings, reasons, moved = [], [], []
    for reading in readings:
        if not reading.flagged or reading.key not in widened:
            continue
        side = f"{reading.key}:{reading.side}"
        dimension = space[reading.key]
        if reading.infeasible_near > chosen.border_infeasible_most:
            reasons.append(_sentence_of_instability(reading, dimension))
            if dimension.name == "lr" and reading.side == "high":
                findings.append(_edge_of_stability(reading, dimension))
            continue
        if (already or {}).get(side, 0) >= chosen.border_extensions_most:
            reasons.append(
                f"{reading.key}: the {_end(reading)} is crowded still, but was moved "
                f"{chosen.border_extensions_most} times in this round; the next round goes on."
            )
            continue
        before = widened[reading.key].scale
        at_once = min((steps or {}).get(side, 1), chosen.border_extensions_most)
        after = _reaching(before, dimension, reading, limits, at_once)
        if after == before:
            continue
        widened = widened.replace({reading.key: after})
        moved.append(side)
        findings.append(_finding(reading, dimension, after, len(observations)))
        reasons.append(findings[-1].message)
    return Extended(widened, tuple(findings), tuple(reasons), tuple(moved), tuple(readings))


def _reaching(
    before: Scale, dimension: Dimension, reading: BorderReading, limits: Mapping[str, Limits] | None, steps: int
) -> Scale:
    """The scale with the crowded end where so many extensions of the searched box put it."""
    reached = dimension.scale
    for _ in range(steps):
        reached = reached.extended(reading.side, limits_of(dimension, limits))
    outer = reached.as_json()[reading.side]
    return dataclasses.replace(before, **{reading.side: outer})  # ty: ignore[invalid-argument-type]


def _end(reading: BorderReading) -> str:
    return "upper end" if reading.side == "high" else "lower end"


def _value(scale: Scale, side: str) -> str:
    return f"{scale.as_json()[side]:.3g}"


def _what_was_seen(reading: BorderReading) -> str:
    parts = []
    if reading.best_is_near:
        parts.append("the best trial lies there")
    if reading.crowded:
        parts.append(
            f"{reading.top5_near} of the top 5 do"
            if reading.top5_near >= 3
            else f"{reading.top10_near} of the top 10 do"
        )
    if reading.trend_p < 0.05:
        parts.append(f"trials get better towards it (p = {reading.trend_p:.2g})")
    return ", ".join(parts)


def _finding(reading: BorderReading, dimension: Dimension, after: Scale, trials: int) -> Finding:
    old, new = _value(dimension.scale, reading.side), _value(after, reading.side)
    if reading.crowded or reading.best_is_near:
        seen = f"The best trials crowd the {_end(reading)} of {reading.key}, {old}: {_what_was_seen(reading)}"
    else:
        seen = (
            f"Trials get better towards the {_end(reading)} of {reading.key}, {old} (p = {reading.p:.2g}), and are "
            "not seen to turn before it"
        )
    return Finding(
        kind="best-on-border",
        message=f"{seen}; the range now reaches to {new}.",
        action=f"Search again with {reading.key} up to {new}."
        if reading.side == "high"
        else f"Search again with {reading.key} down to {new}.",
        evidence={
            "hyperparameter": dimension.name,
            "dimension": reading.key,
            "side": reading.side,
            "signals": reading.signals,
            "top5_near": reading.top5_near,
            "top10_near": reading.top10_near,
            "trend_p": reading.trend_p,
            "p_over_all_sides": reading.p,
            "before": dimension.scale.as_json(),
            "after": after.as_json(),
            "trials": trials,
        },
        where=reading.key,
        confidence=max(0.5, 1 - reading.p),
    )


def _sentence_of_instability(reading: BorderReading, dimension: Dimension) -> str:
    seen = "the best trials crowd" if reading.crowded or reading.best_is_near else "trials get better towards"
    return (
        f"{reading.key}: {seen} the {_end(reading)}, {_value(dimension.scale, reading.side)}, but "
        f"{reading.infeasible_near:.0%} of the trials at and beyond it diverged or failed: stability ends there, "
        "so the range stays."
    )


def _edge_of_stability(reading: BorderReading, dimension: Dimension) -> Finding:
    return Finding(
        kind="learning-rate-at-edge",
        message=_sentence_of_instability(reading, dimension),
        action="Try warm-up, then clipping, before any higher rate.",
        evidence={
            "dimension": reading.key,
            "infeasible_share": reading.infeasible_near,
            "signals": reading.signals,
            "p_over_all_sides": reading.p,
        },
        where=reading.key,
        confidence=max(0.5, 1 - reading.p),
    )
