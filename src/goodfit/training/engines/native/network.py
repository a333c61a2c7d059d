"""A user's module read as a chain of layers that the kernel knows, or one sentence about what it does not know."""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from goodfit.training.dropout import CounterDropout, counter_dropouts
from goodfit.training.engines.native import library
from goodfit.training.faults import first_line

_ACTIVATIONS: Mapping[type[nn.Module], int] = {
    nn.ReLU: library.RELU,
    nn.LeakyReLU: library.LEAKY_RELU,
    nn.Tanh: library.TANH,
    nn.Sigmoid: library.SIGMOID,
    nn.GELU: library.GELU,
    nn.SiLU: library.SILU,
    nn.ELU: library.ELU,
    nn.Softplus: library.SOFTPLUS,
}
# Functions and methods that are an activation, with the module whose arguments after the first are the same.
_FUNCTIONS: Mapping[Any, Callable[..., nn.Module]] = {
    **dict.fromkeys((F.relu, torch.relu, "relu"), nn.ReLU),
    **dict.fromkeys((F.tanh, torch.tanh, "tanh"), nn.Tanh),
    **dict.fromkeys((F.sigmoid, torch.sigmoid, "sigmoid"), nn.Sigmoid),
    **{F.leaky_relu: nn.LeakyReLU, F.gelu: nn.GELU, F.silu: nn.SiLU, F.elu: nn.ELU, F.softplus: nn.Softplus},
}
_FLATTENS = (torch.flatten, "flatten")
_VIEWS = ("view", "reshape", torch.reshape)
_SQUEEZES = (torch.squeeze, "squeeze")


class CannotRunError(Exception):
    """The kernel does not know something; the message is a sentence that names it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Layer:
    """One step of the chain."""

    module: nn.Module
    name: str  # the module's, for its parameters and for people; "" where it stands for a function
    in_width: int
    out_width: int


@dataclasses.dataclass(frozen=True, slots=True)
class Network:
    """A chain of layers, flattened: widths in the place of shapes."""

    layers: tuple[Layer, ...]
    width: int  # of a sample
    output: tuple[int, ...]  # a sample's output shape


def network_of(model: nn.Module, sample: tuple[int, ...]) -> Network:
    """The chain of layers that the model is.

    Args:
        model: with its dropouts exchanged.
        sample: the shape of one sample, without the batch.

    Raises:
        CannotRunError: a module or operator is not known.
    """
    owners = {id(module): module for module in model.modules()}.values()
    owned = [id(parameter) for module in owners for parameter in module.parameters(recurse=False)]
    if len(owned) != len(set(owned)):
        raise CannotRunError("The native engine does not know weights that several layers share.")
    layers: list[Layer] = []
    shape = sample
    seen: set[int] = set()
    for name, module in _steps(model):
        if module._forward_hooks or module._forward_pre_hooks or module._backward_hooks:
            raise CannotRunError(f"The native engine cannot call the hooks of {_named(name, module)}.")
        after = _shape_after(name, module, shape)
        if isinstance(module, (nn.Linear, nn.BatchNorm1d, nn.LayerNorm)):
            if id(module) in seen:
                raise CannotRunError(f"The native engine cannot use {_named(name, module)} twice.")
            seen.add(id(module))
        if not isinstance(module, (nn.Flatten, nn.Identity, _Squeeze)):
            layers.append(Layer(module, name, math.prod(shape), math.prod(after)))
        shape = after
    if not any(isinstance(layer.module, nn.Linear) for layer in layers):
        raise CannotRunError("The native engine is for networks with nn.Linear layers; this one has none.")
    return Network(tuple(layers), math.prod(sample), shape)


def ops_of(network: Network, model: nn.Module, weights: Mapping[str, int], statistics: Mapping[str, int]) -> list[Any]:
    """The chain as the kernel reads it.

    Args:
        network: of this model.
        model: whose dropouts are numbered.
        weights: where each parameter begins in the flat weights, by name.
        statistics: where each buffer begins in the flat statistics, by name.
    """
    numbers = {id(dropout): number for number, dropout in enumerate(counter_dropouts(model).values())}
    uses: dict[int, int] = {}
    ops: list[library.Op] = []
    for layer in network.layers:
        module, prefix = layer.module, f"{layer.name}." if layer.name else ""
        op = library.Op(in_width=layer.in_width, out_width=layer.out_width, mean=-1, var=-1)
        op.weight, op.bias = weights.get(f"{prefix}weight", -1), weights.get(f"{prefix}bias", -1)
        match module:
            case nn.Linear():
                op.kind = library.LINEAR
            case CounterDropout():
                if not module.active or module.p == 0.0:
                    uses[id(module)] = uses.get(id(module), 0) + 1
                    continue
                op.kind, op.which, op.use = library.DROPOUT, numbers[id(module)], uses.get(id(module), 0)
                op.threshold, op.a = int(module.threshold), float(module.scale)
                uses[id(module)] = op.use + 1
            case nn.BatchNorm1d():
                op.kind, op.a, op.b = library.BATCH_NORM, module.eps, float(module.momentum or 0.0)
                op.mean, op.var = statistics[f"{prefix}running_mean"], statistics[f"{prefix}running_var"]
            case nn.LayerNorm():
                op.kind, op.a = library.LAYER_NORM, module.eps
            case _:
                which, op.a, op.b = _activation(module)
                before = ops[-1] if ops else None
                if which == library.RELU and before is not None and before.kind == library.LINEAR and not before.relu:
                    before.relu = 1
                    continue
                op.kind, op.which = library.ACTIVATION, which
                op.weight = op.bias = -1
        ops.append(op)
    return ops


class _Squeeze(nn.Module):
    """Stands for x.squeeze(1): one output a sample, without a dimension of its own."""


def _steps(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules in the order of computation, with their names; functions as the modules that do the same."""
    if _is_leaf(model):
        yield "", model
    elif type(model) is nn.Sequential:
        for name, child in model._modules.items():  # named_children leaves out a module's second place
            for inner, module in _steps(child) if child is not None else ():
                yield f"{name}.{inner}" if inner else name, module
    else:
        yield from _traced(model)


