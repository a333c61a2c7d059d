"""Best trials that crowd a border of the box: seen, told from chance, and answered by a wider range.

Signals, per side: A, the best trial lies in the outer strip; B, at least 3 of the top 5 or 4 of the top 10 do; C,
within the better half, trials get better towards the side. B, or A with C, is a flag. Looked at over all sides of a
flat space these would flag 10 % of rounds with 2 dimensions and 40 % with 8, so each side's evidence is held
against the strongest of all sides when the same trials' ranks are shuffled: a flag stands where fewer than 5 % of
shuffled rounds have a side as strong. This holds for any number of sides, for few levels, for trials that do not
fill the box evenly; not for adaptive samplers, which crowd by design.

Source: recipe 4.4; the correction is Westfall and Young's (1993).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from goodfit.settings.search import SearchSettings
from goodfit.space import Space
from goodfit.space.dimension import Dimension
from goodfit.space.names import natural_limits
from goodfit.space.scales import Limits, Side
from goodfit.strategy.observation import Observation

Array = NDArray[np.float64]
TOPS = ((5, 3), (10, 4))  # of the top 5 at least 3, of the top 10 at least 4: recipe 4.4


@dataclasses.dataclass(frozen=True, slots=True)
class BorderReading:
    """What one side of one dimension shows."""

    key: str
    side: Side
    best_is_near: bool  # signal A
    top5_near: int
    top10_near: int
    crowded: bool  # signal B
    trend_p: float  # of signal C: one-sided, within the better half; 1 where there is no trend to the side
    p: float  # corrected over all sides looked at
    flagged: bool
    infeasible_near: float  # share of the trials at the border and beyond it that diverged or failed

    @property
    def signals(self) -> str:
        """The signals that stand, such as "A+C"."""
        rising = self.trend_p < 0.05
        return "+".join(
            name for name, stands in (("A", self.best_is_near), ("B", self.crowded), ("C", rising)) if stands
        )


@dataclasses.dataclass(frozen=True)
class _Side:
    dimension: Dimension
    side: Side
    members: NDArray[np.intp]  # the feasible trials that have this dimension, as rows
    near: NDArray[np.bool_]  # which of these lie in the strip
    toward: Array  # how far each lies towards the side: the place, or 1 - the place


def read_borders(
    space: Space,
    observations: Sequence[Observation],
    settings: SearchSettings | None = None,
    *,
    limits: Mapping[str, Limits] | None = None,
    seed: int = 0,
) -> tuple[BorderReading, ...]:
    """What every side shows that could be extended: not those of hard scales, choices, or at a natural limit.

    Args:
        space: the box in which the trials were drawn; those outside it do not count towards the signals.
        observations: the stage's trials, infeasible ones too.
        limits: further limits by name, such as {"batch_size": (1, 512)} for what fits into memory.
        seed: of the shuffles, and of the order among equal scores.
    """
    chosen = settings or SearchSettings()
    inside = [o for o in observations if o.is_feasible and space.contains(o.hyperparameters)]
    if len(inside) < chosen.border_trials_least:
        return ()
    generator = np.random.default_rng(seed)
    jitter = generator.random(len(inside))
    keys = [(o.score, math.inf if o.loss is None else o.loss, jitter[i]) for i, o in enumerate(inside)]
    strength = np.empty(len(inside))
    strength[sorted(range(len(inside)), key=keys.__getitem__)] = np.arange(len(inside))
    shuffled = generator.permuted(np.tile(strength, (chosen.border_permutations, 1)), axis=1)
    scores = np.vstack([strength, shuffled])  # the first row is the truth
    sides = [s for d in space.dimensions for s in _sides(d, inside, chosen, limits or {})]
    if not sides:
        return ()
    evidence = np.stack([_evidence(side, scores, chosen) for side in sides])  # [sides, orders]
    strongest = np.sort(evidence[:, 1:].min(axis=0))
    readings = []
    for side, found in zip(sides, evidence[:, 0], strict=True):
        p = (1 + np.searchsorted(strongest, found + 1e-12, side="right")) / (1 + len(strongest))
        readings.append(_reading(side, strength, float(p), observations, chosen))
    return tuple(readings)


def can_extend(dimension: Dimension, side: Side, limits: Mapping[str, Limits] | None = None) -> bool:
    """False at a hard end, at a natural limit, below a range that 0 belongs to, and without an order."""
    scale = dimension.scale
    if scale.hard or not scale.is_ordered or (side == "low" and scale.atom > 0):
        return False
    return scale.extended(side, limits_of(dimension, limits)) != scale


def limits_of(dimension: Dimension, further: Mapping[str, Limits] | None = None) -> Limits:
    """The natural limits of a dimension, and the narrower of these and the caller's."""
    low, high = natural_limits(dimension.name, dimension.scale)
    more_low, more_high = (further or {}).get(dimension.name, (None, None))
    lows, highs = [v for v in (low, more_low) if v is not None], [v for v in (high, more_high) if v is not None]
    return (max(lows) if lows else None, min(highs) if highs else None)


def _sides(
    dimension: Dimension, inside: Sequence[Observation], settings: SearchSettings, limits: Mapping[str, Limits]
) -> list[_Side]:
    members = np.array([i for i, o in enumerate(inside) if dimension.is_active(o.hyperparameters)], dtype=np.intp)
    if len(members) < settings.border_trials_least:
        return []
    places = np.array([dimension.scale.to_unit(inside[i].hyperparameters[dimension.name]) for i in members])
    if np.ptp(places) == 0:
        return []
    sides: tuple[Side, Side] = ("low", "high")
    found = []
    for side in sides:
        if can_extend(dimension, side, limits):
            toward = places if side == "high" else 1 - places
            found.append(_Side(dimension, side, members, _near(dimension, side, toward, settings), toward))
    return found


