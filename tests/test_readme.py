"""The README's own promises: its commands are the commands, its quickstart runs as it stands."""

from __future__ import annotations

import json
import os
import re
import shlex
import struct
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch

from goodfit.opened import open_task
from goodfit.running.trying import check_task
from goodfit.settings import Settings
from goodfit.task_file import load_task

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL))
QUICKSTART, FROM_PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
MOST_PICTURE_BYTES = 300_000
MOST_LINES = 20  # "about 15": more is no quickstart


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    own = {**os.environ, "GOODFIT_CACHE": str(folder / "cache")}  # speeds measured here are no one else's
    return subprocess.run([sys.executable, *words], cwd=folder, env=own, capture_output=True, text=True, check=False)


def test_two_commands_do_all_the_set_up():
    first, second = [line for line in SHELL.splitlines() if "pip install" in line]
    constraints = {word for word in shlex.split(f"{first} {second}") if word.startswith("constraints/")}
    assert [(ROOT / name).is_file() for name in constraints] == [True]
    assert "goodfit demo digits" in first
    assert "-m pytest" in second
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "dev" in project["optional-dependencies"]
    assert "goodfit" in project["scripts"]


def test_contributing_and_readme_install_alike():
    assert "pip install -c constraints/cpu.txt -e '.[dev]'" in (ROOT / "CONTRIBUTING.md").read_text()


def test_the_quickstart_is_short():
    assert len([line for line in QUICKSTART.splitlines() if line.strip()]) <= MOST_LINES


def test_the_picture_is_a_small_png_of_a_report():
    (name,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    picture = (ROOT / name).read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(picture) <= MOST_PICTURE_BYTES
    width, height = struct.unpack(">II", picture[16:24])
    assert width >= 800
    assert height >= 800


def test_every_measured_row_has_its_command_and_its_number_of_runs():
    table = README.split("## Measured")[1].split("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("|")][2:]
    assert rows
    for _, command, n, result in rows:
        assert re.search(r"`goodfit \w+ ", command)
        assert re.match(r"\s*\d+ runs?", n)
        assert re.search(r"\d", result)
    for needed in ("torch 2.", "cores", "20"):
        assert needed in table.split("\n\n")[-1] or needed in table


def test_the_quickstart_is_a_task(tmp_path):
    (tmp_path / "task.py").write_text(QUICKSTART)
    task = load_task(str(tmp_path / "task.py"))
    assert task.name == "first"
    opened = open_task(task, torch.device("cpu"))
    assert check_task(opened, Settings()).space.names == ("lr", "dropout", "width")
    assert opened.classes == 10
    assert opened.test is not None


@pytest.mark.slow
def test_goodfit_checks_the_quickstart(tmp_path):
    (tmp_path / "task.py").write_text(QUICKSTART)
    ended = run(tmp_path, "-m", "goodfit", "check", "task.py", "--budget", "5s", "--workers", "1", "--json", "--quiet")
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    assert document["status"] == "done"
    assert [step["step"] for step in document["steps"]] == ["data", "initial-loss", "overfit", "learning-rate"]
    assert document["task"] == "first"


@pytest.mark.slow
def test_the_quickstart_runs_from_python_as_it_stands(tmp_path):
    (tmp_path / "task.py").write_text(QUICKSTART)
    (tmp_path / "door.py").write_text(FROM_PYTHON.replace('budget="1m"', 'budget="10s"') + "\nprint(type(model))\n")
    ended = run(tmp_path, "door.py")
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["done", "runs/first-1"]
    assert "'lr'" in lines[1]
    assert "'accuracy'" in lines[1]
    assert lines[-1].startswith("<class ")
    folder = tmp_path / "runs" / "first-1"
    assert {"result.json", "report.html", "ledger.db", "best"} <= {path.name for path in folder.iterdir()}
    used = run(folder / "best", "use.py")
    assert used.returncode == 0, used.stderr
    assert "parameters" in used.stdout
