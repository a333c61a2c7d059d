"""What a search is asked for: checked at the border, kept with the study, and told before anything is spent."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from goodfit.errors import SettingsError
from goodfit.settings import Settings
from goodfit.space import Space
from goodfit.strategy.coarse_to_fine import CoarseToFine, round_sizes
from goodfit.strategy.grids import findings_of_grid, grid_levels, grid_price
from goodfit.strategy.halving import halving_plan
from goodfit.strategy.proposers import Proposer
from goodfit.strategy.registry import PROPOSERS, make_proposer

OPTUNA: Mapping[str, str] = {
    "tpe": "Optuna's tree of Parzen estimators: model-based, for few trials and mixed spaces",
    "gp": "Optuna's Gaussian process: model-based, for few dear trials over numbers",
    "cmaes": "Optuna's CMA-ES: for hundreds of cheap trials over numbers",
}
# A strategy that is a way to propose and a way to end early.
PRESETS: Mapping[str, tuple[str, str]] = {"halving": ("sobol", "halving"), "asha": ("sobol", "asha")}
EARLY = ("none", "halving", "data-halving", "asha")
STRATEGIES: Mapping[str, str] = {
    **{name: about for name, (_, _, about) in PROPOSERS.items()},
    **OPTUNA,
    "halving": "sobol, with successive halving over epochs",
    "asha": "sobol, with asynchronous successive halving over epochs",
}


@dataclasses.dataclass(frozen=True, slots=True)
class SearchOptions:
    """Kept with the study, so that a resumed search asks for the same."""

    strategy: str  # a name, or the name of a proposer's class
    trials: int | None
    epochs: float | None
    budget_seconds: float | None
    early: str = "none"
    levels: int | None = None
    direction: str = "min"
    metric: str | None = None


def read_strategy(strategy: Any, early: str | None) -> tuple[str | Proposer, str]:
    """A strategy's name (or the user's own proposer) and the way to end early.

    Raises:
        SettingsError: there is no such strategy or way, or the object proposes nothing.
    """
    if early is not None and early not in EARLY:
        raise SettingsError(f"early is one of {', '.join(EARLY)}, got {early!r}.")
    if isinstance(strategy, str):
        if strategy not in STRATEGIES:
            near = difflib.get_close_matches(strategy, STRATEGIES, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise SettingsError(f"There is no strategy {strategy!r}.{hint} There are {', '.join(STRATEGIES)}.")
        proposing, ending = PRESETS.get(strategy, (strategy, None))
        return proposing, early or ending or "none"
    if isinstance(strategy, type) or not callable(getattr(strategy, "propose", None)):
        raise SettingsError(
            f"strategy is a name ({', '.join(STRATEGIES)}) or an object with propose(history, n), got {strategy!r}."
        )
    return strategy, early or "none"


def check_numbers(trials: Any, epochs: Any, workers: Any, levels: Any = None) -> None:
    """Raises:
    SettingsError: a number is not one, or too small.
    """
    for name, value, least in (("trials", trials, 1), ("workers", workers, 0), ("levels", levels, 2)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            raise SettingsError(f"{name} is a whole number of {least} or more, got {value!r}.")
    if epochs is not None and (isinstance(epochs, bool) or not isinstance(epochs, (int, float)) or not epochs > 0):
        raise SettingsError(f"epochs must be above 0, got {epochs!r}.")


def make(strategy: str | Proposer, space: Space, options: SearchOptions, seed: int, settings: Settings) -> Proposer:
    """The proposer that a strategy names; the user's own as it is.

    Raises:
        SettingsError: a model-based strategy, and Optuna is not installed.
    """
    if not isinstance(strategy, str):
        return strategy
    if strategy in OPTUNA:
        from goodfit.integrations.optuna import OptunaProposer

        return OptunaProposer(space, strategy, seed)
    trials = options.trials or settings.rounds.trials
    if strategy == "grid":
        return make_proposer("grid", space, levels=options.levels or grid_levels(space, trials))
    if strategy == "coarse-to-fine":
        return CoarseToFine(space, seed, trials, settings.search, settings.rounds)
    return make_proposer(strategy, space, seed=seed)


def grid_size(space: Space, options: SearchOptions, settings: Settings) -> tuple[int, int]:
    """How many cells a grid has, and its levels."""
    levels = options.levels or grid_levels(space, options.trials or settings.rounds.trials)
    return sum(1 for _ in space.points(levels)), levels


def told_plan(space: Space, options: SearchOptions, settings: Settings, slots: int) -> list[str]:
    """What will be run, in sentences, before anything is."""
    trials = options.trials or settings.rounds.trials
    each = f" of {options.epochs:g} epochs" if options.epochs else ""
    at_once = f", {slots} at a time" if slots else ""
    lines = []
    if options.strategy == "grid":
        count, levels = grid_size(space, options, settings)
        lines.append(str(grid_price(space, levels, options.epochs or 1.0, None, max(slots, 1))))
        lines += [f"{f.message} {f.action}" for f in findings_of_grid(space, levels, settings.search)]
        trials = count
    if options.early == "data-halving" and options.epochs:
        lines.append(
            f"{trials} trials{each} by {options.strategy}, halved over the data: first on few samples, the best third "
            "of those that came so far anew on three times as many."
        )
    elif options.early != "none" and options.epochs:
        plan = halving_plan(trials, options.epochs, settings.halving)
        whole = trials * options.epochs
        if options.strategy == "coarse-to-fine" and len(sizes := round_sizes(trials, settings.rounds)) > 1:
            lines.append(f"Rounds of {', '.join(map(str, sizes))} trials, each in the box that those before it make.")
        lines.append(
            f"{trials} trials by {options.strategy}, ended early by {options.early}: {plan}; {plan.epochs:.0f} "
            f"epochs at most, of {whole:.0f} without early ends{at_once}."
        )
    elif options.strategy == "coarse-to-fine":
        sizes = round_sizes(trials, settings.rounds)
        rounds = f"rounds of {', '.join(map(str, sizes))}" if len(sizes) > 1 else "one round"
        lines.append(f"{trials} trials{each} in {rounds}{at_once}.")
    else:
        lines.append(f"{trials} trials{each} by {options.strategy}{at_once}.")
    return lines
