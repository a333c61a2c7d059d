"""`goodfit search`: over a task and over a command, by the contract's exit statuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import goodfit as gf
from goodfit.cli.main import main
from goodfit.cli.session import resume_command
from goodfit.searching.command import filled, read_line
from goodfit.searching.space_file import read_space

TASK = """
import torch
import torch.nn.functional as F
from torch import nn
import goodfit as gf

g = torch.Generator().manual_seed(0)
x = torch.randn(240, 4, generator=g)
y = (x[:, 0] * x[:, 1] > 0).long()
task = gf.Task(
    name="signs",
    model=lambda hp: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)),
    data=gf.Data(train=(x[:180], y[:180]), val=(x[180:], y[180:])),
    loss=F.cross_entropy,
    space=gf.Space(lr=gf.log(1e-4, 1e-1)),
    start={"optimizer": "adamw", "batch_size": 30},
)
"""

# The reports are prints as people write them; the best rate is 0.01.
SCRIPT = """
import math, sys, time
lr = float(sys.argv[sys.argv.index("--lr") + 1])
if lr > 0.5:
    sys.exit("lr is too high for this machine")
print("loading 60000 images", flush=True)
for epoch in range(1, 10):
    loss = (math.log10(lr) + 2) ** 2 + 1 / epoch
    print(f"epoch={epoch} train_loss=0.5 val_loss={loss:.6f}", flush=True)
    time.sleep(float(sys.argv[-1]) if sys.argv[-1] != "now" else 0.0)
