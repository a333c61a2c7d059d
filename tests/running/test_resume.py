"""A run that is cut short, anywhere, and taken up again ends as one that was left in peace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import (
    CutShort,
    best_weights,
    curves_of,
    digits,
    small,
    small_run,
    snapshot,
    trials_of,
    without_seconds,
)

import goodfit as gf


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> gf.Result:
    return small_run(digits(), tmp_path_factory.mktemp("undisturbed") / "run")


def check_same(found: gf.Result, expected: gf.Result) -> None:
    """Same document, trials, curves, decisions and weights."""
    assert without_seconds(found.document) == without_seconds(expected.document)
    assert trials_of(found.out) == trials_of(expected.out)
    assert curves_of(found.out) == curves_of(expected.out)
    told, expected_told = ([(d.stage, d.what, d.why) for d in snapshot(r.out).decisions] for r in (found, expected))
    assert told == expected_told
    kinds, expected_kinds = (
        [(f.stage, f.trial, f.finding.kind) for f in snapshot(r.out).findings] for r in (found, expected)
    )
    assert sorted(map(str, kinds)) == sorted(map(str, expected_kinds))
    weights, expected_weights = best_weights(found.out), best_weights(expected.out)
    assert weights.keys() == expected_weights.keys()
    assert all(torch.equal(weights[name], expected_weights[name]) for name in weights)


def test_the_same_plan_twice_gives_the_same_result(tmp_path: Path, undisturbed: gf.Result):
    check_same(small_run(digits(), tmp_path / "again"), undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_changes_nothing(tmp_path: Path, undisturbed: gf.Result, workers: int):
    check_same(small_run(digits(), tmp_path / "run", workers=workers), undisturbed)


@pytest.mark.slow
def test_a_run_is_not_gone_on_with_as_a_check(undisturbed: gf.Result):
    with pytest.raises(gf.FolderError, match=r"was begun by .* and can only be gone on with by that\.$"):
        gf.check(digits(), out=undisturbed.out, resume=True, seed=undisturbed.document["seed"], workers=0)


def test_another_seed_gives_other_trials(tmp_path: Path, undisturbed: gf.Result):
    other = gf.check(digits(), out=tmp_path / "run", seed=1, trials=4, epochs=2, workers=0, settings=small())
    assert other.document["seed"] == 1
    first, second = (trials_of(r.out)[0] for r in (undisturbed, other))
    assert first[2] != second[2]


MOMENTS: list[tuple[str, int | None]] = [
    ("overfit", 1),
    ("coarse", None),
    ("coarse", 1),
    ("fine", 1),
    ("curves", None),
    ("final", 1),
]


@pytest.mark.parametrize(
    ("stage", "progress"),
    [pytest.param(*moment, marks=() if moment == ("coarse", 1) else pytest.mark.slow) for moment in MOMENTS],
    ids=lambda value: str(value),
)
def test_an_interrupted_run_ends_as_an_undisturbed_one(
    tmp_path: Path, undisturbed: gf.Result, stage: str, progress: int | None
):
    out = tmp_path / "run"
    cut = CutShort(stage, progress)
    first = small_run(digits(), out, watcher=cut)
    assert cut.is_sent
    assert first.status == "interrupted"
    seen = snapshot(out)
    assert seen.study.status == "interrupted"
    finished = {number: ended for number, ended in trials_of(out).items() if ended[3] == "done"}
    again = small_run(digits(), out, resume=True)
    assert again.status == "done"
    check_same(again, undisturbed)
    kept = trials_of(out)
    assert {number: kept[number] for number in finished} == finished


@pytest.mark.slow
def test_a_run_interrupted_again_and_again_ends_as_an_undisturbed_one(tmp_path: Path, undisturbed: gf.Result):
    out = tmp_path / "run"
    options: dict[str, Any] = {}
    for stage in ("learning-rate", "coarse", "fine", "final"):
        assert small_run(digits(), out, watcher=CutShort(stage, 1), **options).status == "interrupted"
        options = {"resume": True}
    check_same(small_run(digits(), out, resume=True), undisturbed)
