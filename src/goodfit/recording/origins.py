"""Where the first number that was not finite came from: the data, an operation on finite ones, too large steps."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from goodfit.recording import graph, tensors
from goodfit.recording.losses import LossWatch
from goodfit.recording.records import NotFinite, Site
from goodfit.recording.state import LossCall, State

# Functions that have no finite answer to some finite numbers, and what is then said.
RISKY = {
    "log": "the logarithm of a number that is not above 0",
    "log2": "the logarithm of a number that is not above 0",
    "log10": "the logarithm of a number that is not above 0",
    "log1p": "log1p of a number that is not above -1",
    "logit": "the logit of 0 or 1",
    "sqrt": "the square root at 0 or below",
    "rsqrt": "1/sqrt at 0",
    "div": "a division by 0",
    "divide": "a division by 0",
    "true_divide": "a division by 0",
    "truediv": "a division by 0",
    "rtruediv": "a division by 0",
    "rdiv": "a division by 0",
    "reciprocal": "a division by 0",
    "exp": "an exponential that overflows",
    "exp2": "an exponential that overflows",
    "expm1": "an exponential that overflows",
    "cosh": "an exponential that overflows",
    "sinh": "an exponential that overflows",
    "pow": "a power at 0 or of a negative number",
    "rpow": "a power at 0 or of a negative number",
    "norm": "a norm too large",
    "std": "the standard deviation of a single number",
    "var": "the variance of a single number",
    "acos": "acos beyond 1",
    "asin": "asin beyond 1",
    "acosh": "acosh below 1",
    "atanh": "atanh at or beyond 1",
    "erfinv": "erfinv at or beyond 1",
    "mean": "the mean of nothing",
    "nanmean": "the mean of nothing",
    "half": "a number too large for 16 bits",
    "cross_entropy": "a mean over no label at all",
    "nll_loss": "a mean over no label at all",
}  # fmt: skip
_WORDS = (("log", "log"), ("square root", "sqrt"), ("division", "truediv"), ("division", "div"), ("exponential", "exp"),
          ("power", "pow"), ("standard", "std"), ("norm", "norm"), ("acos", "acos"))  # fmt: skip
_MOST_FOUND = 16
_GROWN = 1e15  # squared twice this overflows float32 (3.4e38): what grew is to blame, not the operation


class OriginWatch:
    """Notes operations that turn finite numbers into others, and tells the first one once something has gone wrong."""

    def __init__(self, state: State, losses: LossWatch) -> None:
        self.state = state
        self._losses = losses
        self.lines: dict[str, Site] = {}  # the last line that called log, sqrt, ... with gradients on
        self._step = -1
        self._now: list[tuple[str, Site | None]] = []  # of this step: operation, line
        self._of_data: list[tuple[str, Site | None]] = []  # on numbers that no parameter had a part in

    def see(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """A call of a function in RISKY."""
        if not isinstance(out, Tensor) or not tensors.is_plain(out) or not out.is_floating_point():
            return
        if out.requires_grad:
            site = self.state.sites.here()
            if site is not None:
                self.lines[name] = site
        if self.state.recording.not_finite is not None or _is_finite(out):
            return
        given = [t for t in tensors.tensors_in((args, kwargs)) if tensors.is_plain(t)]
        if not all(_is_finite(t) and _is_moderate(t) for t in given):
            return
        if self._step != self.state.step:
            self._step, self._now = self.state.step, []
        place = self._now if out.requires_grad else self._of_data
        if len(place) < _MOST_FOUND:
            place.append((RISKY[name], self.state.sites.here()))
        if place is self._of_data and len(self._now) < _MOST_FOUND:
            self._now.append(place[-1])

    def tell(self, what: str, root: Tensor | None, suspects: list[str], last_loss: LossCall | None) -> None:
        """Put the first value that is not finite into the recording."""
        state = self.state
        first = [value for _, value in state.recording.step_losses[:5] if math.isfinite(value)]
        last = [value for _, value in state.recording.step_losses[-5:] if math.isfinite(value)]
        grew = abs(last[-1]) / max(abs(first[0]), 1e-12) if first and last else 1.0
        finite = all(
            _is_finite(p)
            for key in list(state.optimised or state.parameters)
            if (p := state.alive(key)) is not None and tensors.is_plain(p)
        )
        call = next((c for c in reversed(state.losses)), None) or last_loss
        if call is not None and call.target is not None and not _is_finite(call.target):
            what = "targets"
        inputs_finite = all(f.inputs is None or _is_finite(f.inputs) for f in state.pending) and not any(
            use.input_not_finite for use in state.recording.models
        )
        if inputs_finite and root is not None:
            inputs_finite = not graph.takes_not_finite(root)
        if not inputs_finite:
            what = "inputs"
        operation, site = self._origin(what, root, suspects)
        state.recording.not_finite = NotFinite(
            step=state.step,
            what=what,
            operation=operation,
            site=site,
            grew=grew,
            parameters_finite=finite,
            inputs_finite=inputs_finite,
        )

    def _origin(self, what: str, root: Tensor | None, suspects: list[str]) -> tuple[str, Site | None]:
        here = self.state.sites.here()
        if what in ("inputs", "targets"):
            return self._of_data[0] if self._of_data else ("", here)
        if self._now and self._step == self.state.step and what == "loss":
            return self._now[0]
        found = graph.suspects(root) if root is not None else suspects
        operation = found[0] if found else ""
        site = next((self.lines[name] for word, name in _WORDS if word in operation and name in self.lines), here)
        return operation, site


def _is_moderate(tensor: Tensor) -> bool:
    """Whether numbers have not grown so far that anything done with them overflows: that is divergence."""
    return not tensor.is_floating_point() or not tensor.numel() or float(tensor.detach().abs().max()) < _GROWN


def _is_finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor.detach()).all())
