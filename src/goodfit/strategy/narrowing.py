"""The next box: the old one drawn in around the trials that worked, with the reason for every dimension."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from goodfit.findings import Finding
from goodfit.settings.search import SearchSettings
from goodfit.space import Choice, Dimension, Log, Scale, Space
from goodfit.strategy.good_set import gap_by_luck, good_set, rank_correlation, weighted_median, weights_by_score
from goodfit.strategy.importance import Importance, importances
from goodfit.strategy.observation import Observation
from goodfit.strategy.trials import findings_of_trials, insensitive


@dataclasses.dataclass(frozen=True, slots=True)
class Correlation:
    """Two dimensions whose good values go together: a ridge that a box of both cuts badly."""

    first: str
    second: str
    rho: float
    p: float


@dataclasses.dataclass(frozen=True)
class NextBox:
    """Where to search next."""

    before: Space
    space: Space  # the next box; where it is split, the smallest that holds all `boxes`
    boxes: tuple[Space, ...]  # one, or two where the good trials fall into two groups
    shares: tuple[float, ...]  # of the next trials, one for each box; the rest comes from the old box
    old_share: float
    good: tuple[int, ...]  # numbers of the trials that cannot be told from the best
    importances: tuple[Importance, ...]
    reason_of: Mapping[str, str]  # a sentence for each dimension, by key
    correlations: tuple[Correlation, ...]
    mattering: tuple[str, ...]  # keys of the dimensions whose effect is more than chance
    at_least_width: tuple[str, ...]  # keys of the dimensions that shrink no further
    findings: tuple[Finding, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences for the decision log."""
        pairs = (
            f"{c.first} and {c.second} go together among the good trials (rank correlation {c.rho:.2f}, p = {c.p:.2g})."
            for c in self.correlations
        )
        return (*self.reason_of.values(), *pairs)

    @property
    def is_at_least_width(self) -> bool:
        """True where no dimension that matters can shrink: one of the signs that the search is done (recipe 4.8)."""
        return set(self.mattering) <= set(self.at_least_width)

    def as_json(self) -> dict[str, Any]:
        """The boxes before and after, and why."""
        return {
            "before": self.before.as_json(),
            "after": self.space.as_json(),
            "boxes": [box.as_json() for box in self.boxes],
            "good": list(self.good),
            "importance": {i.key: {"share": i.share, "low": i.low, "high": i.high, "p": i.p} for i in self.importances},
            "reasons": list(self.reasons),
        }


