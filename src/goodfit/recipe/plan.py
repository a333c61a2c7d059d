"""How many trials and epochs each stage gets, from the time there is and what a step costs. Pure; recipe 4.8."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

from goodfit.recipe.progress import PlannedStage
from goodfit.recipe.result import StageName
from goodfit.settings.budget import BudgetSettings

ENDLESS = 1e9  # more trials than anyone runs


@dataclasses.dataclass(frozen=True, slots=True)
class Length:
    """A search stage's size."""

    trials: int
    epochs: float
    seconds: float | None = None  # expected; None where nothing is known


def shown_plan(budget: float | None, settings: BudgetSettings, trials: int, epochs: float | None) -> list[PlannedStage]:
    """The plan as it is shown before anything is spent."""
    shares = {
        StageName.LEARNING_RATE: settings.gates_share,
        StageName.COARSE: settings.coarse_share,
        StageName.FINE: settings.fine_share + settings.repeats_share,
        StageName.FINAL: settings.final_share,
    }
    about = {
        StageName.LEARNING_RATE: "data, initial loss, overfitting a sample, the learning rate's bracket",
        StageName.COARSE: "many short trials over wide ranges",
        StageName.FINE: f"up to {settings.most_rounds} rounds: longer, narrower, then curves and a decision",
        StageName.FINAL: f"decayed rate, Polyak average, up to {settings.final_seeds} seeds, ensemble, the test once",
    }
    if budget is None:
        about[StageName.COARSE] = f"{trials} trials"
        about[StageName.FINAL] += f", {epochs:g} epochs" if epochs else ""
    return [PlannedStage(s, None if budget is None else share * budget, about[s]) for s, share in shares.items()]


def coarse_length(
    *,
    dimensions: int,
    steps_per_epoch: float,
    seconds: float,
    seconds_per_trial_epoch: float,
    settings: BudgetSettings,
) -> Length:
    """The coarse search that fits into its time.

    Args:
        dimensions: hyperparameters that vary.
        steps_per_epoch: of a typical trial.
        seconds: the stage's time.
        seconds_per_trial_epoch: what an epoch of a typical trial adds to the stage, all slots at work.
        settings: how many trials and steps are wanted.
    """
    epochs = min(
        max(settings.coarse_steps / steps_per_epoch, settings.coarse_epochs_least), settings.coarse_epochs_most
    )
    epochs = max(epochs, min(settings.coarse_steps / steps_per_epoch, settings.coarse_epochs_tiny_data))
    epochs = _round_epochs(epochs)
    wanted = min(settings.coarse_trials_per_dimension * max(dimensions, 1), settings.coarse_trials_most)
    affordable = int(min(seconds / max(seconds_per_trial_epoch * epochs, 1e-9), ENDLESS))  # seconds may be infinite
    trials = max(min(affordable, settings.coarse_trials_most), settings.coarse_trials_least)
    trials = min(trials, max(wanted, min(affordable, 2 * wanted)))
    cost = trials * epochs * seconds_per_trial_epoch
    if cost > seconds:  # even the fewest trials are too dear: shorter ones
        epochs = max(epochs * seconds / cost, settings.coarse_epochs_floor)
        cost = trials * epochs * seconds_per_trial_epoch
    if cost > seconds:
        trials = max(3, int(trials * seconds / cost))
    return Length(trials, epochs, trials * epochs * seconds_per_trial_epoch)


def fine_length(
    *,
    trials: int,
    epochs: float,
    seconds: float,
    seconds_per_trial_epoch: float,
    settings: BudgetSettings,
) -> Length:
    """A finer round that fits into its time: the epochs that were asked for, and as many trials as fit.

    Too little time first takes trials (down to the fewest), then epochs.
    """
    affordable = int(seconds / max(seconds_per_trial_epoch * epochs, 1e-9))
    chosen = min(max(affordable, settings.fine_trials_least), max(settings.fine_trials_most, trials))
    cost = chosen * epochs * seconds_per_trial_epoch
    if cost > seconds:
        epochs = max(epochs * seconds / cost, settings.coarse_epochs_floor)
        cost = chosen * epochs * seconds_per_trial_epoch
    if cost > seconds:
        chosen = max(2, int(chosen * seconds / cost))
    return Length(chosen, epochs, chosen * epochs * seconds_per_trial_epoch)


