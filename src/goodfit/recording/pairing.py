"""Which label came with which input: whether the same input keeps its label, and a sample of evaluated pairs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from goodfit.recording import tensors
from goodfit.recording.records import Repeats
from goodfit.recording.state import Forward, LossCall, State

_MOST_INPUTS = 20_000  # inputs whose label is remembered
_MOST_EVALUATED = 1_500  # evaluated samples kept
_MOST_BYTES = 32 << 20  # of those
_MOST_CLASSES = 30  # more are words, of which several may follow one another


class PairWatch:
    """Remembers labels by input over the training, and inputs with their labels of the first evaluations."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._labels: dict[int, float] = {}
        self._counts: dict[float, int] = {}
        self._repeats = self._agreeing = 0
        self._evaluated: list[tuple[Tensor, Tensor]] = []
        self._seen: set[int] = set()
        self._bytes = 0
        state.on_trained.append(self.trained)
        state.on_evaluated.append(self.evaluated)

    def trained(self, forward: Forward, call: LossCall | None) -> None:
        """A pass that was trained on, with its loss: class numbers only, one for each sample."""
        if call is None or not call.exact or call.accuracy is None or call.target is None or call.value is None:
            return
        if call.kwargs.get("reduction", "mean") == "none" or len(self._counts) > _MOST_CLASSES:
            return
        labels = call.target
        rows = rows_of(forward.given, len(labels)) if labels.ndim and labels.numel() == len(labels) else None
        if rows is None:
            return
        known = self._labels
        now = list(zip(tensors.sample_hashes_all(rows), labels.flatten().tolist(), strict=True))
        for number, label in now:
            self._counts[label] = self._counts.get(label, 0) + 1
            before = known.get(number)
            if before is not None:
                self._repeats += 1
                self._agreeing += before == label
        if len(known) < _MOST_INPUTS:
            known.update(now)

    def evaluated(self, forward: Forward) -> None:
        """A pass that was not trained on, with the labels that its answers were held against."""
        labels = forward.labels
        if labels is None or len(self._seen) >= _MOST_EVALUATED or self._bytes >= _MOST_BYTES:
            return
        if labels.ndim > 2:
            return
        rows = rows_of(forward.given, len(labels))
        if rows is None:
            return
        numbers = tensors.sample_hashes_all(rows)
        new = [place for place, number in enumerate(numbers) if number not in self._seen and number not in self._labels]
        self._seen.update(numbers)
        if new:
            picked = rows[new].clone()
            self._bytes += picked.numel() * picked.element_size()
            self._evaluated.append((picked, labels[new].clone()))

    @property
    def held_out(self) -> tuple[Tensor, Tensor] | None:
        """Evaluated samples that were not trained on, each once: [n, ...] and [n] or [n, k]."""
        if not self._evaluated or len({(r.shape[1:], r.dtype, y.shape[1:]) for r, y in self._evaluated}) != 1:
            return None
        return torch.cat([rows for rows, _ in self._evaluated]), torch.cat([goal for _, goal in self._evaluated])

    def finish(self) -> None:
        """Tell how often an input kept its label."""
        total = sum(self._counts.values())
        if not self._repeats or len(self._counts) > _MOST_CLASSES:
            return
        self.state.recording.repeats = Repeats(
            inputs=len(self._labels),
            repeats=self._repeats,
            agreeing=self._agreeing,
            chance=sum((count / total) ** 2 for count in self._counts.values()),
            classes=len(self._counts),
        )


def rows_of(given: Any, n: int) -> Tensor | None:
    """The inputs of a pass as one tensor with a row a sample; None where not all of them have one."""
    parts = [t for t in given or () if t.ndim]
    if not parts or any(len(t) != n or not tensors.is_plain(t) or t.is_complex() for t in parts):
        return None
    if len(parts) == 1:
        only = parts[0].detach()
        return only if only.ndim > 1 else only[:, None]
    return torch.cat([t.detach().reshape(n, -1).double() for t in parts], dim=1)