def next_box(
    space: Space,
    observations: Sequence[Observation],
    settings: SearchSettings | None = None,
    *,
    sigma: float | None = None,
    delta: float = 0.0,
    seed: int = 0,
) -> NextBox:
    """Draw the box in around the good trials, in every dimension that matters.

    A dimension that matters gets the weighted median of the good trials' places as its centre and half of their range
    (plus 1/(N+1)) as its half-width, but a third of the old width at least; never less than 0.3 decades of the
    learning rate, one decade of weight decay, or two neighbouring levels. The best trial stays inside. A dimension
    that makes no measurable difference keeps its width. A conditional dimension is judged by the trials that have it.

    Args:
        space: the box in which the trials were drawn.
        observations: the stage's trials; infeasible ones and those outside the box say nothing here.
        sigma: standard deviation of a score from seed to seed; None: unknown.
        delta: the smallest difference of scores that counts.
        seed: of the permutations behind the importances.

    Source: recipe 4.3.
    """
    chosen = settings or SearchSettings()
    inside = [o for o in observations if o.is_feasible and space.contains(o.hyperparameters)]
    importance = importances(space, inside, chosen, seed)
    findings = findings_of_trials(space, observations, chosen)
    good = good_set(inside, chosen, sigma=sigma, delta=delta)
    if len(inside) <= chosen.good_least:
        reasons = {
            k: f"{k} keeps its range: {len(inside)} feasible trials say nothing of its shape." for k in space.keys
        }
        return NextBox(
            space, space, (space,), (1 - chosen.old_box_share,), chosen.old_box_share, tuple(o.number for o in good),
            importance, reasons, (), (), (), findings,
        )  # fmt: skip
    scales: dict[str, Scale] = {}
    reason_of: dict[str, str] = {}
    least: list[str] = []
    splits: list[_Split] = []
    for dimension, weight in zip(space.dimensions, importance, strict=True):
        part = _part_of(dimension, inside, chosen, sigma, delta)
        if not weight.matters(chosen) or not part.good:
            scales[dimension.key] = dimension.scale
            reason_of[dimension.key] = _kept(dimension, weight)
            continue
        if isinstance(dimension.scale, Choice):
            scales[dimension.key] = _choices_left(dimension, dimension.scale, part, chosen, sigma, delta)
        elif _least_unit(dimension, chosen) >= 0.999:
            scales[dimension.key] = dimension.scale
            least.append(dimension.key)
        else:
            scales[dimension.key], is_least = _drawn_in(dimension, part.good, part.trials, chosen)
            least += [dimension.key] if is_least else []
            if (split := _split_of(dimension, part, chosen, len(space.dimensions))) is not None:
                splits.append(split)
        reason_of[dimension.key] = _changed(dimension, scales[dimension.key], part, weight)
    boxes, shares = [scales], [1.0]
    if splits:
        widest = max(splits, key=lambda split: split.gap)
        boxes = [{**scales, widest.dimension.key: scale} for scale in widest.scales]
        shares = list(widest.shares)
        scales[widest.dimension.key] = _hull(*widest.scales)
        reason_of[widest.dimension.key] = (
            f"{widest.dimension.key}: the good trials fall into two groups with worse trials between, "
            f"{shown(widest.scales[0])} and {shown(widest.scales[1])}; both stay for another round."
        )
    findings += tuple(
        insensitive(dimension, weight, len(inside))
        for dimension, weight in zip(space.dimensions, importance, strict=True)
        if not weight.matters(chosen)
        and weight.high <= chosen.insensitive_most  # wide intervals tell nothing: one width tried, say
        and weight.trials >= max(8, chosen.trials_per_dimension * len(space.dimensions))
    )
    return NextBox(
        before=space,
        space=space.replace(scales),
        boxes=tuple(space.replace(box) for box in boxes),
        shares=tuple(share * (1 - chosen.old_box_share) for share in shares),
        old_share=chosen.old_box_share,
        good=tuple(o.number for o in good),
        importances=importance,
        reason_of=reason_of,
        correlations=_correlations(space, good, chosen),
        mattering=tuple(weight.key for weight in importance if weight.matters(chosen)),
        at_least_width=tuple(least),
        findings=findings,
    )


def kept_box(space: Space) -> NextBox:
    """The box as it is, where a round has not ended yet: there is nothing to narrow by."""
    return NextBox(space, space, (space,), (1.0,), 0.0, (), (), {}, (), (), (), ())


def held_open(box: NextBox, sides: Collection[str]) -> NextBox:
    """The box with ends that stay where they were for another round: of an end that has just been moved out, the few
    trials beyond the old one say too little.

    Args:
        sides: such as "lr:high".
    """
    scales, reason_of = {}, dict(box.reason_of)
    for side in sides:
        key, _, end = side.rpartition(":")
        outer, mine = box.before[key].scale.as_json()[end], scales.get(key, box.space[key].scale)
        if mine.as_json()[end] == outer:
            continue
        scales[key] = dataclasses.replace(mine, **{end: outer})
        which = "upper" if end == "high" else "lower"
        reason_of[key] = (
            f"{key} goes from {shown(box.before[key].scale)} to {shown(scales[key])}: its {which} end was moved "
            "only in the last round, so it stays for another."
        )
    if not scales:
        return box
    space = box.space.replace(scales)
    boxes = (space,) if len(box.boxes) == 1 else tuple(_reaching(part, box.space, space) for part in box.boxes)
    return dataclasses.replace(box, space=space, boxes=boxes, reason_of=reason_of)


