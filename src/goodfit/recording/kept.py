"""Batches and weights that were kept, so that experiments can replay a few steps on copies."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from goodfit.recording import tensors
from goodfit.recording.state import Forward, LossCall, State

_MOST_BATCHES = 16  # from the start; as many again from later on
_MOST_BYTES = 64 << 20  # of all kept batches together
_MOST_WEIGHTS = 30_000_000  # values of a snapshot
_OTHER_PARTS = 0.05  # of the first loss: what else a replayed loss may leave out


@dataclasses.dataclass(slots=True)
class KeptBatch:
    """One trained step's data."""

    step: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    target: Tensor
    shape: tuple[int, ...]  # of the prediction as the loss got it
    picked: bool  # its first input's rows were picked out of a larger tensor by an index
    exact: bool  # the loss got the network's output itself, or a reshaped view of it
    made: bool  # what the network was given was made by other weights that are trained
    value: float | None  # of the loss
    root: float  # of what was differentiated; not a number where that was no scalar


@dataclasses.dataclass(slots=True)
class Kept:
    """What a replay needs."""

    model: nn.Module | None = None  # held: a network local to a function would be gone when experiments begin
    module_number: int = -1
    function: Callable[..., Tensor] | None = None
    name: str = ""
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    early: list[KeptBatch] = dataclasses.field(default_factory=list)
    late: list[KeptBatch] = dataclasses.field(default_factory=list)
    weights: dict[str, Tensor] | None = None  # before the first step
    bytes_kept: int = 0
    mixed: bool = False  # steps used several networks or losses: no replay

    @property
    def batches(self) -> list[KeptBatch]:
        """Early ones, then late ones."""
        return self.early + self.late

    @property
    def is_replayable(self) -> bool:
        """Whether a step can be computed again: one network, one loss, its output handed over as it was."""
        return (
            not self.mixed
            and self.model is not None
            and self.function is not None
            and bool(self.early)
            and all(batch.exact for batch in self.batches)
            and not self.has_other_parts
        )

    @property
    def has_other_parts(self) -> bool:
        """Whether what was differentiated is more, or something else, than a multiple of the loss that was kept.

        A penalty, weights of single samples, a function of each sample's loss: steps on the kept loss alone would be
        another training. Sums depend on how many samples there are, so batches of one shape are compared.
        """
        groups: dict[tuple[int, ...], list[tuple[float, float]]] = {}
        for batch in self.batches:
            if batch.value and math.isfinite(batch.value) and math.isfinite(batch.root):
                groups.setdefault(batch.shape, []).append((batch.value, batch.root))
        for pairs in groups.values():
            early = pairs[:_MOST_BATCHES]
            factor = statistics.median(root / value for value, root in early)
            scale = statistics.median(abs(root) for _, root in early)
            if any(abs(root - factor * value) > _OTHER_PARTS * scale for value, root in pairs):
                return True
        return False


class KeptWatch:
    """Fills a Kept from trained passes."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.kept = Kept()
        self._step = -1
        self._seen = 0
        state.on_trained.append(self.trained)

    def trained(self, forward: Forward, call: LossCall | None) -> None:
        """A pass that was trained on, with the loss that it was trained by."""
        kept = self.kept
        if call is None or call.target is None or forward.args is None:
            kept.mixed |= call is None and self.state.step < 8
            return
        if call.forward is not forward and call.inside is not forward:
            kept.mixed |= self.state.step < 8  # several networks make up a step
            return
        made = any(t.grad_fn is not None for t in tensors.tensors_in((forward.args, forward.kwargs)))
        kept.mixed |= made and self.state.step < 8
        if kept.model is None:
            kept.model, kept.module_number = forward.module, forward.use.number
            kept.function, kept.name, kept.options = call.function, call.use.function, call.kwargs
            if forward.use.parameters <= _MOST_WEIGHTS and self.state.step == 0:
                kept.weights = {k: v.detach().clone() for k, v in forward.module.state_dict().items()}
        if kept.model is not forward.module or call.use.function != kept.name:
            kept.mixed |= self.state.step < 8
            return
        self._seen += 1
        if len(kept.early) < _MOST_BATCHES:
            place = kept.early
        elif len(kept.late) < _MOST_BATCHES:
            place = kept.late
        else:
            kept.late.pop(0)
            place = kept.late
        size = sum(
            t.numel() * t.element_size() for t in tensors.tensors_in((forward.args, forward.kwargs, call.target))
        )
        if kept.bytes_kept + size > _MOST_BYTES:
            return
        kept.bytes_kept += size if place is kept.early or len(kept.late) < _MOST_BATCHES else 0
        place.append(
            KeptBatch(
                step=self.state.step,
                args=_copied(forward.args),
                kwargs=_copied(forward.kwargs or {}),
                target=call.target.clone(),
                shape=call.shape,
                picked=self.state.was_picked(forward.given),
                exact=call.exact,
                made=made,
                value=call.value,
                root=self.state.root_value,
            )
        )


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_copied(item) for item in value]
        return type(value)(items) if type(value) in (list, tuple) else tuple(items)
    return value
