"""The compiled library: the structs it is given, mirrored from source/job.h, and its kernel for this processor."""

from __future__ import annotations

import ctypes
import functools
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_double, c_int64, c_void_p
from pathlib import Path

from goodfit.training.engines.native.building import LIBRARY, SOURCES, source_digest

# The enums of source/job.h, in its order.
LINEAR, ACTIVATION, DROPOUT, BATCH_NORM, LAYER_NORM = range(5)
RELU, LEAKY_RELU, TANH, SIGMOID, GELU, GELU_TANH, SILU, ELU, SOFTPLUS = range(9)
CROSS_ENTROPY, SQUARED, ABSOLUTE, SMOOTH_ABSOLUTE, HUBER, BINARY_CROSS_ENTROPY = range(6)
RULES = {"sgd": 0, "adam": 1, "adamw": 2, "rmsprop": 3}
REACHED, NOT_FINITE, EXPLODED, PASS_AT_GOAL = range(4)


class Op(Structure):
    """One layer; see source/job.h for each field."""

    _fields_ = (
        *((name, c_int64) for name in ("kind", "in_width", "out_width", "weight", "bias", "mean", "var", "which")),
        *((name, c_int64) for name in ("use", "threshold", "relu")),
        *(("a", c_double), ("b", c_double)),
    )


class Parameter(Structure):
    """A block of the flat weights."""

    _fields_ = tuple((name, c_int64) for name in ("offset", "rows", "columns", "stride", "trained", "ratio"))


class Job(Structure):
    """A trial's next steps."""

    _fields_ = (
        *(
            ("ops", POINTER(Op)),
            ("op_count", c_int64),
            ("parameters", POINTER(Parameter)),
            ("parameter_count", c_int64),
        ),
        *(("weight_count", c_int64), ("statistic_count", c_int64)),
        *((name, c_void_p) for name in ("weights", "first_slot", "second_slot", "average", "statistics")),
        *(("average_statistics", c_void_p), ("updates", c_int64), ("seed", c_int64)),
        *(("inputs", c_void_p), ("width", c_int64), ("zero_inputs", c_int64), ("classes", c_void_p)),
        *(("numbers", c_void_p), ("target_width", c_int64), ("indices", c_void_p), ("target_indices", c_void_p)),
        *(("batch", c_int64), ("first_step", c_int64), ("steps", c_int64)),
        *(("loss", c_int64), ("smoothing", c_double), ("beta", c_double), ("class_weights", c_void_p)),
        *(("ignored", c_int64), ("rule", c_int64), ("nesterov", c_int64)),
        *((name, c_double) for name in ("momentum", "beta1", "beta2", "eps", "weight_decay", "clip", "ema_decay")),
        *(("rates", c_void_p), ("losses", c_void_p), ("probe_every", c_int64), ("ratio_count", c_int64)),
        *(("probed", c_void_p), ("limit", c_double), ("window", c_int64), ("recent_count", c_int64)),
        *(("recent", c_void_p), ("pass_sum", c_double), ("goal", c_double), ("pass_steps", c_int64)),
        *(("steps_per_pass", c_int64), ("steps_done", c_int64), ("end", c_int64), ("workspace", c_void_p)),
    )


class Kernel(Structure):
    """One instruction set's functions. They hold no lock of Python's while they run, and start no threads."""

    _fields_ = (
        ("name", c_char_p),
        ("workspace_bytes", CFUNCTYPE(c_int64, POINTER(Job), c_int64)),
        ("train", CFUNCTYPE(None, POINTER(Job), c_int64)),
        (
            "predict",
            CFUNCTYPE(None, POINTER(Job), c_int64, c_void_p, c_void_p, c_void_p, c_void_p, c_int64, c_void_p),
        ),
    )


def why_missing(library: Path = LIBRARY) -> str | None:
    """Why there is no kernel, in a sentence; None: there is one."""
    found = _open(library)
    return found if isinstance(found, str) else None


def kernel(instruction_set: str = "", library: Path = LIBRARY) -> Kernel | None:
    """The kernel of an instruction set ("avx512", "avx2", "plain"; "": the widest that this processor has)."""
    opened = _open(library)
    if isinstance(opened, str):
        return None
    found = opened.goodfit_kernel(instruction_set.encode())
    return found.contents if found else None


def described() -> str:
    """What there is here, in a word or two: what a measured speed depends on."""
    found = kernel()
    return "no native kernel" if found is None else f"{found.name.decode()} {source_digest()}"


@functools.lru_cache(maxsize=8)
def _open(library: Path) -> ctypes.CDLL | str:
    if not library.exists():
        return (
            "The native engine was not built, as no C++ compiler was found when goodfit was installed; with one, "
            "install goodfit again, and small multilayer perceptrons train several times faster."
        )
    other = "The native engine's library was built from other sources than these; install goodfit again."
    # Read, not loaded: a process that has loaded an old library gets it again in the place of a newer one.
    if SOURCES.exists() and source_digest().encode() not in library.read_bytes():
        return other
    try:
        opened = ctypes.CDLL(str(library))
        opened.goodfit_kernel.restype, opened.goodfit_kernel.argtypes = POINTER(Kernel), [c_char_p]
        opened.goodfit_struct_bytes.restype, opened.goodfit_struct_bytes.argtypes = c_int64, [c_int64]
        sizes = [opened.goodfit_struct_bytes(which) for which in range(3)]
    except (OSError, AttributeError) as error:
        return f"The native engine's library cannot be loaded ({error}); install goodfit again."
    return opened if sizes == [ctypes.sizeof(struct) for struct in (Op, Parameter, Job)] else other
