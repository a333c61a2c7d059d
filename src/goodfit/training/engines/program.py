"""A model's loss as a function of stacked weights: what vmap turns into one program for all rows."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap
from torch.overrides import TorchFunctionMode

from goodfit.training.dropout import begin_step, counter_dropouts
from goodfit.training.evaluation import scores
from goodfit.training.problem import Batch, Loss
from goodfit.training.regularisers import TrainingLoss
from goodfit.training.splits import map_tensors, tensors_in

Named = dict[str, Tensor]


class Program:
    """Gradients, losses and scores of all rows at once, computed on a skeleton model whose own weights are not used."""

    def __init__(self, skeleton: nn.Module, loss: Loss) -> None:
        self.skeleton = skeleton
        self.loss = loss
        self.training_loss = TrainingLoss(skeleton, loss)
        self.scored = _Scores(skeleton, loss)
        self.dropouts = counter_dropouts(skeleton)
        self._aliases = _aliases(skeleton)

    def gradients(
        self,
        weights: Named,
        fixed: Named,
        dropout: Named,
        smoothing: Tensor,
        batch: Batch,
        own_batches: bool,
    ) -> tuple[Named, Tensor]:
        """Each row's gradient and loss in training mode.

        Args:
            weights: trained parameters, [rows, *shape].
            fixed: the other parameters and the buffers, [rows, ...]; running statistics change in place.
            dropout: keys, thresholds and scales of the exchanged dropouts, [rows, ...].
            smoothing: label smoothing, [rows].
            batch: one for all rows, or with `own_batches` one for each: [rows, samples, ...].
            own_batches: see `batch`.

        Returns:
            gradients by name, [rows, *shape], and losses, [rows].
        """
        tensors = list(tensors_in(batch))

        def loss_of(weights: Named, fixed: Named, dropout: Named, share: Tensor, tensors: list[Tensor]) -> Tensor:
            begin_step(self.dropouts.values())
            values = self._prefixed("model.", {**weights, **fixed, **dropout})
            values["smoothing"] = share
            return functional_call(self.training_loss, values, (_rebuilt(batch, tensors),), tie_weights=False)

        mapped = vmap(grad_and_value(loss_of), in_dims=(0, 0, 0, 0, 0 if own_batches else None), randomness="error")
        return mapped(weights, fixed, dropout, smoothing, tensors)

    def evaluate(
        self, weights: Named, fixed: Named, batch: Batch, metrics: Mapping[str, Callable[..., Tensor]]
    ) -> dict[str, Tensor]:
        """Each row's loss and metrics as the skeleton's mode stands: [rows] by name."""
        tensors = list(tensors_in(batch))
        self.scored.metrics = metrics

        def scores_of(values: Named, tensors: list[Tensor]) -> dict[str, Tensor]:
            named = self._prefixed("model.", values)
            return functional_call(self.scored, named, (_rebuilt(batch, tensors),), tie_weights=False)

        with torch.no_grad(), _no_fast_paths():
            return vmap(scores_of, in_dims=(0, None), randomness="error")({**weights, **fixed}, tensors)

    def _prefixed(self, prefix: str, values: Named) -> Named:
        named = {prefix + name: value for name, value in values.items()}
        for alias, owner in self._aliases.items():
            named[prefix + alias] = values[owner]
        return named


class _Scores(nn.Module):
    """Loss and metrics as a module, so that weights can be put in by name."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.metrics: Mapping[str, Callable[..., Tensor]] = {}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        values = scores(self.model, self.loss, self.metrics, batch)
        like = values["loss"]
        return {name: torch.as_tensor(value, device=like.device) for name, value in values.items()}


class OperatorTrace(TorchFunctionMode):
    """Remembers which operator an exception came from."""

    def __init__(self) -> None:
        super().__init__()
        self.failed: str | None = None

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        try:
            return func(*args, **(kwargs or {}))
        except Exception:
            if self.failed is None:
                self.failed = operator_name(func)
            raise


def operator_name(function: Any) -> str:
    """The operator's name as people write it: "dropout", "Tensor.item"."""
    name = getattr(function, "__name__", str(function))
    owner = getattr(function, "__objclass__", None)
    return f"Tensor.{name}" if owner is not None else name


def trained_names(skeleton: nn.Module, loss: Loss, batch: Batch) -> list[str]:
    """Parameters that a plain backward pass reaches; PyTorch's optimisers leave the others alone, so must we."""
    skeleton.zero_grad(set_to_none=True)
    begin_step(counter_dropouts(skeleton).values())
    loss(skeleton, batch).backward()
    names = [name for name, parameter in skeleton.named_parameters() if parameter.grad is not None]
    skeleton.zero_grad(set_to_none=True)
    return names


def _aliases(model: nn.Module) -> dict[str, str]:
    """Second names of tied parameters and shared buffers, with the first name of each."""
    owners: dict[int, str] = {}
    aliases = {}
    named = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    for name, tensor in named:
        owner = owners.setdefault(id(tensor), name)
        if owner != name:
            aliases[name] = owner
    return aliases


def _rebuilt(batch: Batch, tensors: list[Tensor]) -> Batch:
    """The batch with its tensors exchanged, in order."""
    rest = iter(tensors)
    return map_tensors(lambda _: next(rest), batch)


@contextmanager
def _no_fast_paths() -> Generator[None]:
    """Transformer layers' fused inference has no rule for vmap."""
    was = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was)
