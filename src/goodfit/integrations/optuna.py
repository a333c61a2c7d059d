"""Optuna behind our seams: its samplers as proposers, and a study of ours as one of its.

A sampler sees the unit cube: every scale of ours, bent or with an atom at zero, is even there, so none of them has to
be told to Optuna. What is told to it, and with which options, stands here by name: a sampler's defaults change
between Optuna's versions, ours do not.
"""

from __future__ import annotations

import contextlib
import inspect
import math
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from goodfit.errors import SettingsError
from goodfit.space import Choice, Integer, Log, PowersOfTwo, Space
from goodfit.space.dimension import Dimension
from goodfit.strategy.observation import Observation
from goodfit.strategy.proposers import Random, point_key
from goodfit.training.seeds import PROPOSAL, mixed

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

ASKS = 8  # at most, until a point comes that was not tried
STARTUP = 10  # trials before a model is made: Optuna's own number


class OptunaProposer:
    """TPE, a Gaussian process or CMA-ES as Optuna has them, by ask and tell.

    Infeasible trials are told as such: to TPE and the Gaussian process as trials that break a constraint, to CMA-ES,
    which knows ranks alone, as the worst of all. Proposal i depends on the seed, on i and on what was told; CMA-ES goes
    by whole generations, so that the workers' timing is of no importance to it.

    Args:
        space: what to draw from.
        kind: "tpe", "gp" or "cmaes".
        seed: of all draws.

    Raises:
        SettingsError: Optuna (or, for "cmaes", the cmaes package) is not installed.
    """

    def __init__(self, space: Space, kind: str, seed: int) -> None:
        self.space = space
        self.kind = kind
        self.seed = seed
        self._optuna = imported()
        if kind == "cmaes":
            _need("cmaes", "the strategy cmaes")
        self._generations = _Generations(self, self._optuna) if kind == "cmaes" else None

    def propose(self, history: Sequence[Observation], n: int) -> tuple[dict[str, Any], ...]:
        """The next n; for CMA-ES at most the rest of its generation, and none while trials of the last one run."""
        with _quiet(self._optuna):
            if self._generations is not None:
                return self._generations.propose(history, n)
            return self._by_model(history, n)

    def _by_model(self, history: Sequence[Observation], n: int) -> tuple[dict[str, Any], ...]:
        study = self._optuna.create_study(sampler=self.sampler(0))
        for frozen in self._told(history):
            study.add_trial(frozen)
        tried = {point_key(o.hyperparameters) for o in history}
        found: list[dict[str, Any]] = []
        for index in range(len(history), len(history) + n):
            point = None
            for again in range(ASKS):
                study.sampler = self.sampler(mixed(self.seed, PROPOSAL, 7, index, again) % 2**31)
                point = self.asked(study.ask())
                if point_key(point) not in tried:
                    break
            if point is None or point_key(point) in tried:  # a small space: whatever is left of it
                seen = [*history, *(Observation(-1, p, None, "queued") for p in found)]
                left = Random(self.space, self.seed).propose(seen, 1)
                if not left:
                    break
                point = left[0]
            tried.add(point_key(point))
            found.append(point)
        return tuple(found)

    def sampler(self, seed: int) -> BaseSampler:
        """The sampler, all its options named."""
        samplers = self._optuna.samplers
        constrained: dict[str, Any] = {}
        if int(self._optuna.__version__.split(".")[0]) < 5:  # later ones read a trial's constraints without being told
            constrained = {"constraints_func": _constraints_of}
        if self.kind == "tpe":
            return samplers.TPESampler(
                n_startup_trials=STARTUP,
                n_ei_candidates=24,
                multivariate=True,
                group=True,  # conditional dimensions are modelled where they are
                constant_liar=True,  # trials that run count as bad ones, so that they are not proposed again
                seed=seed,
                warn_independent_sampling=False,
                **constrained,
            )
        if self.kind == "gp":
            if "constraints_func" not in inspect.signature(samplers.GPSampler.__init__).parameters:
                constrained = {}  # before 4.2 it knew none: an infeasible trial is then the worst of all
            return samplers.GPSampler(
                n_startup_trials=STARTUP,
                deterministic_objective=False,
                independent_sampler=samplers.RandomSampler(seed=seed),
                seed=seed,
                **constrained,
            )
        return samplers.CmaEsSampler(
            n_startup_trials=1,
            popsize=population(self.space),
            with_margin=False,
            lr_adapt=False,
            use_separable_cma=False,
            warn_independent_sampling=False,
            independent_sampler=samplers.RandomSampler(seed=seed),
            seed=seed,
        )

    def asked(self, trial: Any) -> dict[str, Any]:
        """The point that a trial of Optuna's stands for."""
        places = {}
        values: dict[str, Any] = {}
        for dimension in self.space.dimensions:
            # A Gaussian process and CMA-ES model the whole cube at once; a place that is not active is not read.
            if self.kind == "tpe" and not dimension.is_active(values):
                continue
            places[dimension.key] = self._suggested(trial, dimension)
            if dimension.is_active(values):
                values[dimension.name] = dimension.scale.from_unit(places[dimension.key])
        return values

    def _suggested(self, trial: Any, dimension: Dimension) -> float:
        levels = dimension.scale.levels
        match self._distribution(dimension):
            case self._optuna.distributions.CategoricalDistribution(choices=choices):
                return (trial.suggest_categorical(dimension.key, choices) + 0.5) / (levels or 1)
            case self._optuna.distributions.IntDistribution(high=high):
                return (trial.suggest_int(dimension.key, 0, high) + 0.5) / (levels or 1)
            case _:
                return trial.suggest_float(dimension.key, 0.0, 1.0)

    def _distribution(self, dimension: Dimension) -> BaseDistribution:
        distributions, levels = self._optuna.distributions, dimension.scale.levels
        if self.kind == "cmaes" or levels is None:
            return distributions.FloatDistribution(0.0, 1.0)
        if not dimension.scale.is_ordered:
            return distributions.CategoricalDistribution(tuple(range(levels)))
        return distributions.IntDistribution(0, levels - 1)

    def _place(self, dimension: Dimension, unit: float) -> Any:
        """A place as the distribution of the dimension has it."""
        unit, levels = min(max(unit, 0.0), 1.0), dimension.scale.levels
        if self.kind == "cmaes" or levels is None:
            return unit
        return min(int(unit * levels), levels - 1)

    def _told(self, history: Sequence[Observation]) -> list[Any]:
        """The history as Optuna's trials; a value that has no place on its scale leaves its trial out."""
        create, states = self._optuna.trial.create_trial, self._optuna.trial.TrialState
        worst = max((o.score for o in history if o.score is not None), default=0.0)
        any_infeasible = any(not o.is_feasible and not o.is_pending for o in history)
        told = []
        for o in history:
            units = self.space.to_units(o.hyperparameters)
            if set(units) != {d.key for d in self.space.active(o.hyperparameters)}:
                continue
            if self.kind != "tpe":  # the places that are not read: any, but always the same
                hidden = {d.key: 0.5 for d in self.space.dimensions if d.key not in units}
                units |= hidden
            params = {d.key: self._place(d, units[d.key]) for d in self.space.dimensions if d.key in units}
            distributions = {d.key: self._distribution(d) for d in self.space.dimensions if d.key in units}
            if o.is_pending:
                told.append(create(state=states.RUNNING, params=params, distributions=distributions))
                continue
            attributes = {"constraints": [-1.0 if o.is_feasible else 1.0]} if any_infeasible else {}
            told.append(
                create(
                    state=states.COMPLETE,
                    value=worst if o.score is None else o.score,
                    params=params,
                    distributions=distributions,
                    system_attrs=attributes,
                )
            )
        return told