@dataclasses.dataclass(frozen=True, slots=True)
class FinalLength:
    """The final training's size."""

    factors: tuple[float, ...]  # peak rates tried, as multiples
    seeds: int
    epochs: float
    seconds: float | None = None
    schedules: int = 0  # other schedules tried at the peak that won
    runners_up: int = 0  # trainings with other good hyperparameters, which an ensemble may take

    @property
    def trainings(self) -> int:
        """All of them; the sweep's winner is one of the seeds'."""
        swept = len(self.factors) - 1 if len(self.factors) > 1 else 0
        return swept + self.schedules + self.seeds + self.runners_up


def final_length(
    *,
    wanted_epochs: float,
    most_epochs: float,
    seconds: float | None,
    makespan: Callable[[int, float], float],
    settings: BudgetSettings,
    schedules: int = 0,
    runners_up: int = 0,
    closing: Callable[[int], float] = lambda trainings: 0.0,
) -> FinalLength:
    """The final training that fits: what matters least goes first, which is schedules, then rates, seeds and length.

    Time that is left when all of it has its greatest length goes to runners-up, as candidates for an ensemble.

    Args:
        wanted_epochs: a full training.
        most_epochs: the length up to which spare time is used.
        seconds: the time there is; None: no limit.
        makespan: seconds for n trainings of e epochs side by side.
        settings: how many seeds and peak rates at most.
        schedules: other schedules that there are to try.
        runners_up: other good hyperparameters that there are.
        closing: seconds that comparing n trainings takes after them, beyond what `seconds` leaves for that.
    """
    all_factors = tuple(settings.peak_factors)
    options = [
        (all_factors, settings.final_seeds),
        (_around_one(all_factors, 2), settings.final_seeds),
        (_around_one(all_factors, 2), 3),
        ((1.0,), 3),
        ((1.0,), 2),
        ((1.0,), 1),
    ]
    if seconds is None:
        return FinalLength(all_factors, settings.final_seeds, wanted_epochs, None, schedules)

    def cost(factors: Sequence[float], seeds: int, epochs: float, schedules: int = 0) -> float:
        sweep = makespan(len(factors), epochs) if len(factors) > 1 else 0.0
        tried = makespan(schedules, epochs) if schedules else 0.0
        rest = seeds - 1 if len(factors) > 1 else seeds
        return sweep + tried + (makespan(rest, epochs) if rest else 0.0)

    for (factors, seeds), others in [(options[0], schedules), *((option, 0) for option in options)]:
        if cost(factors, seeds, wanted_epochs, others) <= seconds:
            per_epoch = cost(factors, seeds, wanted_epochs, others) / wanted_epochs
            found = FinalLength(factors, seeds, wanted_epochs, None, others)
            left = seconds - closing(found.trainings)
            epochs = min(most_epochs, max(left / per_epoch, wanted_epochs)) if per_epoch > 0 else most_epochs
            cost_now = cost(factors, seeds, epochs, others)
            found = FinalLength(factors, seeds, _round_epochs(epochs), cost_now, others)
            return _with_runners_up(found, seconds, runners_up, makespan, closing)
    # A second seed where it costs nothing (a free slot) or leaves half of the length.
    is_free = cost(*options[-2], 1.0) <= 1.01 * cost(*options[-1], 1.0)
    factors, seeds = options[-2] if is_free or cost(*options[-2], wanted_epochs / 2) <= seconds else options[-1]
    per_epoch = max(cost(factors, seeds, 1.0), 1e-9)
    epochs = max(seconds / per_epoch, 0.05)
    return FinalLength(factors, seeds, epochs, cost(factors, seeds, epochs))


def _with_runners_up(
    length: FinalLength,
    seconds: float,
    most: int,
    makespan: Callable[[int, float], float],
    closing: Callable[[int], float],
) -> FinalLength:
    """As many trainings of runners-up as the time that is left pays for."""
    for count in range(most, 0, -1):
        more = dataclasses.replace(
            length, runners_up=count, seconds=(length.seconds or 0.0) + makespan(count, length.epochs)
        )
        if (more.seconds or 0.0) + closing(more.trainings) <= seconds:
            return more
    return length


def _around_one(factors: Sequence[float], count: int) -> tuple[float, ...]:
    """The `count` factors nearest to 1, on a log scale."""
    return tuple(sorted(sorted(factors, key=lambda f: abs(math.log(f)))[:count]))


def _round_epochs(epochs: float) -> float:
    """Whole epochs where there is more than one."""
    return float(math.floor(epochs)) if epochs >= 2 else epochs
