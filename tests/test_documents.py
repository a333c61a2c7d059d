"""The documents: all that is public has its place in them, their links lead somewhere, their snippets run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

import goodfit as gf
from goodfit.best import USE
from goodfit.cli.main import COMMANDS
from goodfit.demos import DEMOS
from goodfit.hyperparameters import STANDARD
from goodfit.opened import open_task
from goodfit.running.trying import check_task
from goodfit.settings import Settings
from goodfit.training.engines import ENGINES
from goodfit.training.optimizers import KINDS
from goodfit.training.schedules import SHAPES

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "examples" / "README.md"])
README, TASKS = (ROOT / "README.md").read_text(), (ROOT / "docs" / "tasks.md").read_text()
DIAGNOSE = (ROOT / "docs" / "diagnose.md").read_text()
SEARCH = (ROOT / "docs" / "search.md").read_text() + (ROOT / "docs" / "from-optuna.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()

# Built up here, so that this file does not hold what it looks for.
MACHINE_PATHS = re.compile("|".join(f"/{top}/" for top in ("work", "root", "home/[a-z]")))
SCRATCH_PATHS = re.compile("/" + r"tmp/\w")
REGISTRY_HOSTS = re.compile("|".join((r"pypi\.", r"pythonhosted\.", r"files\.python", r"download\.pytorch")))
TEXTS = {".py", ".md", ".toml", ".txt", ".sh", ".json", ".html", ".css", ".js", ".cfg", ".yml", ".yaml", ".csv", ""}
LONG = ("gf.run(", "gf.check(")  # a snippet with one of these trains


def snippets(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


def run_snippets(folder: Path, *, long: bool) -> dict[str, Any]:
    """docs/tasks.md's snippets, one after another in one namespace, with a budget of seconds for those that train."""
    names: dict[str, Any] = {"__name__": "tasks"}
    for number, snippet in enumerate(snippets(TASKS)):
        if long or not any(call in snippet for call in LONG):
            short = snippet.replace('budget="2m"', 'budget="5s"').replace('out="runs', f'out="{folder}/runs')
            exec(compile(short, f"docs/tasks.md, snippet {number}", "exec"), names)
    return names


def tracked_files() -> list[Path]:
    """What git keeps or would keep; all of the folder where this is no clone."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("this is no git clone, so there are no tracked files")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.mark.parametrize("name", gf.__all__)
def test_every_public_name_is_told(name):
    assert re.search(rf"\bgf\.{name}\b", TASKS + DIAGNOSE + SEARCH + README), f"gf.{name} is in no document"


def test_the_documents_use_no_public_name_that_is_not_there():
    text = TASKS + DIAGNOSE + SEARCH + README + USE + (ROOT / "CONTRIBUTING.md").read_text()
    used = set(re.findall(r"\bgf\.(\w+)", text))
    assert used <= {*gf.__all__}, sorted(used - {*gf.__all__})


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_told(command):
    assert f"goodfit {command}" in README


def test_the_documents_tell_of_no_command_that_is_not_there():
    for document in DOCUMENTS:
        text = document.read_text()
        code = "\n".join(re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL) + re.findall(r"`([^`\n]+)`", text))
        told = set(re.findall(r"(?<![\w./-])goodfit ([a-z][a-z-]*)(?![\w.])", code))
        assert told <= set(COMMANDS), f"{document.name}: {told - set(COMMANDS)}"


def test_every_demo_and_every_example_is_told():
    examples = (ROOT / "examples" / "README.md").read_text()
    assert all(f"`{name}`" in README for name in DEMOS)
    for file in (ROOT / "examples").glob("*.py"):
        if "gf.Task(" in file.read_text():
            assert f"`{file.name}" in examples, file.name


def test_every_hyperparameter_optimizer_and_schedule_is_told():
    for name in (*STANDARD, *KINDS, *SHAPES):
        assert f"`{name}`" in TASKS, name


def test_every_folder_and_every_engine_is_in_the_architecture():
    parts = [path for path in (ROOT / "src" / "goodfit").iterdir() if path.is_dir() or path.suffix == ".py"]
    names = [f"{path.name}/" if path.is_dir() else path.name for path in parts if not path.name.startswith("_")]
    assert [name for name in names if name not in ARCHITECTURE] == []
    assert all(f"`{name}`" in ARCHITECTURE for name in ENGINES)


def test_every_setting_that_a_document_names_is_there():
    known = {name for name, _, _ in Settings().listed()}
    page = (ROOT / "docs" / "settings.md").read_text()
    assert [name for name in known if f"`{name}`" not in page] == []
    named = re.findall(r"--set (\S+?)=", README + TASKS)
    named += re.findall(r'"(\w+\.\w+)": \d', README + TASKS)
    assert len(named) >= 3
    assert set(named) - known == {"budget.final_seed"}  # misspelled on purpose


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(document):
    for target in re.findall(r"\]\(([^)#\s]+)\)", document.read_text()):
        assert "://" in target or (document.parent / target).exists(), f"{document.name} links to {target}"


def test_files_named_in_documents_are_there():
    places = (ROOT, ROOT / "src" / "goodfit", ROOT / "docs")
    for document in DOCUMENTS:
        for name in re.findall(r"`((?:[\w.-]+/)+[\w-]+\.(?:py|md|txt))`", document.read_text()):
            if not name.startswith(("runs/", "best/")):
                assert any((place / name).exists() for place in places), f"{document.name} names {name}"


def test_no_tracked_file_names_a_machine_or_a_registry():
    for file in tracked_files():
        if file.suffix not in TEXTS:
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        for pattern in (MACHINE_PATHS, REGISTRY_HOSTS):
            found = pattern.search(text)
            assert found is None, f"{file.relative_to(ROOT)} has {found[0]!r}"
        if file.suffix == ".md":
            assert not SCRATCH_PATHS.search(text), f"{file.relative_to(ROOT)} names a scratch folder"


def test_the_snippets_about_tasks_run_and_their_tasks_can_be_trained(tmp_path, capsys):
    names = run_snippets(tmp_path, long=False)
    said = capsys.readouterr().out
    assert "lr: Log needs 0 < low < high" in said  # both faults of the space, in one message
    assert "did you mean 'momentum'" in said
    assert "Did you mean budget.final_seeds?" in said
    tasks = [value for value in names.values() if isinstance(value, gf.Task)]
    assert {task.name for task in tasks} == {"three-classes", "autoencoder"}
    for task in tasks:
        prepared = check_task(open_task(task, torch.device("cpu")), Settings())
        assert prepared.space == task.space


@pytest.mark.slow
def test_the_snippets_that_train_run_too(tmp_path, capsys):
    names = run_snippets(tmp_path, long=True)
    assert names["result"].status in ("done", "stopped")
    assert (names["result"].out / "report.html").exists()
