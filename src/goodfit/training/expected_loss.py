"""What a loss should be before training, and how low it can go: by formula where known, else by trying outputs.

The generic rule of recipe 2.1 serves every loss of (prediction, target): the loss of outputs that are zero, the loss
of the best constant output, and the loss of free outputs, one per sample. PyTorch's own losses are recognised by the
function's identity or the module's class; their names go into messages, and those that take probabilities or
log-probabilities get outputs in their own form.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

_MOST_FREE_NUMBERS = 1_000_000  # ours: a bound for memory; larger outputs (long texts) get no floor


@dataclasses.dataclass(frozen=True, slots=True)
class Form:
    """What kind of loss it is: how free numbers become outputs that it takes."""

    name: str
    nats: bool = False  # a negative log-likelihood of discrete targets: excess is logit spread
    squared: bool = False  # squared error
    elementwise: bool = False  # prediction and target have one shape; others are broadcast in silence
    link: Callable[[Tensor], Tensor] = lambda free: free


def _log_probabilities(free: Tensor) -> Tensor:
    return F.log_softmax(free, dim=1 if free.ndim > 1 else 0)


_CROSS_ENTROPY = Form("cross-entropy", nats=True)
_NLL = Form("negative log-likelihood", nats=True, link=_log_probabilities)
_BCE_LOGITS = Form("binary cross-entropy with logits", nats=True)
_BCE = Form("binary cross-entropy", nats=True, link=torch.sigmoid)
_MSE = Form("mean squared error", squared=True, elementwise=True)
_L1 = Form("mean absolute error", elementwise=True)
_SMOOTH_L1 = Form("smooth L1", elementwise=True)
_HUBER = Form("Huber loss", elementwise=True)
_POISSON = Form("Poisson NLL", elementwise=True)
_KL = Form("KL divergence", link=_log_probabilities)
_MULTI_MARGIN = Form("multiclass hinge")
_MULTI_LABEL = Form("multi-label soft margin", nats=True)
_SOFT_MARGIN = Form("soft margin", nats=True)
_OTHER = Form("custom loss")

_FORMS: tuple[tuple[Any, type[nn.Module], Form], ...] = (
    (F.cross_entropy, nn.CrossEntropyLoss, _CROSS_ENTROPY),
    (F.nll_loss, nn.NLLLoss, _NLL),
    (F.binary_cross_entropy_with_logits, nn.BCEWithLogitsLoss, _BCE_LOGITS),
    (F.binary_cross_entropy, nn.BCELoss, _BCE),
    (F.mse_loss, nn.MSELoss, _MSE),
    (F.l1_loss, nn.L1Loss, _L1),
    (F.smooth_l1_loss, nn.SmoothL1Loss, _SMOOTH_L1),
    (F.huber_loss, nn.HuberLoss, _HUBER),
    (F.poisson_nll_loss, nn.PoissonNLLLoss, _POISSON),
    (F.kl_div, nn.KLDivLoss, _KL),
    (F.multi_margin_loss, nn.MultiMarginLoss, _MULTI_MARGIN),
    (F.multilabel_soft_margin_loss, nn.MultiLabelSoftMarginLoss, _MULTI_LABEL),
    (F.soft_margin_loss, nn.SoftMarginLoss, _SOFT_MARGIN),
)


def recognise(function: Callable[..., Tensor]) -> Form:
    """The form of one of PyTorch's losses; that of a custom loss for anything else."""
    for known, module, form in _FORMS:
        if function is known or isinstance(function, module):
            return form
    return _OTHER


@dataclasses.dataclass(frozen=True, slots=True)
class Expected:
    """Landmarks of a loss on given targets, in its own units; per sample where the loss sums over the batch.

    None: this loss has none that can be computed.
    """

    form: str
    nats: bool
    squared: bool
    log_probabilities: bool  # takes the output of a log-softmax
    at_zero: float | None  # outputs all zero: log C for cross-entropy over C classes
    constant: float | None  # the best output that is the same for every sample: H(prior), var(y)
    floor: float | None  # free outputs for every sample: 0, or the targets' own entropy
    normalises: bool  # applies log-softmax itself: adding a number to a row's outputs changes nothing
    sums: bool  # twice the batch gives twice the loss: it is summed, not averaged, over samples
    broadcasts: bool  # prediction and target differ in shape and are broadcast against each other


def expected_loss(function: Callable[..., Tensor], prediction: Tensor, target: Any) -> Expected:
    """The landmarks of a loss of (prediction, target).

    Args:
        function: the loss.
        prediction: outputs of the model for a batch, [n, ...]; only shape, dtype and device are used.
        target: the batch's target.

    Source: recipe 2.1, the table and the generic rule.
    """
    form = recognise(function)
    like = prediction.detach()

    def loss_of(free: Tensor) -> Tensor:
        return function(form.link(free), target)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a broadcast target is told as a finding, not as PyTorch's warning
        with torch.no_grad():
            zero = torch.zeros_like(like)
            at_zero = _value(loss_of, zero)
            normalises = _normalises(loss_of, like, at_zero)
        constant = lowest_loss(loss_of, like, shared=True)
        floor = lowest_loss(loss_of, like, shared=False)
        sums = _sums(function, form, like, target)
        broadcasts = _broadcasts(function, like, target)
    if at_zero is not None and floor is not None:
        floor = min(floor, at_zero)
        constant = None if constant is None else min(constant, at_zero)
    if sums:
        at_zero, constant, floor = (None if mark is None else mark / len(like) for mark in (at_zero, constant, floor))
    return Expected(
        form="cross-entropy" if form is _OTHER and normalises else form.name,
        nats=form.nats or (form is _OTHER and normalises),
        squared=form.squared,
        log_probabilities=form is _NLL,
        at_zero=at_zero,
        constant=constant,
        floor=floor,
        normalises=normalises,
        sums=sums,
        broadcasts=broadcasts,
    )


