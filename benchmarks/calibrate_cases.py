"""The made-up studies of `calibrate.py`: null ones, in which nothing matters, and ones with a planted truth."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from goodfit.settings.search import SearchSettings
from goodfit.space import Space, choice, integer, linear, log
from goodfit.strategy.borders import read_borders
from goodfit.strategy.choosing import Candidate, choose_among_repeats
from goodfit.strategy.coarse_to_fine import CoarseToFine
from goodfit.strategy.extending import extend_borders
from goodfit.strategy.importance import importances
from goodfit.strategy.isolation import Answer, answer
from goodfit.strategy.narrowing import next_box
from goodfit.strategy.noise import adopt, shrunk_best, sigma_from_fit
from goodfit.strategy.observation import Observation
from goodfit.strategy.proposers import Random
from goodfit.strategy.questions import InTurns, ask
from goodfit.strategy.sequences import Sobol
from goodfit.strategy.trials import findings_of_trials

Score = Callable[[Mapping[str, Any], np.random.Generator], float | None]
FEW = SearchSettings(border_permutations=400)  # a coarser p value, at half the time; the rate is the same


@dataclasses.dataclass(frozen=True)
class Case:
    """A rule held against made-up studies: `look(seed)` says whether it fired on one, or in each of its rounds."""

    name: str
    about: str  # the studies
    goal: str
    look: Callable[[int], bool | list[bool]]
    rounds: int | None = None  # at most so many, where a study is dear


def box(dimensions: int) -> Space:
    """Ranges of several kinds, by turns logarithmic, linear and of few levels."""
    scales: dict[str, Any] = {}
    for i in range(dimensions):
        scales[f"x{i}"] = (log(1e-4, 1e-1), linear(2.0, 8.0), log(1e-3, 10.0), integer(1, 6))[i % 4]
    return Space(**scales)


def tried(points: Sequence[Mapping[str, Any]], score: Score, seed: int) -> list[Observation]:
    generator = np.random.default_rng([seed, 7])
    found = []
    for number, point in enumerate(points):
        value = score(point, generator)
        found.append(Observation(number, point, value, status="done" if value is not None else "diverged"))
    return found


def study(space: Space, score: Score, n: int, seed: int, even: bool = False) -> list[Observation]:
    proposer = Sobol(space, seed) if even else Random(space, seed)
    return tried(proposer.propose((), n), score, seed)


def noise(point: Mapping[str, Any], generator: np.random.Generator) -> float:
    return float(generator.standard_normal())


def valley(space: Space, at: Mapping[str, float], sigma: float, cliff: tuple[str, float] | None = None) -> Score:
    """Rises with the square of the distance from `at` (places, which may lie outside); diverges beyond a cliff."""

    def score(point: Mapping[str, Any], generator: np.random.Generator) -> float | None:
        places = {k: space[k].scale.to_unit(point[k]) for k in at}
        if cliff is not None and space[cliff[0]].scale.to_unit(point[cliff[0]]) > cliff[1]:
            return None
        return sum((places[k] - at[k]) ** 2 for k in at) + sigma * float(generator.standard_normal())

    return score


# --- borders -----------------------------------------------------------------------------------------------------


def flat_border(dimensions: int, n: int, even: bool = False) -> Callable[[int], bool]:
    space = box(dimensions)
    return lambda seed: any(r.flagged for r in read_borders(space, study(space, noise, n, seed, even), FEW, seed=seed))


def flat_rounds(dimensions: int, n: int) -> Callable[[int], list[bool]]:
    """Every round of a whole coarse-to-fine search on a flat space."""

    def look(seed: int) -> list[bool]:
        proposer = CoarseToFine(box(dimensions), seed, n, FEW)
        history = driven(proposer, noise, n, seed)
        return [bool(r.moved.extended.moved) for r in proposer.rounds(history) if r.moved is not None]

    return look


def driven(proposer: CoarseToFine, score: Score, n: int, seed: int) -> list[Observation]:
    generator = np.random.default_rng([seed, 11])
    history: list[Observation] = []
    while len(history) < n:
        for point in proposer.propose(history, n - len(history)):
            history.append(Observation(len(history), point, score(point, generator)))
    return history


def beyond(dimensions: int, n: int, out: float, sigma: float) -> Callable[[int], bool]:
    """The optimum of the first dimension lies `out` of a width past its upper end."""
    space = box(dimensions)
    score = valley(space, {"x0": 1 + out, **{f"x{i}": 0.5 for i in range(1, dimensions)}}, sigma)

    def look(seed: int) -> bool:
        readings = read_borders(space, study(space, score, n, seed), FEW, seed=seed)
        return any(r.flagged and r.key == "x0" and r.side == "high" for r in readings)

    return look


def lectures_case(seed: int) -> bool:
    """lr = 10^U(-6, -3), the best near 1e-3, its upper end; the regularisation over ten decades."""
    space = Space(lr=log(1e-6, 1e-3), reg=log(1e-5, 1e5))

    def score(point: Mapping[str, Any], generator: np.random.Generator) -> float:
        lr, reg = math.log10(point["lr"]), math.log10(point["reg"])
        accuracy = 0.52 - 0.06 * (lr + 3) ** 2 - 0.03 * max(reg - 0.5, 0.0) ** 2
        return -max(accuracy, 0.1) + 0.01 * float(generator.standard_normal())

    readings = read_borders(space, study(space, score, 100, seed), FEW, seed=seed)
    return any(r.flagged and r.key == "lr" and r.side == "high" for r in readings)


def cliff_is_extended(dimensions: int, n: int, at: float) -> Callable[[int], bool]:
    """Trials get better up to a stability limit inside the range: extending it would be wrong."""
    space = box(dimensions)
    score = valley(space, {"x0": 1.1, **{f"x{i}": 0.5 for i in range(1, dimensions)}}, 0.02, ("x0", at))

    def look(seed: int) -> bool:
        return "x0:high" in extend_borders(space, study(space, score, n, seed), FEW, seed=seed).moved

    return look


# --- the next box ------------------------------------------------------------------------------------------------


def optimum_is_kept(dimensions: int, n: int, sigma: float) -> Callable[[int], bool]:
    """Whether the true optimum still lies in the next box."""
    space = box(dimensions)

    def look(seed: int) -> bool:
        places = np.random.default_rng([seed, 3]).uniform(0.1, 0.9, dimensions)
        at = {f"x{i}": float(place) for i, place in enumerate(places)}
        if dimensions > 3:
            at["x3"] = (int(at["x3"] * 6) + 0.5) / 6  # on a level
        trials = study(space, valley(space, at, sigma), n, seed, even=True)
        after = next_box(space, trials, sigma=sigma, seed=seed).space
        return after.contains(space.from_units(at))

    return look


def splits_flat_box(dimensions: int, n: int) -> Callable[[int], bool]:
    space = box(dimensions)
    return lambda seed: len(next_box(space, study(space, noise, n, seed), seed=seed).boxes) > 1


def splits_two_valleys(n: int) -> Callable[[int], bool]:
    space = Space(x0=log(1e-4, 1e-1), x1=linear(0.0, 1.0))

    def score(point: Mapping[str, Any], generator: np.random.Generator) -> float:
        place = space["x0"].scale.to_unit(point["x0"])
        return min(abs(place - 0.1), abs(place - 0.9)) + 0.02 * float(generator.standard_normal())

    return lambda seed: len(next_box(space, study(space, score, n, seed, even=True), seed=seed).boxes) > 1


def correlated_by_chance(n: int) -> Callable[[int], bool]:
    space = box(2)
    return lambda seed: bool(next_box(space, study(space, noise, n, seed), seed=seed).correlations)


# --- importance --------------------------------------------------------------------------------------------------


def matters_by_chance(dimensions: int, n: int) -> Callable[[int], bool]:
    """The last dimension does nothing, the first does."""
    space = box(dimensions)
    score = valley(space, {"x0": 0.6}, 0.05)
    settings = SearchSettings()

    def look(seed: int) -> bool:
        return importances(space, study(space, score, n, seed), settings, seed)[-1].matters(settings)

    return look


def interval_covers_zero(dimensions: int, n: int) -> Callable[[int], bool]:
    space = box(dimensions)
    score = valley(space, {"x0": 0.6}, 0.05)

    def look(seed: int) -> bool:
        last = importances(space, study(space, score, n, seed), seed=seed)[-1]
        return last.low <= 0 <= last.high

    return look


def named_insensitive(dimensions: int, n: int) -> Callable[[int], bool]:
    space = box(dimensions)
    score = valley(space, {"x0": 0.6}, 0.05)

    def look(seed: int) -> bool:
        findings = next_box(space, study(space, score, n, seed), seed=seed).findings
        return any(f.kind == "insensitive" and f.where == f"x{dimensions - 1}" for f in findings)

    return look


def useful_first(dimensions: int, n: int) -> Callable[[int], bool]:
    space = box(dimensions)
    score = valley(space, {"x0": 0.6}, 0.05)

    def look(seed: int) -> bool:
        found = importances(space, study(space, score, n, seed), seed=seed)
        return max(found, key=lambda one: one.share).key == "x0" and found[0].matters(SearchSettings())

    return look


# --- noise -------------------------------------------------------------------------------------------------------


def shrunk_covers(n: int) -> Callable[[int], bool]:
    """Whether the shrunk best of n equal trials lies nearer the truth than the best itself does."""

    def look(seed: int) -> bool:
        scores = np.random.default_rng(seed).standard_normal(n).tolist()
        return abs(shrunk_best(scores, 1.0)) < abs(min(scores))

    return look


def adopted(gain: float, seeds: int, complex_: bool) -> Callable[[int], bool]:
    """A change that gains so many standard deviations of a seed."""

    def look(seed: int) -> bool:
        generator = np.random.default_rng(seed)
        old, new = generator.standard_normal((2, seeds))
        return adopt((new - gain).tolist(), old.tolist(), 1.0, adds_complexity=complex_).adopt

    return look


def lucky_is_demoted(rivals: int, seeds: int) -> Callable[[int], bool]:
    """One trial looked best by luck; repeated, a truly better one (by two standard deviations) is to be taken."""

    def look(seed: int) -> bool:
        generator = np.random.default_rng(seed)
        truth = [2.0] + [0.0] + [1.0] * (rivals - 2)
        candidates = [
            Candidate(i, {"x": i}, tuple((t + generator.standard_normal(seeds)).tolist())) for i, t in enumerate(truth)
        ]
        return choose_among_repeats(candidates).index != 0

    return look


def fit_is_near(n: int) -> Callable[[int], bool]:
    """The noise read off a smooth fit lies within a factor of two of the truth."""
    space = box(2)
    score = valley(space, {"x0": 0.6, "x1": 0.4}, 0.02)

    def look(seed: int) -> bool:
        found = sigma_from_fit(space, study(space, score, n, seed, even=True))
        return found is not None and 0.01 <= found.sigma <= 0.04

    return look


def many_infeasible(share: float, n: int) -> Callable[[int], bool]:
    space = box(2)

    def look(seed: int) -> bool:
        generator = np.random.default_rng(seed)
        trials = study(space, lambda p, g: None if generator.random() < share else 0.0, n, seed)
        return any(f.kind == "many-infeasible-trials" for f in findings_of_trials(space, trials))

    return look


# --- questions ---------------------------------------------------------------------------------------------------


def questioned(values: int, n: int, gap: float) -> Callable[[int], Answer]:
    """Optimizers of which all but the last are equal, and the last is worse by `gap`; the rate is tuned for each."""
    names = ["sgd", "adam", "adamw", "rmsprop"][:values]
    space = Space(lr=log(1e-5, 1.0), reg=linear(0.0, 1.0), optimizer=choice(*names))
    rates = dict(zip(names, (0.7, 0.4, 0.5, 0.45), strict=False))

    def score(point: Mapping[str, Any], generator: np.random.Generator) -> float | None:
        place = (math.log10(point["lr"]) + 5) / 5
        if place > rates[point["optimizer"]] + 0.25:
            return None
        value = (place - rates[point["optimizer"]]) ** 2 + 0.1 * (point["reg"] - 0.3) ** 2
        return value + gap * (point["optimizer"] == names[-1]) + 0.005 * float(generator.standard_normal())

    def look(seed: int) -> Answer:
        question = ask(space, "optimizer")
        return answer(question, tried(InTurns(question, seed).propose((), values * n), score, seed), seed=seed)

    return look


def any_worse(values: int, n: int) -> Callable[[int], bool]:
    asked = questioned(values, n, 0.0)
    return lambda seed: bool(asked(seed).worse)


def last_is_worse(values: int, n: int, gap: float) -> Callable[[int], bool]:
    asked = questioned(values, n, gap)
    return lambda seed: asked(seed).worse == (["sgd", "adam", "adamw", "rmsprop"][values - 1],)


def _cases() -> Iterator[Case]:
    for dimensions in (1, 2, 4, 8):
        for n in (12, 40, 100):
            about = f"flat, noisy; {dimensions} hyperparameters, {n} trials"
            yield Case("border: false alarm in a round", about, "< 5 %", flat_border(dimensions, n))
    for n in (16, 64):
        about = f"flat, noisy; 4 hyperparameters, {n} even (Sobol) trials"
        yield Case("border: false alarm in a round", about, "< 5 %", flat_border(4, n, even=True))
    for dimensions, n in ((2, 60), (6, 60), (9, 100)):
        about = f"flat, noisy; {dimensions} hyperparameters, the rounds of coarse-to-fine searches of {n}"
        yield Case("border: false alarm in a search's round", about, "< 5 %", flat_rounds(dimensions, n))
    for dimensions, n in ((1, 12), (2, 20), (2, 40), (4, 40), (8, 100)):
        about = f"best a third of a width past the end; {dimensions} hyperparameters, {n} trials"
        yield Case("border: seen", about, "high", beyond(dimensions, n, 1 / 3, 0.05))
    yield Case("border: seen", "the lecture's: 100 trials, the best rate at its upper end", "> 95 %", lectures_case)
    for at in (0.7, 0.85):
        about = f"better up to a stability limit at {at:.0%} of the range; 2 hyperparameters, 40 trials"
        yield Case("border: extended past a cliff", about, "< 5 %", cliff_is_extended(2, 40, at))

    for dimensions, n in ((1, 12), (2, 16), (2, 40), (4, 40)):
        about = f"a valley; {dimensions} hyperparameters, {n} trials"
        yield Case("next box: keeps the optimum", about, "> 90 %", optimum_is_kept(dimensions, n, 0.02))
    yield Case("next box: split", "flat, noisy; 2 hyperparameters, 40 trials", "< 5 %", splits_flat_box(2, 40))
    yield Case("next box: split", "two equal valleys; 2 hyperparameters, 40 trials", "high", splits_two_valleys(40))
    yield Case("next box: pair noted", "flat, noisy; 2 hyperparameters, 40 trials", "< 5 %", correlated_by_chance(40))

    for dimensions, n in ((2, 12), (2, 40), (4, 40), (8, 60)):
        about = f"one useful, {dimensions - 1} useless; {n} trials"
        yield Case("importance: useless one matters", about, "10 %", matters_by_chance(dimensions, n))
        yield Case("importance: useless one's interval covers 0", about, "90 %", interval_covers_zero(dimensions, n))
        yield Case("importance: useless one named insensitive", about, "90 %", named_insensitive(dimensions, n))
        yield Case("importance: useful one first, and matters", about, "high", useful_first(dimensions, n))

    for n in (10, 50):
        yield Case("winner's curse: shrunk is nearer", f"{n} equal trials", "high", shrunk_covers(n))
    yield Case("adoption: any gain, no added complexity", "no gain; 3 seeds each", "25 %", adopted(0.0, 3, False))
    yield Case("adoption: clear gain", "no gain; 3 seeds each", "2.5 %", adopted(0.0, 3, True))
    yield Case("adoption: clear gain", "a gain of 2 σ; 3 seeds each", "high", adopted(2.0, 3, True))
    yield Case("adoption: clear gain", "a gain of 2 σ; 5 seeds each", "high", adopted(2.0, 5, True))
    yield Case("winner: lucky one is demoted", "5 candidates, 3 fresh seeds", "> 95 %", lucky_is_demoted(5, 3))
    yield Case("noise: a fit is within a factor of 2", "a valley; 40 trials", "high", fit_is_near(40))
    yield Case("many infeasible trials", "a quarter diverges; 16 trials", "< 5 %", many_infeasible(0.25, 16))
    yield Case("many infeasible trials", "three quarters diverge; 16 trials", "> 95 %", many_infeasible(0.75, 16))

    for values, n in ((2, 10), (2, 25), (4, 15)):
        about = f"{values} equal optimizers, {n} trials each"
        yield Case("question: an equal one called worse", about, "< 5 %", any_worse(values, n), 500)
        about = f"{values} optimizers, {n} trials each, the last worse by 8 σ"
        yield Case("question: the worse one called worse", about, "high", last_is_worse(values, n, 0.04), 500)


CASES = tuple(_cases())
