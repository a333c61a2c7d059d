"""One trial's optimiser with PyTorch's own kernels, called directly: no grouping of parameters anew at every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.training.optimizers import SLOTS, Choice, torch_optimizer

_KERNEL_DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


class DirectUpdate:
    """The arithmetic of torch.optim's fused kernels; of its foreach form for RMSprop, which has none.

    Like torch.optim it leaves parameters without a gradient alone, and gives them slots when their first one comes.
    What torch.optim does besides costs more than the update itself on a small network: sorting parameters by device
    and dtype, a step counter for each of them, hooks, a profiler's record.
    """

    def __init__(self, choice: Choice, parameters: Sequence[nn.Parameter]) -> None:
        """
        Args:
            choice: the rule and its constants.
            parameters: of one dtype and on one device.
        """
        self._choice = choice
        self._parameters = list(parameters)
        # Each parameter's slots by name, and under "step" how many updates they saw, as torch.optim keeps them.
        self.state: dict[nn.Parameter, dict[str, Tensor]] = {}
        self._seen: list[bool] | None = None  # which parameters had a gradient at the last step
        self._weights: list[Tensor] = []
        self._slots: dict[str, list[Tensor]] = {}
        self._counters: list[Tensor] = []

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """One update at this learning rate; gradients may be used up."""
        gradients: list[Any] = [p.grad for p in self._parameters]
        seen = [gradient is not None for gradient in gradients]
        if seen != self._seen:
            self._gather(seen)
        if not all(seen):
            gradients = [gradient for gradient in gradients if gradient is not None]
        if gradients:
            self._update(gradients, lr)

    def _update(self, gradients: list[Tensor], lr: float) -> None:
        choice, weights = self._choice, self._weights
        for counter in self._own_counters:
            counter += 1
        if choice.kind == "sgd":
            torch._fused_sgd_(
                weights,
                gradients,
                self._slots["momentum_buffer"] if choice.momentum else [],
                weight_decay=choice.weight_decay,
                momentum=choice.momentum,
                lr=lr,
                dampening=0.0,
                nesterov=choice.nesterov,
                maximize=False,
                is_first_step=False,  # its slots begin as zeros: the first step then leaves the gradient in them
            )
        elif choice.kind == "rmsprop":
            self._rmsprop(gradients, lr)
        else:
            update = torch._fused_adam_ if choice.kind == "adam" else torch._fused_adamw_
            update(
                weights,
                gradients,
                self._slots["exp_avg"],
                self._slots["exp_avg_sq"],
                [],
                self._counters,
                lr=lr,
                beta1=choice.beta1,
                beta2=choice.beta2,
                weight_decay=choice.weight_decay,
                eps=choice.eps,
                amsgrad=False,
                maximize=False,
            )

    def _rmsprop(self, gradients: list[Tensor], lr: float) -> None:
        """torch.optim.RMSprop's order of operations, uncentred."""
        choice, squares = self._choice, self._slots["square_avg"]
        if choice.weight_decay:
            torch._foreach_add_(gradients, self._weights, alpha=choice.weight_decay)
        torch._foreach_mul_(squares, choice.beta2)
        torch._foreach_addcmul_(squares, gradients, gradients, 1.0 - choice.beta2)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_add_(roots, choice.eps)
        if choice.momentum:
            buffers = self._slots["momentum_buffer"]
            torch._foreach_mul_(buffers, choice.momentum)
            torch._foreach_addcdiv_(buffers, gradients, roots)
            torch._foreach_add_(self._weights, buffers, alpha=-lr)
        else:
            torch._foreach_addcdiv_(self._weights, gradients, roots, -lr)

    def _gather(self, seen: list[bool]) -> None:
        """Lists of what is updated together, made anew where other parameters have gradients than before."""
        self._seen = seen
        choice = self._choice
        active = [p for p, has_gradient in zip(self._parameters, seen, strict=True) if has_gradient]
        names = [n for n in SLOTS[choice.kind] if n != "momentum_buffer" or choice.momentum]
        counters: dict[float, Tensor] = {}  # one for all that stand at the same count, since they count on together
        for parameter in active:
            slots = self.state.setdefault(parameter, {})
            for name in names:
                if name not in slots:
                    slots[name] = torch.zeros_like(parameter, requires_grad=False)
            if choice.kind != "sgd":
                count = float(slots["step"]) if "step" in slots else 0.0
                made = counters.setdefault(count, torch.tensor(count, dtype=torch.float32, device=parameter.device))
                slots["step"] = made
        self._weights = list(active)  # not detached: a model may give a parameter other memory, p.data = ...
        self._slots = {name: [self.state[p][name] for p in active] for name in names}
        self._own_counters = list(counters.values())
        self._counters = [self.state[p]["step"] for p in active] if counters else []


class TorchUpdate:
    """torch.optim itself, for parameters that its kernels cannot take together."""

    def __init__(self, choice: Choice, parameters: Sequence[nn.Parameter]) -> None:
        self._optimizer = torch_optimizer(choice, parameters)
        self._parameters = list(parameters)

    @property
    def state(self) -> dict[Any, Any]:
        return self._optimizer.state

    def step(self, lr: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        self._optimizer.step()


Update = DirectUpdate | TorchUpdate


def update_for(choice: Choice, parameters: Sequence[nn.Parameter]) -> Update:
    """The quickest way to make this choice's steps."""
    kinds = {(p.dtype, p.device.type, p.layout) for p in parameters}
    if len(kinds) == 1 and next(iter(kinds))[0] in _KERNEL_DTYPES and next(iter(kinds))[2] is torch.strided:
        return DirectUpdate(choice, parameters)
    return TorchUpdate(choice, parameters)


def clip_gradients(parameters: Sequence[nn.Parameter], most: float) -> None:
    """`torch.nn.utils.clip_grad_norm_` over one device, with the same arithmetic."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    if gradients:
        factor = torch.clamp(most / (total_norm(gradients) + 1e-6), max=1.0)
        torch._foreach_mul_(gradients, factor)


def total_norm(tensors: Sequence[Tensor]) -> Tensor:
    """The norm of all of them as one vector."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(tensors))))