def _reaching(part: Space, before: Space, after: Space) -> Space:
    """A part of a box whose ends move with the box's where they lay on them."""
    scales = {}
    for key in part.keys:
        for end in ("low", "high"):
            old, new = before[key].scale.as_json().get(end), after[key].scale.as_json().get(end)
            mine = scales.get(key, part[key].scale)
            if old != new and mine.as_json()[end] == old:
                scales[key] = dataclasses.replace(mine, **{end: new})
    return part.replace(scales)


@dataclasses.dataclass(frozen=True)
class _Part:
    """The trials that have a dimension."""

    trials: list[Observation]
    good: tuple[Observation, ...]


@dataclasses.dataclass(frozen=True)
class _Split:
    dimension: Dimension
    gap: float
    scales: tuple[Scale, Scale]
    shares: tuple[float, float]


def _part_of(
    dimension: Dimension, inside: Sequence[Observation], settings: SearchSettings, sigma: float | None, delta: float
) -> _Part:
    trials = [o for o in inside if dimension.is_active(o.hyperparameters)]
    return _Part(trials, good_set(trials, settings, sigma=sigma, delta=delta))


def _least_unit(dimension: Dimension, settings: SearchSettings) -> float:
    """The share of the range at which it shrinks no further."""
    decades = {"lr": settings.rate_decades_least, "weight_decay": settings.decay_decades_least}
    return dimension.scale.unit_width(decades.get(dimension.name, settings.decades_least)) / (1 - dimension.scale.atom)


def _places(dimension: Dimension, trials: Sequence[Observation]) -> np.ndarray:
    """Places on the range itself; below 0 for a value of exactly 0 that stands beside it."""
    atom = dimension.scale.atom
    units = np.array([dimension.scale.to_unit(o.hyperparameters[dimension.name]) for o in trials])
    return (units - atom) / (1 - atom) if atom else units


def _drawn_in(
    dimension: Dimension, good: Sequence[Observation], trials: Sequence[Observation], settings: SearchSettings
) -> tuple[Scale, bool]:
    """The scale around the good trials, and whether it is as narrow as it gets."""
    scale = dimension.scale
    places = _places(dimension, good)
    on_range = places >= 0
    with_zero = scale.atom > 0 and (not on_range.all() or not (_places(dimension, trials) < 0).any())
    ranged = dataclasses.replace(scale, zero=0.0) if isinstance(scale, Log) else scale
    least = min(_least_unit(dimension, settings), 1.0)
    if not on_range.any():  # only 0 was good: keep what lies next to it
        return _with_zero(ranged.narrowed(0.0, max(1 / 3, least)), scale, True), least >= 1 / 3
    kept = places[on_range]
    centre = weighted_median(kept, weights_by_score([o for o, on in zip(good, on_range, strict=True) if on]))
    half = max(np.ptp(kept) / 2 + 1 / (len(trials) + 1), settings.half_width_least, least / 2)
    half = min(half, 0.5)
    inside = 0.99 * half  # the best trial stays inside, not on an end that rounding may move
    centre = min(max(centre, kept[0] - inside), kept[0] + inside)
    low = min(max(centre - half, 0.0), 1 - 2 * half)
    narrowed = ranged.narrowed(low, low + 2 * half)
    is_least = 2 * half <= least + 1e-9 or (narrowed.levels is not None and narrowed.levels <= 2)
    return _with_zero(narrowed, scale, with_zero), is_least


def _with_zero(narrowed: Scale, scale: Scale, keep: bool) -> Scale:
    if isinstance(narrowed, Log) and isinstance(scale, Log) and keep:
        return dataclasses.replace(narrowed, zero=scale.zero)
    return narrowed


def _choices_left(
    dimension: Dimension, scale: Choice, part: _Part, settings: SearchSettings, sigma: float | None, delta: float
) -> Choice:
    """The values that a good trial has, that come close at their best, or that were hardly tried."""
    best = part.good[0].score or 0.0
    near = max(settings.good_sigmas * (sigma or 0.0), delta)
    left = []
    for value in scale.values:
        own = [o for o in part.trials if Choice((value,)).contains(o.hyperparameters[dimension.name])]
        in_good = any(Choice((value,)).contains(o.hyperparameters[dimension.name]) for o in part.good)
        close = bool(own) and min(o.score or 0.0 for o in own) - best <= near
        if in_good or close or len(own) < settings.good_least:
            left.append(value)
    return scale.kept(tuple(left))


