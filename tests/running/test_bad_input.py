"""What a person may get wrong: each is one clear sentence on standard error, status 2, and leaves nothing behind."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from goodfit.cli.main import main

HEAD = """
import numpy as np, torch, torch.nn.functional as F
from torch import nn
import goodfit as gf

def build(hp):
    return nn.Sequential(nn.Linear(6, hp.width), nn.ReLU(), nn.Linear(hp.width, 3))

def splits(**changes):
    x = torch.randn(240, 6, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
    return dict(train=(x[:160], y[:160]), val=(x[160:200], y[160:200]), test=(x[200:], y[200:])) | changes

def made(**changes):
    given = dict(name="made", model=build, data=lambda: gf.Data(**splits()), loss=F.cross_entropy,
                 metrics={"accuracy": gf.accuracy}, objective="max val accuracy",
                 space=gf.Space(lr=gf.log(1e-4, 1e-1), width=gf.powers_of_two(8, 16)), start={"batch_size": 16})
    return gf.Task(**(given | changes))

def changed(split, at, value, part=1):
    pair = list(t.clone() for t in splits()[split])
    pair[part][at] = value
    return lambda: gf.Data(**splits(**{split: tuple(pair)}))

def replaced(split, change):
    return lambda: gf.Data(**splits(**{split: change(*splits()[split])}))
"""

# name -> (the rest of the task file, what the sentence must say)
FILES: dict[str, tuple[str, list[str]]] = {
    "the file raises": ('x = {}["nothing"]', ["KeyError", "task.py", "line 27"]),
    "a syntax error": ("task = made(", ["task.py, line 27", "never closed"]),
    "no task": ("", ["defines no gf.Task", "task = gf.Task("]),
    "two tasks": ("a = made(name='a')\nb = made(name='b')", ["2 tasks", "task.py:a", "task.py:b"]),
    "low above high": ("task = made(space=gf.Space(lr=gf.log(1e-1, 1e-4)))", ["lr", "low=0.1", "high=0.0001"]),
    "a misspelled hyperparameter": (
        "task = made(space=gf.Space(lr=gf.log(1e-4, 1e-1), widht=gf.powers_of_two(8, 16)), start={'width': 8})",
        ["'widht'", "Did you mean 'width'?"],
    ),
    "a misspelled one of goodfit's": (
        "task = made(space=gf.Space(lr=gf.log(1e-4, 1e-1), weigth_decay=gf.log(1e-4, 1)), start={'width': 8})",
        ["weigth_decay", "'weight_decay'"],
    ),
    "a hyperparameter that nobody gives": ("task = made(space=gf.Space(lr=gf.log(1e-4, 1e-1)))", ["'width'", "start"]),
    "an optimiser that is none": (
        "task = made(space=gf.Space(lr=gf.log(1e-4, 1e-1), optimizer=gf.choice('adam', 'lion')), start={'width': 8})",
        ["optimizer in space", "'lion'", "adamw"],
    ),
    "a schedule that is none": (
        "task = made(space=gf.Space(lr=gf.log(1e-4, 1e-1), schedule=gf.choice('cosine', 'sawtooth')), "
        "start={'width': 8})",
        ["schedule in space", "'sawtooth'", "one-cycle"],
    ),
    "a metric that is none": (
        "task = made(metrics={'accuracy': 'accuracy'})",
        ["metric 'accuracy'", "not callable."],
    ),
    "the model's builder raises": (
        "def broken(hp):\n    raise ValueError('no such layer')\ntask = made(model=broken)",
        ["model(", "width=8", "ValueError: no such layer", "line 28"],
    ),
    "the model does not fit the inputs": (
        "task = made(model=lambda hp: nn.Linear(5, hp.width))",
        ["The model", "train split", "[16, 6]", "shapes cannot be multiplied"],
    ),
    "no module": ("task = made(model=lambda hp: hp.width)", ["nn.Module", "int"]),
    "nothing to train": (
        "task = made(model=lambda hp: nn.Flatten(), space=gf.Space(lr=gf.log(1e-4, 1e-1)))",
        ["no parameter"],
    ),
    "a vector for a loss": (
        "task = made(loss=nn.CrossEntropyLoss(reduction='none'))",
        ["must return a scalar", "[16]", "mean"],
    ),
    "a number for a loss": ("task = made(loss=lambda p, t: 1.0)", ["scalar tensor", "float"]),
    "a loss that raises": (
        "task = made(loss=lambda p, t: F.l1_loss(p[:3], t[:, None].float().mT[:2]) + p.nothing)",
        ["The loss raised"],
    ),
    "labels outside the classes": (
        "task = made(data=changed('train', 7, 5))",
        ["3 classes", "0 to 2", "train split", "label 5 at sample 7"],
    ),
    "negative labels": ("task = made(data=changed('val', 3, -1))", ["val split", "label -1 at sample 3"]),
    "test labels outside the classes": ("task = made(data=changed('test', 3, 9))", ["test split", "label 9"]),
    "NaN": (
        "task = made(data=changed('train', (5, 2), float('nan'), 0))",
        ["inputs", "train split", "NaN", "sample 5, column 2"],
    ),
    "infinity in the test set": (
        "task = made(data=changed('test', (1, 0), float('inf'), 0))",
        ["test split", "infinity", "sample 1, column 0"],
    ),
    "an empty split": ("task = made(data=replaced('val', lambda x, y: (x[:0], y[:0])))", ["val split is empty"]),
    "ragged tensors": ("task = made(data=replaced('val', lambda x, y: (x, y[:9])))", ["val split", "[40, 6]", "[9]"]),
    "val of another width": (
        "task = made(data=replaced('val', lambda x, y: (x[:, :5], y)))",
        ["The model", "val split", "[2, 5]"],
    ),
    "test of another width": (
        "task = made(data=replaced('test', lambda x, y: (x[:, :5], y)))",
        ["The model", "test split", "[2, 5]"],
    ),
    "labels that are text": (
        "task = made(data=replaced('train', lambda x, y: (x, np.array([str(int(i)) for i in y]))))",
        ["train split", "text"],
    ),
    "data() raises": (
        "def read():\n    raise FileNotFoundError('no file train.npz')\ntask = made(data=read)",
        ["data()", "FileNotFoundError: no file train.npz", "line 28"],
    ),
    "data() returns nothing": ("task = made(data=lambda: None)", ["gf.Data", "NoneType"]),
    "a batch larger than the data": (
        "task = made(start={'batch_size': 512})",
        ["batch_size", "512", "160 training samples"],
    ),
    "batches that may grow larger than the data": (
        "task = made(space=gf.Space(lr=gf.log(1e-4, .1), width=gf.powers_of_two(8, 16), "
        "batch_size=gf.powers_of_two(64, 256)))",
        ["batch_size", "256", "160 training samples"],
    ),
    "a metric that returns a vector": (
        "task = made(metrics={'accuracy': lambda p, t: (p.argmax(1) == t).float()})",
        ["metric 'accuracy'", "one number"],
    ),
    "an objective naming no metric": (
        "task = made(objective='max val acuracy')",
        ["'acuracy'", "loss, accuracy"],
    ),
    "an objective that is none": ("task = made(objective='accuracy')", ['"max val accuracy"', "'accuracy'"]),
    "an unknown optimizer": ("task = made(start={'optimizer': 'adamv'})", ["'adamv'", "adamw"]),
    "a negative rate": ("task = made(start={'lr': -1.0})", ["lr", "-1.0"]),
    "the file exits": ("raise SystemExit(4)", ["sys.exit(4)"]),
}
GOOD = HEAD + "task = made()"


def check_refused(arguments: list[str], told: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(path.name for path in folder.iterdir() if path.name != "__pycache__")
    status = main(arguments)
    seen = capsys.readouterr()
    assert status == 2, seen.err
    lines = seen.err.strip().splitlines()
    assert len(lines) == 1, seen.err
    assert lines[0].startswith("goodfit: ")
    assert lines[0].endswith((".", ")", "?"))
    assert all(part in lines[0] for part in told), lines[0]
    assert "Traceback" not in seen.err
    assert sorted(path.name for path in folder.iterdir() if path.name != "__pycache__") == before


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


@pytest.mark.parametrize("name", FILES, ids=lambda name: name.replace(" ", "-"))
def test_a_faulty_task_is_refused_in_one_sentence(name: str, folder: Path, capsys: pytest.CaptureFixture[str]):
    rest, told = FILES[name]
    (folder / "task.py").write_text(HEAD + rest)
    check_refused(["run", "task.py", "--trials", "4"], told, folder, capsys)


ARGUMENTS: list[tuple[list[str], list[str]]] = [
    (["run", "task.py:tsk"], ["'tsk'", "Did you mean 'task'?"]),
    (["run", "tsk.py"], ["no file tsk.py", "task.py"]),
    (["run", "nopackage:task"], ["no module 'nopackage'"]),
    (["run", "task.py", "--device", "tpu"], ["--device", "'tpu'"]),
    (["run", "task.py", "--budget", "soon"], ["--budget", "'soon'", "90s"]),
    (["run", "task.py", "--trials", "0"], ["--trials", "1 or more"]),
    (["run", "task.py", "--set", "overfit.stps=3"], ["'overfit.stps'", "overfit.steps"]),
    (["run", "task.py", "--resume"], ["no run to resume", "--out"]),
    (["run", "task.py", "--out", "in_the_way"], ["in_the_way is a file", "--out"]),
    (["run", "task.py", "--out", "in_the_way/deeper"], ["in_the_way/deeper", "--out"]),
    (["run", "task.py", "--out", "/proc/goodfit"], ["/proc/goodfit", "--out"]),
    (["report", "nowhere"], ["nowhere"]),
]


@pytest.mark.parametrize(("arguments", "told"), ARGUMENTS, ids=lambda value: "-".join(value[1:]))
def test_faulty_arguments_are_refused_in_one_sentence(
    arguments: list[str], told: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
):
    if "/proc/goodfit" in arguments and not os.path.isdir("/proc/self"):
        pytest.skip("there is no /proc here")
    (folder / "task.py").write_text(GOOD)
    (folder / "in_the_way").write_text("a file")
    check_refused(arguments, told, folder, capsys)
