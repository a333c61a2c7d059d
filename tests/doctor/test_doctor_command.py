"""`goodfit doctor` as people call it: the script's own output, status and results, and the files that are written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from goodfit import schemas
from goodfit.cli.main import main

TRAIN = """
import os, random, sys
import numpy as np, torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

def build():
    return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))

if __name__ == "__main__":
    torch.manual_seed(3)
    x = torch.randn(256, 6)
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
    loader = DataLoader(TensorDataset(x[:192], y[:192]), 32, shuffle=True, num_workers=WORKERS)
    model, rest = build(), (x[192:], y[192:])
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 12)
    for epoch in range(12):
        model.train()
        for a, b in loader:
            CLEAR
            loss = nn.functional.cross_entropy(model(a), b)
            loss.backward()
            optimizer.step()
        schedule.step()
        model.eval()
        with torch.no_grad():
            right = (model(rest[0]).argmax(1) == rest[1]).float().mean()
        print(epoch, f"{loss.item():.17g}", f"{right.item():.17g}")
    print(sys.argv, __name__, os.getcwd() == HERE, sys.path[0] == HERE)
    print(random.random(), np.random.rand(), torch.rand(2).tolist(), torch.is_grad_enabled(), model.training)
    torch.save(model.state_dict(), sys.argv[1])
END
"""


def script(folder: Path, clear: str = "optimizer.zero_grad()", end: str = "", workers: int = 0) -> Path:
    text = TRAIN.replace("CLEAR", clear).replace("WORKERS", str(workers)).replace("HERE", repr(str(folder)))
    path = folder / "train.py"
    path.write_text("import random\nrandom.seed(1)\nimport numpy\nnumpy.random.seed(1)\n" + text.replace("END", end))
    return path


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(schemas.__file__).parents[2])}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def read(path: Path) -> dict:
    document = json.loads(path.read_text())
    jsonschema.validate(document, schemas.load("doctor"))
    return document


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_a_script_trains_bit_for_bit_the_same_with_and_without_the_doctor(tmp_path, workers):
    script(tmp_path, workers=workers)
    alone = python(tmp_path, "train.py", "weights.pt")
    weights = (tmp_path / "weights.pt").read_bytes()
    watched = python(tmp_path, "-m", "goodfit", "doctor", "--json", "found.json", "train.py", "weights.pt")
    assert (alone.returncode, watched.returncode) == (0, 0), watched.stderr
    assert watched.stdout == alone.stdout
    assert (tmp_path / "weights.pt").read_bytes() == weights
    document = read(tmp_path / "found.json")
    assert [f["kind"] for f in document["findings"] if f["severity"] != "info"] == []
    assert document["findings"]
    assert "train.py" in watched.stderr


@pytest.mark.slow
def test_a_mistake_is_told_on_standard_error_and_in_the_status(tmp_path):
    path = script(tmp_path, clear="pass")
    watched = python(tmp_path, "-m", "goodfit", "doctor", "--json=found.json", "train.py", "x.pt")
    assert watched.returncode == 1
    assert "missing-zero-grad" in watched.stderr
    assert "missing-zero-grad" not in watched.stdout
    found = read(tmp_path / "found.json")["findings"]
    assert found[0]["kind"] == "missing-zero-grad"
    line = int(found[0]["where"].removeprefix("train.py:"))
    assert "optimizer.step()" in path.read_text().splitlines()[line - 1]
    known = python(tmp_path, "-m", "goodfit", "doctor", "--accept", "found.json", "train.py", "x.pt")
    assert known.returncode == 0
    assert "accepted" in known.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        ("    sys.exit(7)", 7, ""),
        ("    exit('no good')", 1, "no good"),
        ("    raise ValueError('broken')", 1, "ValueError: broken"),
        ("    raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
    ],
)
def test_a_script_that_fails_keeps_its_status_and_what_was_seen_is_told(tmp_path, end, status, said):
    script(tmp_path, end=end)
    watched = python(tmp_path, "-m", "goodfit", "doctor", "--json", "found.json", "train.py", "x.pt")
    assert watched.returncode == status
    assert said in watched.stderr
    assert "goodfit/doctor/script.py" not in watched.stderr
    assert [f["kind"] for f in read(tmp_path / "found.json")["findings"] if f["severity"] != "info"] == []


@pytest.mark.slow
def test_steps_end_a_long_training(tmp_path):
    script(tmp_path)
    watched = python(tmp_path, "-m", "goodfit", "doctor", "--steps", "20", "train.py", "x.pt")
    assert watched.returncode == 0
    assert "20 steps" in watched.stderr
    assert not (tmp_path / "x.pt").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "needs a training script"),
        (["absent.py"], "There is no script"),
        (["--steps", "none", "x.py"], "--steps is a whole number"),
        (["--extra-time", "soon", "x.py"], "A time reads like"),
        (["--accept", "absent.json", "x.py"], "cannot be read"),
        (["--json", "nowhere/at/all.json", "x.py"], "does not exist"),
        (["--jsn", "x.py"], "Did you mean --json?"),
    ],
)
def test_unusable_arguments_get_one_sentence(arguments, said, capsys):
    assert main(["doctor", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
