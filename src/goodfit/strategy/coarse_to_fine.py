"""Coarse to fine as a proposer: rounds of trials, each in the box that the trials before it make of the last one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from goodfit.settings.rounds import RoundSettings
from goodfit.settings.search import SearchSettings
from goodfit.space import Space
from goodfit.strategy.next_space import NextSpace, next_space
from goodfit.strategy.observation import Observation
from goodfit.strategy.proposers import propose_in_boxes
from goodfit.strategy.sequences import Sobol
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

    Args:
        space: the first box.
        seed: of all draws.
        trials: of the whole search.
        settings: of the boxes.
        rounds: of the rounds' sizes.
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
        sigma: float | None = None,
        delta: float = 0.0,
    ) -> None:
        self.space = space
        self.seed = seed
        self.sizes = round_sizes(trials, rounds)
        self._settings = settings or SearchSettings()
        self._sigma, self._delta = sigma, delta
        self._known: list[tuple[Any, Round]] = []  # with the trials that each round's box was made of

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
        moved = current.moved
        before = rounds[current.number - 2].space
        seed = mixed(self.seed, PROPOSAL, current.number)
        return propose_in_boxes(moved.boxes, moved.shares, before, wanted, seed, history=history)

    def _round(self, number: int, first: int, size: int, space: Space, before: tuple[Observation, ...]) -> Round:
        for made_of, known in self._known:
            if known.number == number and made_of == before:
                return known
        moved = next_space(
            space,
            before,
            self._settings,
            sigma=self._sigma,
            delta=self._delta,
            seed=mixed(self.seed, PROPOSAL, 100 + number),
        )
        known = Round(number, first, size, moved.space, moved)
        self._known.append((before, known))
        return known


def round_sizes(trials: int, settings: RoundSettings | None = None) -> tuple[int, ...]:
    """How many trials each round has, the coarse one first.

    Example:
        >>> round_sizes(100), round_sizes(30), round_sizes(10)
        ((40, 15, 15, 15, 15), (12, 8, 10), (10,))
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
