"""Calls of loss functions: what goes in, in which shape and range, and what made it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from goodfit.recording import tensors
from goodfit.recording.graph import producer, saved_dim
from goodfit.recording.records import LossUse, Site
from goodfit.recording.state import Forward, LossCall, State

# Prediction first, target second.
PAIRED = frozenset({
    "cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "kl_div", "poisson_nll_loss", "gaussian_nll_loss", "multi_margin_loss",
    "multilabel_soft_margin_loss", "soft_margin_loss", "hinge_embedding_loss", "multilabel_margin_loss",
})  # fmt: skip
CLASSED = frozenset({"cross_entropy", "nll_loss", "multi_margin_loss"})
# Operations that lay a tensor out anew without changing the order of its numbers.
_LAID_OUT = ("ViewBackward", "UnsafeViewBackward", "ReshapeAliasBackward", "SqueezeBackward", "UnsqueezeBackward")
_MOST_VALUES_KEPT = 64
_MOST_LABELS = 40_000
_MOST_COLUMNS = 64  # of targets with several numbers a sample


class LossWatch:
    """Reads the arguments of losses and keeps the calls until it is known which were trained on."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._uses: dict[tuple[str, Site], LossUse] = {}
        self.labels: list[tuple[LossUse, Tensor]] = []  # of trained batches, in order, all equal uses
        self.goals: list[tuple[LossUse, Tensor]] = []  # the same of regression targets, one for each sample
        self._labels_kept = 0
        self.cast_targets: list[Any] = []  # weak references to tensors cast from an integer type

    def see(
        self, name: str, function: Callable[..., Tensor], args: tuple[Any, ...], kwargs: dict[str, Any], out: Any
    ) -> None:
        """One call of a loss function."""
        state = self.state
        prediction = args[0] if args else kwargs.get("input")
        target = args[1] if len(args) > 1 else kwargs.get("target", kwargs.get("other"))
        if not isinstance(prediction, Tensor) or not isinstance(target, Tensor) or not isinstance(out, Tensor):
            return
        if not tensors.is_plain(prediction) or not tensors.is_plain(target):
            return
        if state.stack and type(state.stack[-1]).__module__.startswith("torch.nn.modules.adaptive"):
            return
        site = state.sites.here()
        if site is None:
            return
        use = self._uses.get((name, site))
        if use is None:
            use = self._uses[name, site] = LossUse(function=name, site=site)
            state.recording.losses.append(use)
        forward = next((f for f in reversed(state.pending) if is_of(f, prediction)), None)
        exact = forward is not None
        if forward is None and state.pending:
            forward = state.pending[-1]
        told = out.detach().square() if name == "difference" else out.detach()
        facts = _Facts(name, prediction, target, told, kwargs, args)
        value = float(told) if told.numel() == 1 else float(told.mean())
        if out.numel() == 1 and kwargs.get("reduction") == "sum" and len(prediction):
            value /= len(prediction)
        was_integer = any(reference() is target for reference in self.cast_targets)
        number = out.grad_fn._sequence_nr() if out.grad_fn is not None else None
        samples = len(prediction) if prediction.ndim else 1

        def join(trained: bool) -> None:
            facts.join(use, trained=trained, was_integer=was_integer, step=state.step)
            if trained and facts.labels is not None and self._labels_kept < _MOST_LABELS:
                self.labels.append((use, facts.labels))
                self._labels_kept += facts.labels.numel()
            elif trained and facts.goals is not None and self._labels_kept < _MOST_LABELS:
                self.goals.append((use, facts.goals))
                self._labels_kept += facts.goals.numel()

        if forward is not None:
            forward.scored += 1
            if facts.right is not None:
                forward.right += facts.right
                forward.compared += facts.compared
            forward.losses.append((value, samples))
            if not target.is_floating_point():  # classes: the places of a sequence, not the labels of one sample
                forward.answers = max(forward.answers, target.numel())
            if facts.labels is not None:
                forward.labels = facts.labels
            elif target.ndim and target.numel() == len(target) and name not in CLASSED:
                forward.labels = target.detach().flatten()
            elif target.ndim == 2 and target.is_floating_point() and target.shape[1] <= _MOST_COLUMNS:
                forward.labels = target.detach()
        if number is None:
            join(False)
            return
        state.losses.append(
            LossCall(
                use=use,
                number=number,
                join=join,
                value=value,
                samples=samples,
                forward=forward,
                inside=state.forward,
                exact=exact,
                shape=tuple(prediction.shape),
                producer=None if facts.node is None else facts.node._sequence_nr(),
                target=target.detach(),
                function=function,
                kwargs=_bound(args, kwargs),
            )
        )
        state.losses[-1].accuracy = (facts.right, facts.compared) if facts.right is not None else None
        if len(state.losses) > 64:
            state.losses.pop(0).join(False)