class _Generations:
    """CMA-ES by whole generations: asked together, told together, replayed from the history where it is new here."""

    def __init__(self, proposer: OptunaProposer, package: Any) -> None:
        self._proposer = proposer
        self._study: Any = None
        self._states = package.trial.TrialState
        self._new_study: Callable[[], Any] = lambda: package.create_study(
            sampler=proposer.sampler(mixed(proposer.seed, PROPOSAL, 8) % 2**31)
        )
        self._asked: list[tuple[Any, dict[str, Any]]] = []  # the generation that was asked for and is not told
        self._told_scores: dict[Any, float | None] = {}

    def propose(self, history: Sequence[Observation], n: int) -> tuple[dict[str, Any], ...]:
        by_point = {point_key(o.hyperparameters): o for o in history}
        if self._study is None or any(
            key not in by_point or by_point[key].score != score for key, score in self._told_scores.items()
        ):
            self._study, self._asked, self._told_scores = self._new_study(), [], {}
        for _ in range(1 + len(history)):
            if not self._asked:
                trials = [self._study.ask() for _ in range(population(self._proposer.space))]
                self._asked = [(trial, self._proposer.asked(trial)) for trial in trials]
            keys = [point_key(point) for _, point in self._asked]
            missing = {k: p for k, (_, p) in zip(keys, self._asked, strict=True) if k not in by_point}
            if missing:
                return tuple(missing.values())[:n]
            if any(by_point[key].is_pending for key in keys):
                return ()
            self._tell([(trial, by_point[key]) for key, (trial, _) in zip(keys, self._asked, strict=True)])
            self._told_scores |= {key: by_point[key].score for key in keys}
            self._asked = []
        return ()

    def _tell(self, results: Sequence[tuple[Any, Observation]]) -> None:
        scores = [o.score for _, o in results if o.score is not None]
        scores += [t.value for t in self._study.trials if t.value is not None]
        worst = max(scores, default=0.0)
        for trial, observation in results:
            self._study.tell(trial, worst if observation.score is None else observation.score)