def _is_leaf(module: nn.Module) -> bool:
    """Whether the module is one of PyTorch's own (or our dropout), and no container."""
    is_container = isinstance(module, (nn.Sequential, nn.ModuleList, nn.ModuleDict))
    return isinstance(module, CounterDropout) or (type(module).__module__.startswith("torch.nn.") and not is_container)


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return _is_leaf(m)


def _traced(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The steps of a forward function, if it is a chain."""
    mode = model.training
    try:
        graph, evaluated = (_Tracer().trace(model.train(is_training)) for is_training in (True, False))
    except Exception as error:
        raise CannotRunError(
            f"The native engine cannot follow the forward function of {type(model).__name__} "
            f"({first_line(error)[:120]})."
        ) from error
    finally:
        model.train(mode)
    modules = dict(model.named_modules())
    value: fx.Node | None = None  # what the chain has computed so far
    sizes: set[fx.Node] = set()  # numbers read off it
    for node in graph.nodes:
        inputs = [other for other in node.all_input_nodes if other not in sizes]
        if node.op == "placeholder":
            if value is None:
                value = node
            elif node.users:
                raise CannotRunError(f"The native engine knows models of one input; {type(model).__name__} takes more.")
            continue
        if _reads_a_size(node):
            sizes.add(node)
            continue
        if inputs != [value]:
            raise CannotRunError(
                f"The native engine knows chains of layers; in {type(model).__name__} the step {node.name} "
                "does not go on from the one before it alone."
            )
        if node.op == "output":
            if node.args[0] is not value:
                raise CannotRunError(
                    f"The native engine knows models of one output; {type(model).__name__} gives more."
                )
            if str(graph) != str(evaluated):
                raise CannotRunError(
                    f"The native engine cannot follow {type(model).__name__}: in evaluation it goes another way."
                )
            return
        if node.op == "call_module":
            yield str(node.target), modules[str(node.target)]
        else:
            yield "", _as_module(node)
        value = node


def _reads_a_size(node: fx.Node) -> bool:
    """Whether a step asks for a shape, or takes a number out of one."""
    if node.op == "call_method":
        return node.target in ("size", "dim", "__len__")
    if node.op != "call_function":
        return False
    if node.target is getattr:
        return node.args[1] in ("shape", "ndim")
    first = node.args[0] if node.args else None
    return node.target is operator.getitem and isinstance(first, fx.Node) and _reads_a_size(first)


def _as_module(node: fx.Node) -> nn.Module:
    """The module that does what a function or method does."""
    target: Any = node.target
    rest: tuple[Any, ...] = tuple(node.args[1:])
    keywords: dict[str, Any] = {k: v for k, v in node.kwargs.items() if k != "input"}
    name = target if isinstance(target, str) else getattr(target, "__name__", str(target))
    if node.op in ("call_function", "call_method"):
        try:
            if target in _FUNCTIONS:
                return _FUNCTIONS[target](*rest, **keywords)
            if target in _FLATTENS:
                return nn.Flatten(*(rest or (0,)), **keywords)
            if target in _SQUEEZES and (*rest, *keywords.values()) in ((-1,), (1,)):
                return _Squeeze()
            if target in _VIEWS:
                shape = rest[0] if len(rest) == 1 and isinstance(rest[0], (tuple, list)) else rest
                if len(shape) == 2 and not keywords and shape[1] == -1:
                    return nn.Flatten()
        except TypeError:
            pass
    raise CannotRunError(f"The native engine does not know the operator {name}.")


def _shape_after(name: str, module: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a sample after a module.

    Raises:
        CannotRunError: the module is not known, or not in this form.
    """
    known = _named(name, module)
    if type(module) is nn.Flatten:
        if (module.start_dim, module.end_dim) != (1, -1):
            raise CannotRunError(f"The native engine knows nn.Flatten with its defaults only, not {known}.")
        return (math.prod(shape),)
    if type(module) is _Squeeze:
        if shape[-1:] != (1,) or len(shape) != 1:
            raise CannotRunError("The native engine knows squeeze only after a layer of one output.")
        return ()
    if type(module) is nn.Identity:
        return shape
    if isinstance(module, CounterDropout):
        if module.replaces is not nn.Dropout:
            raise CannotRunError(f"The native engine does not know nn.{module.replaces.__name__} ({name}).")
        return shape
    if type(module) in _ACTIVATIONS:
        return shape
    if type(module) in (nn.Linear, nn.BatchNorm1d, nn.LayerNorm):
        wanted = _width_of(name, module)
        if shape != (wanted,):
            raise CannotRunError(f"The native engine knows {known} on samples of one dimension only, not on {shape}.")
        return (module.out_features,) if isinstance(module, nn.Linear) else shape
    raise CannotRunError(f"The native engine does not know {known}.")


def _width_of(name: str, module: nn.Module) -> int:
    known = _named(name, module)
    if isinstance(module, nn.Linear):
        return module.in_features
    if isinstance(module, nn.BatchNorm1d):
        if not module.track_running_stats or module.momentum is None:
            raise CannotRunError(f"The native engine knows {known} with running statistics and a momentum only.")
        return module.num_features
    assert isinstance(module, nn.LayerNorm)
    if len(module.normalized_shape) != 1:
        raise CannotRunError(f"The native engine knows {known} over one dimension only.")
    return module.normalized_shape[0]


def _activation(module: nn.Module) -> tuple[int, float, float]:
    """The kernel's number of an activation, and its two constants."""
    which = _ACTIVATIONS[type(module)]
    match module:
        case nn.LeakyReLU():
            return which, module.negative_slope, 0.0
        case nn.ELU():
            return which, module.alpha, 0.0
        case nn.Softplus():
            return which, module.beta, module.threshold
        case nn.GELU() if module.approximate == "tanh":
            return library.GELU_TANH, 0.0, 0.0
    return which, 0.0, 0.0


def _named(name: str, module: nn.Module) -> str:
    kind = type(module).__name__
    spelled = f"nn.{kind}" if type(module).__module__.startswith("torch.nn.") else kind
    return f"{spelled} ({name})" if name else spelled


def used_names(network: Network) -> tuple[dict[str, nn.Parameter], dict[str, Tensor]]:
    """The parameters and the floating-point buffers that the chain uses, by their names in the model."""
    parameters, buffers = {}, {}
    for layer in network.layers:
        prefix = f"{layer.name}." if layer.name else ""
        for name, parameter in layer.module.named_parameters(recurse=False):
            parameters[prefix + name] = parameter
        if not isinstance(layer.module, CounterDropout):
            for name, buffer in layer.module.named_buffers(recurse=False):
                if buffer.is_floating_point():
                    buffers[prefix + name] = buffer
    return parameters, buffers
