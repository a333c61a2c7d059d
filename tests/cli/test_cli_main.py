from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from goodfit.cli.arguments import UsageError
from goodfit.cli.endings import ResumableInterrupt, ending_of
from goodfit.cli.main import COMMANDS, main
from goodfit.cli.session import resume_command
from goodfit.errors import DataError, FolderError
from goodfit.ledger.places import claim_next, drop_if_empty, latest
from goodfit.ledger.records import StageRecord, StudyRecord, TrialRecord

HEAVY = ("torch", "numpy", "sqlalchemy", "jinja2", "rich", "sklearn", "typer")


def goodfit(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "COLUMNS": "80"}
    return subprocess.run(
        [sys.executable, "-m", "goodfit", *arguments], capture_output=True, text=True, cwd=cwd, env=environment
    )


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"], ["demo"], ["nonsense"]])
def test_help_and_usage_faults_import_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import sys
from goodfit.cli.main import main
main({arguments!r})
print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.stderr.splitlines()[-1] == "[]"


def test_help_answers_well_under_half_a_second() -> None:
    def seconds() -> float:
        began = time.perf_counter()
        assert goodfit("--help").returncode == 0
        return time.perf_counter() - began

    assert min(seconds() for _ in range(3)) < 0.5  # the least of three: the machine is shared


def test_without_arguments_the_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    alone = capsys.readouterr().out
    assert main(["--help"]) == 0
    assert alone == capsys.readouterr().out
    assert all(f"\n  {name} " in alone for name in COMMANDS)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_help_of_each_command_teaches_by_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    examples = text.partition("\nexamples:\n")[2].partition("\nexit status:\n")[0]
    assert 2 <= examples.count(f"goodfit {command}") <= 5
    assert "\n  0  " in text
    assert "\n  2  " in text


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    import goodfit as package

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"goodfit {package.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rnu"], "There is no command 'rnu'. Did you mean 'run'?"),
        (["chekc"], "Did you mean 'check'?"),
        (["task.py"], "Did you mean: goodfit run task.py?"),
        (["task.py:small"], "Did you mean: goodfit run task.py:small?"),
        (["--json"], "no option '--json' before a command"),
        (["run"], "goodfit run needs a task, such as: goodfit run task.py."),
        (["check"], "goodfit check needs a task"),
        (["run", "t.py", "--buget", "10m"], "goodfit run has no option --buget. Did you mean --budget?"),
        (["run", "t.py", "--buget=10m"], "Did you mean --budget?"),
        (["run", "t.py", "other.py"], "takes no further argument 'other.py'"),
        (["run", "t.py", "--budget", "soon"], "--budget: A time reads like 90s, 10m, 2h, 1h30m or plain seconds"),
        (["run", "t.py", "--budget", "0"], "--budget: A time must be above zero"),
        (["run", "t.py", "--budget"], "--budget: expected one argument"),
        (["run", "t.py", "--seed=-1"], "--seed: a whole number of 0 or more is needed, got '-1'"),
        (["run", "t.py", "--trials", "0"], "--trials: a whole number of 1 or more"),
        (["run", "t.py", "--workers", "two"], "--workers: a whole number of 1 or more is needed, got 'two'"),
        (["run", "t.py", "--epochs", "nan"], "--epochs: a number above 0 is needed, got 'nan'"),
        (["run", "t.py", "--device", "tpu"], "--device: invalid choice: 'tpu'"),
        (["run", "t.py", "--set", "overfit.steps"], "--set: a setting reads like overfit.steps=500"),
        (["run", "t.py", "--set", "overfit.nonsense=1"], "There is no setting named 'overfit.nonsense'"),
        (["check", "t.py", "--trials", "3"], "goodfit check has no option --trials"),
        (["run", "nowhere.py"], "There is no file nowhere.py"),
        (["demo", "digist"], "There is no bundled task 'digist'. Did you mean 'digits'?"),
        (["report"], "goodfit report needs a run's folder"),
        (["report", "nowhere"], "There is no folder nowhere."),
        (["report", "."], "holds no run"),
    ],
)
def test_unusable_arguments_are_one_sentence_and_status_2(
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("goodfit: ")
    assert printed.err.count("\n") == 1
    assert said in printed.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\n", "defines no gf.Task"),
        ("def f(:\n", "line 1: "),
        ("1 / 0\n", "raised ZeroDivisionError: division by zero (line 1)"),
        ("import sys\nsys.exit('no data here')\n", "sys.exit('no data here')"),
        ("print('hello')\nimport nonsense_that_is_not_there\n", "nonsense_that_is_not_there"),
    ],
)
def test_an_unusable_task_is_one_sentence_and_status_2(source: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "task.py").write_text(source)
    ended = goodfit("run", "task.py", "--json", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert said in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "runs").exists()


