"""What can be said of a space before any trial: scales that fit badly."""

from __future__ import annotations

import math

from goodfit.findings import Finding
from goodfit.space.dimension import Dimension
from goodfit.space.scales import Linear
from goodfit.space.space import Space

MULTIPLIES = ("lr", "learning_rate", "weight_decay", "eps", "penalty", "l1", "l2", "reg", "regularisation", "lambda_")
MULTIPLIES_BY_DISTANCE_FROM_1 = ("momentum", "beta1", "beta2", "ema_decay")


def findings_of_space(space: Space) -> tuple[Finding, ...]:
    """All that can be said of a space before any trial."""
    return check_scales(space)


def check_scales(space: Space, decades: float = 1.0) -> tuple[Finding, ...]:
    """A `wrong-scale` finding for each linear range that spans decades of something whose effect multiplies.

    Args:
        space: the space as declared.
        decades: how many decades a linear scale may span (recipe 1, row 11).

    Example:
        >>> from goodfit.space import Space, linear
        >>> [finding.kind for finding in check_scales(Space(lr=linear(1e-4, 1.0)))]
        ['wrong-scale']
    """
    return tuple(finding for d in space.dimensions if (finding := _wrong_scale(d, decades)) is not None)


def _wrong_scale(dimension: Dimension, decades: float) -> Finding | None:
    scale = dimension.scale
    if not isinstance(scale, Linear):
        return None
    if _is_among(dimension.name, MULTIPLIES):
        low, high, better = scale.low, scale.high, "gf.log"
    elif _is_among(dimension.name, MULTIPLIES_BY_DISTANCE_FROM_1) and 0 <= scale.low < scale.high < 1:
        low, high, better = 1 - scale.high, 1 - scale.low, "gf.reverse_log"
    else:
        return None
    if low < 0 or high <= 0:
        return None
    spanned = math.log10(high / low) if low > 0 else math.inf
    if spanned <= decades + 1e-9:
        return None
    share = 0.9 * high / (high - low)  # of even draws that fall into the decade at the top
    size = f"{spanned:.1f} decades" if math.isfinite(spanned) else "down to 0, all decades"
    ends = f"{scale.low:g}, {scale.high:g}"
    if math.isinf(spanned):
        ends = f"{scale.high / 1e4:g}, {scale.high:g}, zero=0.25"
    return Finding(
        kind="wrong-scale",
        message=(
            f"{dimension.key} acts by multiplying, but its range from {scale.low:g} to {scale.high:g} ({size}) is "
            f"linear: {share:.0%} of the trials would fall into one decade of it."
        ),
        action=f"Declare it as {better}({ends}).",
        evidence={
            "hyperparameter": dimension.name,
            "low": scale.low,
            "high": scale.high,
            "decades": spanned,
            "share_in_one_decade": share,
        },
        where="space",
    )


def _is_among(name: str, known: tuple[str, ...]) -> bool:
    return name in known or any(name.endswith(f"_{word}") for word in known)
