"""What goodfit knows of hyperparameters by their names: misspellings, the values that can work, natural limits."""

from __future__ import annotations

import dataclasses

from goodfit.hyperparameters import STANDARD
from goodfit.space.levels import Choice
from goodfit.space.scales import Limits, Linear, Scale

# Other tools' names for what goodfit applies itself.
ALIASES = {
    "learning_rate": "lr",
    "base_lr": "lr",
    "wd": "weight_decay",
    "l2_penalty": "weight_decay",
    "bs": "batch_size",
    "beta_1": "beta1",
    "beta_2": "beta2",
    "epsilon": "eps",
    "lr_schedule": "schedule",
    "scheduler": "schedule",
    "lr_scheduler": "schedule",
    "gradient_clip": "grad_clip",
    "clip_grad": "grad_clip",
    "max_grad_norm": "grad_clip",
    "warmup_fraction": "warmup",
}
LONG_ENOUGH = 6  # letters from which one or two wrong ones are a slip: "beta" is a word of its own, "momentun" is not


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """What values a standard hyperparameter can have."""

    low: float = float("-inf")
    high: float = float("inf")
    open_low: bool = False  # the low end itself cannot work
    open_high: bool = False
    is_whole: bool = False
    why: str = ""


RULES = {
    "lr": Rule(0, open_low=True, why="a learning rate is above 0"),
    "momentum": Rule(0, 1, open_high=True, why="momentum is at least 0 and below 1"),
    "beta1": Rule(0, 1, open_high=True, why="beta1 is at least 0 and below 1"),
    "beta2": Rule(0, 1, open_high=True, why="beta2 is at least 0 and below 1"),
    "eps": Rule(0, open_low=True, why="eps is above 0"),
    "weight_decay": Rule(0, why="weight decay is at least 0"),
    "batch_size": Rule(1, is_whole=True, why="a batch size is a whole number from 1"),
    "label_smoothing": Rule(0, 1, open_high=True, why="label smoothing is at least 0 and below 1"),
    "warmup": Rule(0, why="a warm-up is at least 0"),
    "ema_decay": Rule(0, 1, open_high=True, why="an average's decay is at least 0 and below 1"),
}
SHARE = Rule(0, 1, why="a dropout rate is within 0 and 1")
TEXT = ("optimizer", "schedule")


def fault_of_name(name: str) -> str | None:
    """A sentence where the name looks like a misspelling of a standard one, which would silently do nothing."""
    if name in STANDARD:
        return None
    meant = ALIASES.get(name) or nearest_standard(name)
    if meant is None:
        return None
    return (
        f"{name}: did you mean {meant!r}? That is the name goodfit applies itself; {name!r} would only be handed to "
        "the model. If the model does read it, choose a name less alike."
    )


def nearest_standard(name: str) -> str | None:
    """The standard name that this one misspells by a letter or two, by capitals, or by underscores."""
    bare = name.lower().replace("_", "").replace("-", "")
    for standard in STANDARD:
        plain = standard.replace("_", "")
        if bare == plain:
            return standard
        slips = 2 if len(plain) >= 10 else 1
        if len(plain) >= LONG_ENOUGH and _distance(bare, plain) <= slips:
            return standard
    return None


def _distance(a: str, b: str) -> int:
    """Letters to insert, delete, exchange or swap with a neighbour to turn one into the other (optimal alignment)."""
    rows = [list(range(len(b) + 1))]
    for i in range(1, len(a) + 1):
        row = [i]
        for j in range(1, len(b) + 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


def fault_of_values(name: str, scale: Scale) -> str | None:
    """A sentence where a standard hyperparameter has a scale whose values cannot work."""
    if name in TEXT:
        if isinstance(scale, Choice) and all(value is None or isinstance(value, str) for value in scale.values):
            return None
        return f"{name}: needs a choice among names, such as gf.choice({_examples(name)}), got {scale}."
    if name == "nesterov":
        if isinstance(scale, Choice) and all(isinstance(value, bool) for value in scale.values):
            return None
        return f"nesterov: needs gf.choice(False, True), got {scale}."
    rule = RULES.get(name) or (SHARE if is_share(name) else None)
    if rule is None:
        return None
    # A range's ends are its values at 0 and 1; each choice has one of its own.
    count = scale.levels if isinstance(scale, Choice) else 2
    ends = scale.grid(count or 2) if not scale.is_ordered or scale.levels != 1 else (scale.middle(),)
    for value in ends:
        if value is None:
            continue
        if isinstance(value, (str, tuple, bool)):
            return f"{name}: needs numbers, got {value!r}."
        if (
            not rule.low <= value <= rule.high
            or (rule.open_low and value == rule.low)
            or (rule.open_high and value == rule.high)
        ):
            return f"{name}: {rule.why}, got {value!r}."
    if rule.is_whole and ((scale.levels is None) or any(v != round(v) for v in ends if v is not None)):
        return f"{name}: {rule.why}; use gf.powers_of_two(32, 256) or gf.integer(...), got {scale}."
    return None


def _examples(name: str) -> str:
    return "'sgd', 'adamw'" if name == "optimizer" else "'constant', 'cosine'"


def is_share(name: str) -> bool:
    """True for the names that people give to probabilities of dropping something."""
    return name.startswith(("dropout", "drop_path", "drop_rate", "stochastic_depth")) or name.endswith(
        ("_dropout", "_drop", "_drop_rate", "_drop_path")
    )


def natural_limits(name: str, scale: Scale) -> Limits:
    """The values beyond which a range means nothing, whatever the trials say.

    Sources: recipe 4.4 (weight decay 0, dropout 0); recipe 3.3 for the learning rate's 1e-7 to 1e2; the rest [PD].
    A linear range that starts at 0 counts something and stays positive; one within 0 and 1 is read as a share.
    """
    if name == "lr":
        return (1e-7, 1e2)
    if is_share(name):
        return (0.0, 0.9)
    if name in ("momentum", "beta1", "beta2", "ema_decay"):
        return (0.0, 0.999999 if name in ("beta2", "ema_decay") else 0.9999)
    if name == "label_smoothing":
        return (0.0, 0.5)
    if name == "warmup":
        return (0.0, 0.1) if isinstance(scale, Linear) and scale.high <= 0.1 else (0.0, None)
    if name == "batch_size":
        return (1, None)
    if name == "eps":
        return (1e-16, 1.0)
    if isinstance(scale, Linear) and scale.low >= 0:
        return (0.0, 1.0 if scale.high <= 1 else None)
    return (None, None)
