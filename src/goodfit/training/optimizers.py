"""The optimisers' update rules over rows of trials, with torch.optim's arithmetic, and torch.optim itself.

Slots are named as torch.optim names them, so that a state moves between engines.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.errors import TaskError

KINDS = ("sgd", "adam", "adamw", "rmsprop")
SLOTS: dict[str, tuple[str, ...]] = {
    "sgd": ("momentum_buffer",),
    "adam": ("exp_avg", "exp_avg_sq"),
    "adamw": ("exp_avg", "exp_avg_sq"),
    "rmsprop": ("square_avg", "momentum_buffer"),
}
_DEFAULT_LR = {"sgd": 1e-3, "adam": 1e-3, "adamw": 1e-3, "rmsprop": 1e-2}  # PyTorch's
_FUSED_FROM = 4096  # weights in a row from which one pass a trial beats a few passes over all trials (measured)


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """An optimiser and its constants. `beta2` is RMSprop's alpha; the rate is before any schedule."""

    kind: str
    lr: float
    momentum: float
    beta1: float
    beta2: float
    eps: float
    weight_decay: float
    nesterov: bool

    @classmethod
    def read(cls, hyperparameters: Mapping[str, Any], regularised: bool = True) -> Choice:
        """The choice that the standard names make.

        Defaults: AdamW; PyTorch's constants, but momentum 0.9 for SGD and no weight decay.

        Raises:
            TaskError: the optimiser is unknown, or a constant lies outside what its rule allows.
        """
        kind = str(hyperparameters.get("optimizer", "adamw")).lower()
        if kind not in KINDS:
            raise TaskError(f"There is no optimizer named {kind!r}. Choose one of: {', '.join(KINDS)}.")

        def number(name: str, default: float, least: float, below: float) -> float:
            value = hyperparameters.get(name)
            value = default if value is None else float(value)
            if not least <= value < below:
                raise TaskError(f"{name} lies from {least} to below {below} for {kind}, got {value}.")
            return value

        infinity = float("inf")
        momentum = number("momentum", 0.9 if kind == "sgd" else 0.0, 0.0, 1.0)
        return cls(
            kind=kind,
            lr=number("lr", _DEFAULT_LR[kind], 0.0, infinity),
            momentum=momentum,
            beta1=number("beta1", 0.9, 0.0, 1.0),
            beta2=number("beta2", 0.99 if kind == "rmsprop" else 0.999, 0.0, 1.0),
            eps=number("eps", 1e-8, 0.0, infinity),
            weight_decay=number("weight_decay", 0.0, 0.0, infinity) if regularised else 0.0,
            nesterov=bool(hyperparameters.get("nesterov", False)) and momentum > 0,
        )


