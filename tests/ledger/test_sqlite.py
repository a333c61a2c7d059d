"""What is special to SQLite: the views from a plain shell, files that are no ledgers, takeovers, and durability."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from ledger_made import a_curve, a_study, some_of_each
from sqlalchemy import event

from goodfit.errors import FolderError
from goodfit.ledger import sqlite as ledger_in_sqlite
from goodfit.ledger.lease import LEASE_SECONDS, Holder
from goodfit.ledger.records import CurveRecord, MemoRecord, StageRecord, TrialRecord
from goodfit.ledger.store import open_ledger, read_ledger


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
def shell(path):
    """A plain connection, as anyone would open it."""
    open_ledger(path).close()
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


def columns(shell: sqlite3.Connection, view: str) -> list[str]:
    return [row[1] for row in shell.execute(f"PRAGMA table_info({view})")]


def test_the_views_have_the_columns_of_the_contract(shell):
    trials = "trial study stage number parent hyperparameters seed status epochs objective started_at ended_at engine"
    assert columns(shell, "trials") == trials.split()
    assert columns(shell, "curves") == ["trial", "step", "epoch", "series", "value"]


def test_the_views_show_what_was_written(path, shell):
    store = open_ledger(path)
    store.begin(a_study()).append(some_of_each())
    (_, (trial, study, stage, number, parent, hyperparameters, seed, *rest)) = shell.execute(
        "SELECT * FROM trials ORDER BY number"
    )
    assert (trial, study, stage, number, parent, seed) == ("digits/1", "digits", "coarse", 1, "digits/0", 2**63 - 1)
    assert json.loads(hyperparameters)["lr"] == 0.1 + 0.2
    assert rest == ["done", 3.5, 0.971, 1.7e9 + 1, 1.7e9 + 2, "batched"]
    curves = shell.execute("SELECT * FROM curves WHERE series = 'step_loss' ORDER BY step").fetchall()
    assert curves == [
        ("digits/1", 1, 0.1, "step_loss", pytest.approx(np.pi, rel=1e-15)),
        ("digits/1", 2, 0.2, "step_loss", None),
        ("digits/1", 3, 0.3, "step_loss", pytest.approx(-1e-300, rel=1e-15)),
    ]
    store.close()


def test_numbers_are_read_to_the_last_bit_and_by_sql_to_its_rounding(path, shell):
    random = np.random.default_rng(0)
    scales = 10.0 ** random.integers(-300, 300, 500)
    values = np.concatenate([random.random(500, dtype=np.float32), random.normal(size=500) * scales, [-0.0, 5e-324]])
    steps = np.arange(len(values))
    with_store = open_ledger(path)
    writer = with_store.begin(a_study())
    writer.append([CurveRecord(trial=0, series="s", steps=steps, epochs=steps / 35, values=values)])
    kept = with_store.read("digits").curves[0]["s"]
    with_store.close()
    assert kept.values.tobytes() == values.tobytes()
    assert kept.epochs.tobytes() == (steps / 35).tobytes()
    seen = np.array(shell.execute("SELECT step, epoch, value FROM curves ORDER BY step").fetchall())
    # SQLite's own reading of digits may miss the last bit.
    np.testing.assert_allclose(seen, np.stack([steps, steps / 35, values], axis=1), rtol=1e-15, atol=0)


def test_curves_join_with_trials(path, shell):
    store = open_ledger(path)
    for name in ("one", "two"):
        trials = [
            TrialRecord(trial=n, stage=0, hyperparameters={"lr": 10.0**-n}, seed=0, status="done") for n in range(3)
        ]
        curves = [a_curve(n, 0, 4, offset=n) for n in range(3)]
        store.begin(a_study(name)).append([StageRecord(number=0, stage="fine", round=1, verdict=""), *trials, *curves])
    best = shell.execute(
        "SELECT json_extract(hyperparameters, '$.lr'), min(value) FROM trials JOIN curves USING (trial) "
        "WHERE study = 'two' AND stage = 'fine' AND series = 'val_loss' GROUP BY trial ORDER BY 2"
    ).fetchall()
    assert best == [(1.0, 0.0), (0.1, 1.0), (0.01, 2.0)]
    store.close()


def test_the_curves_view_holds_no_point_twice_after_a_retelling(path, shell):
    store = open_ledger(path)
    writer = store.begin(a_study())
    writer.append([a_curve(0, 0, 30)])
    writer.append([a_curve(0, 20, 40, offset=1.0)])
    points = shell.execute("SELECT step, value FROM curves ORDER BY step").fetchall()
    assert [step for step, _ in points] == list(range(40))
    assert dict(points)[19] == pytest.approx(19 / 7)
    assert dict(points)[20] == pytest.approx(20 / 7 + 1)
    store.close()


def test_a_trial_whose_stage_is_not_told_yet_is_in_the_view(path, shell):
    store = open_ledger(path)
    store.begin(a_study()).append([TrialRecord(trial=0, stage=9, hyperparameters={}, seed=0, status="queued")])
    assert shell.execute("SELECT trial, stage FROM trials").fetchall() == [("digits/0", None)]
    store.close()


def test_every_commit_waits_for_the_disk(path):
    store = open_ledger(path)
    with store._engine.connect() as connection:  # ty: ignore[missing-attribute]
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    store.close()


def test_a_reader_sees_one_moment_and_does_not_hinder_the_writer(path, shell):
    store = open_ledger(path)
    writer = store.begin(a_study())
    shell.execute("BEGIN")
    assert shell.execute("SELECT count(*) FROM curves").fetchone() == (0,)
    writer.append([a_curve(0, 0, 5)])
    assert shell.execute("SELECT count(*) FROM curves").fetchone() == (0,)
    shell.execute("COMMIT")
    assert shell.execute("SELECT count(*) FROM curves").fetchone() == (5,)
    store.close()


# -- files that are no ledgers ---------------------------------------------------------------------------------------


def refusal(place, opener=open_ledger) -> str:
    with pytest.raises(FolderError) as caught:
        opener(place)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


@pytest.mark.parametrize("opener", [open_ledger, read_ledger])
def test_a_file_that_is_no_database_is_refused(path, opener):
    path.write_text("lr,loss\n" * 1000)
    assert "it is no SQLite file" in refusal(path, opener)
    assert path.read_text() == "lr,loss\n" * 1000


@pytest.mark.parametrize("opener", [open_ledger, read_ledger])
def test_a_database_of_something_else_is_refused_and_left_alone(path, opener):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    assert "a database of something else" in refusal(path, opener)
    other = sqlite3.connect(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]
    other.close()


@pytest.mark.parametrize("opener", [open_ledger, read_ledger])
def test_a_ledger_of_a_newer_goodfit_is_refused(path, shell, opener):
    shell.execute("UPDATE goodfit_ledger SET version = 99, created_by = 'goodfit 7.0'")
    shell.commit()
    assert "version 99, written by goodfit 7.0, and this goodfit reads version 1" in refusal(path, opener)


def test_a_damaged_ledger_is_refused_in_one_sentence(path):
    store = open_ledger(path)
    store.begin(a_study()).append([a_curve(n, 0, 3000) for n in range(4)])
    store.close()
    damaged = bytearray(path.read_bytes())
    damaged[4096:] = b"\xa5" * (len(damaged) - 4096)
    path.write_bytes(damaged)
    assert "damaged" in refusal(path)


def test_damage_found_while_reading_is_one_sentence_too(path, shell):
    store = open_ledger(path)
    store.begin(a_study()).append([a_curve(0, 0, 3)])
    shell.execute("UPDATE chunk SET points = '[[0, 0.0, 1'")
    shell.commit()
    with pytest.raises(FolderError, match="damaged, or a newer goodfit wrote to it"):
        store.read("digits")
    store.close()


def test_a_reader_makes_no_ledger(path):
    assert f"There is no ledger at {path}" in refusal(path, read_ledger)
    path.touch()
    assert "is empty: no run has written to it" in refusal(path, read_ledger)
    assert path.read_bytes() == b""


def test_a_reader_changes_nothing(path):
    store = open_ledger(path)
    store.begin(a_study()).close()
    store.close()
    before = path.read_bytes()
    reader = read_ledger(path)
    with pytest.raises(FolderError, match=r"readonly|read-only|query_only"):
        reader.resume("digits")  # ty: ignore[missing-attribute]
    assert len(reader.studies()) == 1
    reader.close()
    assert path.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir()) == ["ledger.db"]


def test_places_that_can_hold_no_ledger_are_refused(tmp_path):
    assert "is a folder" in refusal(tmp_path)
    assert "there is no folder" in refusal(tmp_path / "nowhere" / "ledger.db")
    assert "can't use a postgresql:// database" in refusal("postgresql://localhost/goodfit")
    assert "names no file" in refusal("sqlite://")


def test_a_url_names_the_same_file_as_its_path(path):
    store = open_ledger(f"sqlite:///{path}")
    store.begin(a_study())
    reader = read_ledger(path)
    assert reader.studies() == (a_study(),)
    reader.close()
    store.close()


def test_a_number_that_no_database_holds_is_one_sentence(path):
    store = open_ledger(path)
    writer = store.begin(a_study())
    with pytest.raises(FolderError, match=r"2\^63 or more"):
        writer.append([TrialRecord(trial=0, stage=0, hyperparameters={}, seed=2**63, status="queued")])
    store.close()


# -- one writer a study ----------------------------------------------------------------------------------------------


class Wall:
    """Time of day that tests move by hand."""

    def __init__(self) -> None:
        self.now = 1.7e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall():
    return Wall()


@pytest.fixture
def stores(path, wall):
    """Two openings of the same ledger."""
    stores = [ledger_in_sqlite.open_sqlite(str(path), create=True, wall=wall) for _ in range(2)]
    yield stores
    for store in stores:
        store.close()


def test_a_silent_writer_is_taken_over_and_can_write_no_more(stores, wall):
    first = stores[0].begin(a_study())
    wall.now += LEASE_SECONDS
    with pytest.raises(FolderError, match=f"heard of {LEASE_SECONDS:.0f} s ago"):
        stores[1].resume("digits")
    wall.now += 1
    second = stores[1].resume("digits")
    assert (first.attempt, second.attempt) == (1, 2)
    with pytest.raises(FolderError, match="taken over"):
        first.append([MemoRecord(key="k", value="of the first")])
    second.append([MemoRecord(key="k", value="of the second")])
    first.close()  # must not give away what is the second's now
    with pytest.raises(FolderError, match="being written"):
        stores[0].resume("digits")
    assert stores[0].memos("digits") == {"k": "of the second"}


@pytest.mark.parametrize("sign", ["heartbeat", "append"])
def test_a_sign_of_life_keeps_the_study(stores, wall, sign):
    first = stores[0].begin(a_study())
    wall.now += LEASE_SECONDS - 1
    first.heartbeat() if sign == "heartbeat" else first.append([])
    wall.now += LEASE_SECONDS - 1
    with pytest.raises(FolderError, match="being written"):
        stores[1].resume("digits")


def test_the_study_of_a_dead_process_is_taken_over_at_once(path):
    child = (
        "import sys, os, dataclasses; sys.path[:0] = sys.argv[2:]\n"
        "from ledger_made import a_study, a_curve\n"
        "from goodfit.ledger.store import open_ledger\n"
        "open_ledger(sys.argv[1]).begin(a_study()).append([a_curve(0, 0, 9)])\n"
        "os._exit(9)  # closes nothing\n"
    )
    ended = subprocess.run([sys.executable, "-c", child, str(path), os.path.dirname(__file__)])
    assert ended.returncode == 9
    store = open_ledger(path)
    writer = store.resume("digits")
    assert writer.attempt == 2
    writer.append([a_curve(0, 5, 12)])
    assert len(store.read("digits").curves[0]["val_loss"].steps) == 12
    store.close()


def test_a_process_is_known_dead_only_where_that_can_be_told():
    me = Holder.this_process()
    assert not me.is_known_dead()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert Holder(writer="", host=me.host, pid=ended.pid, born="1").is_known_dead()
    assert not Holder(writer="", host="elsewhere", pid=ended.pid, born="1").is_known_dead()
    if me.born:  # this machine tells when a process started
        assert Holder(writer="", host=me.host, pid=me.pid, born="1").is_known_dead()
    assert me.host.startswith(socket.gethostname())


def test_curves_of_an_earlier_attempt_are_joined_by_the_next(stores):
    first = stores[0].begin(a_study())
    first.append([a_curve(0, 0, 10)])
    first.close()
    second = stores[1].resume("digits")
    second.append([a_curve(0, 8, 15, offset=1.0)])
    series = stores[0].read("digits").curves[0]["val_loss"]
    assert series.steps.tolist() == list(range(15))
    assert np.array_equal(series.values, series.steps / 7 + (series.steps >= 8))


def test_a_series_written_in_many_small_pieces_is_read_whole(stores):
    writer = stores[0].begin(a_study())
    for step in range(50):
        value = np.array([step * 1.5])
        writer.append([CurveRecord(trial=0, series="s", steps=np.array([step]), epochs=value, values=value)])
    assert np.array_equal(stores[1].read("digits").curves[0]["s"].values, 1.5 * np.arange(50))


def test_studies_are_written_to_a_new_ledger_at_the_same_time(path):
    together = threading.Barrier(3)

    def write(name: str) -> None:
        together.wait()  # all three make the ledger
        store = open_ledger(path)
        writer = store.begin(a_study(name))
        for batch in range(15):
            writer.append([a_curve(0, 5 * batch, 5 * batch + 5), MemoRecord(key=str(batch), value=name)])
        writer.close()
        store.close()

    names = ["one", "two", "three"]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(write, names))
    reader = read_ledger(path)
    for name in names:
        seen = reader.read(name)
        assert seen.memos == {str(batch): name for batch in range(15)}
        assert len(seen.curves[0]["val_loss"].steps) == 75
    reader.close()


def test_an_interrupt_right_after_a_commit_does_not_spoil_the_next(path):
    store = open_ledger(path)
    writer = store.begin(a_study())
    writer.append([a_curve(0, 0, 10)])

    def interrupt(*_: object) -> None:
        event.remove(store._engine, "checkin", interrupt)  # ty: ignore[missing-attribute]
        raise KeyboardInterrupt

    event.listen(store._engine, "checkin", interrupt)  # ty: ignore[missing-attribute]
    with pytest.raises(KeyboardInterrupt):
        writer.append([a_curve(0, 10, 20)])
    assert len(store.read("digits").curves[0]["val_loss"].steps) == 20
    writer.append([a_curve(0, 10, 25, offset=1.0)])
    assert store.read("digits").curves[0]["val_loss"].steps.tolist() == list(range(25))
    store.close()
