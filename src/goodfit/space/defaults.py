"""The spaces that are sensible when none is given: what to tune first, over which ranges, at what number of trials.

Sources: recipe 4.1 (tiers, scales, ranges), 3.6 (learning rates), 2.4 (the coarse box); each range's origin stands
beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from goodfit.settings.search import SearchSettings
from goodfit.space.constructors import when
from goodfit.space.dimension import Dimension
from goodfit.space.levels import Choice, Integer, PowersOfTwo
from goodfit.space.scales import Linear, Log, ReverseLog, Scale
from goodfit.space.space import Space

# What to tune first (recipe 1, row 13; 4.1's tiers). Names that are not here come after layers and before Adam's.
TIERS: Mapping[str, int] = {
    "lr": 1,
    "weight_decay": 2,
    "optimizer": 3,
    "momentum": 3,
    "width": 3,
    "hidden": 3,
    "units": 3,
    "channels": 3,
    "batch_size": 4,
    "layers": 5,
    "depth": 5,
    "dropout": 5,
    "label_smoothing": 6,
    "schedule": 6,
    "warmup": 6,
    "grad_clip": 6,
    "beta1": 7,
    "eps": 8,
    "beta2": 9,
    "nesterov": 9,
    "ema_decay": 9,
}
OTHER_TIER = 5

# Usual learning rates by optimizer (recipe 3.6). SGD: [K], with momentum and no normalisation S0's 1e-4 to 1e-1,
# so both; Adam and its kin: AlgoPerf, Karpathy, PyTorch; Lion: 3 to 10 times below AdamW [K].
RATES: Mapping[str, tuple[float, float]] = {
    "sgd": (1e-4, 1.0),
    "adam": (1e-4, 1e-2),
    "adamw": (1e-4, 1e-2),
    "nadam": (1e-4, 1e-2),
    "nadamw": (1e-4, 1e-2),
    "radam": (1e-4, 1e-2),
    "adamax": (1e-4, 1e-2),
    "rmsprop": (1e-4, 1e-2),
    "adagrad": (1e-3, 1e-1),
    "lion": (1e-5, 3e-3),
}
UNKNOWN_RATE = (1e-6, 10.0)  # CS231n's coarse range
ADAMS = ("adam", "adamw", "nadam", "nadamw", "radam", "adamax", "lion")
DECOUPLED = ("adamw", "nadamw", "lion")  # weight decay apart from the gradient: 1e-3 to 1, else 1e-6 to 1e-2


def usual_rates(optimizer: str) -> Log:
    """The usual learning rates of an optimizer; six decades and more for one that is not known."""
    return Log(*RATES.get(optimizer.lower(), UNKNOWN_RATE))


def usual_weight_decay(optimizer: str, zero: float = 0.25) -> Log:
    """The usual weight decay: 1e-3 to 1 where it is decoupled (AdamW), else 1e-6 to 1e-2; 0 at times."""
    return Log(1e-3, 1.0, zero=zero) if optimizer.lower() in DECOUPLED else Log(1e-6, 1e-2, zero=zero)


def default_space(
    optimizers: str | Collection[str] = "adamw",
    *,
    uses: Mapping[str, Any] | Collection[str] = (),
    trials: int | None = None,
    settings: SearchSettings | None = None,
) -> Space:
    """A space for a task that brought none: the learning rate, weight decay, and what the model reads.

    Args:
        optimizers: one name, or several to choose among, each with its own rates and constants.
        uses: the names that the model reads, with their present values where there are any. Of these, the widths,
            layers and dropout rates that goodfit knows by name are opened; a width goes from a quarter of its
            present value to four times it.
        trials: how many trials there will be; what they cannot tell apart stays closed. None: all is open.

    Example:
        >>> default_space("adamw", uses={"dropout": 0.1}, trials=8).names
        ('lr', 'weight_decay')
        >>> default_space("adamw", uses={"dropout": 0.1}, trials=30).names
        ('lr', 'weight_decay', 'dropout', 'beta1', 'eps')
    """
    chosen = settings or SearchSettings()
    names = (optimizers,) if isinstance(optimizers, str) else tuple(optimizers)
    per_optimizer = [
        when(optimizer=name, **{hp: scale for hp, scale in _of_optimizer(name, chosen).items() if hp != "lr"})
        for name in names
    ]
    rates = [when(optimizer=name, lr=usual_rates(name)) for name in names]
    present: Mapping[str, Any] = uses if isinstance(uses, Mapping) else dict.fromkeys(uses)
    opened = {name: scale for name in present if (scale := usual_scale(name, present[name])) is not None}
    if len(names) == 1:
        space = Space(**{**_of_optimizer(names[0], chosen), **opened})
    else:
        space = Space(*rates, *per_optimizer, optimizer=Choice(names), **opened)
    space = Space.of(_in_tuning_order(space))
    return space if trials is None else open_at(space, trials, settings=chosen)


def _of_optimizer(name: str, settings: SearchSettings) -> dict[str, Scale]:
    scales: dict[str, Scale] = {"lr": usual_rates(name), "weight_decay": usual_weight_decay(name, settings.zero_share)}
    if name.lower() in ("sgd", "rmsprop"):
        scales["momentum"] = ReverseLog(0.7, 0.995)  # 1 - momentum from 5e-3 to 0.3: AlgoPerf
    if name.lower() in ADAMS:
        scales["beta1"] = ReverseLog(0.5, 0.98)  # 1 - beta1 from 2e-2 to 0.5: AlgoPerf
        scales["beta2"] = ReverseLog(0.9, 0.9999)  # 1 - beta2 from 1e-4 to 1e-1: recipe 4.1
        if name.lower() != "lion":
            scales["eps"] = Log(1e-10, 1e-3)  # recipe 4.1
    return scales


def usual_scale(name: str, value: Any = None) -> Scale | None:
    """The default scale of something a model reads, around its present value; None for a name that tells nothing."""
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if name == "batch_size":
        return PowersOfTwo(8, 512)
    if name in ("width", "hidden", "units", "channels", "hidden_size", "d_model") or name.endswith(
        ("_width", "_units")
    ):
        centre = 1 << round((value if whole else 128).bit_length() - 1)
        return PowersOfTwo(max(centre // 4, 1), centre * 4)
    if name in ("layers", "depth", "num_layers", "n_layers"):
        return Integer(max(value - 2, 1), value + 2) if whole else Integer(1, 4)
    if name == "dropout" or name.endswith("_dropout"):
        return Linear(0.0, 0.5)
    if name == "label_smoothing":
        return Choice((0.0, 0.1, 0.2))
    if name == "warmup":
        return Choice((0.0, 0.02, 0.05, 0.1))
    return None


def tier(name: str) -> int:
    """How early a hyperparameter is tuned; 1 is first."""
    if name in TIERS:
        return TIERS[name]
    ending = name.rsplit("_", 1)[-1]
    return TIERS.get(ending, OTHER_TIER)


def open_at(
    space: Space,
    trials: int,
    *,
    start: Mapping[str, Any] | None = None,
    settings: SearchSettings | None = None,
) -> Space:
    """The part of a space that so many trials can tell something about, in tuning order; the rest stays fixed.

    With 8 trials only lr and weight_decay vary. Adam's constants wait: beta1 for 10 trials in its own right, eps for
    25, beta2 for 50 (recipe 4.1, the Playbook).

    Args:
        space: what could be opened.
        trials: how many trials the search will have.
        start: the values that closed hyperparameters keep; otherwise the middle of their scale.
    """
    chosen = settings or SearchSettings()
    needs = {"beta1": chosen.beta1_trials, "eps": chosen.eps_trials, "beta2": chosen.beta2_trials}
    allowed = max(2, trials // max(chosen.trials_per_dimension, 1))
    names = sorted(space.names, key=lambda name: (tier(name), space.names.index(name)))
    opened = [name for name in names if trials >= needs.get(name, 0)][:allowed]
    return space.only(opened, start)


def _in_tuning_order(space: Space) -> list[Dimension]:
    """The dimensions by tier; those that others depend on still come first."""
    parents = {condition.parent for dimension in space.dimensions for condition in dimension.conditions}
    return sorted(space.dimensions, key=lambda d: (d.name not in parents, tier(d.name)))