def population(space: Space) -> int:
    """Trials in a generation of CMA-ES: 4 + 3·ln(dimensions), its authors' choice."""
    return 4 + int(3 * math.log(max(len(space.dimensions), 1)))


def as_optuna(study: Any) -> optuna.Study:
    """A study of ours as one of Optuna's, in memory.

    Every configuration is one trial there, with its whole curve. Those that went to the end are complete, those ended
    early pruned (with the value that they had), diverged and failed ones failed. Ranges reach as far as the trials did;
    hyperparameters that the space does not have, and why a trial did not end well, are user attributes.

    Args:
        study: a `gf.Study`.

    Raises:
        SettingsError: Optuna is not installed.
    """
    package = imported()
    states = {
        "done": package.trial.TrialState.COMPLETE,
        "stopped": package.trial.TrialState.PRUNED,
        "diverged": package.trial.TrialState.FAIL,
        "failed": package.trial.TrialState.FAIL,
    }
    distributions = native_distributions(study.space, [t.hyperparameters for t in study.configurations])
    with _quiet(package):
        made = package.create_study(
            study_name=study.name, direction="maximize" if study.direction == "max" else "minimize"
        )
        for trial in study.configurations:
            if trial.status not in states:
                continue
            own = {name: _as_parameter(v) for name, v in trial.hyperparameters.items() if name in distributions}
            others = {name: value for name, value in trial.hyperparameters.items() if name not in distributions}
            notes = {"goodfit_trial": trial.number, "seed": trial.seed, **others}
            if trial.reason:
                notes["reason"] = trial.reason
            made.add_trial(
                package.trial.create_trial(
                    state=states[trial.status],
                    value=trial.value,
                    params=own,
                    distributions={name: distributions[name] for name in own},
                    user_attrs=notes,
                    intermediate_values=_intermediate(study.compared_curve(trial)),
                )
            )
    return made


def native_distributions(space: Space, points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Optuna's distribution for each name of the space, as wide as the points and the boxes reach together."""
    package = imported()
    made = {}
    for name in space.names:
        scales = [d.scale for d in space.dimensions if d.name == name]
        values = [point[name] for point in points if name in point]
        if any(isinstance(scale, Choice) for scale in scales):
            listed = [v for scale in scales if isinstance(scale, Choice) for v in scale.values]
            known = dict.fromkeys((type(v).__name__, _as_parameter(v)) for v in (*listed, *values))
            made[name] = package.distributions.CategoricalDistribution(tuple(v for _, v in known))
            continue
        ends = [float(scale.as_json()[end]) for scale in scales for end in ("low", "high")]
        low, high = min([*ends, *map(float, values)]), max([*ends, *map(float, values)])
        if all(isinstance(scale, (Integer, PowersOfTwo)) for scale in scales):
            is_log = all(isinstance(scale, PowersOfTwo) for scale in scales)
            made[name] = package.distributions.IntDistribution(int(low), int(high), log=is_log)
            continue
        if any(scale.atom > 0 for scale in scales):
            low = min(low, 0.0)
        is_log = low > 0 and all(isinstance(scale, Log) for scale in scales)
        made[name] = package.distributions.FloatDistribution(low, high, log=is_log)
    return made


def imported() -> Any:
    """Optuna.

    Raises:
        SettingsError: it is not installed.
    """
    return _need("optuna", "the strategies tpe, gp and cmaes and study.to_optuna()")


def _need(name: str, what: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise SettingsError(f"{name} is not installed, which {what} need; pip install 'goodfit[optuna]'.") from None


def _constraints_of(trial: Any) -> Sequence[float]:
    return trial.system_attrs.get("constraints", (-1.0,))


def _as_parameter(value: Any) -> Any:
    """A value that Optuna can keep: tuples as text."""
    return str(value) if isinstance(value, (tuple, list)) else value


def _intermediate(points: Sequence[tuple[float, float]]) -> dict[int, float]:
    """A curve by whole steps: its epochs where these are whole numbers, else the numbers of its points."""
    if all(epoch == int(epoch) for epoch, _ in points):
        return {int(epoch): value for epoch, value in points}
    return dict(enumerate((value for _, value in points), start=1))


@contextlib.contextmanager
def _quiet(package: Any) -> Generator[None]:
    """Without Optuna's log lines, and without its warnings about what is experimental: we have chosen it by name."""
    before = package.logging.get_verbosity()
    package.logging.set_verbosity(package.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        package.logging.set_verbosity(before)
