"""Reading an autograd graph before it is run backwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Container
from typing import Any

import torch
from torch import Tensor

# Operations that only rearrange, scale or copy: what made a tensor stands behind them.
_REARRANGING = (
    "View", "Squeeze", "Unsqueeze", "Reshape", "Transpose", "TBackward", "Permute", "Expand", "Clone", "ToCopy",
    "Alias", "Slice", "Select", "AsStrided", "Contiguous", "SplitWithSizes", "Unbind", "Movedim", "Flatten",
)  # fmt: skip
LINEAR = ("AddmmBackward0", "ConvolutionBackward0", "MmBackward0", "LinearBackward0", "MkldnnLinearBackward0")
_KEEPS_LINEAR = (*_REARRANGING, "NativeDropout", "NativeBatchNorm", "CudnnBatchNorm", "AvgPool", "Mean", "MulBackward0")
_PLAIN = (*LINEAR, *_KEEPS_LINEAR, "Add", "Sub", "Neg", "AccumulateGrad", "Sum", "Div", "Cat", "Stack", "Mul",
          "NllLoss", "LogSoftmax", "MseLoss", "BinaryCrossEntropy", "SmoothL1", "HuberLoss", "Abs", "Pow", "Embedding",
          "Index", "Pad", "Unfold", "Bmm", "Dot", "Mv", "Copy", "Constant", "Norm", "MaximumBackward")  # fmt: skip
_MOST_NODES = 20_000


@dataclasses.dataclass(slots=True)
class Walk:
    """What one loss depends on."""

    leaves: dict[int, Tensor]  # id of the tensor -> the tensor
    numbers: set[int]  # sequence numbers of the nodes
    nodes: dict[str, int]  # name of the operation -> how often


def walk(root: Tensor) -> Walk:
    """All that a tensor was computed from.

    Reads no saved tensors, so it works on graphs that were partly freed. Stops at 20,000 nodes.
    """
    leaves: dict[int, Tensor] = {}
    numbers: set[int] = set()
    nodes: dict[str, int] = {}
    first = root.grad_fn
    if first is None:
        if root.requires_grad:
            leaves[id(root)] = root
        return Walk(leaves, numbers, nodes)
    seen = {first}
    stack: list[Any] = [first]
    while stack and len(seen) < _MOST_NODES:
        node = stack.pop()
        variable = getattr(node, "variable", None)
        if variable is not None and not node.next_functions:
            leaves[id(variable)] = variable
            continue
        numbers.add(node._sequence_nr())
        name = node.name()
        nodes[name] = nodes.get(name, 0) + 1
        for behind, _ in node.next_functions:
            if behind is not None and behind not in seen:
                seen.add(behind)
                stack.append(behind)
    return Walk(leaves, numbers, nodes)


def producer(tensor: Tensor) -> tuple[str, Any]:
    """The operation that made a tensor, views and copies left out: ("SoftmaxBackward0", its node)."""
    node = tensor.grad_fn
    for _ in range(32):
        if node is None:
            break
        name = node.name()
        if not name.startswith(_REARRANGING):
            return name, node
        node = node.next_functions[0][0] if node.next_functions else None
    return "", None


def saved_dim(node: Any) -> int | None:
    """The axis that an operation works along."""
    dim = getattr(node, "_saved_dim", None)
    if dim is None:
        return None
    return dim - 2**64 if dim >= 2**63 else int(dim)  # negative axes come as unsigned numbers


def nonlinear(nodes: dict[str, int]) -> int:
    """How many kinds of operations bend: anything but sums, products with weights, losses and rearranging."""
    return sum(not name.startswith(_PLAIN) for name in nodes)


Oriented = tuple[Tensor, tuple[int, ...]]  # a weight, and its shape with the units first


def linear_pairs(root: Tensor, read: Container[int] = ()) -> list[tuple[Oriented, Oriented]]:
    """Weights of linear layers that follow each other with nothing nonlinear and nothing else in between.

    The tensor between them feeds the second layer only: where it feeds more (attention's queries and keys, a residual,
    two heads, a target for other samples) no layer is superfluous.

    Args:
        root: what is differentiated.
        read: ids of weights whose layer's output was read without its gradient, too.
    """
    first = root.grad_fn
    if first is None:
        return []
    consumers: dict[Any, int] = {}
    order: list[Any] = []
    seen = {first}
    stack: list[Any] = [first]
    while stack and len(seen) < _MOST_NODES:
        node = stack.pop()
        order.append(node)
        for behind, _ in node.next_functions:
            if behind is None:
                continue
            consumers[behind] = consumers.get(behind, 0) + 1
            if behind not in seen:
                seen.add(behind)
                stack.append(behind)
    found = []
    for node in order:
        if node.name() not in LINEAR:
            continue
        weight, units_last, source = _operands(node)
        if weight is None:
            continue
        after = (weight, _oriented(weight, units_last))
        for _ in range(12):
            if source is None or consumers.get(source, 0) != 1:
                break
            if source.name() in LINEAR:
                before, turned, _ = _operands(source)
                if before is not None and id(before) not in read:
                    found.append(((before, _oriented(before, turned)), after))
                break
            if source.name() == "AddBackward0":
                source = _beside_bias(source)
                continue
            if not source.name().startswith(_KEEPS_LINEAR):
                break
            if source.name() == "MulBackward0" and sum(b is not None for b, _ in source.next_functions) != 1:
                break  # a product of two that are learned; by a constant it is dropout or a scale
            source = source.next_functions[0][0] if source.next_functions else None
    return found


def linear_behind(tensor: Tensor) -> Tensor | None:
    """The weight of the linear layer that a tensor comes from with nothing nonlinear in between, if there is one."""
    node = tensor.grad_fn
    for _ in range(12):
        if node is None or node.name() in LINEAR:
            return None if node is None else _operands(node)[0]
        if node.name() == "AddBackward0":
            node = _beside_bias(node)
            continue
        if not node.name().startswith(_KEEPS_LINEAR):
            return None
        node = node.next_functions[0][0] if node.next_functions else None
    return None


def _oriented(weight: Tensor, units_last: bool) -> tuple[int, ...]:
    shape = tuple(weight.shape)
    return shape[::-1] if units_last and len(shape) == 2 else shape


def _beside_bias(node: Any) -> Any:
    """The node that a bias (a leaf of one axis, or a row) is added to; None where two results are added."""
    sides = [behind for behind, _ in node.next_functions if behind is not None]
    leaves = [n for n in sides if (v := getattr(n, "variable", None)) is not None and (v.ndim < 2 or v.shape[0] == 1)]
    others = [n for n in sides if n not in leaves]
    return others[0] if len(others) == 1 and leaves else None


def weights(root: Tensor) -> list[tuple[Tensor, bool]]:
    """Leaves that inputs are multiplied by, and whether their units lie along the last axis (x @ w)."""
    first = root.grad_fn
    found: list[tuple[Tensor, bool]] = []
    seen, stack = {first}, [first] if first is not None else []
    while stack and len(seen) < _MOST_NODES:
        node = stack.pop()
        if node.name() in LINEAR:
            weight, units_last, _ = _operands(node)
            if weight is not None:
                found.append((weight, units_last))
        for behind, _ in node.next_functions:
            if behind is not None and behind not in seen:
                seen.add(behind)
                stack.append(behind)
    return found


_OPERANDS = {
    "AddmmBackward0": (1, 2),
    "MmBackward0": (0, 1),
    "BmmBackward0": (0, 1),
}  # of two factors; else input, weight


def behind_weights(root: Tensor) -> set[int]:
    """The sequence numbers of the nodes whose results are multiplied by weights on the way to a tensor."""
    found: set[int] = set()
    inner: list[Any] = []
    stack: list[Any] = [root.grad_fn] if root.grad_fn is not None else []
    seen: set[Any] = set(stack)
    while stack and len(seen) < _MOST_NODES:
        node = stack.pop()
        if node.name() in LINEAR:
            inner.append(_operands(node)[2])
        for behind, _ in node.next_functions:
            if behind is not None and behind not in seen:
                seen.add(behind)
                stack.append(behind)
    stack, seen = [node for node in inner if node is not None], set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.next_functions:
            found.add(node._sequence_nr())
        stack += [behind for behind, _ in node.next_functions if behind is not None]
    return found


def _operands(node: Any) -> tuple[Tensor | None, bool, Any]:
    """A linear node's weight, whether its units lie along its last axis, and the node of its input.

    Of a product of two matrices the right one is the weight where it is a leaf (x @ w, or x @ w.T as linear layers
    do), else the left one (w @ x).
    """
    functions = [behind for behind, _ in node.next_functions]
    left, right = _OPERANDS.get(node.name(), (0, 1))
    if right >= len(functions):
        return None, False, None
    weight, turned = _leaf(functions[right])
    if weight is not None:
        return weight, node.name() in _OPERANDS and not turned, functions[left]
    weight, turned = _leaf(functions[left]) if node.name() in _OPERANDS else (None, False)
    return weight, turned, functions[right]


def _leaf(node: Any) -> tuple[Tensor | None, bool]:
    """The leaf of two axes or more behind an edge, directly or through transposes; whether it is turned."""
    turned = False
    for _ in range(3):
        if node is None:
            break
        variable = getattr(node, "variable", None)
        if variable is not None and not node.next_functions:
            return (variable, turned) if variable.ndim >= 2 else (None, False)
        name = node.name()
        if name.startswith(("TBackward", "Transpose", "Permute")):
            turned = not turned
        elif not name.startswith(_REARRANGING):
            break
        node = node.next_functions[0][0] if node.next_functions else None
    return None, False


_SUSPECTS = {
    "LogBackward0": ("_saved_self", lambda t: bool((t <= 0).any()), "the logarithm of a number that is not above 0"),
    "Log2Backward0": ("_saved_self", lambda t: bool((t <= 0).any()), "the logarithm of a number that is not above 0"),
    "Log10Backward0": ("_saved_self", lambda t: bool((t <= 0).any()), "the logarithm of a number that is not above 0"),
    "Log1PBackward0": ("_saved_self", lambda t: bool((t <= -1).any()), "log1p of a number that is not above -1"),
    "SqrtBackward0": ("_saved_result", lambda t: bool((~(t > 0)).any()), "the square root at 0 or below"),
    "RsqrtBackward0": ("_saved_result", lambda t: not bool(torch.isfinite(t).all()), "1/sqrt at 0"),
    "ReciprocalBackward0": ("_saved_result", lambda t: not bool(torch.isfinite(t).all()), "a division by 0"),
    "DivBackward0": ("_saved_other", lambda t: bool((t == 0).any()), "a division by 0"),
    "ExpBackward0": ("_saved_result", lambda t: bool(torch.isinf(t).any()), "an exponential that overflows"),
    "AcosBackward0": ("_saved_self", lambda t: bool((t.abs() >= 1).any()), "acos at or beyond 1"),
    "AsinBackward0": ("_saved_self", lambda t: bool((t.abs() >= 1).any()), "asin at or beyond 1"),
    "StdBackward0": ("_saved_result", lambda t: bool((t == 0).any()), "the standard deviation of equal numbers"),
    "LinalgVectorNormBackward0": ("_saved_result", lambda t: not bool(torch.isfinite(t).all()), "a norm too large"),
    "PowBackward0": ("_saved_self", lambda t: bool((t == 0).any()), "a power at 0"),
    "LogitBackward0": ("_saved_self", lambda t: bool(((t <= 0) | (t >= 1)).any()), "the logit of 0 or 1"),
    "SoftmaxBackward0": ("_saved_result", lambda t: bool(t.isnan().any()), "a softmax over nothing but -inf"),
    "LogSoftmaxBackward0": ("_saved_result", lambda t: bool(t.isnan().any()), "a softmax over nothing but -inf"),
    "NllLossBackward0": ("_saved_total_weight", lambda t: bool((t == 0).all()), "a mean over no label at all"),
    "Atan2Backward0": ("_saved_other", lambda t: bool((t == 0).any()), "atan2 at 0"),
}  # fmt: skip


SINGULAR = frozenset(_SUSPECTS) - {"ExpBackward0", "DivBackward0", "ReciprocalBackward0", "SoftmaxBackward0",
                                   "LogSoftmaxBackward0", "NllLossBackward0"}  # fmt: skip


def takes_not_finite(root: Tensor) -> bool:
    """Whether a product with a weight takes numbers that are not finite and that no parameter had a part in."""
    node = root.grad_fn
    if node is None:
        return False
    seen, stack = {node}, [node]
    while stack and len(seen) < _MOST_NODES:
        node = stack.pop()
        if node.name() in LINEAR:
            weight, _, source = _operands(node)
            names = ("_saved_mat1", "_saved_self", "_saved_input") if weight is not None and source is None else ()
            for name in names:
                try:
                    value = getattr(node, name, None)
                except RuntimeError:
                    continue  # freed already
                if isinstance(value, Tensor) and not bool(torch.isfinite(value.detach()).all()):
                    return True
        for behind, _ in node.next_functions:
            if behind is not None and behind not in seen:
                seen.add(behind)
                stack.append(behind)
    return False


def suspects(root: Tensor) -> list[str]:
    """Operations behind a tensor that met a number at which they are not finite, the ones nearest the inputs first."""
    node = root.grad_fn
    if node is None:
        return []
    seen, queue, found = {node}, [node], []
    for node in queue:
        entry = _SUSPECTS.get(node.name())
        if entry is not None:
            attribute, is_bad, text = entry
            try:
                value = getattr(node, attribute)
                if isinstance(value, Tensor) and is_bad(value.detach()):
                    exponent = getattr(node, "_saved_exponent", None)
                    if exponent is None or (isinstance(exponent, (int, float)) and exponent < 1):
                        found.append(text)
            except RuntimeError:
                pass  # freed already
        for behind, _ in node.next_functions:
            if behind is not None and behind not in seen and len(seen) < _MOST_NODES:
                seen.add(behind)
                queue.append(behind)
    return found[::-1]


_ELEMENTWISE = ("Mean", "Sum", "Neg", "Mul", "Div", "Pow", "Abs", "Add", "Sub", "Rsub", "Where", "Clamp", "Square",
                "Minimum", "Maximum")  # fmt: skip


def elementwise(root: Tensor) -> set[int]:
    """Sequence numbers of what a loss is the mean or sum of: nodes that only arithmetic lies between it and them."""
    numbers: set[int] = set()
    stack: list[Any] = [root.grad_fn]
    seen: set[Any] = set()
    while stack and len(seen) < 500:
        node = stack.pop()
        if node is None or node in seen or not node.name().startswith(_ELEMENTWISE):
            continue
        seen.add(node)
        numbers.add(node._sequence_nr())
        stack.extend(parent for parent, _ in node.next_functions)
    return numbers
