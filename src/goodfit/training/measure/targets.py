"""What kind of targets these are, and as numbers where one per sample says it all."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor


def target_kind(target: Any) -> tuple[str, np.ndarray | None]:
    """What targets are, and as numbers [n] where one per sample says it all (class numbers or real values)."""
    if not isinstance(target, Tensor) or target.ndim == 0:
        return "unknown", None
    values = target.detach().cpu()
    flat = values.reshape(len(values), -1)
    if not values.is_floating_point():
        if flat.shape[1] > 1:
            return "sequence", None
        numbers = flat[:, 0].numpy().astype(np.int64)
        many = len(np.unique(numbers)) > max(2, len(numbers) // 2)
        return ("real", numbers.astype(np.float64)) if many else ("classes", numbers)
    if not bool(values.isfinite().all()):
        return "unknown", None
    zero_one = bool(((flat == 0) | (flat == 1)).all())
    if flat.shape[1] == 1:
        numbers = flat[:, 0].double().numpy()
        return ("binary", numbers.astype(np.int64)) if zero_one else ("real", numbers)
    if zero_one and bool((flat.sum(dim=1) == 1).all()):
        return "classes", flat.argmax(dim=1).numpy()
    return ("multi-label" if zero_one else "sequence"), None