def _split_of(dimension: Dimension, part: _Part, settings: SearchSettings, dimensions: int) -> _Split | None:
    """Two boxes where the good trials leave a wide gap in which more worse trials lie than luck would put there."""
    every_place = _places(dimension, part.good)
    places = every_place[every_place >= 0]
    if len(places) < 4:
        return None
    order = np.sort(places)
    gaps = np.diff(order)
    at = int(np.argmax(gaps))
    numbers = {o.number for o in part.good}
    between = [
        o
        for o, place in zip(part.trials, _places(dimension, part.trials), strict=True)
        if o.number not in numbers and order[at] < place < order[at + 1]
    ]
    if gaps[at] <= settings.gap_least or len(between) < settings.gap_bad_trials:
        return None
    if dimensions * gap_by_luck(len(part.trials), len(part.good), len(between)) > settings.gap_p:
        return None
    groups = [  # a good 0 belongs to the lower box
        [o for o, place in zip(part.good, every_place, strict=True) if (place <= order[at]) == is_low]
        for is_low in (True, False)
    ]
    scales = tuple(_drawn_in(dimension, group, part.trials, settings)[0] for group in groups)
    if not _apart(*scales):
        return None
    share = len(groups[0]) / len(part.good)
    return _Split(dimension, float(gaps[at]), (scales[0], scales[1]), (share, 1 - share))


def _apart(first: Scale, second: Scale) -> bool:
    return first.as_json()["high"] < second.as_json()["low"]


def _hull(first: Scale, second: Scale) -> Scale:
    return dataclasses.replace(first, high=second.as_json()["high"])  # ty: ignore[invalid-argument-type]


def _correlations(space: Space, good: Sequence[Observation], settings: SearchSettings) -> tuple[Correlation, ...]:
    found = []
    ordered = [d for d in space.dimensions if d.scale.is_ordered and (d.scale.levels or 99) > 2]
    for first, second in itertools.combinations(ordered, 2):
        both = [o for o in good if first.is_active(o.hyperparameters) and second.is_active(o.hyperparameters)]
        if len(both) < 5:
            continue
        a, b = _places(first, both), _places(second, both)
        if np.ptp(a) == 0 or np.ptp(b) == 0:
            continue
        rho, p = rank_correlation(a, b)
        if abs(rho) > settings.correlation_least and p < settings.correlation_p:
            found.append(Correlation(first.key, second.key, rho, p))
    return tuple(found)


def shown(scale: Scale) -> str:
    """A range or a choice as a person reads it: "0.001 to 0.1", "sgd or adamw"."""
    document = scale.as_json()
    if "values" in document:
        return " or ".join(str(value) for value in document["values"])
    zero = "0, or " if document.get("zero") else ""
    return f"{zero}{document['low']:.3g} to {document['high']:.3g}"


def _kept(dimension: Dimension, weight: Importance) -> str:
    return (
        f"{dimension.key} keeps {shown(dimension.scale)}: no measurable difference over {weight.trials} trials "
        f"(p = {weight.p:.2g})."
    )


def _changed(dimension: Dimension, scale: Scale, part: _Part, weight: Importance) -> str:
    if scale == dimension.scale:
        return (
            f"{dimension.key} keeps {shown(scale)}: it matters (p = {weight.p:.2g}), and the {len(part.good)} best of "
            f"{len(part.trials)} trials need all of it."
        )
    values = [o.hyperparameters[dimension.name] for o in part.good]
    if isinstance(dimension.scale, Choice):
        seen = f"have {' or '.join(dict.fromkeys(str(v) for v in values))}"
    else:
        seen = f"lie between {min(values):.3g} and {max(values):.3g}"
    return (
        f"{dimension.key} goes from {shown(dimension.scale)} to {shown(scale)}: the {len(part.good)} best of "
        f"{len(part.trials)} trials {seen} (p = {weight.p:.2g})."
    )
