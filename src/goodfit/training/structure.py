"""Building a trial's model, and what of it must be equal for trials to train together."""

from __future__ import annotations

import functools
import hashlib
import types
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.errors import GoodfitError, TaskError
from goodfit.hyperparameters import STANDARD, Hyperparameters
from goodfit.training.dropout import _OWN_DIMENSIONS, CounterDropout
from goodfit.training.faults import first_line
from goodfit.training.problem import Problem
from goodfit.training.seeds import INIT, mixed
from goodfit.training.splits import seeded

_DROPOUTS = (*_OWN_DIMENSIONS, CounterDropout)
# What every module carries; "training" is the engine's to set, and hooks are not settings.
_PLAIN = frozenset(vars(nn.Module()))
_DEPTH = 6  # of attributes within attributes that are looked into


def build_model(
    build: Callable[[Hyperparameters], nn.Module],
    hyperparameters: Mapping[str, Any],
    seed: int,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> nn.Module:
    """The user's model with the initial weights that this seed gives it, whatever ran before.

    Raises:
        TaskError: the builder fails, gives no module, or a module with lazy or no parameters.
    """
    values = Hyperparameters(hyperparameters)
    try:
        with seeded(mixed(seed, INIT)):
            model = build(values)
    except GoodfitError:
        raise
    except Exception as error:
        raise TaskError(
            f"model({values!r}) failed with {type(error).__name__}: {first_line(error)}. "
            "Every point of the space must build; narrow it, or let the model handle this one."
        ) from error
    if not isinstance(model, nn.Module):
        raise TaskError(f"model must return a torch.nn.Module, got {type(model).__name__}.")
    if any(nn.parameter.is_lazy(p) for p in (*model.parameters(), *model.buffers())):
        raise TaskError(
            "The model has lazy layers, whose weights have no shape before the first batch; "
            "give their sizes, such as nn.Linear(64, 10) in the place of nn.LazyLinear(10)."
        )
    if not any(p.requires_grad for p in model.parameters()):
        raise TaskError("The model has no parameter to train; nothing in it requires a gradient.")
    return model.to(device=device, dtype=dtype)


def built(problem: Problem, hyperparameters: Mapping[str, Any], seed: int) -> nn.Module:
    """The problem's model, on its device and in its dtype, with the initial weights that a trial of this seed has."""
    return build_model(problem.build, hyperparameters, seed, problem.device, problem.dtype)


def structure_of(model: nn.Module) -> str:
    """A digest of all that must be equal for models to train as one: classes, shapes, settings, code.

    Dropout probabilities of nn.Dropout layers and values that a trial carries itself (weights, buffers) are not in it.
    """
    return hashlib.sha256("\n".join(describe(model)).encode()).hexdigest()[:16]


def describe(model: nn.Module) -> list[str]:
    """The structure in lines, for comparing by eye."""
    lines = []
    for name, module in model.named_modules():
        if isinstance(module, _DROPOUTS):
            lines.append(f"{name}: {getattr(module, 'replaces', type(module)).__name__}")
            continue
        settings = {key: value for key, value in vars(module).items() if key not in _PLAIN}
        lines.append(f"{name}: {_class_of(module)} {_text(settings)}")
    owners: dict[int, str] = {}
    for name, tensor in model.named_parameters(remove_duplicate=False):
        owner = owners.setdefault(id(tensor), name)
        lines.append(f"{name}: {tuple(tensor.shape)} {tensor.dtype} {tensor.requires_grad} as {owner}")
    for name, module in model.named_modules():
        if not isinstance(module, _DROPOUTS):
            for key, buffer in module.named_buffers(recurse=False):
                lines.append(f"{name}.{key}: buffer {tuple(buffer.shape)} {buffer.dtype}")
    return lines


def _class_of(module: nn.Module) -> str:
    """The class's name; with its code where it is the user's, since a class made in `build` may close over values."""
    kind = type(module)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if kind.__module__.startswith("torch.nn"):
        return name
    methods = {
        key: value
        for base in kind.__mro__
        if not base.__module__.startswith("torch") and base is not object
        for key, value in vars(base).items()
        if isinstance(value, types.FunctionType) and key != "__init__"
    }
    return f"{name} {_text(methods)}"


def _text(value: Any, depth: int = 0) -> str:
    """A text that is equal for values that compute the same; never an address."""
    if depth > _DEPTH:
        return type(value).__qualname__
    inner = functools.partial(_text, depth=depth + 1)
    match value:
        case None | bool() | int() | float() | complex() | str() | bytes():
            return repr(value)
        case torch.dtype() | torch.device() | torch.Size() | range():
            return repr(value)
        case Hyperparameters():
            return inner({key: item for key, item in value.__getstate__().items() if key not in STANDARD})
        case Mapping():
            return "{" + ", ".join(f"{inner(key)}: {inner(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(inner(item) for item in value) + "]"
        case set() | frozenset():
            return "{" + ", ".join(sorted(inner(item) for item in value)) + "}"
        case Tensor():
            content = value.detach().cpu().contiguous().flatten().view(torch.uint8) if value.numel() else value
            digest = hashlib.sha256(content.numpy().tobytes()).hexdigest()[:12]
            return f"tensor {tuple(value.shape)} {value.dtype} {digest}"
        case nn.Module():
            return f"module {type(value).__qualname__}"  # its own lines tell the rest, where it is registered
        case functools.partial():
            return f"partial {inner(value.func)} {inner(value.args)} {inner(value.keywords)}"
        case types.FunctionType():
            cells = [inner(_content(cell)) for cell in value.__closure__ or ()]
            return f"function {_code(value.__code__, depth)} {cells} {inner(value.__defaults__)}"
        case types.MethodType():
            return f"method {inner(value.__func__)} of {type(value.__self__).__qualname__}"
        case type():
            return f"{value.__module__}.{value.__qualname__}"
    if callable(value) and hasattr(value, "__qualname__"):
        return str(value.__qualname__)
    attributes = getattr(value, "__dict__", None)
    return f"{type(value).__qualname__} {inner(attributes) if attributes else ''}"


def _code(code: types.CodeType, depth: int) -> str:
    constants = [
        _code(item, depth + 1) if isinstance(item, types.CodeType) else _text(item, depth + 1)
        for item in code.co_consts
    ]
    digest = hashlib.sha256(repr((code.co_code, constants, code.co_names)).encode()).hexdigest()[:12]
    return f"{code.co_qualname} {digest}"


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None
