"""Polyak averages: a smoothed copy of the weights (and of float buffers such as BatchNorm's) kept beside training.

One average is kept while a trial trains. Those of other decays are rebuilt afterwards from it as it stood at several
steps: an average of averages with weights that add up to 1 is an average over the same steps, and which one it is can
be computed from the decays alone.

Source: Karras et al. 2024, Analyzing and Improving the Training Dynamics of Diffusion Models, section 3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from torch import Tensor


def decay_at(decay: float, updates: int) -> float:
    """The decay after so many updates: small at first, so that the start is soon forgotten.

    Source: recipe 4.8 (EMA): min(d, (1 + t) / (10 + t)).
    """
    return min(decay, (1.0 + updates) / (10.0 + updates))


def update_average(average: Iterable[Tensor], current: Iterable[Tensor], share: float | Tensor) -> None:
    """Move each average towards its current value by `share` = 1 - decay (or a column of them), in place."""
    for kept, new in zip(average, current, strict=True):
        kept.lerp_(new, share)


def decay_of(half_life: float) -> float:
    """The decay whose average forgets half in so many updates.

    Example:
        >>> round(decay_of(138.3), 4)
        0.995
    """
    return float(2.0 ** (-1.0 / half_life))


def profile(decay: float, updates: int, length: int) -> np.ndarray:
    """How much the weights after each update count in the average after `updates` of them: float64 [length], sum 1.

    What little is left of the weights before the first update is spread over the others.
    """
    steps = np.arange(updates, dtype=np.float64)
    decays = np.minimum(decay, (1.0 + steps) / (10.0 + steps))
    later = np.concatenate([np.cumprod(decays[::-1])[::-1][1:], [1.0]])
    found = np.zeros(length)
    found[:updates] = (1.0 - decays) * later
    return found / found.sum()


@dataclasses.dataclass(frozen=True, slots=True)
class Rebuilding:
    """How an average of another decay is put together."""

    decay: float
    averages: tuple[float, ...]  # weight of the kept average at each of the steps
    last: float  # weight of the plain weights at the end; all weights are at least 0 and add up to 1
    likeness: float  # the share of the wanted average's profile that the rebuilt one has in common with it


def rebuilding(kept_decay: float, steps: Sequence[int], wanted_decay: float) -> Rebuilding:
    """The mixture of kept averages that is nearest to an average of another decay at the last step.

    Args:
        kept_decay: of the average that was kept in training.
        steps: after which it was kept, growing; the last is the training's end.
        wanted_decay: of the average that is wanted.

    Source: Karras et al. 2024, algorithm 3; the weights are held at 0 or above here, so that a mixture of variances
        stays one.
    """
    from scipy.optimize import nnls

    length = steps[-1]
    columns = [profile(kept_decay, step, length) for step in steps]
    columns.append(np.eye(1, length, length - 1)[0])
    matrix, wanted = np.stack(columns, axis=1), profile(wanted_decay, length, length)
    # A million steps are as well told by a few thousand bins.
    edges = np.unique(np.linspace(0, length, min(length, 4000) + 1).astype(int))[:-1]
    matrix, wanted = np.add.reduceat(matrix, edges, axis=0), np.add.reduceat(wanted, edges)
    weights, _ = nnls(matrix, wanted)
    weights = weights / weights.sum()
    likeness = 1.0 - 0.5 * float(np.abs(matrix @ weights - wanted).sum())
    return Rebuilding(wanted_decay, tuple(float(w) for w in weights[:-1]), float(weights[-1]), likeness)


def mixed_average(
    rebuilt: Rebuilding, averages: Sequence[Mapping[str, Tensor]], last: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The rebuilt average.

    Args:
        rebuilt: the weights.
        averages: the kept average at each step, in their order.
        last: the plain values of the same tensors at the end.
    """
    mixture: dict[str, Tensor] = {}
    for name, tensor in last.items():
        total = rebuilt.last * tensor.double()
        for weight, average in zip(rebuilt.averages, averages, strict=True):
            if weight > 0:
                total = total + weight * average[name].double()
        mixture[name] = total.to(tensor.dtype)
    return mixture