def lowest_loss(loss_of: Callable[[Tensor], Tensor], like: Tensor, *, shared: bool) -> float | None:
    """The lowest loss over outputs that are free, one for every sample or one shared by all.

    Args:
        loss_of: the scalar loss of outputs shaped as `like`.
        like: [n, ...].
        shared: whether one output serves every sample.

    Returns:
        The loss; None where it has no bottom, no gradient, or takes no such outputs.
    """
    if not like.is_floating_point() or (not shared and like.numel() > _MOST_FREE_NUMBERS):
        return None
    start = torch.zeros_like(like[:1] if shared else like)
    lowest = math.inf

    def value_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal lowest
        free = torch.from_numpy(flat).to(start).view_as(start).requires_grad_()
        loss = loss_of(free.expand(like.shape) if shared else free)
        (gradient,) = torch.autograd.grad(loss, free)
        value = float(loss.detach())
        if math.isfinite(value):
            lowest = min(lowest, value)
        return value, gradient.double().flatten().cpu().numpy()

    # One output for all is a small and well-behaved problem, but each look at it costs a pass over all targets.
    from scipy.optimize import minimize  # half a second, which most runs need not wait for

    options = {"maxiter": 40, "ftol": 1e-9} if shared else {"maxiter": 200, "ftol": 1e-15, "gtol": 1e-10}
    try:
        with torch.enable_grad():
            origin = np.zeros(start.numel())
            first, _ = value_and_gradient(origin)
            # SciPy's, not torch.optim's: the latter loads torch._dynamo, two seconds and more.
            minimize(value_and_gradient, origin, jac=True, method="L-BFGS-B", options=options)
    except (RuntimeError, TypeError, ValueError, IndexError):
        return None
    # A loss that keeps falling below zero has no bottom: a Gaussian NLL whose variance goes to nothing.
    if not math.isfinite(lowest) or lowest < -100.0 * max(1.0, abs(first)):
        return None
    # What an optimiser leaves of a loss whose infimum lies at infinity (cross-entropy) is not a floor.
    return 0.0 if 0.0 <= lowest <= 1e-3 * abs(first) else lowest


def _value(loss_of: Callable[[Tensor], Tensor], outputs: Tensor) -> float | None:
    try:
        value = loss_of(outputs)
    except (RuntimeError, TypeError, ValueError, IndexError):
        return None
    if value.numel() != 1 or not bool(torch.isfinite(value).all()):
        return None
    return float(value)


def _normalises(loss_of: Callable[[Tensor], Tensor], like: Tensor, at_zero: float | None) -> bool:
    """Whether the loss has a softmax in it: blind to what is added to a row, not to the row itself."""
    if like.ndim < 2 or like.shape[1] < 2 or at_zero is None:
        return False
    generator = torch.Generator().manual_seed(0)
    row = torch.randn(like.shape, generator=generator).to(like)
    shifted = row + torch.randn((len(row), 1, *row.shape[2:]), generator=generator).to(like)
    plain, moved = _value(loss_of, row), _value(loss_of, shifted)
    if plain is None or moved is None or abs(plain - at_zero) < 1e-6:
        return False
    return abs(plain - moved) <= 1e-4 * max(1.0, abs(plain))


def _sums(function: Callable[..., Tensor], form: Form, like: Tensor, target: Any) -> bool:
    if not isinstance(target, Tensor) or target.ndim == 0 or len(target) != len(like):
        return False
    outputs = form.link(torch.randn(like.shape, generator=torch.Generator().manual_seed(1)).to(like))
    once = _value(lambda free: function(free, target), outputs)
    twice = _value(lambda free: function(free, torch.cat([target, target])), torch.cat([outputs, outputs]))
    return once is not None and twice is not None and abs(once) > 1e-12 and abs(twice / once - 2.0) < 1e-3


def _broadcasts(function: Callable[..., Tensor], like: Tensor, target: Any) -> bool:
    """Whether shapes [n, 1] and [n] meet and every prediction is held against every target."""
    if not isinstance(target, Tensor) or like.numel() != target.numel() or like.shape == target.shape:
        return False
    if len(like) < 2 or not target.is_floating_point():
        return False
    outputs = torch.randn(like.shape, generator=torch.Generator().manual_seed(2)).to(like)
    spread = torch.randn(target.shape, generator=torch.Generator().manual_seed(3)).to(target).sigmoid()
    batch = _value(lambda free: function(free, spread), outputs)
    same_shape = _value(lambda free: function(free.reshape(target.shape), spread), outputs)
    if batch is None or same_shape is None:
        return False
    return abs(batch - same_shape) > 1e-4 * max(1.0, abs(same_shape))
