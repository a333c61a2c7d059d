"""The hyperparameters that a model's builder reads, and the names that are goodfit's own to apply."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

# goodfit applies these itself; every other name is what the user's `model` reads.
STANDARD = (
    "lr",
    "optimizer",
    "momentum",
    "beta1",
    "beta2",
    "eps",
    "weight_decay",
    "nesterov",
    "batch_size",
    "schedule",
    "warmup",
    "label_smoothing",
    "grad_clip",
    "ema_decay",
)


class Hyperparameters(Mapping[str, Any]):
    """One point of a space: `hp.width` and `hp["width"]` are the same. Remembers which names were read.

    Raises:
        AttributeError, KeyError: the name is not among them; the message offers the nearest.
    """

    __slots__ = ("_read", "_values")

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)
        self._read: set[str] = set()

    @property
    def names_read(self) -> frozenset[str]:
        return frozenset(self._read)

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            raise KeyError(self._missing(name))
        self._read.add(name)
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._values:
            raise AttributeError(self._missing(name))
        self._read.add(name)
        return self._values[name]

    def get(self, key: object, default: Any = None) -> Any:
        """The value, or `default` where the space has no such hyperparameter."""
        self._read.add(str(key))
        return self._values.get(str(key), default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Hyperparameters({', '.join(f'{k}={v!r}' for k, v in self._values.items())})"

    def __getstate__(self) -> dict[str, Any]:
        return self._values

    def __setstate__(self, values: dict[str, Any]) -> None:
        self._values, self._read = values, set()

    def _missing(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._values, n=1)
        known = ", ".join(self._values) or "none"
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return f"hyperparameter {name!r} was asked for, which neither space nor start has.{hint} There are: {known}."
