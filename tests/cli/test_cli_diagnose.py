"""`goodfit diagnose` as its user meets it: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import goodfit as gf
from goodfit.cli.main import main
from schemas import assert_valid

OVERFITTED = """\
epoch,train_loss,val_loss,train_accuracy,val_accuracy,lr
1,2.10,2.00,0.30,0.35,0.001
2,1.60,1.60,0.45,0.46,0.001
3,1.20,1.30,0.60,0.57,0.001
4,0.90,1.10,0.70,0.62,0.001
5,0.70,1.05,0.78,0.65,0.001
6,0.50,1.10,0.84,0.66,0.001
7,0.35,1.20,0.90,0.65,0.001
8,0.25,1.35,0.94,0.65,0.001
9,0.15,1.50,0.97,0.65,0.001
10,0.10,1.70,0.98,0.64,0.001
"""
DIVERGED = "epoch,train_loss,val_loss\n" + "".join(
    f"{i},{v},{v}\n" for i, v in enumerate([2.3, 2.0, 1.7, 1.9, 3.5, "nan", "nan", "nan", "nan", "nan"], start=1)
)


@pytest.fixture
def overfitted(tmp_path: Path) -> str:
    path = tmp_path / "log.csv"
    path.write_text(OVERFITTED)
    return str(path)


def test_the_verdict_comes_first_with_a_plot_that_marks_it(overfitted, capsys):
    assert main(["diagnose", overfitted]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(overfitted)
    verdict = next(line for line in lines if line.startswith("warning"))
    assert verdict.startswith("warning: overfitting")
    assert "val_loss, epoch 5" in verdict
    assert any("▲" in line for line in lines)
    assert any("⠤" in line for line in lines)


def test_a_reader_that_has_read_enough_is_no_error(overfitted):
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "goodfit", "diagnose", overfitted], stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device without room is Linux's")
def test_a_full_disk_is_one_sentence(overfitted):
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "goodfit", "diagnose", overfitted], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert ended.returncode == 2
    assert ended.stderr == "goodfit: The output could not be written: No space left on device.\n"


def test_json_on_standard_output_is_the_contracts_document_and_nothing_else(overfitted, capsys):
    assert main(["diagnose", overfitted, "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert_valid(document, "diagnose")
    assert document["file"] == overfitted
    assert document["findings"][0]["kind"] == "overfitting"
    assert document["findings"][0]["where"] == "val_loss, epoch 5"


def test_a_diverged_training_ends_with_status_1(tmp_path, capsys):
    path = tmp_path / "log.csv"
    path.write_text(DIVERGED)
    assert main(["diagnose", str(path), "--json", str(tmp_path / "out.json")]) == 1
    document = json.loads((tmp_path / "out.json").read_text())
    assert_valid(document, "diagnose")
    assert document["findings"][0]["kind"] == "diverged"
    assert document["findings"][0]["where"] == "train_loss, epoch 6"
    assert "written: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory."),
        ("", "is empty."),
        ("a,b\n1,2\n2,3\n", "has no column that is a loss or a metric; its columns are: a, b."),
        ("0.1,0.2\n0.3,0.4\n", "has no header"),
        ("epoch,loss\n", "holds a header and no rows"),
        ('{"loss": ', "is no JSON"),
    ],
)
def test_what_cannot_be_read_gets_one_sentence_and_status_2(content, said, tmp_path, capsys):
    path = tmp_path / "log.csv"
    if content is not None:
        path.write_text(content)
    assert main(["diagnose", str(path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert said in shown.err


def test_no_file_and_no_sense_get_one_sentence(capsys):
    assert main(["diagnose"]) == 2
    assert "needs a file of curves" in capsys.readouterr().err
    assert main(["diagnose", "log.csv", "--classes", "1"]) == 2
    assert "a whole number of 2 or more" in capsys.readouterr().err


def test_help_teaches_by_example(capsys):
    assert main(["diagnose", "--help"]) == 0
    text = capsys.readouterr().out
    assert "goodfit diagnose trainer_state.json" in text
    assert "exit status:" in text


def test_python_gives_the_same_findings_from_a_path_and_from_columns(overfitted):
    by_path = gf.diagnose(overfitted)
    lines = OVERFITTED.split()
    columns = {name: [float(line.split(",")[i]) for line in lines[1:]] for i, name in enumerate(lines[0].split(","))}
    assert [f.kind for f in by_path] == ["overfitting"]
    assert gf.diagnose(columns) == by_path
    with pytest.raises(gf.CurvesError, match="reads a path, a mapping of columns"):
        gf.diagnose(3)


def test_the_page_is_self_contained_and_marks_what_was_seen(overfitted, tmp_path, capsys):
    page = tmp_path / "curves.html"
    assert main(["diagnose", overfitted, "--html", str(page), "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    text = page.read_text()
    assert text.count("<svg") == 3  # losses, accuracies, the rate
    assert "best 5" in text
    assert not {"http://", "https://", "<script src", "<link"} & set(text.replace('"', " ").split())
    assert main(["diagnose", overfitted, "--html", str(tmp_path / "no" / "such.html")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_several_runs_are_told_apart_and_one_can_be_picked(tmp_path, capsys):
    first = OVERFITTED.splitlines()
    other = [line.replace("0.001", "0.002") for line in first[1:]]
    path = tmp_path / "runs.csv"
    path.write_text("\n".join([f"run,{first[0]}", *(f"a,{x}" for x in first[1:]), *(f"b,{x}" for x in other)]))
    assert main(["diagnose", str(path), "--json", "-"]) == 0
    places = [finding["where"] for finding in json.loads(capsys.readouterr().out)["findings"]]
    assert places == ["run a, val_loss, epoch 5", "run b, val_loss, epoch 5"]
    assert main(["diagnose", str(path), "--run", "b"]) == 0
    assert "run a" not in capsys.readouterr().out
    assert main(["diagnose", str(path), "--run", "c"]) == 2
    assert "it holds 'a', 'b'." in capsys.readouterr().err


def test_a_threshold_can_be_set(overfitted, capsys):
    assert main(["diagnose", overfitted, "--set", "curves.recorded_points=20", "--json", "-"]) == 0
    kinds = [finding["kind"] for finding in json.loads(capsys.readouterr().out)["findings"]]
    assert kinds[0] == "not-enough-points"
