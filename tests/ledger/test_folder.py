"""A run's folder: refusals that say what to do, and files that are whole or not there."""

from __future__ import annotations

import json
import math
import os
import stat
import threading

import pytest

from goodfit.errors import FolderError
from goodfit.ledger.folder import RunFolder, write_whole


def names(path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


def test_a_new_folder_is_made_with_its_parents_and_is_empty(tmp_path):
    folder = RunFolder.create(tmp_path / "runs" / "digits-1")
    assert folder.path.is_dir()
    assert names(folder.path) == []
    assert not folder.holds_run


def test_the_places_are_those_of_the_contract(tmp_path):
    folder = RunFolder.create(tmp_path)
    places = (folder.ledger, folder.result, folder.report, folder.best, folder.checkpoints)
    assert [place.relative_to(tmp_path).as_posix() for place in places] == [
        "ledger.db",
        "result.json",
        "report.html",
        "best",
        "checkpoints",
    ]


@pytest.mark.parametrize("left", ["ledger.db", "result.json", "report.html", "best/model.pt", "checkpoints/1.pt"])
def test_a_folder_that_holds_a_run_is_refused_unless_resumed(tmp_path, left):
    (tmp_path / left).parent.mkdir(exist_ok=True)
    (tmp_path / left).write_text("x")
    with pytest.raises(FolderError, match=r"already holds a run; go on with it by --resume, or give another folder"):
        RunFolder.create(tmp_path)
    assert RunFolder.create(tmp_path, resume=True).holds_run
    assert (tmp_path / left).read_text() == "x"


def test_other_files_do_not_make_a_run(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "checkpoints").mkdir()
    assert not RunFolder.create(tmp_path).holds_run


def test_resuming_where_nothing_was_written_yet_is_allowed(tmp_path):
    assert not RunFolder.create(tmp_path / "new", resume=True).holds_run


def test_a_file_in_the_folder_s_place_is_refused(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(FolderError, match=r"out is a file; give a folder by --out\."):
        RunFolder.create(tmp_path / "out")
    with pytest.raises(FolderError, match=r"can't be written \(Not a directory\)"):
        RunFolder.create(tmp_path / "out" / "deeper")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a place that even root can't write")
def test_a_folder_that_cannot_be_written_is_refused():
    with pytest.raises(FolderError, match=r"/proc/self.* can't be written \(.+\); give another by --out\."):
        RunFolder.create("/proc/self")


def test_the_folder_of_a_run_is_found_for_reading(tmp_path):
    with pytest.raises(FolderError, match="There is no folder"):
        RunFolder.existing(tmp_path / "none")
    with pytest.raises(FolderError, match="holds no run"):
        RunFolder.existing(tmp_path)
    (tmp_path / "ledger.db").touch()
    assert RunFolder.existing(tmp_path).ledger.exists()


def test_a_result_is_json_without_not_a_number(tmp_path):
    folder = RunFolder.create(tmp_path)
    folder.write_result({"seconds": math.nan, "best": {"loss": math.inf}, "task": "ü"})
    assert json.loads(folder.result.read_text()) == {"seconds": None, "best": {"loss": None}, "task": "ü"}
    assert names(tmp_path) == ["result.json"]
    assert stat.S_IMODE(folder.result.stat().st_mode) == 0o644


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_no_rest(tmp_path):
    folder = RunFolder.create(tmp_path)
    folder.report.mkdir()  # a folder in its place: the exchange fails at the very last
    (folder.report / "old").touch()
    with pytest.raises(FolderError, match=r"report\.html can't be written"):
        folder.write_report("<html>")
    assert names(tmp_path) == ["report.html"]
    assert names(folder.report) == ["old"]


def test_whoever_looks_sees_a_whole_file(tmp_path):
    path = tmp_path / "result.json"
    contents = [character * 300_000 for character in "ab"]
    write_whole(path, contents[0])
    seen = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.add(path.read_text())

    looker = threading.Thread(target=look)
    looker.start()
    for n in range(40):
        write_whole(path, contents[n % 2])
    done.set()
    looker.join()
    assert seen
    assert seen <= set(contents)


def test_best_takes_its_place_only_when_it_is_complete(tmp_path):
    folder = RunFolder.create(tmp_path)
    with folder.writing_best() as new:
        (new / "model.pt").write_text("first")
        (new / "members").mkdir()
        assert not folder.best.exists()
    assert names(folder.best) == ["members", "model.pt"]
    with folder.writing_best() as new:
        (new / "model.pt").write_text("second")
    assert names(folder.best) == ["model.pt"]
    assert (folder.best / "model.pt").read_text() == "second"
    assert names(tmp_path) == ["best"]


def test_best_stays_as_it_was_when_writing_it_fails(tmp_path):
    folder = RunFolder.create(tmp_path)
    with folder.writing_best() as new:
        (new / "model.pt").write_text("first")

    def fail() -> None:
        with folder.writing_best() as new:
            (new / "model.pt").write_text("half")
            raise RuntimeError("the model can't be pickled")

    with pytest.raises(RuntimeError, match="pickled"):
        fail()
    assert (folder.best / "model.pt").read_text() == "first"
    assert names(tmp_path) == ["best"]


def test_what_a_killed_process_left_is_put_away(tmp_path):
    folder = RunFolder.create(tmp_path)
    (tmp_path / ".unfinished-abc").write_text("half a report")
    (tmp_path / ".unfinished-def" / "best").mkdir(parents=True)  # killed while it exchanged best
    (tmp_path / ".unfinished-def" / "best" / "model.pt").write_text("old")
    folder.clear_unfinished()
    assert names(tmp_path) == ["best"]
    assert (folder.best / "model.pt").read_text() == "old"
