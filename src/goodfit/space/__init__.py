"""What may vary: scales, spaces, and the spaces that are sensible when none is given. Pure: no input or output."""

from goodfit.space.checks import check_scales, findings_of_space
from goodfit.space.constructors import choice, integer, linear, log, logit, powers_of_two, reverse_log, when
from goodfit.space.dimension import Condition, Dimension
from goodfit.space.levels import Choice, Integer, PowersOfTwo
from goodfit.space.registry import scale_from_json
from goodfit.space.scales import Linear, Log, Logit, ReverseLog, Scale
from goodfit.space.space import Space

__all__ = [
    "Choice",
    "Condition",
    "Dimension",
    "Integer",
    "Linear",
    "Log",
    "Logit",
    "PowersOfTwo",
    "ReverseLog",
    "Scale",
    "Space",
    "check_scales",
    "choice",
    "findings_of_space",
    "integer",
    "linear",
    "log",
    "logit",
    "powers_of_two",
    "reverse_log",
    "scale_from_json",
    "when",
]
