"""Batches that are reshaped before a network takes them, so that their length stands at another axis than the first."""

from __future__ import annotations

import math
import weakref

from torch import Tensor

from goodfit.recording.records import ReshapeUse, Site
from goodfit.recording.state import Forward, LossCall, State

_MOST_LINES = 50
_KEPT = 8  # the last reshaped tensors


class ReshapeWatch:
    """Remembers such tensors until a network that puts out one row a sample was trained on them."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._uses: dict[Site, ReshapeUse] = {}
        self._made: list[tuple[weakref.ref[Tensor], ReshapeUse]] = []
        state.on_trained.append(self.trained)

    def see(self, source: Tensor, out: Tensor) -> None:
        """A view or a reshape, outside of any network, of numbers that no parameter had a part in.

        Cutting [n, ...] anew to [m, n, ...] keeps the numbers in their order, so what lies at one place of the second
        axis afterwards is a piece of some samples, and not a sample.
        """
        if source.ndim < 2 or out.ndim < 2 or len(source) < 3 or source.requires_grad or self.state.stack:
            return
        n = len(source)
        if out.shape[0] == n or n not in out.shape[1:]:
            return
        if math.prod(out.shape[: out.shape.index(n)]) == 1:
            return
        site = self.state.sites.here()
        if site is None or (site not in self._uses and len(self._uses) >= _MOST_LINES):
            return
        use = self._uses.get(site)
        if use is None:
            use = self._uses[site] = ReshapeUse(site=site, before=tuple(source.shape), after=tuple(out.shape))
            self.state.recording.reshapes.append(use)
        self._made.append((weakref.ref(out), use))
        del self._made[:-_KEPT]

    def trained(self, forward: Forward, call: LossCall | None) -> None:
        """A pass that was trained on, with its loss."""
        if not self._made or call is None or call.target is None or not call.target.ndim or not call.shape:
            return
        n = len(call.target)
        for given in forward.given or ():
            for made, use in self._made:
                if made() is given and given.shape[0] != n and n in given.shape[1:] and call.shape[0] == n:
                    use.hits += n == use.before[0]
