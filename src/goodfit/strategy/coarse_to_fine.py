"""Coarse to fine as a proposer: rounds of trials, each in the box that the trials before it make of the last one."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.settings.rounds import RoundSettings
from goodfit.settings.search import SearchSettings
from goodfit.space import Space
from goodfit.space.scales import Limits
from goodfit.strategy.candidates import candidate_points, hull_of, spread_beyond, untried
from goodfit.strategy.good_set import by_score
from goodfit.strategy.model import Model, can_model
from goodfit.strategy.next_space import NextSpace, next_space
from goodfit.strategy.observation import Observation
from goodfit.strategy.promising import most_promising
from goodfit.strategy.proposers import propose_in_boxes
from goodfit.strategy.sequences import Sobol
from goodfit.strategy.slopes import read_first_round, read_slopes
from goodfit.training.seeds import PROPOSAL, mixed


@dataclasses.dataclass(frozen=True)
class Round:
    """A part of the search with a box of its own."""

    number: int  # from 1
    first: int  # the place of its first trial in the search's order
    trials: int
    space: Space
    moved: NextSpace | None  # how the box came about; None in the first round
    is_coarse: bool  # spread evenly over the whole space, or the part of it that an extension has added
    place: int  # among the coarse rounds, or among the fine ones, from 1


class CoarseToFine:
    """Rounds: evenly over the space first, then in boxes drawn in around what worked, and out over crowded borders.

    The coarse trials are spread evenly. Two thirds through them borders are looked at, so that a first box that missed
    does not cost all of them: the rest is spread over what an extension adds, or goes on as before where there is none.

    A round's trials are the next ones in the search's order, known points that were put in front included. The box of
    a round is made of all trials before it (`next_space`), the old ones kept; so it is proposed in only when all of
    these have ended, and every proposal depends on the seed and the trials before its round alone, whatever the
    workers' timing.

    Within a box, and now and then elsewhere in what was searched so far, a model of all trials picks the most
    promising of many draws (`most_promising`); a share of each round comes from the box before, picked by nobody, so
    that a model that errs is found out. Borders are those of all that was searched so far. After the first, even round
    they are counted and tested (`read_first_round`); later they are read off the model (`read_slopes`), for trials that
    a model has sent somewhere prove nothing by being there. A border that is crowded again moves twice as far.

    Args:
        space: the first box.
        seed: of all draws.
        trials: of the whole search.
        settings: of the boxes.
        rounds: of the rounds' sizes.
        limits: beyond which no range goes, by name, such as {"batch_size": (1, 512)}.
        sigma: the standard deviation of a score from seed to seed, where it is known.
        delta: the smallest difference of scores that counts.

    Source: recipe 4.2 to 4.4.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        trials: int,
        settings: SearchSettings | None = None,
        rounds: RoundSettings | None = None,
        *,
        limits: Mapping[str, Limits] | None = None,
        sigma: float | None = None,
        delta: float = 0.0,
    ) -> None:
        self.space = space
        self.seed = seed
        self.sizes = round_sizes(trials, rounds)
        self._coarse = len(coarse_sizes(trials, rounds))
        self._settings = settings or SearchSettings()
        self._round_settings = rounds or RoundSettings()
        self._limits = limits
        self._sigma, self._delta = sigma, delta
        self._known: list[tuple[Any, Round]] = []  # with the trials that each round's box was made of
        self._picked: dict[int, tuple[tuple[Observation, ...], list[dict[str, Any]]]] = {}  # by the round's number

    def rounds(self, history: Sequence[Observation]) -> tuple[Round, ...]:
        """The rounds whose boxes are known: all up to the first one that waits for trials."""
        found = [Round(1, 0, self.sizes[0], self.space, None, is_coarse=True, place=1)]
        for number, size in enumerate(self.sizes[1:], start=2):
            start = found[-1].first + found[-1].trials
            before = tuple(history[:start])
            if len(before) < start or any(o.is_pending for o in before):
                break
            found.append(self._round(number, start, size, found, before))
        return tuple(found)

    def propose(self, history: Sequence[Observation], n: int) -> tuple[dict[str, Any], ...]:
        """The next n of the round that is under way, none where the trials before it have not all ended."""
        rounds = self.rounds(history)
        place = len(history)
        current = next((r for r in reversed(rounds) if r.first <= place), rounds[0])
        left = current.first + current.trials - place
        if left <= 0 and current.number < len(self.sizes):
            return ()
        wanted = min(n, left) if current.number < len(self.sizes) else n  # whoever asks for more gets more
        picked = self._picks(current, rounds, tuple(history[: current.first]))
        points = tuple(untried(picked, history, self.space)[:wanted])
        if len(points) == wanted:
            return points
        tried = [*history, *(Observation(-1, point, None, status="queued") for point in points)]
        if current.moved is None or current.is_coarse:
            evenly = Sobol(current.space, mixed(self.seed, PROPOSAL, 1))
            return points + evenly.propose(tried, wanted - len(points))
        moved, before = current.moved, rounds[current.number - 2].space
        seed = mixed(self.seed, PROPOSAL, current.number)
        return points + propose_in_boxes(
            moved.boxes, moved.shares, before, wanted - len(points), seed, history=tried, first=len(picked)
        )

    def _picks(self, current: Round, rounds: Sequence[Round], known: tuple[Observation, ...]) -> list[dict[str, Any]]:
        """A round's trials that are chosen before it begins: what is new evenly, the others by the model."""
        if current.moved is None:
            return []
        made_of, picks = self._picked.get(current.number, ((), []))
        if not picks or made_of != known:
            picks = self._evenly_beyond(current, rounds, known)
            if not current.is_coarse and can_model(known, self._settings.promising_trials_least):
                picks = self._promising(current, rounds, known, picks)
            self._picked[current.number] = (known, picks)
        return picks

    def _evenly_beyond(
        self, current: Round, rounds: Sequence[Round], known: tuple[Observation, ...]
    ) -> list[dict[str, Any]]:
        """Trials in what an extension has added: nothing is known there, and a model has nothing to go by."""
        if current.moved is None or not current.moved.extended.moved:
            return []
        settings = self._round_settings
        share = 1.0 if current.is_coarse else settings.extended_share
        searched = hull_of([r.space for r in rounds[: current.number - 1]])
        seed = mixed(self.seed, PROPOSAL, 200 + current.number)
        return spread_beyond(current.space, searched, round(share * current.trials), seed, known)

    def _promising(
        self, current: Round, rounds: Sequence[Round], known: tuple[Observation, ...], chosen: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """A fine round's trials with those that the model picks, and a few from the box before that nobody does."""
        if current.moved is None:
            return chosen
        settings, moved, before = self._settings, current.moved, rounds[current.number - 2].space
        seed = mixed(self.seed, PROPOSAL, current.number)
        hull = hull_of([r.space for r in rounds[: current.number]])
        left = current.trials - len(chosen)
        elsewhere = round(moved.box.old_share * left)
        tried = [*known, *(Observation(-1, point, None, status="queued") for point in chosen)]
        candidates = candidate_points(
            (*moved.boxes, hull), (*moved.shares, settings.candidates_elsewhere), hull, tried, settings, seed
        )
        best = most_promising(Model(hull, known), candidates, left - elsewhere)
        picks = chosen + [candidates[i] for i in best]
        tried = [*known, *(Observation(-1, point, None, status="queued") for point in picks)]
        return picks + list(propose_in_boxes((), (), before, elsewhere, seed, history=tried))

    def _round(
        self, number: int, first: int, size: int, earlier: Sequence[Round], before: tuple[Observation, ...]
    ) -> Round:
        for made_of, known in self._known:
            if known.number == number and made_of == before:
                return known
        is_coarse = number <= self._coarse
        rounds = self._round_settings
        settings = dataclasses.replace(self._settings, half_width_least=rounds.half_width_least)
        searched = hull_of([round_.space for round_ in earlier])
        moves = Counter(side for round_ in earlier if round_.moved for side in round_.moved.extended.moved)
        seed = mixed(self.seed, PROPOSAL, 100 + number)
        readings = None
        if can_model(before, settings.promising_trials_least):
            model = Model(searched, before)
            if all(round_.is_coarse for round_ in earlier) and not moves:
                readings = read_first_round(model, searched, before, settings, limits=self._limits, seed=seed)
            else:
                half = by_score(before)[: len(before) // 2]
                better = Model(searched, half) if can_model(half, settings.slope_better_least) else None
                readings = read_slopes(
                    model, searched, before, settings, better=better, limits=self._limits, moved=moves
                )
        moved = next_space(
            earlier[-1].space,
            before,
            settings,
            sigma=self._sigma,
            delta=self._delta,
            limits=self._limits,
            seed=seed,
            readings=readings,
            searched=searched,
            steps={side: 1 + count for side, count in moves.items()},
            held=earlier[-1].moved.extended.moved if earlier[-1].moved else (),
            is_narrowed=not is_coarse,
        )
        place = number if is_coarse else number - self._coarse
        known = Round(number, first, size, moved.space, moved, is_coarse, place)
        self._known.append((before, known))
        return known


def round_sizes(trials: int, settings: RoundSettings | None = None) -> tuple[int, ...]:
    """How many trials each round has, the coarse ones first.

    Example:
        >>> round_sizes(100), round_sizes(30), round_sizes(10)
        ((20, 10, 8, 8, 8, 8, 8, 8, 8, 14), (9, 8, 13), (10,))
    """
    chosen = settings or RoundSettings()
    coarse = coarse_sizes(trials, chosen)
    left = trials - sum(coarse)
    if not left:
        return coarse
    fine = max(chosen.trials_least, round(chosen.fine_share * trials))
    rounds = max(1, left // fine)
    return (*coarse, *[fine] * (rounds - 1), left - fine * (rounds - 1))


def coarse_sizes(trials: int, settings: RoundSettings | None = None) -> tuple[int, ...]:
    """How many trials come before borders are first looked at, and how many after, of those spread evenly."""
    chosen = settings or RoundSettings()
    coarse = max(chosen.trials_least, round(chosen.coarse_share * trials))
    if trials < coarse + chosen.trials_least:
        return (trials,)
    if coarse < 2 * chosen.trials_least:
        return (coarse,)
    first = round(chosen.coarse_look * coarse)
    return (first, coarse - first)
