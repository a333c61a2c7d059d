"""Successive halving over epochs: which trials go on at a rung, and whether the rungs can be believed.

At each rung the best third of the trials that have come so far goes on (recipe 4.8). One table serves the synchronous
form, in which a whole cohort arrives before any is judged, and the asynchronous one, in which each is judged among
those that came before it, of whatever cohort. Trials are compared only at the same place of the same schedule: one
whose rate has decayed further looks better than it is. Two things keep the comparison honest: a trial that starts
slowly, as high regularisation and low rates do, is kept where its slope leads to the incumbent; and a tenth of the
doomed trials run on all the same, as witnesses of whether a rung's ranks are those of the end.

Source: recipe 4.8; Jamieson and Talwalkar (2016); Li et al. (2020) for the asynchronous form.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Mapping, Sequence
from enum import StrEnum

import numpy as np

from goodfit.settings.halving import HalvingSettings
from goodfit.strategy.observation import Observation
from goodfit.training.seeds import PROPOSAL, mixed


@dataclasses.dataclass(frozen=True, slots=True)
class Course:
    """A trial as early ends see it: its scores so far, by epoch."""

    number: int
    epochs: tuple[float, ...]  # growing
    scores: tuple[float, ...]  # one for each; lower is better; not finite: it broke
    has_ended: bool = False  # by itself: it went as far as it was to go
    is_broken: bool = False  # diverged or failed
    is_witness: bool = False  # it would go to the end whatever the rungs say
    schedule: Hashable = "constant"  # what must be equal for two trials to be at the same place of the same schedule

    def at(self, epoch: float) -> float | None:
        """The score at the first look at or after an epoch; None where it has not come so far."""
        return next((s for e, s in zip(self.epochs, self.scores, strict=True) if e >= epoch - 1e-9), None)

    @property
    def last(self) -> float:
        """The last score; infinite where there is none or it is not finite."""
        return self.scores[-1] if self.scores and math.isfinite(self.scores[-1]) else math.inf


class Why(StrEnum):
    """Why a trial goes on or ends; kept in ledgers."""

    FEW = "too few trials have come to this rung to judge it"
    AHEAD = "it is among the best at this rung"
    HEADING = "its slope leads to the best trial's score"
    WITNESS = "it runs on to check the rung"
    BEHIND = "it is behind at this rung"
    BROKEN = "it diverged"


@dataclasses.dataclass(frozen=True, slots=True)
class Judgement:
    """What is decided about a trial at a rung."""

    why: Why
    rank: int = 0  # among the trials at this rung, 1 the best
    peers: int = 0  # trials at this rung, itself included

    @property
    def goes_on(self) -> bool:
        return self.why not in (Why.BEHIND, Why.BROKEN)


def rungs(longest: float, settings: HalvingSettings | None = None, *, warmup: float = 0.0) -> tuple[float, ...]:
    """The epochs at which trials are judged, the first first; the end is none of them.

    Args:
        longest: epochs of a trial that goes to the end.
        warmup: epochs of warm-up.

    Example:
        >>> rungs(27), rungs(18), rungs(2)
        ((1.0, 3.0, 9.0), (2.0, 6.0), ())
    """
    chosen = settings or HalvingSettings()
    first = max(chosen.first_epochs, chosen.first_warmups * warmup)
    found: list[float] = []
    rung = longest / chosen.factor
    while rung >= first - 1e-9:
        found.append(rung)
        rung /= chosen.factor
    return tuple(reversed(found))


def data_rungs(longest: float, samples: int, batch: int, settings: HalvingSettings | None = None) -> tuple[float, ...]:
    """The rungs of halving over the data: at each, trials are judged that trained on a share of the samples.

    A rung is told in epochs over all samples, as those of halving over epochs are: a third of the longest is a third of
    the samples, gone through as often as all of them would be.

    Args:
        samples: in the training split.
        batch: the largest minibatch of any trial; a share holds two of them at least.

    Example:
        >>> data_rungs(27, samples=9000, batch=32), data_rungs(27, samples=500, batch=32)
        ((1.0, 3.0, 9.0), ())
    """
    chosen = settings or HalvingSettings()
    least = max(chosen.first_samples, 2 * batch) / samples
    found: list[float] = []
    share = 1 / chosen.factor
    while share >= least - 1e-9:
        found.append(longest * share)
        share /= chosen.factor
    return tuple(reversed(found))


def judge(
    course: Course,
    rung: float,
    others: Sequence[Course],
    *,
    longest: float,
    seed: int,
    settings: HalvingSettings | None = None,
    kept: Mapping[int, Why] | None = None,
) -> Judgement:
    """Whether a trial that has come to a rung goes on.

    Args:
        course: the trial.
        rung: the epoch.
        others: the other trials of the search; those that have not come to this rung, or follow another schedule, say
            nothing.
        longest: epochs of a trial that goes to the end.
        seed: of the choice of witnesses.
        kept: why the others went on at this rung, as far as they were judged; so many slow starters are kept and no
            more.
    """
    chosen = settings or HalvingSettings()
    own = course.at(rung)
    if course.is_broken or own is None or not math.isfinite(own):
        return Judgement(Why.BROKEN)
    peers = [o for o in others if o.number != course.number and o.schedule == course.schedule]
    scores = [s for o in peers if (s := o.at(rung)) is not None]
    scores += [math.inf for o in peers if o.is_broken and o.at(rung) is None]  # they broke before it: evidence
    rank = 1 + sum(score < own for score in scores if not math.isnan(score))
    n = 1 + len(scores)
    if n < chosen.factor:
        return Judgement(Why.FEW, rank, n)
    if rank <= max(1, math.floor(n / chosen.factor)):
        return Judgement(Why.AHEAD, rank, n)
    slow = sum(why is Why.HEADING for why in (kept or {}).values())
    if slow + 1 <= max(1.0, chosen.guard_share_most * n) and _is_heading_there(course, rung, peers, longest, chosen):
        return Judgement(Why.HEADING, rank, n)
    if is_witness(course.number, seed, chosen):
        return Judgement(Why.WITNESS, rank, n)
    return Judgement(Why.BEHIND, rank, n)


def judge_together(
    arrived: Sequence[Course],
    rung: float,
    others: Sequence[Course],
    *,
    longest: float,
    seed: int,
    settings: HalvingSettings | None = None,
) -> dict[int, Judgement]:
    """The synchronous form: trials that have come to a rung together, judged among each other and those before them.

    The best are judged first, so that of the slow starters the nearest ones are kept.
    """
    order = sorted(arrived, key=lambda c: (c.at(rung) is None, c.at(rung) if c.at(rung) is not None else 0, c.number))
    everyone = [*arrived, *others]
    kept: dict[int, Why] = {}
    found: dict[int, Judgement] = {}
    for course in order:
        found[course.number] = judge(course, rung, everyone, longest=longest, seed=seed, settings=settings, kept=kept)
        kept[course.number] = found[course.number].why
    return found


def is_witness(number: int, seed: int, settings: HalvingSettings | None = None) -> bool:
    """Whether a trial runs to the end whatever the rungs say: by its number alone, so that the sample is fair."""
    share = (settings or HalvingSettings()).witness_share
    return (mixed(seed, PROPOSAL, 3, number) >> 10) / 2.0**53 < share


def _is_heading_there(
    course: Course, rung: float, peers: Sequence[Course], longest: float, settings: HalvingSettings
) -> bool:
    """Whether the slope of the curve's second half, projected to the end, reaches the incumbent.

    The slope is taken against the logarithm of the epoch: curves flatten, and a straight line in epochs would promise
    the moon to every beginner.
    """
    points = [(e, s) for e, s in zip(course.epochs, course.scores, strict=True) if 0 < e <= rung * (1 + 1e-9)]
    points = [(e, s) for e, s in points if math.isfinite(s) and e >= rung / 4]
    best = min((o.last for o in peers if not o.is_broken), default=math.inf)
    if len(points) < settings.guard_points or not math.isfinite(best):
        return False
    x = np.log([e for e, _ in points])
    y = np.array([s for _, s in points])
    slopes = [(y[j] - y[i]) / (x[j] - x[i]) for i in range(len(x)) for j in range(i + 1, len(x))]
    slope = float(np.median(slopes))
    if slope >= 0:
        return False
    level = float(np.median(y - slope * x))
    spread = 1.4826 * float(np.median(np.abs(y - slope * x - level)))
    return level + slope * math.log(longest) <= best + settings.guard_sigmas * spread


def agreement(
    courses: Sequence[Course], rung: float, settings: HalvingSettings | None = None
) -> tuple[float, int] | None:
    """The rank correlation between the scores at a rung and at the end, over the trials that went to the end.

    Trials that were ahead are all there, of the doomed ones only the witnesses; so each of these counts for all that
    it stands for. Without them the correlation would be one among the best alone, where chance orders.

    Returns:
        The correlation and the number of trials behind it; None where these, or the witnesses, are too few.
    """
    chosen = settings or HalvingSettings()
    whole = [c for c in courses if c.has_ended and not c.is_broken and c.at(rung) is not None and math.isfinite(c.last)]
    if len(whole) < chosen.agreement_trials_least:
        return None
    here = [c for c in courses if (s := c.at(rung)) is not None and math.isfinite(s)]
    ranks = {c.number: i for i, c in enumerate(sorted(here, key=lambda c: (c.at(rung), c.number)))}
    ahead = max(1, math.floor(len(here) / chosen.factor))
    witnesses = np.array([c.is_witness and ranks[c.number] >= ahead for c in whole])
    if witnesses.sum() < chosen.witnesses_least:
        return None
    others = sum(not c.is_witness and ranks[c.number] >= ahead for c in whole)  # slow starters, early comers
    weights = np.where(witnesses, max(1.0, (len(here) - ahead - others) / witnesses.sum()), 1.0)
    first = _weighted_ranks(np.array([c.at(rung) for c in whole], dtype=float), weights)
    last = _weighted_ranks(np.array([c.last for c in whole]), weights)
    return _correlation(first, last, weights), len(whole)


def _weighted_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weight that lies below each value, half of its own and its equals' included."""
    below = np.array([weights[values < v].sum() for v in values])
    equal = np.array([weights[values == v].sum() for v in values])
    return below + equal / 2


