"""Random bits from counters: a hash of (key, index), the same alone, in any cohort, on any device.

Only 32-bit integer arithmetic that wraps around is used, so that torch (also under vmap), numpy and C++ agree bit
for bit. Comparisons are arithmetic too: torch's integer comparisons are several times slower than its shifts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from goodfit.training.seeds import DROPOUT

# Odd constants of published 32-bit mixers: Murmur3's finaliser, and a golden-ratio stride between uses of one key.
_FIRST, _SECOND = 0x85EBCA6B, 0xC2B2AE35
_LAST = 0x2C1B3C6D
_STRIDE = 0x9E3779B9
_CACHED_COUNTS = 64  # different activation sizes kept; each costs four bytes an element

_spread: dict[tuple[int, torch.device], Tensor] = {}


def keys(seeds: Sequence[int], steps: range, layers: int) -> np.ndarray:
    """Two 32-bit key words for each (step, trial, layer): `seeds.mixed(seed, DROPOUT, step, layer)` cut in two.

    Returns:
        int32 [steps, trials, layers, 2]; the second word is odd, since it multiplies.
    """
    mixed = mixed_array(
        np.array(seeds, dtype=object)[None, :, None],
        DROPOUT,
        np.arange(steps.start, steps.stop)[:, None, None],
        np.arange(layers)[None, None, :],
    )
    low = (mixed & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    high = (mixed >> np.uint64(31)).astype(np.uint32) | np.uint32(1)
    return np.stack([low, high], axis=-1).view(np.int32)


def mixed_array(*words: np.ndarray | int) -> np.ndarray:
    """`seeds.mixed` over arrays that broadcast: uint64, the same 63-bit numbers."""
    arrays = np.broadcast_arrays(*[_as_uint64(word) for word in words])
    state = np.full(arrays[0].shape, 0x9E3779B97F4A7C15, dtype=np.uint64)
    golden, first, second = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
    with np.errstate(over="ignore"):
        for word in arrays:
            state = state + word * first + golden
            state = (state ^ (state >> np.uint64(30))) * first
            state = (state ^ (state >> np.uint64(27))) * second
            state = state ^ (state >> np.uint64(31))
    return state >> np.uint64(1)


def kept(count: int, key: Tensor, use: int, threshold: Tensor) -> Tensor:
    """Which of `count` elements stay: int32 [count], -1 where the element's draw is above the threshold, else 0.

    Args:
        count: elements of the activation.
        key: int32 [2], from `keys`.
        use: how often this layer was used before in the same forward pass.
        threshold: int32 scalar, from `threshold_of`.
    """
    bits = _spread_index(count, key.device) ^ (key[0] + _wrapped(use * _STRIDE))
    bits = bits * key[1]
    bits = (bits ^ (bits >> 16)) * _LAST
    # Halved, so that the difference cannot leave 32 bits; its sign is the comparison.
    return (threshold - (bits >> 1)) >> 31


def threshold_of(share: float) -> int:
    """The threshold below which this share of all draws lies; draws are uniform on [-2^30, 2^30)."""
    return min(max(round((share - 0.5) * 2**31) - 1, -(2**30) - 1), 2**30 - 1)


def _spread_index(count: int, device: torch.device) -> Tensor:
    """Well mixed constants for indices 0 to count: int32 [count]."""
    known = _spread.get((count, device))
    if known is not None:
        return known
    with np.errstate(over="ignore"):
        index = np.arange(count, dtype=np.uint32) + np.uint32(1)
        for factor in (_FIRST, _SECOND):
            index = (index ^ (index >> np.uint32(16))) * np.uint32(factor)
        index = index ^ (index >> np.uint32(16))
    spread = torch.from_numpy(index.view(np.int32)).to(device)
    # Inside vmap or grad even a fresh tensor is wrapped by the transform, and must not outlive it.
    if not torch._C._functorch.is_functorch_wrapped_tensor(spread):
        if len(_spread) >= _CACHED_COUNTS:
            _spread.pop(next(iter(_spread)))
        _spread[count, device] = spread
    return spread


def _as_uint64(word: np.ndarray | int) -> np.ndarray:
    values = np.asarray(word, dtype=object) & ((1 << 64) - 1)
    return np.asarray(values).astype(np.uint64)


def _wrapped(number: int) -> int:
    """The number as a signed 32-bit one."""
    return (number + 2**31) % 2**32 - 2**31


_LAST = _wrapped(_LAST)
