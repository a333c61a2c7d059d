"""The native kernel's NEON code: compiled by a cross compiler, run by an emulator, compared with plain PyTorch.

Skipped where there is none: `apt-get install g++-aarch64-linux-gnu qemu-user` brings both to a Debian on another
processor. What is emulated is the arithmetic: it says nothing of speed.
"""

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from test_native_equal import LAYERS, OPTIMIZERS, TOLERANCE, apart
from training_cases import Quiet, Told, problem, train, trial

from goodfit.training.engines.native import building, library
from goodfit.training.engines.native.training import NativeTraining
from goodfit.training.trial import Regime

COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"
STEPS = 5

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which(COMPILER) and shutil.which(EMULATOR)), reason=f"needs {COMPILER} and {EMULATOR}"
    ),
]


class Emulated:
    """A kernel like `library.Kernel`, each of whose calls runs in an emulator."""

    def __init__(self, program: Path) -> None:
        self.program = program

    def train(self, reference, is_double: int) -> None:
        job = reference._obj
        blocks = _blocks(job, is_double)
        answer = self._run(job, is_double, 0, blocks)
        returned = library.Job.from_buffer_copy(answer)
        at = ctypes.sizeof(library.Job)
        for address, count in blocks[2:11]:  # what a call may change
            if address:
                ctypes.memmove(address, answer[at : at + count], count)
                at += count
        for name in ("updates", "recent_count", "pass_sum", "pass_steps", "steps_done", "end"):
            setattr(job, name, getattr(returned, name))

    def predict(self, reference, is_double: int, weights, statistics, inputs, indices, count, outputs) -> None:
        job = library.Job.from_buffer_copy(reference._obj)
        job.weights, job.statistics, job.inputs, job.indices = weights, statistics, inputs, indices
        job.batch, job.steps = count, 1
        job.losses = job.probed = job.rates = job.classes = job.numbers = None  # what it does not read
        blocks = _blocks(job, is_double)
        job.batch = reference._obj.batch
        answer = self._run(job, is_double, 1, blocks, count.to_bytes(8, "little"))
        ctypes.memmove(outputs, answer, len(answer))

    def workspace_bytes(self, reference, is_double: int) -> int:
        return 64  # the emulated program takes its own

    def _run(self, job, is_double: int, predicts: int, blocks, more: bytes = b"") -> bytes:
        parts = [is_double.to_bytes(8, "little"), predicts.to_bytes(8, "little"), bytes(job)]
        for address, count in blocks:
            parts.append((count if address else -1).to_bytes(8, "little", signed=True))
            parts.append(ctypes.string_at(address, count) if address else b"")
        request = b"".join([*parts, more])
        return subprocess.run([EMULATOR, self.program], input=request, capture_output=True, check=True).stdout


def _blocks(job, is_double: int) -> list[tuple[int | None, int]]:
    """Where each block lies that a job points to, and its bytes, in the order of native_emulated.cpp."""
    number, taken = 8 if is_double else 4, job.batch * job.steps
    indices = np.ctypeslib.as_array(ctypes.cast(job.indices, ctypes.POINTER(ctypes.c_int64)), (taken,))
    samples = int(indices.max()) + 1
    weights, statistics = job.weight_count * number, job.statistic_count * number
    probed = 0 if job.probe_every == 0 else job.steps * (1 + job.ratio_count) * 8
    out = job.ops[job.op_count - 1].out_width
    return [
        (ctypes.addressof(job.ops.contents), job.op_count * ctypes.sizeof(library.Op)),
        (ctypes.addressof(job.parameters.contents), job.parameter_count * ctypes.sizeof(library.Parameter)),
        (job.weights, weights),
        (job.first_slot, weights),
        (job.second_slot, weights),
        (job.average, weights),
        (job.statistics, statistics),
        (job.average_statistics, statistics),
        (job.losses, job.steps * 8),
        (job.probed if probed else None, probed),
        (job.recent, job.window * 8),
        (job.inputs, samples * job.width * number),
        (job.classes, samples * 8),
        (job.numbers, samples * job.target_width * number),
        (job.indices, taken * 8),
        (job.target_indices, taken * 8),
        (job.class_weights, out * number),
        (job.rates, job.steps * 8),
    ]


@pytest.fixture(scope="module")
def arm(tmp_path_factory) -> Emulated:
    folder = tmp_path_factory.mktemp("arm")
    program = folder / "program"
    sources = [building.SOURCES / "kernel.cpp", Path(__file__).with_name("native_emulated.cpp")]
    flags = [flag for flag in building._FLAGS if flag not in ("-fPIC", "-w")]
    command = [COMPILER, *flags, "-Wall", "-static", "-DINSTRUCTION_SET=plain", "-I", building.SOURCES, *sources]
    built = subprocess.run([*command, "-o", program], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert "warning" not in built.stderr, built.stderr
    return Emulated(program)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_computes_on_arm_what_plain_pytorch_does(arm, layer, dtype):
    prob = problem(build=lambda hp: LAYERS[layer](), dtype=dtype)
    for optimizer in ("adamw", "nesterov") if dtype == torch.float64 else ("rmsprop-momentum",):
        values = {**OPTIMIZERS[optimizer][0], "ema_decay": 0.9, "batch_size": 15}
        _compare(arm, prob, trial(grad_clip=0.5 if optimizer == "nesterov" else None, **values), dtype)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_optimizer_takes_its_steps_on_arm(arm, optimizer):
    _compare(arm, problem(), trial(dropout=0.3, **OPTIMIZERS[optimizer][0]), torch.float64)


def _compare(arm: Emulated, prob, t, dtype: torch.dtype) -> None:
    tolerance = TOLERANCE if dtype == torch.float64 else 2e-6  # a few steps' rounding of numbers of order 1
    regime = Regime(eval_steps=(0, STEPS), eval_train=17, eval_val=9)
    (expected,), plain = train("pool", prob, [t], STEPS, regime)
    told = Told()
    state = NativeTraining(prob, t, None, regime, told, arm).run(STEPS, Quiet(), lambda state: None)
    assert told.names(0) == plain.names(0)
    for name in plain.names(0):
        ours, theirs = told.series(0, name)[1], plain.series(0, name)[1]
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance, err_msg=name)
    if dtype == torch.float64:
        assert apart(state.parameters, expected.parameters) < tolerance
        assert not state.average or apart(state.average, expected.average) < tolerance