def test_the_traceback_is_shown_where_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "task.py").write_text("1 / 0\n")
    ended = goodfit("run", "task.py", "--traceback", cwd=tmp_path)
    assert ended.returncode == 2
    assert "Traceback" in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("goodfit: ")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (DataError("The labels hold NaN."), 2, "goodfit: The labels hold NaN.\n"),
        (UsageError("one\ntwo"), 2, "goodfit: one two\n"),
        (ResumableInterrupt("Go on with: x"), 3, "goodfit: Go on with: x\n"),
        (KeyboardInterrupt(), 130, "goodfit: Interrupted before anything was kept.\n"),
        (SystemExit(4), 2, "goodfit: The task's own code called sys.exit(4).\n"),
    ],
)
def test_every_ending_has_a_status_and_a_sentence(
    error: BaseException, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending_of(error, show_traceback=False) == status
    assert capsys.readouterr().err == said


def test_a_fault_of_ours_is_a_sentence_that_says_where_its_traceback_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    try:
        {}["missing"]
    except KeyError as error:
        status = ending_of(error, show_traceback=False)
    (file,) = tmp_path.iterdir()
    said = capsys.readouterr().err
    assert status == 70
    assert said.count("\n") == 1
    assert str(file) in said
    assert "KeyError: 'missing'" in said
    assert "Traceback" in file.read_text()
    assert "{}" in file.read_text()


def test_a_reader_that_has_read_enough_is_no_fault() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        ended = subprocess.run(
            [sys.executable, "-m", "goodfit", "run", "--help"], stdout=closed, stderr=subprocess.PIPE, text=True
        )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_closed_standard_streams_are_no_fault() -> None:
    ended = subprocess.run(f"{sys.executable} -m goodfit --help >&- 2>&-; echo $?", shell=True, capture_output=True)
    assert ended.stdout == b"0\n"


def test_runs_are_numbered_and_the_latest_is_found(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert [claim_next("digits", runs).name for _ in range(3)] == ["digits-1", "digits-2", "digits-3"]
    assert claim_next("digits-check", runs).name == "digits-check-1"
    with pytest.raises(FolderError, match="no run to resume"):
        latest("digits", runs)
    (runs / "digits-2" / "ledger.db").touch()
    assert latest("digits", runs) == runs / "digits-2"
    for number in (1, 2, 3):
        drop_if_empty(runs / f"digits-{number}")
    assert sorted(entry.name for entry in runs.iterdir()) == ["digits-2", "digits-check-1"]
    drop_if_empty(claim_next("alone", tmp_path / "others"))
    assert not (tmp_path / "others").exists()
    (runs / "digits-10").mkdir()
    assert claim_next("digits", runs).name == "digits-11"


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(FolderError, match=r"cannot be made: .* Name another with --out"):
        claim_next("digits", tmp_path / "runs")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["goodfit", "run", "t.py"], "goodfit run t.py --out 'runs/a b-1' --resume"),
        (
            ["goodfit", "run", "t.py", "--out", "x", "--budget", "1h 30m", "--resume"],
            "goodfit run t.py --budget '1h 30m' --out 'runs/a b-1' --resume",
        ),
        (["goodfit", "demo", "--out=x", "digits"], "goodfit demo digits --out 'runs/a b-1' --resume"),
    ],
)
def test_the_line_that_says_how_to_resume_is_the_same_command_again(command: Sequence[str], expected: str) -> None:
    assert resume_command(command, Path("runs/a b-1")) == expected