def _near(dimension: Dimension, side: Side, toward: Array, settings: SearchSettings) -> NDArray[np.bool_]:
    """Which trials lie at the border: the end level of a scale with few, else the outer strip.

    Where hardly any trial fell into the strip it reaches further in, to hold its share of the trials: eight trials
    leave a tenth of the range empty four times in ten.
    """
    levels = dimension.scale.levels
    if levels is not None and levels <= settings.border_levels:
        return toward > 1 - 1 / levels
    strip = settings.border_strip
    if side == "low":
        strip = strip + (1 - strip) * dimension.scale.atom
    wanted = math.ceil(settings.border_strip * len(toward))
    reach = 1 - min(np.sort(toward)[-wanted], 1 - strip)
    return toward >= 1 - min(reach, max(settings.border_strip_most, strip))


def _evidence(side: _Side, scores: Array, settings: SearchSettings) -> Array:
    """The strongest signal's p value by itself, for every order of the trials; 1 where no signal stands: [orders]."""
    order = np.argsort(scores[:, side.members], axis=1)
    near = side.near[order]
    n, m = len(side.members), int(side.near.sum())
    if m == 0 or m == n:
        return np.ones(len(scores))
    best = np.ones(len(scores))
    for top, least in TOPS:
        if n < 2 * top:  # half of all trials are no top
            continue
        count = near[:, :top].sum(axis=1)
        tail = np.array([_tail(n, m, top, k) for k in range(top + 1)])
        best = np.minimum(best, np.where(count >= least, tail[count], 1.0))
    both = np.ones(len(scores))
    first_is_near = near[:, 0]  # without signal A the trend is not asked for
    trend = _trend_p(side.toward[order[first_is_near, : _better(n, settings)]])
    both[first_is_near] = np.where(trend < settings.border_p, trend * m / n, 1.0)
    return np.minimum(best, both)


def _better(n: int, settings: SearchSettings) -> int:
    """How many trials the better half has; of few trials more than half, since four always show some order."""
    return max(n // 2, min(n, settings.border_trend_trials_least))


def _trend_p(toward: Array) -> Array:
    """One-sided p of the rank correlation between being better and lying further towards the side.

    Args:
        toward: [orders, trials], best trial first.
    """
    n = toward.shape[1]
    ranks = np.argsort(np.argsort(toward, axis=1), axis=1) + 0.0
    position = np.arange(n)[::-1] - (n - 1) / 2  # large for the best
    rho = (ranks - (n - 1) / 2) @ position / (position @ position)
    return _upper_tail_of_rho(rho, n)


def _upper_tail_of_rho(rho: Array, n: int) -> Array:
    """P(a rank correlation of n pairs is at least rho), by the normal approximation."""
    z = rho * math.sqrt(n - 1)
    return np.array([0.5 * math.erfc(value / math.sqrt(2)) for value in np.ravel(z)]).reshape(np.shape(z))


@lru_cache(maxsize=4096)
def _tail(n: int, m: int, top: int, k: int) -> float:
    """P(at least k of the top trials lie among m of n): hypergeometric."""
    ways = sum(math.comb(m, i) * math.comb(n - m, top - i) for i in range(k, min(top, m) + 1) if top - i <= n - m)
    return ways / math.comb(n, top)


def _reading(
    side: _Side, strength: Array, p: float, observations: Sequence[Observation], settings: SearchSettings
) -> BorderReading:
    order = np.argsort(strength[side.members])
    near = side.near[order]
    n = len(order)
    counts = {top: int(near[:top].sum()) for top, _ in TOPS}
    crowded = any(counts[top] >= least and n >= 2 * top for top, least in TOPS)
    trend = float(_trend_p(side.toward[order[: _better(n, settings)]][None])[0])
    stands = crowded or (bool(near[0]) and trend < settings.border_p)
    return BorderReading(
        key=side.dimension.key,
        side=side.side,
        best_is_near=bool(near[0]),
        top5_near=counts[5],
        top10_near=counts[10],
        crowded=crowded,
        trend_p=trend,
        p=p,
        flagged=stands and p <= settings.border_false_alarms,
        infeasible_near=infeasible_near(
            side.dimension,
            side.side,
            float(side.toward[order[0]]),
            observations,
            settings,
            float(side.toward[side.near].min(initial=1.0)),
        ),
    )


def infeasible_near(
    dimension: Dimension,
    side: Side,
    best: float,
    observations: Sequence[Observation],
    settings: SearchSettings,
    near: float = 1.0,
) -> float:
    """The share of diverged and failed trials at the border, in its outer strip, or beyond the best trial: the most.

    Three looks, since a stability limit may cut off the strip itself and leave the best trials before it.

    Args:
        best: how far the best trial lies towards the side, of 1.
        near: from where on a trial counts as being at the border.
    """
    toward, failed = [], []
    for o in observations:
        value = o.hyperparameters.get(dimension.name)
        if dimension.is_active(o.hyperparameters) and dimension.has_place_for(value):
            place = dimension.scale.to_unit(value)
            toward.append(place if side == "high" else 1 - place)
            failed.append(not o.is_feasible)
    places, infeasible = np.array(toward), np.array(failed)
    looks = [places >= near, places >= 1 - settings.border_strip, places > best]
    return max((float(infeasible[look].mean()) for look in looks if look.sum() >= 2), default=0.0)