def torch_optimizer(choice: Choice, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """PyTorch's own optimiser for this choice, fused where it has that."""
    parameters = list(parameters)
    betas, decay = (choice.beta1, choice.beta2), choice.weight_decay
    fused = all(p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in parameters) and bool(parameters)
    match choice.kind:
        case "sgd":
            return torch.optim.SGD(
                parameters, choice.lr, choice.momentum, 0.0, decay, choice.nesterov, fused=fused or None
            )
        case "adam":
            return torch.optim.Adam(parameters, choice.lr, betas, choice.eps, decay, fused=fused or None)
        case "adamw":
            return torch.optim.AdamW(parameters, choice.lr, betas, choice.eps, decay, fused=fused or None)
        case _:
            return torch.optim.RMSprop(
                parameters, choice.lr, choice.beta2, choice.eps, decay, choice.momentum, centered=False
            )


class RowOptimizer:
    """One optimiser over the rows of a flat [trials, weights] tensor, in place, with columns of hyperparameters."""

    def __init__(self, choices: list[Choice], weights: Tensor) -> None:
        """All choices are of one kind.

        Args:
            choices: one a row.
            weights: [trials, weights]; its dtype and device are those of the slots.
        """
        self.kind = choices[0].kind
        self.slots = {slot: torch.zeros_like(weights) for slot in SLOTS[self.kind]}
        self.updates = torch.zeros(len(choices), 1, dtype=torch.float64)  # those that Adam's correction counts
        self._scratch = torch.empty_like(weights), torch.empty_like(weights)
        self.goes_by_rows = self.kind != "rmsprop" and weights.device.type == "cpu" and weights.shape[1] >= _FUSED_FROM
        self.set_choices(choices)

    def set_choices(self, choices: list[Choice]) -> None:
        """Use these constants from the next step on."""
        self.choices = choices
        like = next(iter(self.slots.values()))

        def column(values: Iterable[float]) -> Tensor:
            return torch.tensor(list(values), dtype=torch.float64).to(like)[:, None]

        self._momentum = column(c.momentum for c in choices)
        self._beta1_rest = column(1.0 - c.beta1 for c in choices)
        self._beta2 = column(c.beta2 for c in choices)
        self._beta2_rest = column(1.0 - c.beta2 for c in choices)
        self._eps = column(c.eps for c in choices)
        self._decay = column(c.weight_decay for c in choices)
        self._nesterov = column(float(c.nesterov) for c in choices)
        self._any_decay = any(c.weight_decay for c in choices)
        self._any_nesterov = any(c.nesterov for c in choices)
        self._beta1_64 = torch.tensor([[c.beta1] for c in choices], dtype=torch.float64)
        self._beta2_64 = torch.tensor([[c.beta2] for c in choices], dtype=torch.float64)
        self._decay_64 = torch.tensor([[c.weight_decay] for c in choices], dtype=torch.float64)

    def keep(self, rows: list[int]) -> None:
        """Only these rows go on, in this order."""
        self.slots = {slot: values[rows].clone() for slot, values in self.slots.items()}
        self.updates = self.updates[rows].clone()
        like = next(iter(self.slots.values()))
        self._scratch = torch.empty_like(like), torch.empty_like(like)
        self.set_choices([self.choices[row] for row in rows])

    def step(self, weights: Tensor, gradient: Tensor, lr: Tensor) -> None:
        """One update.

        Args:
            weights: [trials, weights], changed in place.
            gradient: the same shape; its values are used up.
            lr: float64 [trials, 1] on the CPU.
        """
        if self.goes_by_rows:
            self.updates += 1
            self._step_rows(weights, gradient, lr)
        else:
            self.apply(weights, gradient, self.coefficients(lr))

    def coefficients(self, lr: Tensor) -> list[Tensor]:
        """Count an update, and give what changes from one to the next: [trials, 1] each, where the weights are.

        Args:
            lr: float64 [trials, 1] on the CPU.
        """
        self.updates += 1
        values = [lr]
        if self.kind in ("adam", "adamw"):
            correction1 = 1.0 - self._beta1_64**self.updates
            correction2 = 1.0 - self._beta2_64**self.updates
            values = [lr / correction1, correction2.sqrt()]
        if self.kind == "adamw":
            values.append(1.0 - lr * self._decay_64)
        like = self._scratch[0]
        # From memory that is not pinned CUDA copies at once into a buffer of its own: nothing is waited for.
        return [value.to(like.device, like.dtype, non_blocking=True) for value in values]

    def apply(self, weights: Tensor, gradient: Tensor, coefficients: list[Tensor]) -> None:
        """One update with these coefficients: a handful of operations over all rows, no look at a value."""
        getattr(self, f"_{self.kind}")(weights, gradient, *coefficients)

    def _sgd(self, weights: Tensor, gradient: Tensor, rate: Tensor) -> None:
        if self._any_decay:
            gradient.addcmul_(weights, self._decay)
        buffer = self.slots["momentum_buffer"].mul_(self._momentum).add_(gradient)
        if self._any_nesterov:
            ahead = torch.mul(buffer, self._momentum, out=self._scratch[0]).add_(gradient)
            # Where a row has no Nesterov step, its buffer; a sum of products would turn an infinity into nan.
            buffer = torch.where(self._nesterov.bool(), ahead, buffer)
        weights.addcmul_(buffer, rate, value=-1.0)

    def _adam(self, weights: Tensor, gradient: Tensor, rate: Tensor, root: Tensor) -> None:
        if self._any_decay:
            gradient.addcmul_(weights, self._decay)
        self._adam_core(weights, gradient, rate, root)

    def _adamw(self, weights: Tensor, gradient: Tensor, rate: Tensor, root: Tensor, shrink: Tensor) -> None:
        if self._any_decay:
            weights.mul_(shrink)
        self._adam_core(weights, gradient, rate, root)

    def _adam_core(self, weights: Tensor, gradient: Tensor, rate: Tensor, root: Tensor) -> None:
        scratch, denominator = self._scratch
        first, second = self.slots["exp_avg"], self.slots["exp_avg_sq"]
        first.lerp_(gradient, self._beta1_rest)
        torch.mul(gradient, gradient, out=scratch)
        second.mul_(self._beta2).addcmul_(scratch, self._beta2_rest)
        torch.sqrt(second, out=denominator)
        denominator.div_(root).add_(self._eps)
        torch.div(first, denominator, out=scratch)
        weights.addcmul_(scratch, rate, value=-1.0)

    def _rmsprop(self, weights: Tensor, gradient: Tensor, rate: Tensor) -> None:
        scratch, denominator = self._scratch
        if self._any_decay:
            gradient.addcmul_(weights, self._decay)
        average, buffer = self.slots["square_avg"], self.slots["momentum_buffer"]
        torch.mul(gradient, gradient, out=scratch)
        average.mul_(self._beta2).addcmul_(scratch, self._beta2_rest)
        torch.sqrt(average, out=denominator).add_(self._eps)
        torch.div(gradient, denominator, out=scratch)
        buffer.mul_(self._momentum).add_(scratch)
        weights.addcmul_(buffer, rate, value=-1.0)

    def _step_rows(self, weights: Tensor, gradient: Tensor, lr: Tensor) -> None:
        """PyTorch's single-pass kernels, a row at a time: the rows' state stays in the cache."""
        rates, counts = lr[:, 0].tolist(), self.updates[:, 0].to(torch.float32)
        for row, (choice, rate) in enumerate(zip(self.choices, rates, strict=True)):
            w, g = [weights[row]], [gradient[row]]
            if self.kind == "sgd":
                torch._fused_sgd_(
                    w,
                    g,
                    [self.slots["momentum_buffer"][row]],
                    weight_decay=choice.weight_decay,
                    momentum=choice.momentum,
                    lr=rate,
                    dampening=0.0,
                    nesterov=choice.nesterov,
                    maximize=False,
                    is_first_step=False,
                )
                continue
            update = torch._fused_adam_ if self.kind == "adam" else torch._fused_adamw_
            update(
                w,
                g,
                [self.slots["exp_avg"][row]],
                [self.slots["exp_avg_sq"][row]],
                [],
                [counts[row]],
                lr=rate,
                beta1=choice.beta1,
                beta2=choice.beta2,
                weight_decay=choice.weight_decay,
                eps=choice.eps,
                amsgrad=False,
                maximize=False,
            )