STREAMS = """
import json, os, subprocess, sys
from goodfit.cli.session import _streams

with _streams(for_json={json}) as (document, progress):
    print("a print of the task")
    os.write(1, b"native code\\n")
    subprocess.run([sys.executable, "-c", "print('a worker')"], check=True)
    print("progress", file=progress, flush=True)
    if {json}:
        json.dump({{"status": "done"}}, document)
print("after")
"""


def test_only_the_document_comes_out_of_standard_output_with_json() -> None:
    ended = subprocess.run([sys.executable, "-c", STREAMS.format(json=True)], capture_output=True, text=True)
    document, after = ended.stdout.split("}", 1)
    assert json.loads(document + "}") == {"status": "done"}
    assert after == "after\n"
    assert sorted(ended.stderr.splitlines()) == ["a print of the task", "a worker", "native code", "progress"]


def test_a_log_whose_reader_has_gone_changes_no_exit_status() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        ended = subprocess.run([sys.executable, "-c", BROKEN], stdout=closed, stderr=subprocess.PIPE, text=True)
    assert ended.returncode == 7
    assert ended.stderr.count("the run goes on") == 1


BROKEN = """
import os, sys
from goodfit.cli.session import _streams
from goodfit.recipe.progress import Decided
from goodfit.report.terminal import TerminalWatcher

with _streams(for_json=False) as (_, progress), TerminalWatcher(progress) as watcher:
    for _ in range(3):
        watcher.see(Decided("a", "b"))
sys.exit(7)
"""


def test_without_json_progress_is_standard_output_and_prints_are_not() -> None:
    ended = subprocess.run([sys.executable, "-c", STREAMS.format(json=False)], capture_output=True, text=True)
    assert ended.stdout == "progress\nafter\n"
    assert sorted(ended.stderr.splitlines()) == ["a print of the task", "a worker", "native code"]


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A folder with a ledger as a run leaves it when it is killed early: no result, no report."""
    from goodfit.ledger.store import open_ledger

    study = StudyRecord(
        study="digits",
        task="digits",
        seed=3,
        objective="max val accuracy",
        command="goodfit run digits.py --seed 3",
        device="cpu",
        versions={"goodfit": "0.1.0"},
        fingerprint="f",
        source="",
        space={"lr": {"scale": "log", "low": 1e-4, "high": 1.0}},
        settings={},
        options={},
        created_at=1e9,
    )
    store = open_ledger(tmp_path / "ledger.db")
    writer = store.begin(study)
    writer.append(
        [
            StageRecord(number=1, stage="coarse", round=1, verdict="pass", summary="the best of 1 trial", trials=1),
            TrialRecord(
                trial=1, stage=1, hyperparameters={"lr": 0.0123}, seed=3, status="done", objective=0.9711, epochs=2.0
            ),
        ]
    )
    writer.close()
    store.close()
    return tmp_path


def test_the_report_is_written_from_the_ledger_alone_and_its_path_printed(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(run_folder)]) == 0
    assert capsys.readouterr().out == f"{run_folder / 'report.html'}\n"
    page = (run_folder / "report.html").read_text()
    assert "digits" in page
    assert "0.9711" in page
    assert "goodfit run digits.py --seed 3" in page


def test_a_damaged_ledger_is_one_sentence_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no ledger at all, but long enough to be read as one " * 40)
    assert main(["report", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("goodfit: ")
    assert printed.err.count("\n") == 1


def test_a_folder_with_no_study_yet_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from goodfit.ledger.store import open_ledger

    open_ledger(tmp_path / "ledger.db").close()
    assert main(["report", str(tmp_path)]) == 2
    assert "holds no study yet" in capsys.readouterr().err
