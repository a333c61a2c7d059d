"""A few training steps again, on a copy of the network, with the batches and the weights that were kept."""

from __future__ import annotations

import copy
import dataclasses
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.recording.kept import Kept, KeptBatch
from goodfit.recording.tensors import tensors_in

Change = Callable[[Tensor], Tensor]


@dataclasses.dataclass(frozen=True, slots=True)
class Variant:
    """How a replay differs from what the script did."""

    rate: float = 1.0  # factor on the learning rate
    inputs: Change | None = None
    outputs: Change | None = None  # between the network and the loss
    targets: Change | None = None
    clear: bool = True  # gradients before every step
    training: bool = True  # mode of the network
    batch_first: bool = False  # layers that take the first axis for time take it for the batch
    usual_weights: bool = False  # normal ones of deviation 1/sqrt(fan-in), biases of 0
    redraw: bool = False  # fresh weights by each layer's own initialisation
    no_decay: bool = False
    no_dropout: bool = False
    judge_in_eval: bool = False  # the judged losses
    from_end: bool = False  # from the weights that the script ended with
    scale_loss: float = 1.0  # what the judged loss is divided by


class Unable(Exception):  # noqa: N818  (says what is the case)
    """The steps cannot be replayed."""


class Replay:
    """Trains copies.

    Args:
        kept: batches, first weights, and the loss.
        optimizer: the script's own, of which a like one is built for each copy.
        rate: its learning rate at the start.
        clip_norm: the gradient norm that the script clips to.
        seconds: processor time that all replays together may take.

    Raises:
        Unable: the network or the optimiser cannot be copied, or too little was kept.
    """

    def __init__(self, kept: Kept, optimizer: Any, rate: float | None, clip_norm: float | None, seconds: float) -> None:
        if not kept.is_replayable or kept.weights is None or optimizer is None:
            raise Unable
        self._kept = kept
        assert kept.model is not None
        self._model = kept.model
        self._optimizer = optimizer
        self._rate = rate
        self._clip = clip_norm
        self._end = time.process_time() + seconds
        self.training_batches = kept.early if len(kept.early) < 4 else kept.early[: max(4, len(kept.early) - 4)]
        self.judged_batches = (kept.late or kept.early[-4:])[-6:]
        try:
            self._copy(Variant())
        except Exception as error:  # what a network of the user's can raise when it is copied is not ours to list
            raise Unable from error

    @property
    def has_time(self) -> bool:
        """Whether another replay may begin."""
        return time.process_time() < self._end

    def judged(self, variant: Variant, steps: int, seed: int) -> float:
        """The mean loss over the judged batches after some steps of training; infinity where it is not finite."""
        return self.loss_of(self.trained(variant, steps, seed), variant)

    def trained(self, variant: Variant, steps: int, seed: int) -> nn.Module:
        """A copy after some steps of training."""
        torch.manual_seed(seed)
        model, optimizer = self._copy(variant)
        self._train(model, optimizer, variant, steps, seed)
        return model

    def final_model(self) -> nn.Module:
        """A copy of the network as the script left it."""
        return copy.deepcopy(self._model)

    def loss_of(self, model: nn.Module, variant: Variant = Variant()) -> float:
        """The mean loss of a network over the judged batches."""
        losses = []
        model.train(variant.training and not variant.judge_in_eval)
        with torch.no_grad():
            for batch in self.judged_batches:
                losses.append(float(self._loss(model, batch, variant)))
        mean = statistics.fmean(losses) / variant.scale_loss
        return mean if math.isfinite(mean) else math.inf

    def fresh(self, variant: Variant) -> nn.Module:
        """A copy of the network with the weights before the first step."""
        return self._copy(variant)[0]

    def loss(self, model: nn.Module, batch: KeptBatch, variant: Variant) -> Tensor:
        """The loss of one batch, as the script computes it."""
        return self._loss(model, batch, variant)

    def final_loss(self) -> float:
        """The loss, over the judged batches, of the network as the script left it."""
        return self.loss_of(self.final_model())

    def first_loss(self) -> float:
        """The same before the first step."""
        return self.loss_of(self._copy(Variant())[0])

    def continued(self, parts: Sequence[int], most: int) -> Iterator[tuple[int, float]]:
        """Go on from where the script stopped: steps taken and the judged loss, after each part.

        Args:
            parts: steps of each part.
            most: steps of all of them together, at most.
        """
        torch.manual_seed(0)
        model, optimizer = self._copy(Variant())
        model.load_state_dict(self._model.state_dict())
        taken = 0
        for part in parts:
            steps = min(part, most - taken)
            if steps <= 0 or not self.has_time:
                return
            model.train()
            self._train(model, optimizer, Variant(), steps, taken)
            taken += steps
            yield taken, self.loss_of(model)

    # ---- parts

    def _copy(self, variant: Variant) -> tuple[nn.Module, Any]:
        model = copy.deepcopy(self._model)
        assert self._kept.weights is not None
        if not variant.from_end:
            model.load_state_dict(self._kept.weights)
        if variant.redraw:
            redrawn(model)
        if variant.usual_weights:
            _make_usual(model)
        if variant.batch_first:
            for module in _time_first(model):
                module.batch_first = True
        if variant.no_dropout:
            for module in model.modules():
                if isinstance(module, nn.modules.dropout._DropoutNd):
                    module.p = 0.0
        model.train(variant.training)
        mine = {id(a): b for a, b in zip(self._model.parameters(), model.parameters(), strict=True)}
        groups = []
        for group in self._optimizer.param_groups:
            own = [mine[id(p)] for p in group["params"] if id(p) in mine]
            if len(own) != len(group["params"]):
                raise Unable
            settings = {k: v for k, v in group.items() if k not in ("params", "initial_lr", "swa_lr")}
            if self._rate is not None and len(self._optimizer.param_groups) == 1:
                settings["lr"] = self._rate
            if "lr" in settings:
                settings["lr"] = float(settings["lr"]) * variant.rate
            if variant.no_decay and "weight_decay" in settings:
                settings["weight_decay"] = 0.0
            groups.append({"params": own, **settings})
        return model, type(self._optimizer)(groups, lr=groups[0]["lr"])

    def _train(self, model: nn.Module, optimizer: Any, variant: Variant, steps: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        batches: list[KeptBatch] = []
        for _ in range(steps):
            if not batches:
                order = torch.randperm(len(self.training_batches), generator=generator).tolist()
                batches = [self.training_batches[i] for i in order]
            batch = batches.pop()

            def closure(batch: KeptBatch = batch) -> Tensor:
                if variant.clear:
                    optimizer.zero_grad()
                loss = self._loss(model, batch, variant)
                loss.backward()
                if self._clip is not None:
                    nn.utils.clip_grad_norm_(model.parameters(), self._clip)
                return loss

            with torch.enable_grad():
                if type(optimizer).__name__ == "LBFGS":
                    value = optimizer.step(closure)
                else:
                    value = closure()
                    optimizer.step()
            if not math.isfinite(float(value.detach())):
                return

    def _loss(self, model: nn.Module, batch: KeptBatch, variant: Variant) -> Tensor:
        args, kwargs = batch.args, batch.kwargs
        if variant.inputs is not None:
            args = _changed_first(args, variant.inputs)
        out = model(*args, **kwargs)
        out = next(tensors_in(out)).reshape(batch.shape)
        if variant.outputs is not None:
            out = variant.outputs(out)
        target = batch.target if variant.targets is None else variant.targets(batch.target)
        if self._kept.name == "difference":
            return (out - target).square().mean()
        assert self._kept.function is not None
        value = self._kept.function(out, target, **self._kept.options)
        return value if value.ndim == 0 else value.mean()


def _make_usual(model: nn.Module) -> None:
    """Draw every trained weight from a normal distribution of deviation 1/sqrt(fan-in), and set biases to 0."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad:
                continue
            if parameter.ndim >= 2:
                parameter.normal_(0, 1 / math.sqrt(max(parameter[0].numel(), 1)))
            elif "bias" in name.rpartition(".")[2]:
                parameter.zero_()


def _time_first(model: nn.Module) -> list[Any]:
    kinds = (nn.RNNBase, nn.MultiheadAttention)
    return [module for module in model.modules() if isinstance(module, kinds) and not module.batch_first]


def turnable(model: nn.Module) -> list[str]:
    """The classes of the layers that take the first axis of their inputs for time."""
    return [type(module).__name__ for module in _time_first(model)]


def redrawn(model: nn.Module) -> int:
    """Draw weights anew, each layer by its own initialisation; how many layers could."""
    done = 0
    for module in model.modules():
        reset = getattr(module, "reset_parameters", None)
        if callable(reset):
            reset()
            done += 1
    return done


def _changed_first(args: tuple[Any, ...], change: Change) -> tuple[Any, ...]:
    """The first tensor of floating point numbers changed."""
    done, out = False, []
    for value in args:
        if not done and isinstance(value, Tensor) and value.is_floating_point():
            value, done = change(value), True
        out.append(value)
    return tuple(out)
