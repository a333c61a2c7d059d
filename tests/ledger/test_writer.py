"""The driver's writer: what it collects, when it commits, and that it forgets nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_made import a_curve, a_study, some_of_each

from goodfit.clock import ManualClock
from goodfit.errors import FolderError
from goodfit.ledger.points import chunks, from_points, joined
from goodfit.ledger.records import CurveRecord, MemoRecord, StageRecord, TrialRecord
from goodfit.ledger.store import open_ledger
from goodfit.ledger.writer import HEARTBEAT_SECONDS, Writer, merged


@pytest.fixture
def store(tmp_path):
    store = open_ledger(tmp_path / "ledger.db")
    yield store
    store.close()


@pytest.fixture
def clock():
    return ManualClock(100.0)


@pytest.fixture
def writer(store, clock):
    return Writer(store.begin(a_study()), clock, interval_seconds=2.0)


def test_nothing_is_committed_before_the_interval_is_over(store, clock, writer):
    writer.add(MemoRecord(key="k", value=1))
    clock.advance(1.9)
    assert not writer.tick()
    assert store.memos("digits") == {}
    clock.advance(0.1)
    assert writer.tick()
    assert store.memos("digits") == {"k": 1}


def test_flush_commits_at_once_and_starts_a_new_interval(store, clock, writer):
    clock.advance(1.9)
    writer.add(*some_of_each())
    writer.flush()
    assert len(store.read("digits").trials) == 2
    writer.add(MemoRecord(key="late", value=1))
    clock.advance(1.9)
    assert not writer.tick()


def test_a_quiet_writer_beats(tmp_path, store, clock, writer):
    def heartbeat() -> float:
        with store._engine.connect() as connection:
            return connection.exec_driver_sql("SELECT heartbeat_at FROM lease").scalar()

    before = heartbeat()
    clock.advance(HEARTBEAT_SECONDS - 0.5)
    assert writer.tick()
    assert heartbeat() == before
    clock.advance(0.5)
    assert writer.tick()
    assert heartbeat() > before


def test_close_commits_what_is_left_and_lets_the_study_go(store, writer):
    writer.add(MemoRecord(key="k", value=1))
    writer.close()
    assert store.memos("digits") == {"k": 1}
    assert store.resume("digits").attempt == 2


def test_the_status_comes_after_what_was_told_before(store, writer):
    writer.add(MemoRecord(key="result", value={}))
    writer.set_status("done")
    assert store.read("digits").study.status == "done"
    assert store.memos("digits") == {"result": {}}


def test_a_commit_that_fails_keeps_its_records_for_the_next(store, writer, tmp_path):
    import sqlite3

    saboteur = sqlite3.connect(tmp_path / "ledger.db")
    saboteur.execute("CREATE TRIGGER no BEFORE INSERT ON memo BEGIN SELECT RAISE(ABORT, 'not today'); END")
    saboteur.commit()
    writer.add(MemoRecord(key="k", value=1), a_curve(0, 0, 3))
    with pytest.raises(FolderError, match="not today"):
        writer.flush()
    saboteur.execute("DROP TRIGGER no")
    saboteur.commit()
    saboteur.close()
    writer.flush()
    seen = store.read("digits")
    assert seen.memos == {"k": 1}
    assert len(seen.curves[0]["val_loss"].steps) == 3


def test_consecutive_pieces_of_a_series_become_one_chunk(store, writer):
    for step in range(50):
        writer.add(a_curve(0, step, step + 1), a_curve(1, step, step + 1))
    writer.flush()
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM chunk").scalar() == 2


def test_only_the_last_of_a_trial_a_stage_and_a_memo_is_committed_and_stages_come_first():
    trials = [TrialRecord(trial=0, stage=0, hyperparameters={}, seed=0, status=s) for s in ("running", "done")]
    stages = [StageRecord(number=0, stage="fine", round=1, verdict=v) for v in ("", "pass")]
    memos = [MemoRecord(key="k", value=v) for v in (1, 2)]
    assert list(merged([memos[0], trials[0], stages[0], trials[1], memos[1], stages[1]])) == [
        stages[1],
        trials[1],
        memos[1],
    ]


pieces = st.lists(st.lists(st.tuples(st.integers(0, 60), st.floats(-1e9, 1e9)), max_size=20), min_size=1, max_size=6)


@given(pieces)
def test_joining_pieces_is_a_dictionary_told_piece_by_piece(told):
    expected = {step: value for piece in told for step, value in piece}
    series = joined([_curve(piece) for piece in told])
    assert dict(zip(series.steps.tolist(), series.values.tolist(), strict=True)) == expected
    assert np.all(np.diff(series.steps) > 0)
    assert np.array_equal(series.epochs, -series.values)


@given(pieces, st.integers(1, 9))
def test_cutting_and_joining_gives_the_series_back(told, most):
    series = joined([_curve(piece) for piece in told])
    cut = list(chunks(series, most))
    assert all(1 <= len(piece.steps) <= most for piece in cut)
    again = joined(cut) if cut else from_points(0, "s", [])
    assert np.array_equal(again.steps, series.steps)
    assert np.array_equal(again.values, series.values)


@settings(max_examples=25, deadline=None)  # each writes a ledger
@given(pieces)
def test_the_ledger_agrees_with_a_dictionary_however_points_are_told(told):
    store = open_ledger("memory:dictionary")
    writer = store.begin(a_study())
    for piece in told:
        writer.append([_curve(piece)])
    seen = store.read("digits").curves.get(0, {}).get("s", from_points(0, "s", []))
    store.close()
    expected = {step: value for piece in told for step, value in piece}
    assert dict(zip(seen.steps.tolist(), seen.values.tolist(), strict=True)) == expected


def _curve(points: list[tuple[int, float]]) -> CurveRecord:
    values = np.array([value for _, value in points], dtype=np.float64)
    steps = np.array([step for step, _ in points], dtype=np.int64)
    return CurveRecord(trial=0, series="s", steps=steps, epochs=-values, values=values)