def _correlation(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> float:
    w = weights / weights.sum()
    a, b = a - w @ a, b - w @ b
    spread = math.sqrt(float(w @ a**2) * float(w @ b**2))
    return float(w @ (a * b)) / spread if spread > 0 else 0.0


def moved_later(
    planned: Sequence[float], courses: Sequence[Course], settings: HalvingSettings | None = None
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """The rungs that can be believed: the first ones go where their ranks are not those of the end.

    Returns:
        The rungs that are left, and a sentence for each that went.
    """
    chosen = settings or HalvingSettings()
    left, said = list(planned), []
    while left:
        seen = agreement(courses, left[0], chosen)
        if seen is None or seen[0] >= chosen.agreement_least:
            break
        later = f"trials are judged from epoch {left[1]:.3g} on" if len(left) > 1 else "no trial is ended early"
        said.append(
            f"The ranks at epoch {left[0]:.3g} are not those of the end (correlation {seen[0]:.2f} over {seen[1]} "
            f"trials, {chosen.agreement_least:g} is asked for): {later}."
        )
        left.pop(0)
    return tuple(left), tuple(said)


@dataclasses.dataclass(frozen=True, slots=True)
class HalvingPlan:
    """What halving is expected to cost."""

    rungs: tuple[float, ...]  # epochs
    trials: tuple[int, ...]  # that come to each rung, and last those that come to the end
    epochs: float  # of all trials together

    def __str__(self) -> str:
        steps = ", ".join(f"{n} to epoch {rung:.3g}" for n, rung in zip(self.trials, self.rungs, strict=False))
        return f"{steps}, {self.trials[-1]} to the end" if steps else f"{self.trials[-1]} to the end"


def halving_plan(
    trials: int,
    longest: float,
    settings: HalvingSettings | None = None,
    *,
    warmup: float = 0.0,
    steps: tuple[float, ...] | None = None,
    anew: bool = False,
) -> HalvingPlan:
    """How many trials come to each rung at most: the best third of those before, the slow starters that may be kept,
    and the witnesses among the others.

    Args:
        steps: the rungs, where they are not those of `rungs`.
        anew: whether a trial that goes on begins anew, and so costs all that it trains again.

    Example:
        >>> str(halving_plan(27, 27))
        '27 to epoch 1, 16 to epoch 3, 11 to epoch 9, 8 to the end'
    """
    chosen = settings or HalvingSettings()
    steps = rungs(longest, chosen, warmup=warmup) if steps is None else steps
    witnesses = chosen.witness_share * trials
    counts = [trials]
    ahead = float(trials)
    for _ in steps:
        ahead = max(1.0, math.floor(counts[-1] / chosen.factor))
        slow = math.floor(chosen.guard_share_most * counts[-1])
        counts.append(min(counts[-1], math.ceil(ahead + slow + witnesses * (1 - ahead / trials))))
    ends = (*steps, longest)
    went_on = [0] * len(counts) if anew else [*counts[1:], 0]
    epochs = sum((count - on) * end for count, on, end in zip(counts, went_on, ends, strict=True))
    return HalvingPlan(steps, tuple(counts), epochs)


def comparable(
    observations: Sequence[Observation], courses: Sequence[Course], longest: float | None
) -> tuple[Observation, ...]:
    """The trials with scores that can be compared: those that ended early get the score that they were heading for.

    A score at epoch 3 says how a trial did there. As evidence of where to search it counts as that score and what the
    trials that went to the end gained from there on, at the median; never as better than the best of these. Where none
    went to the end, those that came further stand before the others.

    Args:
        observations: any; those that were not ended early keep their scores.
        courses: of the trials.
        longest: epochs of a trial that goes to the end; None: unknown, then all scores stay.
    """
    short = [o for o in observations if longest is not None and _is_short(o, longest)]
    if not short:
        return tuple(observations)
    by_number = {course.number: course for course in courses}
    whole = [o for o in observations if o.score is not None and o not in short]
    best = min((o.score for o in whole if o.score is not None), default=-math.inf)
    told: dict[int, float] = {}
    for o in short:
        gains = [
            (w.score or 0.0) - at
            for w in whole
            if w.number in by_number and (at := by_number[w.number].at(o.epochs)) is not None and math.isfinite(at)
        ]
        if gains:
            told[o.number] = max((o.score or 0.0) + float(np.median(gains)), best + abs(best) * 1e-9)
    left = sorted((o for o in short if o.number not in told), key=lambda o: (-round(o.epochs, 6), o.score))
    worst = max((o.score for o in whole if o.score is not None), default=min(o.score or 0.0 for o in short))
    for place, o in enumerate(left):
        told[o.number] = worst + (abs(worst) * 1e-3 + 1e-9) * (place + 1)
    return tuple(dataclasses.replace(o, score=told[o.number]) if o.number in told else o for o in observations)


def _is_short(observation: Observation, longest: float) -> bool:
    return observation.status == "stopped" and observation.score is not None and observation.epochs < 0.98 * longest
