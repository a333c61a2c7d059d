"""Tensors that leave the autograd graph inside a network and go on into its next weights: those behind do not learn."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from goodfit.recording import graph
from goodfit.recording.records import CutUse
from goodfit.recording.state import State

SAMPLING = frozenset({"normal", "bernoulli", "poisson", "_standard_gamma", "_sample_dirichlet"})
_MOST = 256  # tensors followed at a time


@dataclasses.dataclass(slots=True)
class _Cut:
    use: CutUse
    sources: list[Tensor]  # what was cut; let go when the window ends
    is_sampled: bool
    consumers: set[int] = dataclasses.field(default_factory=set)  # graph nodes of weights that took what came of it
    is_joined: bool = False  # with what it was made from: straight through, a log-probability of a draw


class CutWatch:
    """Follows what was cut off from where it was cut to the next weights, within one forward pass.

    A hit is a cut whose result was multiplied by weights on the way to the loss, while what it was made from has no
    other way to the loss (for a random draw: none through weights). Straight-through estimators, probes beside a head,
    targets, and states handed from one window to the next are none.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.last_root = -1  # graph node of the last loss: what is older belongs to an earlier window
        self._cuts: list[_Cut] = []
        self._followed: dict[int, tuple[weakref.ref[Tensor], _Cut]] = {}

    def see(self, name: str, args: tuple[Any, ...], out: Any) -> None:
        """Any call inside a network."""
        if not isinstance(out, Tensor) or not out.is_floating_point():
            return
        given = list(_tensors(args))
        if self._followed:
            self._follow(name, given, out)
        is_sampled = name in SAMPLING
        if out.requires_grad and not is_sampled:
            return
        sources = [t for t in map(_made, given) if t is not None] if is_sampled or not out.requires_grad else []
        sources = [t for t in sources if _number(t) > self.last_root]
        if not sources or len(self._followed) >= _MOST:
            return
        site = self.state.sites.here()
        if site is None:
            return
        use = self.state.cuts.get(site)
        if use is None:
            if len(self.state.cuts) > 200:
                return
            use = self.state.cuts[site] = CutUse(how=name if is_sampled or name == "detach" else "no_grad", site=site)
            self.state.recording.cuts.append(use)
        cut = _Cut(use, sources, is_sampled)
        self._cuts.append(cut)
        self._followed[id(out)] = (weakref.ref(out), cut)

    def _follow(self, name: str, given: list[Tensor], out: Tensor) -> None:
        for tensor in given:
            known = self._followed.get(id(tensor))
            if known is None or known[0]() is not tensor:
                continue
            cut = known[1]
            if name in SAMPLING:
                cut.is_sampled, cut.use.how = True, name
            others = [t for t in given if t.grad_fn is not None and t is not tensor]
            if any(isinstance(t, nn.Parameter) or id(t) in self.state.weights for t in given):
                if out.grad_fn is not None:
                    cut.consumers.add(out.grad_fn._sequence_nr())
            elif any(_stands_before(t, source) for t in others for source in cut.sources):
                cut.is_joined = True
            elif len(self._followed) < _MOST:
                self._followed[id(out)] = (weakref.ref(out), cut)

    def backward(self, seen: graph.Walk, root: Tensor) -> None:
        """A backward pass is about to run: tell the cuts that kept its gradient from weights."""
        lost: dict[int, CutUse] = {}
        for cut in self._cuts:
            if not cut.consumers & seen.numbers or cut.is_joined:
                continue
            numbers = {_number(t) for t in cut.sources}
            others = graph.behind_weights(root) if cut.is_sampled else seen.numbers
            if numbers & others:
                continue
            leaves = [key for t in cut.sources for key in graph.walk(t).leaves]
            if any(key in self.state.optimised for key in leaves):
                lost[id(cut.use)] = cut.use
        for use in lost.values():
            use.lost += 1
        self.forget()

    def forget(self) -> None:
        """Let go of the window's tensors."""
        self._cuts.clear()
        self._followed.clear()


def _made(tensor: Tensor) -> Tensor | None:
    """A tensor that has a place in the graph, or the one that it is a view of (a view made under no_grad has none)."""
    if not tensor.is_floating_point():
        return None
    if tensor.grad_fn is not None:
        return tensor
    base = tensor._base
    return base if base is not None and base.grad_fn is not None else None


def _stands_before(tensor: Tensor, later: Tensor) -> bool:
    """Whether a tensor is another one, or part of what it was computed from."""
    if tensor is later:
        return True
    return _number(tensor) in graph.walk(later).numbers


def _number(tensor: Tensor) -> int:
    return tensor.grad_fn._sequence_nr() if tensor.grad_fn is not None else -1


def _tensors(args: tuple[Any, ...]) -> Iterator[Tensor]:
    for value in args:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from (item for item in value if isinstance(item, Tensor))
