"""The store seam's contract: whoever keeps a ledger inherits these tests."""

from __future__ import annotations

import dataclasses
import itertools
import math
import uuid

import numpy as np
import pytest
from ledger_made import a_curve, a_study, some_of_each

from goodfit.errors import FolderError
from goodfit.findings import Finding
from goodfit.ledger.records import (
    CurveRecord,
    DecisionRecord,
    FindingRecord,
    MemoRecord,
    StageRecord,
    TrialRecord,
)
from goodfit.ledger.store import open_ledger, read_ledger


class StoreContract:
    """A subclass gives `place`."""

    @pytest.fixture
    def store(self, place):
        store = open_ledger(place)
        yield store
        store.close()

    @pytest.fixture
    def second(self, place, store):
        """Another connection to the same ledger."""
        reader = read_ledger(place)
        yield reader
        reader.close()

    def test_a_new_ledger_has_no_studies(self, store):
        assert store.studies() == ()

    def test_a_second_connection_sees_all_that_was_committed(self, store, second):
        writer = store.begin(a_study())
        records = some_of_each()
        writer.append(records)
        seen = second.read("digits")
        assert seen.study == a_study()
        assert list(seen.stages) == [r for r in records if isinstance(r, StageRecord)]
        assert list(seen.trials) == [r for r in records if isinstance(r, TrialRecord)]
        assert list(seen.findings) == [r for r in records if isinstance(r, FindingRecord)]
        assert list(seen.decisions) == [r for r in records if isinstance(r, DecisionRecord)]
        assert seen.memos == {r.key: r.value for r in records if isinstance(r, MemoRecord)}
        assert second.memos("digits") == seen.memos
        assert second.studies() == (a_study(),)
        curves = [r for r in records if isinstance(r, CurveRecord)]
        assert {(t, s) for t, by_series in seen.curves.items() for s in by_series} == {
            (r.trial, r.series) for r in curves
        }
        for record in curves:
            _assert_same(seen.curves[record.trial][record.series], record)

    def test_a_batch_that_fails_leaves_nothing_behind(self, store, second):
        writer = store.begin(a_study())
        writer.append([a_curve(0, 0, 3)])
        crooked = CurveRecord(trial=0, series="lr", steps=np.arange(3), epochs=np.arange(2.0), values=np.arange(3.0))
        with pytest.raises(ValueError, match="one length"):
            writer.append([MemoRecord(key="plan", value=1), a_curve(0, 3, 9), crooked])
        assert second.read("digits").memos == {}
        writer.append([a_curve(0, 3, 6)])
        assert second.read("digits").curves[0]["val_loss"].steps.tolist() == [0, 1, 2, 3, 4, 5]

    def test_the_last_record_of_a_trial_a_stage_and_a_memo_counts(self, store):
        writer = store.begin(a_study())
        trial = TrialRecord(trial=4, stage=0, hyperparameters={"lr": 1.0}, seed=1, status="running")
        stage = StageRecord(number=0, stage="fine", round=1, verdict="")
        ended = [dataclasses.replace(trial, status="done", objective=0.5), dataclasses.replace(stage, verdict="pass")]
        writer.append([trial, stage, MemoRecord(key="k", value=1)])
        writer.append([*ended, MemoRecord(key="k", value=2), MemoRecord(key="k", value=3)])
        seen = store.read("digits")
        assert [*seen.trials, *seen.stages] == ended
        assert seen.memos == {"k": 3}

    def test_points_told_again_count_once_and_the_later_value_wins(self, store):
        writer = store.begin(a_study())
        writer.append([a_curve(0, 0, 10), a_curve(0, 10, 20), a_curve(0, 20, 30)])
        writer.append([a_curve(0, 30, 40), a_curve(1, 0, 5)])
        writer.append([a_curve(0, 5, 25, offset=100.0)])
        series = store.read("digits").curves[0]["val_loss"]
        assert series.steps.tolist() == list(range(40))
        again = (series.steps >= 5) & (series.steps < 25)
        assert np.array_equal(series.values, series.steps / 7 + 100.0 * again)
        assert np.array_equal(series.epochs, series.steps / 10)

    def test_points_told_in_any_order_are_read_in_order(self, store):
        writer = store.begin(a_study())
        random = np.random.default_rng(0)
        for steps in np.array_split(random.permutation(300), 17):
            writer.append([CurveRecord(trial=0, series="s", steps=steps, epochs=steps * 1.0, values=steps * 2.0)])
        series = store.read("digits").curves[0]["s"]
        assert series.steps.tolist() == list(range(300))
        assert np.array_equal(series.values, 2.0 * np.arange(300))

    def test_a_long_series_is_read_as_it_was_written(self, store):
        writer = store.begin(a_study())
        told = a_curve(0, 0, 5001)
        writer.append([told])
        _assert_same(store.read("digits").curves[0]["val_loss"], told)

    def test_an_empty_curve_is_no_curve(self, store):
        writer = store.begin(a_study())
        writer.append([a_curve(0, 3, 3)])
        assert store.read("digits").curves == {}

    def test_not_a_number_and_infinity_come_back_as_missing(self, store):
        writer = store.begin(a_study())
        values = np.array([1.0, math.nan, math.inf, -math.inf])
        writer.append(
            [
                CurveRecord(trial=0, series="s", steps=np.arange(4), epochs=np.arange(4.0), values=values),
                TrialRecord(
                    trial=0,
                    stage=0,
                    hyperparameters={"lr": math.inf},
                    seed=0,
                    status="diverged",
                    objective=math.nan,
                    metrics={"val_loss": math.nan},
                ),
                MemoRecord(key="k", value={"deep": [math.nan, np.float32(0.5), np.arange(2)]}),
            ]
        )
        seen = store.read("digits")
        assert np.array_equal(seen.curves[0]["s"].values, [1.0, math.nan, math.nan, math.nan], equal_nan=True)
        assert seen.trials[0].objective is None
        assert seen.trials[0].metrics == {"val_loss": None}
        assert seen.trials[0].hyperparameters == {"lr": None}
        assert seen.memos == {"k": {"deep": [None, 0.5, [0, 1]]}}

    def test_numbers_of_numpy_are_stored_as_numbers(self, store):
        writer = store.begin(a_study())
        trial = TrialRecord(
            trial=np.int64(3),  # ty: ignore[invalid-argument-type]
            stage=np.int32(0),  # ty: ignore[invalid-argument-type]
            hyperparameters={"width": np.int64(64)},
            seed=np.int64(5),  # ty: ignore[invalid-argument-type]
            status="done",
            objective=np.float32(0.5),  # ty: ignore[invalid-argument-type]
        )
        writer.append([trial, a_curve(3, 0, 2)])
        seen = store.read("digits")
        assert seen.trials[0] == dataclasses.replace(trial, trial=3, stage=0, seed=5, hyperparameters={"width": 64})
        assert set(seen.curves) == {3}

    def test_text_that_is_no_proper_text_is_stored_all_the_same(self, store):
        writer = store.begin(dataclasses.replace(a_study(), source="caf\udce9 ☃"))
        writer.append([MemoRecord(key="k", value="\udce9")])
        assert store.read("digits").study.source == "caf\\udce9 ☃"

    def test_findings_and_decisions_told_again_count_once_and_keep_their_order(self, store):
        writer = store.begin(a_study())
        findings = [
            FindingRecord(stage=n, finding=Finding(kind=kind, message="m", action="a"))
            for n, kind in itertools.product((2, 1), ("overfitting", "diverged"))
        ]
        decision = DecisionRecord(stage=1, what="more epochs", why="too few", at=1.0)
        writer.append([*findings, decision])
        writer.append([dataclasses.replace(decision, at=2.0), *reversed(findings)])
        seen = store.read("digits")
        assert list(seen.findings) == findings
        assert list(seen.decisions) == [decision]

    def test_sequence_numbers_grow_over_attempts(self, store):
        writer = store.begin(a_study())
        assert writer.attempt == 1
        assert [writer.append(some_of_each()), writer.append([MemoRecord(key="x", value=0)])] == [11, 12]
        writer.close()
        writer = store.resume("digits")
        assert writer.attempt == 2
        assert writer.append([MemoRecord(key="x", value=0)]) == 13

    def test_several_studies_are_kept_apart(self, store):
        one, two = store.begin(a_study("one")), store.begin(a_study("two"))
        one.append([a_curve(0, 0, 3), MemoRecord(key="k", value=1)])
        two.append([a_curve(0, 0, 2), MemoRecord(key="k", value=2)])
        assert [study.study for study in store.studies()] == ["one", "two"]
        assert [len(store.read(name).curves[0]["val_loss"].steps) for name in ("one", "two")] == [3, 2]
        assert [store.memos(name) for name in ("one", "two")] == [{"k": 1}, {"k": 2}]

    def test_a_study_s_status_is_set_and_running_again_after_resume(self, store):
        writer = store.begin(a_study())
        writer.set_status("interrupted")
        assert store.read("digits").study.status == "interrupted"
        writer.close()
        store.resume("digits")
        assert store.read("digits").study.status == "running"

    def test_a_second_living_writer_is_refused(self, store, place):
        writer = store.begin(a_study())
        with pytest.raises(FolderError, match=r"being written by process \d+ on .* wait for it"):
            store.resume("digits")
        writer.close()
        store.resume("digits")

    def test_a_name_that_is_taken_is_refused(self, store):
        store.begin(a_study())
        with pytest.raises(FolderError, match=r"already holds a study named 'digits'.*--resume"):
            store.begin(a_study())

    def test_an_unknown_study_is_refused_with_those_there_are(self, store):
        with pytest.raises(FolderError, match=r"no study named 'x'; it has none\."):
            store.read("x")
        store.begin(a_study())
        for ask in (store.read, store.memos, store.resume):
            with pytest.raises(FolderError, match="no study named 'x'; it has 'digits'"):
                ask("x")

    def test_a_closed_writer_writes_no_more(self, store):
        writer = store.begin(a_study())
        writer.close()
        for write in (lambda: writer.append([]), writer.heartbeat, lambda: writer.set_status("done")):
            with pytest.raises(FolderError, match="taken over by another process or closed"):
                write()


class TestSqliteFile(StoreContract):
    @pytest.fixture
    def place(self, tmp_path):
        return tmp_path / "an odd?name #1.db"


class TestSqliteMemory(StoreContract):
    @pytest.fixture
    def place(self):
        return f"memory:{uuid.uuid4()}"


def _assert_same(seen: CurveRecord, told: CurveRecord) -> None:
    """Exactly: what was committed comes back to the last bit."""
    assert (seen.trial, seen.series) == (told.trial, told.series)
    assert (seen.steps.dtype, seen.epochs.dtype, seen.values.dtype) == (np.int64, np.float64, np.float64)
    assert np.array_equal(seen.steps, told.steps)
    assert np.array_equal(seen.epochs, told.epochs)
    assert np.array_equal(seen.values, told.values, equal_nan=True)