def is_of(forward: Forward, prediction: Tensor) -> bool:
    """Whether a prediction is a network's output as it was, or laid out anew without changing the order."""
    output = forward.output() if forward.output is not None else None
    if output is None:  # `loss(model(x).view(-1, 10), y)` keeps the network's output by its graph alone
        return _is_laid_out_of(prediction, forward.numbers[:1])
    if output is prediction:
        return True
    return (
        prediction.numel() == output.numel()
        and prediction.data_ptr() == output.data_ptr()
        and prediction.is_contiguous()
        and output.is_contiguous()
    )


def _is_laid_out_of(prediction: Tensor, numbers: tuple[int, ...]) -> bool:
    node = prediction.grad_fn
    for _ in range(8):
        if node is None:
            return False
        if node._sequence_nr() in numbers:
            return True
        if not node.name().startswith(_LAID_OUT):
            return False
        node = node.next_functions[0][0] if node.next_functions else None
    return False


def _bound(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """What a loss was given beyond prediction and target; positional extras are dropped where rare."""
    extra = {key: value for key, value in kwargs.items() if key not in ("input", "target", "other")}
    if len(args) > 2 and "weight" not in extra and isinstance(args[2], Tensor):
        extra["weight"] = args[2]
    return extra


class _Facts:
    """The figures of one call, read while its tensors are there."""

    def __init__(
        self,
        name: str,
        prediction: Tensor,
        target: Tensor,
        out: Tensor,
        kwargs: dict[str, Any],
        args: tuple[Any, ...],
    ) -> None:
        with torch.no_grad():
            self._read(name, prediction, target, out, kwargs, args)

    def _read(
        self, name: str, prediction: Tensor, target: Tensor, out: Tensor, kwargs: dict[str, Any], args: tuple[Any, ...]
    ) -> None:
        self.name = name
        self.shapes = (tuple(prediction.shape), tuple(target.shape))
        self.producer, node = producer(prediction)
        self.node = node
        self.dim = saved_dim(node) if node is not None and "oftmax" in self.producer else None
        self.values = tensors.few(prediction)
        goal = tensors.few(target)
        self.goal = goal
        self.integer = not target.is_floating_point()
        self.negative = bool(out.detach().min() < -1e-6)
        paired = name not in CLASSED or target.is_floating_point()
        self.differing = paired and prediction.shape != target.shape
        self.blowup = 1.0
        if self.differing:
            try:
                joint = torch.broadcast_shapes(prediction.shape, target.shape)
                self.blowup = torch.Size(joint).numel() / max(min(prediction.numel(), target.numel()), 1)
            except RuntimeError:
                self.differing = False
        low, high = (float(v) for v in torch.aminmax(self.values)) if self.values.numel() else (0.0, 0.0)
        self.within_unit = low >= 0 and high <= 1
        self.above_zero = high > 0
        axis = 1 if self.values.ndim > 1 else 0
        width = self.values.shape[axis] if self.values.ndim else 1
        self.width = width
        self.probabilities = self.log_probabilities = False
        if width > 1 and self.values.numel():
            if self.within_unit:
                off = (self.values.sum(axis) - 1).abs()
                self.probabilities = bool((off < 1e-3).float().mean() >= 0.99)
            elif high <= 1e-6:
                off = (self.values.logsumexp(axis)).abs()
                self.log_probabilities = bool((off < 1e-3).float().mean() >= 0.99)
        self.classes = width if name in CLASSED and self.values.ndim > 1 else None
        self.whole = bool((goal == goal.round()).all()) if goal.numel() else False
        numel = max(goal.numel(), 1)
        self.below_zero = float((goal < 0).sum()) / numel
        self.outside_unit = float(((goal < 0) | (goal > 1)).sum()) / numel
        self.outside_two = float((goal.abs() > 1).sum()) / numel
        self.soft = bool(
            target.is_floating_point()
            and goal.ndim > 1
            and goal.shape == self.values.shape
            and goal.shape[1] > 1
            and bool((goal >= -1e-6).all())
            and bool(((goal.sum(1) - 1).abs() < 1e-3).all())
        )
        self.distinct = _distinct(goal) if self.whole else None
        self.weighted = any(isinstance(kwargs.get(key), Tensor) for key in ("weight", "pos_weight")) or (
            len(args) > 2 and isinstance(args[2], Tensor)
        )
        self.summed = kwargs.get("reduction") == "sum"
        self.options = {
            key: value for key, value in kwargs.items() if isinstance(value, (int, float, str)) and value is not None
        }
        self.first = float(out.detach()) if out.numel() == 1 else float(out.detach().mean())
        self.right: int | None = None
        self.compared = 0
        self.labels: Tensor | None = None
        self.goals: Tensor | None = None
        self.answers: Tensor | None = None
        self._read_answers(name, target)

    def _read_answers(self, name: str, target: Tensor) -> None:
        """Arg-max against class numbers, sign against binary targets."""
        values = self.values
        if name in CLASSED and self.integer and values.ndim >= 2 and target.shape == (len(target), *values.shape[2:]):
            labels = target.detach()[: len(values)].flatten()
            answers = values.argmax(1).flatten()
            known = labels != self.options.get("ignore_index", -100)
            labels, answers = labels[known], answers[known]
        elif name.startswith("binary_cross_entropy") and self.whole and self.outside_unit == 0:
            if values.shape != self.goal.shape or (values.ndim > 1 and values[0].numel() > 1):
                return
            labels = self.goal.flatten().long()
            answers = (values.flatten() > (0 if name.endswith("logits") else 0.5)).long()
        else:
            if name not in CLASSED and target.ndim and target.numel() == len(target):
                self.goals = self.goal.flatten().clone()
            return
        self.right, self.compared = int((answers == labels).sum()), len(labels)
        self.answers = answers
        if target.ndim <= 1 or target[0].numel() == 1:
            self.labels = labels.clone()
        self._labels = labels

    def join(self, use: LossUse, *, trained: bool, was_integer: bool, step: int) -> None:
        """Put the figures into the record of their line."""
        if not trained:
            use.evaluated += 1
            return
        use.trained += 1
        use.shapes[self.shapes] += 1
        use.differing += self.differing
        use.broadcast_blowup = max(use.broadcast_blowup, self.blowup)
        use.probabilities += self.probabilities
        use.log_probabilities += self.log_probabilities
        use.within_unit += self.within_unit
        use.above_zero += self.above_zero
        use.negative += self.negative
        use.producers[self.producer] += 1
        if self.dim is not None:
            use.producer_dims[self.dim] += 1
        tensors.add_spread(use.prediction, self.values)
        if use.trained == 1:
            tensors.add_spread(use.first_prediction, self.values)
            use.first_value = self.first
        tensors.add_spread(use.target, self.goal)
        use.target_is_integer_type |= self.integer
        use.target_was_class_number += was_integer or self.integer
        use.target_whole_numbers += self.whole
        use.target_below_zero = max(use.target_below_zero, self.below_zero)
        use.target_outside_unit = max(use.target_outside_unit, self.outside_unit)
        use.target_outside_two = max(use.target_outside_two, self.outside_two)
        use.target_rows_sum_to_one += self.soft
        if self.distinct is not None and use.target_values_full:
            use.target_values.update(self.distinct)
            use.target_values_full = len(use.target_values) <= _MOST_VALUES_KEPT
        elif self.distinct is None:
            use.target_values_full = False
        if self.classes is not None:
            use.classes = self.classes
        use.weighted |= self.weighted
        use.summed |= self.summed
        use.options = dict(self.options)
        if self.answers is not None and len(self.answers):
            counts = torch.bincount(self.answers)
            use.majority_predicted.append(float(counts.max()) / len(self.answers))
            if use.trained > 1 and step % 512 == 0:
                use.recalls = {}
            for label in self._labels.unique().tolist()[:64]:
                here = self._labels == label
                entry = use.recalls.setdefault(int(label), [0, 0])
                # later batches count more: what the network answers in the end
                entry[0] = int(entry[0] * 0.98) + int((self.answers[here] == label).sum())
                entry[1] = int(entry[1] * 0.98) + int(here.sum())


def _distinct(goal: Tensor) -> dict[float, int] | None:
    values, counts = goal.flatten()[:20_000].unique(return_counts=True)
    if len(values) > _MOST_VALUES_KEPT:
        return None
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
