"""A problem on its way to a worker: code by value, data by file."""

from __future__ import annotations

import importlib.util
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from execution_cases import FEATURES, SAMPLES, make_problem
from torch import Tensor, nn
from torch.nn import functional as F

from goodfit.errors import TaskError
from goodfit.execution.by_value import dumps
from goodfit.execution.source import SHARED_BYTES, HeldProblem, write_problem
from goodfit.hyperparameters import Hyperparameters
from goodfit.training.problem import Loss, Problem
from goodfit.training.splits import LazySplit, ResidentSplit


def problem_of(*tensors: torch.Tensor) -> Problem:
    return Problem(
        build=lambda hp: nn.Linear(1, 1),
        loss=Loss(F.mse_loss),
        metrics={},
        train=ResidentSplit(tensors),
        val=ResidentSplit(tensors),
    )


def in_a_fresh_process(path: Path, expression: str) -> str:
    """What the expression of the unpickled `value` is, where nothing of this process is at hand."""
    code = f"import pickle, sys; value = pickle.load(open(sys.argv[1], 'rb')); print({expression})"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_problem_comes_back_equal(tmp_path):
    problem = make_problem()
    found = write_problem(problem, tmp_path).load()
    everything = torch.arange(SAMPLES)
    for got, expected in zip(found.train.fetch(everything), problem.train.fetch(everything), strict=True):
        assert torch.equal(got, expected)
        assert got.dtype == expected.dtype
    model = found.build(Hyperparameters({"width": 8}))
    assert model.get_parameter("0.weight").shape == (8, FEATURES)
    assert found.default_batch_size == problem.default_batch_size


def test_data_are_mapped_and_not_copied(tmp_path):
    source = write_problem(problem_of(torch.randn(5000, 100)), tmp_path)
    assert source.path.stat().st_size < SHARED_BYTES
    found = source.load()
    maps = Path("/proc/self/maps").read_text()
    files = [path for path in tmp_path.iterdir() if path.suffix == ".bin"]
    assert [path.stat().st_size for path in files] == [5000 * 100 * 4]  # train and val are one tensor, written once
    assert str(files[0]) in maps
    del found


def test_a_source_is_small(tmp_path):
    assert len(pickle.dumps(write_problem(make_problem(), tmp_path))) < 500


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.bool, torch.complex64, torch.int16])
def test_any_dtype_and_any_strides_come_back(tmp_path, dtype):
    whole = torch.randint(0, 2, (400, 500)).to(dtype)
    tensors = (whole.T[:400], whole[:, ::2], whole[:400, :1], whole[:400, 0:1].expand(400, 9000))
    found = write_problem(problem_of(*tensors), tmp_path).load()
    for got, expected in zip(found.train.fetch(torch.arange(400)), tensors, strict=True):
        assert torch.equal(got, expected)
        assert got.dtype == dtype
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 3 * whole.nbytes


def test_writing_into_mapped_data_stays_in_the_process(tmp_path):
    array = np.arange(100_000)
    dataset = [(array, 1)]
    problem = problem_of(torch.zeros(3, 30_000))
    problem = Problem(problem.build, problem.loss, {}, problem.train, LazySplit(dataset))
    source = write_problem(problem, tmp_path)
    found = source.load()
    assert isinstance(found.train, ResidentSplit)
    assert isinstance(found.val, LazySplit)
    found.train.samples[0].fill_(7)
    found.val.dataset[0][0][:] = 7
    again = source.load()
    assert isinstance(again.val, LazySplit)
    assert again.train.fetch(torch.arange(3))[0].abs().max() == 0
    assert np.array_equal(again.val.dataset[0][0], array)


def test_a_held_problem_is_itself():
    problem = make_problem()
    assert HeldProblem(problem).load() is problem


def test_what_cannot_be_sent_is_said_in_one_sentence(tmp_path):
    lock = threading.Lock()
    problem = problem_of(torch.zeros(3, 1))
    problem = Problem(problem.build, Loss(lambda *_: cast(Tensor, lock)), {}, problem.train, problem.val)
    with pytest.raises(TaskError, match=r"cannot be sent to worker processes: TypeError.*--workers 0") as raised:
        write_problem(problem, tmp_path)
    assert "\n" not in str(raised.value)


def test_a_module_read_from_a_file_travels_by_value(tmp_path):
    file = tmp_path / "a folder" / "task.py"
    file.parent.mkdir()
    file.write_text(
        "import math\n"
        "FACTOR = 3\n"
        "class Base:\n    def double(self): return 2 * FACTOR\n"
        "class Model(Base):\n    def root(self): return math.sqrt(helper())\n"
        "def helper(): return FACTOR * 3\n"
        "def build(): return Model()\n"
    )
    spec = importlib.util.spec_from_file_location("user_task_of_test", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["user_task_of_test"] = module
    try:
        spec.loader.exec_module(module)
        (tmp_path / "value").write_bytes(dumps((module.build, module.Model, {"kept": nn.ReLU})))
    finally:
        del sys.modules["user_task_of_test"]
    file.unlink()
    assert in_a_fresh_process(tmp_path / "value", "(value[0]().root(), value[1]().double())") == "(3.0, 6)"


def test_a_file_that_bears_the_name_of_an_installed_module_travels_by_value(tmp_path):
    file = tmp_path / "colorsys.py"  # the standard library has one too
    file.write_text("def build(): return 'the user'\n")
    spec = importlib.util.spec_from_file_location("colorsys", file)
    assert spec is not None
    assert spec.loader is not None
    before = sys.modules.pop("colorsys", None)
    module = importlib.util.module_from_spec(spec)
    sys.modules["colorsys"] = module
    try:
        spec.loader.exec_module(module)
        (tmp_path / "value").write_bytes(dumps(module.build))
    finally:
        del sys.modules["colorsys"]
        if before is not None:
            sys.modules["colorsys"] = before
    assert in_a_fresh_process(tmp_path / "value", "value()") == "the user"


def test_installed_modules_travel_by_name():
    assert len(dumps((nn.ReLU, F.cross_entropy, np.mean, Problem, pytest.raises))) < 500
