"""Calls of torch's functions, as a function mode sees them: losses, softmax, nonlinearities, ways out of the graph."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from goodfit.recording import graph, tensors
from goodfit.recording.activations import ActivationWatch
from goodfit.recording.bare import BareWatch
from goodfit.recording.cuts import CutWatch
from goodfit.recording.graph import saved_dim
from goodfit.recording.losses import PAIRED, LossWatch, is_of
from goodfit.recording.origins import RISKY, OriginWatch
from goodfit.recording.records import BroadcastUse, CutUse, Site, SoftmaxUse
from goodfit.recording.reshapes import ReshapeWatch
from goodfit.recording.state import State, without_functions

Handler = Callable[[str, Any, tuple[Any, ...], dict[str, Any], Any], None]

_SOFTMAX = {"softmax", "log_softmax"}
_DROPOUT = {"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"}
_ACTIVATIONS = {"relu", "relu_", "tanh", "sigmoid", "tanh_", "sigmoid_"}
_CUTS = {"detach", "item", "numpy", "tolist", "detach_"}
_FLAT = {"sign", "sgn", "round", "floor", "ceil", "trunc", "fix", "heaviside"}  # gradient 0 wherever there is one
_PRODUCTS = {"matmul", "__matmul__", "mm", "bmm", "linear"}  # the second factor is the weight
_CASTS = {"float", "double", "to", "type", "type_as"}
_BOUNDING = ("Relu", "Sigmoid", "Tanh", "Softplus")  # operations whose answers keep to a range
_RESHAPES = {"view", "reshape"}
_DIFFERENCES = {"sub", "__sub__", "rsub", "__rsub__", "subtract"}
_MULTIPLIED = {"mul", "__mul__", "__rmul__", "multiply"}


_MOST_BARE = 200  # weights without a module
_EARLY = 8  # steps in which it is noted what is read without its gradient
_GRAD = vars(torch._C.TensorBase)["grad"].__get__  # clearing reads it: no use of the parameter


class FunctionMode(TorchFunctionMode):
    """Hands every call on unchanged, then shows it to the handler of its name."""

    def __init__(self, functions: FunctionWatch, state: State) -> None:
        super().__init__()
        self._table: dict[Any, tuple[str, Handler] | None] = {}
        self._functions = functions
        self._state = state

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **kwargs) if kwargs else func(*args)
        try:
            entry = self._table[func]
        except KeyError:
            entry = self._table[func] = self._functions.handler(func)
        except TypeError:
            return out
        state = self._state
        if state.bare and state.looking and not state.busy and func != _GRAD and isinstance(out, Tensor):
            for value in args:
                if id(value) in state.bare:
                    state.bare[id(value)].orphaned += 1
        if state.stack and state.looking and not state.busy:
            self._inside(func, args, out)
        if entry is None:
            return out
        if state.here() and state.looking:
            state.busy = True
            try:
                with without_functions():
                    entry[1](entry[0], func, args, kwargs or {}, out)
            except Exception as error:  # a fault of the watch is noted, and never the script's
                state.failed(error, entry[0])
            finally:
                state.busy = False
        return out

    def _inside(self, func: Any, args: tuple[Any, ...], out: Any) -> None:
        """A call inside a network, of whatever function."""
        state = self._state
        state.busy = True
        try:
            with without_functions():
                self._functions.cuts.see(getattr(func, "__name__", ""), args, out)
        except Exception as error:  # as above
            state.failed(error, "cut")
        finally:
            state.busy = False


class FunctionWatch:
    """The handlers."""

    def __init__(self, state: State, losses: LossWatch, activations: ActivationWatch) -> None:
        self.state = state
        self._losses = losses
        self._activations = activations
        self._softmaxes: dict[tuple[str, Site], SoftmaxUse] = {}
        self.origins = OriginWatch(state, losses)
        self.cuts = CutWatch(state)
        self.reshapes = ReshapeWatch(state)
        self.bare = BareWatch(state)
        self._broadcasts: dict[Site, BroadcastUse] = {}
        self.broadcast_numbers: dict[int, BroadcastUse] = {}  # graph node -> its line
        self.softmax_numbers: dict[int, tuple[SoftmaxUse, int]] = {}  # graph node -> its call, its length

    def handler(self, func: Any) -> tuple[str, Handler] | None:
        """The handler of a function; None where it is of no interest."""
        name = getattr(func, "__name__", "")
        if name == "__get__":
            return ("data", self._cut) if getattr(func, "__self__", None) is Tensor.data else None
        if name in PAIRED:
            return name, self._loss
        if name in _SOFTMAX:
            return name, self._softmax
        if name in _ACTIVATIONS:
            return name.rstrip("_"), self._activation
        if name in _DROPOUT:
            return name, self._dropout
        if name in _CUTS:
            return name, self._cut
        if name in _PRODUCTS:
            return name, self._product
        if name in _FLAT:
            return name, self._flat
        if name in _CASTS:
            return name, self._cast
        if name in ("eq", "__eq__"):
            return name, self._compared
        if name.strip("_") in RISKY:
            return name.strip("_"), self._risk
        if name in ("__getitem__", "index_select"):
            return name, self._pick
        if name in _RESHAPES:
            return name, self._reshaped
        if name in _DIFFERENCES:
            return name, self._difference
        if name in _MULTIPLIED:
            return name, self._multiplied
        return None

    def _loss(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        if name in RISKY:
            self.origins.see(name, args, kwargs, out)
        self._losses.see(name, func, args, kwargs, out)

    def _activation(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        if self.state.deep and isinstance(out, Tensor) and tensors.is_plain(out):
            with torch.no_grad():
                self._activations.see(name, out)

    def _dropout(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        forward = self.state.forward
        training = kwargs.get("training", args[2] if len(args) > 2 else True)
        probability = kwargs.get("p", args[1] if len(args) > 1 else 0.5)
        if forward is None or not training or not probability:
            return
        inner = self.state.stack[-1] if self.state.stack else None
        if inner is not None and not inner.training:
            forward.functional_dropout += 1

    def _softmax(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        if not isinstance(out, Tensor) or not out.ndim or out.grad_fn is None:
            return
        dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
        implicit = dim is None or not isinstance(dim, int)
        if implicit:
            dim = 0 if out.ndim in (1, 3) else 1
        site = self.state.sites.here()
        if site is None:
            return
        if (
            self.state.stack
            and type(self.state.stack[-1]).__module__.startswith("torch.nn.modules.activation")
            and (type(self.state.stack[-1]).__name__ == "MultiheadAttention")
        ):
            return
        use = self._softmaxes.get((name, site))
        if use is None:
            use = self._softmaxes[name, site] = SoftmaxUse(function=name, site=site, dim=dim)
            self.state.recording.softmaxes.append(use)
        use.calls += 1
        use.shape = tuple(out.shape)
        use.implicit += implicit
        use.size_one += out.shape[dim] == 1 and out.numel() > 1
        if len(self.softmax_numbers) > 256:
            self.softmax_numbers.clear()
        self.softmax_numbers[out.grad_fn._sequence_nr()] = (use, out.shape[0] if dim % out.ndim == 0 else 0)

    def _cut(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        state = self.state
        source = args[0] if args else None
        if not torch.is_grad_enabled() or not isinstance(source, Tensor) or source.grad_fn is None:
            return
        if name == "item" or state.in_step:
            return  # a number taken out for a log
        if state.step < _EARLY:
            weight = graph.linear_behind(source)
            if weight is not None:
                state.cut_weights.add(id(weight))
        site = state.sites.here()
        if site is None:
            return
        self._count(name, site, state.recording.cuts)

    def _product(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """Attention's weighted sums; and a weight that belongs to no module, in a loop that may have no optimiser."""
        self._weighted_sum(args)
        weight = args[1] if len(args) > 1 else None
        if not isinstance(weight, Tensor) or isinstance(weight, nn.Parameter) or len(self.state.bare) >= _MOST_BARE:
            return
        if weight.is_leaf and weight.requires_grad and weight.ndim == 2:
            self.bare.hold(weight)

    def _flat(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        site = self.state.sites.here()
        if isinstance(out, Tensor) and out.requires_grad and site is not None:
            self._count(name, site, self.state.recording.flats)

    def _count(self, name: str, site: Site, place: list[CutUse]) -> None:
        state = self.state
        use = state.cuts.get(site)
        if use is None:
            if len(state.cuts) > 200:
                return
            use = state.cuts[site] = CutUse(how=name, site=site)
            place.append(use)
        use.calls += 1
        use.inside_forward += bool(state.stack)

    def _cast(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        source = args[0] if args else None
        if (
            isinstance(source, Tensor)
            and isinstance(out, Tensor)
            and source.dtype in (torch.int64, torch.int32)
            and out.is_floating_point()
        ):
            kept = self._losses.cast_targets
            kept.append(weakref.ref(out))
            del kept[:-8]

    def _compared(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """Answers held against labels outside any network: an accuracy."""
        state = self.state
        if state.stack or len(args) < 2 or not isinstance(out, Tensor) or not out.numel() or not state.pending:
            return
        if not isinstance(args[0], Tensor) or not isinstance(args[1], Tensor):
            return
        # of several passes the one that has as many samples: the others are what it is compared with
        sizes = [one.samples or len(out) if out.ndim else 0 for one in state.pending]
        place = max((i for i, size in enumerate(sizes) if out.ndim and size == len(out)), default=-1)
        forward, rows = state.pending[place], sizes[place]
        forward.scored += 1
        if args[0].dtype == args[1].dtype == torch.int64:  # classes, as argmax gives them
            forward.answers = max(forward.answers, out.numel())
        if out.ndim and len(out) == rows and not forward.compared and out.numel() <= 64 * rows:
            forward.right += int(out.sum())
            forward.compared += out.numel()
            if forward.labels is None and out.numel() == rows:
                forward.labels = _labels_of(args[0], args[1], rows)

    def _risk(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        self.origins.see(name, args, kwargs, out)

    def _pick(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """Rows picked by an index, as batches made by hand are; the index is a tensor or a list of whole numbers."""
        if self.state.stack or len(args) < 2 or not isinstance(args[0], Tensor) or not isinstance(out, Tensor):
            return
        index = args[-1]
        if isinstance(index, Tensor):
            if index.ndim != 1 or index.is_floating_point():
                return
        elif not isinstance(index, list):
            return
        if args[0].ndim >= 2 and out.ndim == args[0].ndim and not args[0].requires_grad:
            kept = self.state.picked
            kept.append(weakref.ref(out))
            del kept[:-16]

    def _reshaped(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        if args and isinstance(args[0], Tensor) and isinstance(out, Tensor):
            self.reshapes.see(args[0], out)

    def _in_network(self) -> bool:
        """Whether a network runs; criteria written as modules hold no parameters."""
        stack = self.state.stack
        return bool(stack) and next(stack[0].parameters(), None) is not None

    def _multiplied(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """[n, 1] by [n], or less it: each sample against every other, if that is on the way to the loss."""
        if len(args) < 2 or not isinstance(args[0], Tensor) or not isinstance(args[1], Tensor):
            return
        if (
            not isinstance(out, Tensor)
            or out.grad_fn is None
            or out.ndim != 2
            or {args[0].ndim, args[1].ndim} != {1, 2}
        ):
            return
        flat, column = (args[0], args[1]) if args[0].ndim == 1 else (args[1], args[0])
        n = len(flat)
        if n < 2 or tuple(column.shape) != (n, 1) or flat.data_ptr() == column.data_ptr() or _is_unsqueezed(column):
            return
        if self._in_network():
            return
        site = self.state.sites.here()
        if site is None:
            return
        use = self._broadcasts.get(site)
        if use is None:
            use = self._broadcasts[site] = BroadcastUse(site, (tuple(args[0].shape), tuple(args[1].shape)))
            self.state.recording.broadcasts.append(use)
        if len(self.broadcast_numbers) > 64:
            self.broadcast_numbers.clear()
        self.broadcast_numbers[out.grad_fn._sequence_nr()] = use

    def _weighted_sum(self, args: tuple[Any, ...]) -> None:
        """`weights @ values` sums over the last axis of the weights; a softmax over another one is misplaced."""
        weights = args[0] if args else None
        if not isinstance(weights, Tensor) or weights.grad_fn is None or weights.ndim < 2 or not self.softmax_numbers:
            return
        node = weights.grad_fn
        while node is not None and node.name().startswith(("NativeDropout", "UnsafeView", "Expand", "View")):
            node = node.next_functions[0][0] if node.next_functions else None
        if node is None or not node.name().startswith("SoftmaxBackward"):
            return
        entry = self.softmax_numbers.get(node._sequence_nr())
        dim = saved_dim(node)
        if entry is not None and dim is not None and dim % len(entry[0].shape) != len(entry[0].shape) - 1:
            entry[0].summed_elsewhere += 1

    def _difference(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """A prediction less a target, written by hand."""
        if len(args) < 2 or not isinstance(args[0], Tensor) or not isinstance(args[1], Tensor):
            return
        if self._in_network():
            return
        self._multiplied(name, func, args, kwargs, out)
        left, right = args[0], args[1]
        prediction, target = (left, right) if self._is_put_out(left) else (right, left)
        if target.requires_grad or not prediction.ndim or not target.ndim or prediction.ndim > 2:
            return
        if len(target) != len(prediction) or target.numel() < 2 or not target.is_floating_point():
            return
        if not self._is_put_out(prediction):
            return
        self._losses.see("difference", func, (prediction, target), {}, out)

    def _is_put_out(self, tensor: Tensor) -> bool:
        """Whether a network put a tensor out: as its first output, or as another one that a nonlinearity bounds."""
        pending = self.state.pending
        if any(is_of(f, tensor) for f in pending):
            return True
        bounded = tensor.grad_fn is not None and tensor.grad_fn.name().startswith(_BOUNDING)
        return bounded and any(reference() is tensor for f in pending for reference in f.outputs[1:])


def _is_unsqueezed(tensor: Tensor) -> bool:
    return tensor.grad_fn is not None and tensor.grad_fn.name().startswith("Unsqueeze")


def _labels_of(left: Tensor, right: Tensor, rows: int) -> Tensor | None:
    """The labels of a comparison: they stand on its right by custom, else on its left; floating answers are none."""
    for side in (right, left):
        whole = not side.is_floating_point() or bool((side == side.round()).all())
        if side.numel() == rows and side.ndim and whole:
            return side.detach().flatten().double()
    return None