"""
SPACE = """
lr = {scale = "log", low = 1e-5, high = 1e-1}
optimizer = {scale = "choice", values = ["sgd", "adamw"]}
momentum = {scale = "reverse_log", low = 0.5, high = 0.99, when = {optimizer = "sgd"}}
"""
PROGRAM = [sys.executable, "train.py", "--lr", "{lr}", "--optimizer={optimizer}", "--momentum", "{momentum}", "now"]


def words(line: str) -> list[str]:
    return line.split()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOODFIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "task.py").write_text(TASK)
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "space.toml").write_text(SPACE)
    return tmp_path


def test_a_task_is_searched_from_the_command_line(here: Path, capfd: pytest.CaptureFixture[str]):
    status = main(
        [
            "search",
            "task.py",
            "--strategy",
            "halving",
            "--trials",
            "6",
            "--epochs",
            "3",
            "--workers",
            "1",
            "--out",
            "run",
            "--json",
            "--seed",
            "3",
        ]
    )
    said, told = capfd.readouterr()
    assert status == 0
    document = json.loads(said)
    assert document["task"] == "signs"
    assert document["seed"] == 3
    assert [step["step"] for step in document["steps"]] == ["coarse"]
    assert "6 to epoch 1" in told  # the plan, before it runs
    assert "goodfit search task.py" in gf.Study.open("run").snapshot.study.command
    assert (
        main(
            [
                "search",
                "task.py",
                "--strategy",
                "halving",
                "--trials",
                "6",
                "--epochs",
                "3",
                "--workers",
                "1",
                "--out",
                "run",
            ]
        )
        == 2
    )
    assert "already holds a run" in capfd.readouterr().err


def test_a_command_is_searched_and_its_output_read(here: Path, capfd: pytest.CaptureFixture[str]):
    arguments = "search --space space.toml --trials 12 --epochs 9 --early asha --workers 2 --strategy sobol --out run"
    assert main([*arguments.split(), "--quiet", "--", *PROGRAM]) == 0
    study = gf.Study.open("run")
    assert len(study.trials) == 12
    assert study.snapshot.study.objective == "min val_loss"
    assert {t.status for t in study.trials} == {"done", "stopped"}
    whole = next(t for t in study.trials if t.status == "done")
    assert len(whole.curves["val_loss"]) == 9
    assert whole.curves["train_loss"][0] == (1.0, 0.5)
    assert whole.value == whole.curves["val_loss"][-1][1]
    log = (here / "run" / "trials" / "0.log").read_text()
    assert "loading 60000 images" in log
    assert log.startswith("$ ")
    assert capfd.readouterr().out.count("\n") <= 3


def test_a_command_that_fails_is_a_failed_trial_with_its_last_line(here: Path):
    (here / "space.toml").write_text('lr = {scale = "log", low = 1e-3, high = 1e2}')
    program = [sys.executable, "train.py", "--lr", "{lr}", "now"]
    arguments = [
        "search",
        "--space",
        "space.toml",
        "--trials",
        "8",
        "--strategy",
        "sobol",
        "--out",
        "run",
        "--quiet",
        "--",
    ]
    assert main([*arguments, *program]) == 0
    failed = [t for t in gf.Study.open("run").trials if t.status == "failed"]
    assert failed
    assert all(t.hyperparameters["lr"] > 0.5 for t in failed)
    assert failed[0].reason == "The command ended with status 1: lr is too high for this machine."


def test_ctrl_c_ends_the_commands_and_the_last_line_goes_on(here: Path):
    own = words("search --space space.toml --trials 6 --strategy sobol --workers 2 --out run")
    slow = [*PROGRAM[:-1], "0.05"]
    process = subprocess.Popen(
        [sys.executable, "-m", "goodfit", *own, "--", *slow], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while not (here / "run" / "trials" / "2.log").exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 3, said
    assert said.strip().endswith(f"--out run --resume -- {' '.join(slow)}".replace("{", "'{").replace("}", "}'")) or (
        "--resume --" in said.splitlines()[-1]
    )
    left = gf.Study.open("run")
    assert left.status == "interrupted"
    assert {t.status for t in left.trials} >= {"done", "interrupted"}
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert not [line for line in running.splitlines() if "train.py --lr" in line and str(os.getpid()) in line]
    assert main([*own, "--resume", "--quiet", "--", *PROGRAM]) == 0
    again = gf.Study.open("run")
    assert [t.status for t in again.trials] == ["done"] * 6
    assert [t.value for t in again.trials if t.number == 0] == [t.value for t in left.trials if t.number == 0]


def test_the_line_that_resumes_leaves_the_other_program_alone():
    words = ["goodfit", "search", "--out", "a", "--trials", "3", "--", "python", "train.py", "--out", "mine"]
    assert resume_command(words, Path("b")) == (
        "goodfit search --trials 3 --out b --resume -- python train.py --out mine"
    )


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("epoch=3 val_loss=0.31", (3.0, {"val_loss": 0.31})),
        ("Epoch 12/50: train_loss: 0.5, val_loss: 1.5e-2", (12.0, {"train_loss": 0.5, "val_loss": 0.015})),
        ('{"epoch": 2, "val_loss": 3}', (2.0, {"val_loss": 3.0})),
        ("[epoch 4] val_loss = .5", (4.0, {"val_loss": 0.5})),
        ("val_loss=nan", (None, {"val_loss": pytest.approx(float("nan"), nan_ok=True)})),
        ("my_val_loss=0.3", (None, {})),
        ("val_loss=0.3s", (None, {})),
        ("val_loss: good", (None, {})),
    ],
)
def test_lines_as_people_print_them(line: str, seen: tuple):
    assert read_line(line, "val_loss") == seen


def test_a_hyperparameter_that_a_trial_does_not_have_goes_with_its_option():
    words = ["train", "--momentum", "{momentum}", "--lr={lr}", '{"json": 1}', "--m={momentum}", "{seed}"]
    names = ("lr", "momentum")
    assert filled(words, {"lr": 0.1, "seed": 4}, names) == ["train", "--lr=0.1", '{"json": 1}', "4"]
    assert filled(words[:4], {"lr": 0.1, "momentum": 0.9}, names) == ["train", "--momentum", "0.9", "--lr=0.1"]


def test_a_space_file_tells_all_its_faults(tmp_path: Path):
    file = tmp_path / "space.toml"
    file.write_text('lr = {scale = "log", low = 0.0, high = 1.0}\nwidth = 3\nkind = {scale = "chioce"}\n')
    with pytest.raises(gf.SpaceError) as seen:
        read_space(file)
    for part in ("lr: Log needs 0 < low", "width: write width =", "kind: There is no scale 'chioce'"):
        assert part in str(seen.value)


BAD = [
    ("search", "needs a task"),
    ("search nowhere.py --trials 2", "nowhere.py"),
    ("search task.py --strategy tpee --trials 2", "Did you mean 'tpe'"),
    ("search task.py --early never --trials 2", "early is one of none, halving, data-halving, asha"),
    ("search task.py --trials 0", "a whole number of 1 or more"),
    ("search task.py --start nowhere.json --trials 2", "nowhere.json cannot be read"),
    ("search task.py --metric val_loss", "--metric is for a command"),
    ("search task.py --stratgy tpe", "Did you mean --strategy"),
    ("search --space space.toml", "needs a command after --"),
    ("search --space space.toml --", "needs a command after --"),
    ("search -- python train.py", "A command needs --space FILE"),
    ("search task.py --space space.toml -- python {lr}", "takes a task or a command"),
    ("search --space nowhere.toml -- python {lr}", "nowhere.toml cannot be read"),
    ("search --space space.toml -- python train.py --lr {lr}", "has no place for optimizer, momentum"),
    ("search --space space.toml -- a {lr} {optimizer} {momentum} {widht}", "{widht}, which is neither"),
    ("search --space space.toml --direction up -- a {lr} {optimizer} {momentum}", 'direction is "min" or "max"'),
    ("search --space space.toml --early asha -- a {lr} {optimizer} {momentum}", "Early ends need epochs"),
]


@pytest.mark.parametrize(("line", "said"), BAD, ids=[line for line, _ in BAD])
def test_bad_input_gets_one_sentence_and_status_2(here: Path, capfd: pytest.CaptureFixture[str], line: str, said: str):
    before = {p.name for p in here.iterdir()}
    assert main(line.split()) == 2
    told = capfd.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert {p.name for p in here.iterdir()} == before


def test_a_program_that_is_not_there_is_told_once(here: Path, capfd: pytest.CaptureFixture[str]):
    line = "search --space space.toml --trials 9 --quiet --out run -- no-such-program {lr} {optimizer} {momentum}"
    assert main(line.split()) == 2
    told = capfd.readouterr().err
    assert "no-such-program cannot be started: No such file or directory" in told


def test_a_metric_that_is_never_printed_is_told(here: Path, capfd: pytest.CaptureFixture[str]):
    arguments = [
        "search",
        "--space",
        "space.toml",
        "--trials",
        "2",
        "--metric",
        "val_acc",
        "--out",
        "run",
        "--quiet",
        "--",
    ]
    assert main([*arguments, *PROGRAM]) == 2
    assert "No line of the command's output had val_acc=NUMBER" in capfd.readouterr().err


def test_force_is_refused_since_nothing_stops_a_search(capsys: pytest.CaptureFixture[str]):
    assert main(["search", "task.py", "--force"]) == 2
    assert "--force is for run and check: no finding stops a search" in capsys.readouterr().err
