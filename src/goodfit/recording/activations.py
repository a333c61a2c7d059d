"""What comes out of nonlinearities: units that are dead, units that are saturated."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from goodfit.recording import tensors
from goodfit.recording.records import ActivationUse
from goodfit.recording.state import State

_WINDOW = 12  # batches in which a dead unit is zero throughout
_ENOUGH = 256  # samples
_BINS = 24
_HISTOGRAM_VALUES = 20_000
_FLAT = 0.97  # |tanh| and distance of a sigmoid from 1/2, doubled (recipe 6.1)


@dataclasses.dataclass(slots=True)
class _Place:
    use: ActivationUse
    alive: Tensor
    batches: int = 0
    samples: int = 0
    flat: float = 0.0


class ActivationWatch:
    """Joins what one place of a network puts out over windows of batches."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._places: dict[tuple[int, str, int], _Place] = {}
        self.numbers: dict[int, ActivationUse] = {}  # graph node -> place, of the present window

    def see(self, function: str, out: Tensor) -> None:
        """One output; only those of trained passes count."""
        state = self.state
        if out.grad_fn is None or out.ndim < 2 or not out.numel():
            return
        if state.forward is None and (state.models or not state.bare):
            return  # in a loss, beside a network: a hinge that is met is no dead unit
        module: torch.nn.Module | None = None
        if state.forward is not None:
            module = state.stack[-1] if state.stack else state.forward.module
            count = state.forward.activations.get(f"{id(module)}{function}", 0)
            state.forward.activations[f"{id(module)}{function}"] = count + 1
        else:  # no network is a module: the line that calls it tells one place from another
            count = 0
        site = state.sites.here()
        key = (hash(site) if module is None else id(module), function, count)
        place = self._places.get(key)
        # channels lie along axis 1 of images and sequences of convolutions, along the last axis elsewhere
        axis = 1 if out.ndim in (2, 4, 5) else out.ndim - 1
        if place is None or len(place.alive) != out.shape[axis]:
            if len(self._places) > 400 or count > 8:
                return
            use = ActivationUse(
                function=function,
                place=str(site) if module is None else self._name(module),
                order=len(state.recording.activations),
                site=site,
                units=out.shape[axis],
            )
            state.recording.activations.append(use)
            place = self._places[key] = _Place(use, torch.zeros(out.shape[axis], dtype=torch.bool, device=out.device))
        values = out.detach()
        if place.batches == 0:
            some = tensors.few(values).flatten()[:_HISTOGRAM_VALUES]
            low, high = (float(v) for v in torch.aminmax(some))
            if high > low and abs(low) != float("inf") and abs(high) != float("inf"):
                place.use.histogram = [int(n) for n in torch.histc(some.float(), _BINS, low, high).tolist()]
                place.use.edges = (low, high)
        if place.use.std_at_start == 0.0:
            place.use.std_at_start = float(tensors.few(values).std())
        if len(self.numbers) > 512:
            self.numbers.clear()
        self.numbers[out.grad_fn._sequence_nr()] = place.use
        others = [d for d in range(out.ndim) if d != axis]
        if function == "relu":
            place.alive |= (values > 0).any(dim=others[0]) if len(others) == 1 else (values > 0).amax(dim=others)
        else:
            flat = values.abs() > _FLAT if function == "tanh" else (values - 0.5).abs() * 2 > 2 * _FLAT - 1
            place.flat += float(flat.float().mean())
        place.batches += 1
        place.samples += out.numel() // out.shape[axis]
        if place.batches >= _WINDOW or place.samples >= 4096:
            self._close(place)

    def finish(self) -> None:
        """Close the windows that hold enough."""
        for place in self._places.values():
            if (place.batches >= 4 and place.samples >= _ENOUGH) or not place.use.samples:
                self._close(place)

    def _close(self, place: _Place) -> None:
        use, first = place.use, place.use.samples == 0
        if not place.batches:
            return
        dead = 1 - float(place.alive.float().mean()) if use.function == "relu" else 0.0
        flat = place.flat / place.batches
        if first:
            use.dead_at_start, use.saturated_at_start = dead, flat
        use.dead, use.saturated, use.samples = dead, flat, place.samples
        place.alive.zero_()
        place.batches = place.samples = 0
        place.flat = 0.0

    def _name(self, module: torch.nn.Module) -> str:
        for reference, use in self.state.models.values():
            root = reference()
            if root is None:
                continue
            for name, child in root.named_modules():
                if child is module:
                    return f"{use.name}.{name}" if name else use.name
        return type(module).__name__
