"""Rows about grids: every cell is run at the price that was told, and how a grid compares with random search."""

import math
import re
from pathlib import Path
from typing import Any

import pytest
from recipe_runs import Recorded, StopAfter, made, task

import goodfit as gf
from goodfit.recipe.progress import Decided, StageProgress
from goodfit.recipe.result import StageName
from goodfit.strategy import Observation, random_against_grid

BOTH = gf.Space(lr=gf.log(1e-4, 1e-1, hard=True), weight_decay=gf.log(1e-4, 1e-1))
PRICE = re.compile(r"This grid has (\d+) cells: ([\d.]+) epochs in all(?:, about (\d+) s)?")


def searched(out: Path, **options: Any) -> Recorded:
    """A run that ends with its coarse search."""
    space = options.pop("space", BOTH)
    watcher = options.pop("watcher", StopAfter(StageName.COARSE))
    return made(out, task(space=space), watcher=watcher, **options)


def price_of(run: Recorded) -> re.Match[str]:
    (found,) = [m for d in run.decisions(StageName.COARSE) if (m := PRICE.match(d.what))]
    return found


def observed(run: Recorded) -> list[Observation]:
    names = ("lr", "weight_decay")
    return [
        Observation(t.trial, {n: t.hyperparameters[n] for n in names}, None if t.objective is None else -t.objective)
        for t in run.trials(StageName.COARSE)
    ]


def test_row_1_and_2_every_cell_of_the_grid_is_run_for_the_price_that_was_told(tmp_path):
    watcher = StopAfter(StageName.COARSE)
    run = searched(tmp_path / "grid", strategy="grid", levels=4, epochs=4, watcher=watcher)
    trials = run.trials(StageName.COARSE)
    rates = sorted({t.hyperparameters["lr"] for t in trials})
    decays = sorted({t.hyperparameters["weight_decay"] for t in trials})
    assert len(trials) == 16
    assert rates == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])
    assert decays == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])
    assert len({(t.hyperparameters["lr"], t.hyperparameters["weight_decay"]) for t in trials}) == 16
    price = price_of(run)
    assert int(price[1]) == 16
    assert float(price[2]) == pytest.approx(sum(t.epochs for t in trials))
    told = [i for i, event in enumerate(watcher.seen) if isinstance(event, Decided) and PRICE.match(event.what)]
    begun = [
        i
        for i, event in enumerate(watcher.seen)
        if isinstance(event, StageProgress) and event.stage is StageName.COARSE
    ]
    assert len(told) == 1
    assert told[0] < begun[0], "the price comes after the trials began"


@pytest.mark.slow
def test_row_4_nine_trials_try_nine_values_at_random_and_three_in_a_grid(tmp_path):
    grid = searched(tmp_path / "grid", strategy="grid", levels=3, epochs=4)
    drawn = searched(tmp_path / "random", trials=9, epochs=4)
    assert len(observed(grid)) == len(observed(drawn)) == 9
    seen = random_against_grid(observed(drawn), observed(grid))
    assert seen.values_grid == {"lr": 3, "weight_decay": 3}
    assert seen.values_random == {"lr": 9, "weight_decay": 9}
    assert len(seen.best_so_far_random) == len(seen.best_so_far_grid) == 9
    for run in (grid, drawn):  # the figure: lr against weight decay, a mark a trial
        pair = run.report.split("Two hyperparameters at a time")[1].split("<h3")[0]
        assert "learning rate" in pair
        assert "weight decay" in pair


def test_the_coarse_search_tries_points_of_one_sobol_sequence_however_many_there_are(tmp_path):
    fewer, more = (searched(tmp_path / str(n), trials=n, epochs=4) for n in (5, 8))

    def points(run: Recorded) -> list[tuple[float, float]]:
        return [(t.hyperparameters["lr"], t.hyperparameters["weight_decay"]) for t in run.trials(StageName.COARSE)]

    assert points(more)[:5] == points(fewer)
    # The first is step 3's rate; of four points of the sequence each quarter of the range of decays has one.
    quarters = {int(4 * (math.log10(decay) + 4) / 3) for _, decay in points(fewer)[1:]}
    assert quarters == {0, 1, 2, 3}


@pytest.mark.slow
def test_row_5_a_grid_is_not_the_default_and_one_of_three_is_warned_of(tmp_path):
    three = gf.Space(lr=gf.log(1e-3, 1e-1), weight_decay=gf.log(1e-4, 1e-2), width=gf.powers_of_two(16, 32))
    drawn = searched(tmp_path / "random", space=three, trials=8, epochs=4)
    rates = {t.hyperparameters["lr"] for t in drawn.trials(StageName.COARSE)}
    assert len(rates) == len(drawn.trials(StageName.COARSE)) == 8
    assert "grid-is-wasteful" not in drawn.kinds()
    grid = searched(tmp_path / "grid", space=three, strategy="grid", levels=2, epochs=4)
    assert "grid-is-wasteful" in grid.kinds()
    flat = searched(tmp_path / "two", strategy="grid", levels=2, epochs=4)
    assert "grid-is-wasteful" not in flat.kinds()


@pytest.mark.slow
def test_row_11_a_rate_on_a_linear_scale_over_decades_is_warned_of_in_the_run(tmp_path):
    linear = gf.Space(lr=gf.linear(1e-4, 0.1), weight_decay=gf.log(1e-6, 1e-2))
    run = searched(tmp_path / "linear", space=linear, trials=4, epochs=4)
    assert "wrong-scale" in run.kinds()
