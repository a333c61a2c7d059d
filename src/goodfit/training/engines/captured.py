"""A piece of a cohort's step, recorded once as a CUDA graph and replayed: one launch in the place of hundreds.

Source: PyTorch's notes on CUDA semantics, "CUDA Graphs": a few runs first, in which libraries set themselves up; then
the same kernels on the same memory each time, into which inputs are copied, with no look at a value from outside.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Work = Callable[[], None]
Record = Callable[[Work], Work]

WARM_RUNS = 3  # before anything is recorded: as many as torch.cuda.make_graphed_callables makes
AGREEMENT = 1e-2  # relative, of norms: far above what kernels that add in another order do, far below a wrong address


def recorder(device: torch.device) -> Record | None:
    """What records on this device; None: nothing does."""
    return record_graph if device.type == "cuda" else None


def record_graph(work: Work) -> Work:
    """The work as a CUDA graph. It is recorded, not run; what it calls must not wait for the device.

    Raises:
        RuntimeError: it cannot be captured.
    """
    graph = torch.cuda.CUDAGraph()
    # Another thread of this process, one that loads data say, may use the device meanwhile.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        work()
    return graph.replay


class Replayed:
    """A function of tensors that is recorded after some calls, if it can be, and replayed from then on.

    The first replay is compared with the function itself on the same inputs; where recording fails or the two differ,
    one warning says so and the function is called as it is. What a replay returns is overwritten by the next.
    """

    def __init__(
        self,
        what: str,
        record: Record | None,
        function: Callable[[list[Tensor]], list[Tensor]],
        changed: Callable[[], Sequence[Tensor]],
    ) -> None:
        """
        Args:
            what: the function in words, for the warning.
            record: how to record; None: never.
            function: outputs from inputs; all else that it reads stays at its address until `forget`.
            changed: the tensors that it changes in place.
        """
        self._what, self._record, self._function, self._changed = what, record, function, changed
        self.forget()

    def forget(self) -> None:
        """What the function reads has other addresses from now on: record it anew."""
        self._runs = 0
        self._replay: Work | None = None
        self._inputs: list[Tensor] = []
        self._outputs: list[Tensor] = []

    def __call__(self, inputs: list[Tensor]) -> list[Tensor]:
        """The function's outputs for these inputs, which may lie on another device."""
        if self._record is None:
            return self._function(inputs)
        if self._replay is None:
            self._runs += 1
            return self._function(inputs) if self._runs <= WARM_RUNS else self._recorded(self._record, inputs)
        if [(t.shape, t.dtype) for t in inputs] != [(t.shape, t.dtype) for t in self._inputs]:
            return self._function(inputs)
        self._put(self._inputs, inputs)
        self._replay()
        return self._outputs

    def _recorded(self, record: Record, inputs: list[Tensor]) -> list[Tensor]:
        """Record, and replay once beside the function itself."""
        changed = list(self._changed())
        before = [t.clone() for t in changed]
        expected = [t.clone() for t in self._function(inputs)]
        after = [t.clone() for t in changed]
        self._inputs = [t.clone() for t in inputs]

        def work() -> None:
            self._outputs = self._function(self._inputs)

        try:
            self._put(changed, before)
            replay = record(work)
            replay()
            seen, right = [*changed, *self._outputs], [*after, *expected]
            is_same = len(seen) == len(right) and all(_agree(*pair) for pair in zip(seen, right, strict=True))
            trouble = "" if is_same else "its replay gives other numbers"
        except RuntimeError as error:
            trouble = str(error).partition("\n")[0]
        if not trouble:
            self._replay = replay
            return self._outputs
        self._put(changed, after)
        self._record = None
        self._outputs = []
        warnings.warn(
            f"The batched engine goes on without a CUDA graph for {self._what}, more slowly: {trouble}.",
            RuntimeWarning,
            stacklevel=2,
        )
        return expected

    @staticmethod
    def _put(into: Sequence[Tensor], values: Sequence[Tensor]) -> None:
        for tensor, value in zip(into, values, strict=True):
            tensor.copy_(value, non_blocking=True)


def _agree(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are the same but for rounding; not-a-number in the same places is the same."""
    if one.shape != other.shape or not torch.equal(one.isfinite(), other.isfinite()):
        return False
    one, other = (t.double().nan_to_num(0.0, 0.0, 0.0) for t in (one, other))
    return bool(torch.linalg.vector_norm(one - other) <= AGREEMENT * torch.linalg.vector_norm(other) + 1e-12)
