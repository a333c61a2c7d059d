"""Coarse to fine as a proposer: rounds of trials, each in the box that the trials before it make of the last one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.settings.rounds import RoundSettings
from goodfit.settings.search import SearchSettings
from goodfit.space import Space
from goodfit.space.scales import Limits
from goodfit.strategy.candidates import candidate_points, hull_of, untried
from goodfit.strategy.model import Model, can_model
from goodfit.strategy.next_space import NextSpace, next_space
from goodfit.strategy.observation import Observation
from goodfit.strategy.promising import most_promising
from goodfit.strategy.proposers import propose_in_boxes
from goodfit.strategy.sequences import Sobol
from goodfit.strategy.slopes import read_slopes
from goodfit.training.seeds import PROPOSAL, mixed


@dataclasses.dataclass(frozen=True)
class Round:
    """A part of the search with a box of its own."""

    number: int  # 1 is the coarse one
    first: int  # the place of its first trial in the search's order
    trials: int
    space: Space
    moved: NextSpace | None  # how the box came about; None in the first round


class CoarseToFine:
    """Rounds: evenly over the space first, then in boxes drawn in around what worked, and out over crowded borders.

    A round's trials are the next ones in the search's order, known points that were put in front included. The box of
    a round is made of all trials before it (`next_space`), the old ones kept; so it is proposed in only when all of
    these have ended, and every proposal depends on the seed and the trials before its round alone, whatever the
    workers' timing.

    Within a box, and now and then elsewhere in what was searched so far, a model of all trials picks the most
    promising of many draws (`most_promising`); a share of each round comes from the box before, picked by nobody, so
    that a model that errs is found out. From the third round on the borders are read off the model too
    (`read_slopes`), for trials that a model has sent somewhere prove nothing by being there.

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
        self._settings = settings or SearchSettings()
        self._round_settings = rounds or RoundSettings()
        self._limits = limits
        self._sigma, self._delta = sigma, delta
        self._known: list[tuple[Any, Round]] = []  # with the trials that each round's box was made of
        self._picked: dict[int, tuple[tuple[Observation, ...], list[dict[str, Any]]]] = {}  # by the round's number

    def rounds(self, history: Sequence[Observation]) -> tuple[Round, ...]:
        """The rounds whose boxes are known: all up to the first one that waits for trials."""
        found = [Round(1, 0, self.sizes[0], self.space, None)]
        for number, size in enumerate(self.sizes[1:], start=2):
            start = found[-1].first + found[-1].trials
            before = tuple(history[:start])
            if len(before) < start or any(o.is_pending for o in before):
                break
            found.append(self._round(number, start, size, found[-1].space, before))
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
        if current.moved is None:
            return Sobol(self.space, mixed(self.seed, PROPOSAL, 1)).propose(history, wanted)
        picked = self._picks(current, rounds, tuple(history[: current.first]))
        points = tuple(untried(picked, history, self.space)[:wanted])
        if len(points) < wanted:
            moved, before = current.moved, rounds[current.number - 2].space
            seed = mixed(self.seed, PROPOSAL, current.number)
            tried = [*history, *(Observation(-1, point, None, status="queued") for point in points)]
            points += propose_in_boxes(
                moved.boxes, moved.shares, before, wanted - len(points), seed, history=tried, first=len(picked)
            )
        return points

    def _picks(self, current: Round, rounds: Sequence[Round], known: tuple[Observation, ...]) -> list[dict[str, Any]]:
        """A round's trials, as far as a model picks them; none where there is too little for a model."""
        settings = self._settings
        if current.moved is None or not can_model(known, settings.promising_trials_least):
            return []
        made_of, picks = self._picked.get(current.number, ((), []))
        if picks and made_of == known:
            return picks
        moved, before = current.moved, rounds[current.number - 2].space
        seed = mixed(self.seed, PROPOSAL, current.number)
        hull = hull_of([r.space for r in rounds])
        elsewhere = round(moved.box.old_share * current.trials)
        candidates = candidate_points(
            (*moved.boxes, hull),
            (*moved.shares, settings.candidates_elsewhere),
            hull,
            known,
            settings,
            seed,
        )
        best = most_promising(Model(hull, known), candidates, current.trials - elsewhere)
        picks = [candidates[i] for i in best]
        tried = [*known, *(Observation(-1, point, None, status="queued") for point in picks)]
        picks += propose_in_boxes((), (), before, elsewhere, seed, history=tried)
        self._picked[current.number] = (known, picks)
        return picks

    def _round(self, number: int, first: int, size: int, space: Space, before: tuple[Observation, ...]) -> Round:
        for made_of, known in self._known:
            if known.number == number and made_of == before:
                return known
        rounds = self._round_settings
        settings = dataclasses.replace(self._settings, half_width_least=rounds.half_width_least)
        readings = None
        if number > 2 and can_model(before, settings.promising_trials_least):
            moved_before = {
                side
                for made_of, earlier in self._known
                if earlier.moved is not None and len(made_of) < len(before) and before[: len(made_of)] == made_of
                for side in earlier.moved.extended.moved
            }
            readings = read_slopes(
                Model(space, before), space, before, settings, limits=self._limits, moved=moved_before
            )
        moved = next_space(
            space,
            before,
            settings,
            sigma=self._sigma,
            delta=self._delta,
            limits=self._limits,
            seed=mixed(self.seed, PROPOSAL, 100 + number),
            readings=readings,
        )
        known = Round(number, first, size, moved.space, moved)
        self._known.append((before, known))
        return known


def round_sizes(trials: int, settings: RoundSettings | None = None) -> tuple[int, ...]:
    """How many trials each round has, the coarse one first.

    Example:
        >>> round_sizes(100), round_sizes(30), round_sizes(10)
        ((30, 8, 8, 8, 8, 8, 8, 8, 14), (9, 8, 13), (10,))
    """
    chosen = settings or RoundSettings()
    coarse = max(chosen.trials_least, round(chosen.coarse_share * trials))
    fine = max(chosen.trials_least, round(chosen.fine_share * trials))
    if trials < coarse + chosen.trials_least:
        return (trials,)
    rounds = max(1, (trials - coarse) // fine)
    sizes = [coarse, *[fine] * rounds]
    sizes[-1] += trials - sum(sizes)
    return tuple(sizes)
