"""Rows of the recipe that show in one whole run: its ledger, its decisions, its report."""

import itertools
import math
import re

import pytest
import torch
from recipe_runs import Recorded, box_of, digits, sentences

from goodfit.errors import TestSetLocked
from goodfit.opened import TestSet
from goodfit.recipe.result import StageName
from goodfit.space import Space
from goodfit.strategy import Observation, importances
from goodfit.training.splits import ResidentSplit


def spaces_of(run: Recorded, name: str) -> list[tuple[float, float]]:
    """A hyperparameter's box in the coarse search and in each round."""
    stages = [run.step(StageName.COARSE), *run.stages(StageName.FINE)]
    return [box_of(stage.space, name) for stage in stages]


def test_row_10_each_box_lies_in_the_last_one_and_epochs_grow(whole_run):
    boxes = spaces_of(whole_run, "lr")
    assert len(boxes) == 3
    told = sentences(whole_run.decisions(StageName.FINE))
    for (low, high), (next_low, next_high) in itertools.pairwise(boxes):
        inside = low * 0.999 <= next_low and next_high <= high * 1.001
        assert inside or "extend" in told or "border" in told
    first, last = boxes[0], boxes[-1]
    assert math.log(last[1] / last[0]) < 0.8 * math.log(first[1] / first[0]), "nothing was narrowed"
    coarse = {t.epochs for t in whole_run.trials(StageName.COARSE)}
    fine = {t.epochs for t in whole_run.trials(StageName.FINE)}
    assert max(coarse) < min(fine)
    (round_1,) = [d for d in whole_run.decisions(StageName.FINE) if d.what.startswith("Round 1:")]
    assert round_1.before["epochs"] < round_1.after["epochs"]
    assert box_of(round_1.before["space"], "lr") == boxes[0]
    assert box_of(round_1.after["space"], "lr") == boxes[1]


def test_row_14_the_rate_is_ranked_first_and_the_dummy_covers_zero(whole_run):
    space = Space.from_json(whole_run.step(StageName.COARSE).space)
    observations = [
        Observation(t.trial, t.hyperparameters, None if t.objective is None else -t.objective)
        for t in whole_run.trials(StageName.COARSE)
    ]
    found = {importance.key: importance for importance in importances(space, observations)}
    assert max(found.values(), key=lambda importance: importance.share).key == "lr"
    assert found["lr"].low > 0
    assert found["dummy"].low <= 0 <= found["dummy"].high
    assert "dummy" in whole_run.report
    assert any(f.kind == "insensitive" and "dummy" in f.message for f in whole_run.result.findings)


def test_row_17_what_is_not_searched_keeps_its_constant(whole_run):
    for trial in whole_run.trials(StageName.COARSE) + whole_run.trials(StageName.FINE):
        assert trial.hyperparameters["momentum"] == 0.9
        assert not {"beta1", "beta2", "eps"} & set(trial.hyperparameters)


def test_row_19_the_test_set_is_opened_once_and_at_the_end(whole_run):
    opened = [d for d in whole_run.ledger.decisions if "test set is opened" in d.what]
    assert len(opened) == 1
    assert opened[0] is whole_run.ledger.decisions[-1]
    assert opened[0].stage == whole_run.step(StageName.FINAL).number
    assert all("test" not in series for curves in whole_run.ledger.curves.values() for series in curves)
    assert whole_run.result.best is not None
    assert set(whole_run.result.best.test) == {"loss", "accuracy"}
    for stage in whole_run.ledger.stages:
        if stage.stage != StageName.FINAL:
            assert "'test'" not in str(stage.evidence)


def test_row_19_reading_the_locked_test_set_raises():
    locked = TestSet(ResidentSplit(digits(20)))
    with pytest.raises(TestSetLocked, match="locked until the final step"):
        locked.fetch(torch.arange(2))
    locked.unlock()
    with pytest.raises(TestSetLocked, match="once"):
        locked.unlock()


def test_row_32_the_coarse_box_lies_around_step_3s_rate_and_no_decay_is_tried(whole_run):
    bracket = whole_run.step(StageName.LEARNING_RATE)
    rate, largest = bracket.evidence["lr_star"], bracket.evidence["lr_max"]
    low, high = box_of(whole_run.step(StageName.COARSE).space, "lr")
    assert low == pytest.approx(rate / 10, rel=1e-6)
    assert high == pytest.approx(min(3 * rate, largest), rel=1e-6)
    trials = whole_run.trials(StageName.COARSE)
    assert all(low * 0.999 <= t.hyperparameters["lr"] <= high * 1.001 for t in trials)
    assert any(t.hyperparameters["weight_decay"] == 0 for t in trials)
    assert {t.epochs for t in trials} <= {1, 2, 3, 4, 5}


def test_row_33_the_rate_is_constant_in_coarse_and_fine_and_decays_in_the_end(whole_run):
    for trial in whole_run.trials(StageName.COARSE) + whole_run.trials(StageName.FINE):
        rates = whole_run.values(trial, "lr")
        assert rates
        assert rates == pytest.approx([trial.hyperparameters["lr"]] * len(rates), rel=1e-6)
    for trial in whole_run.trials(StageName.FINAL):
        if "schedule" in trial.hyperparameters:
            rates = whole_run.values(trial, "lr")
            assert rates[-1] < 0.05 * max(rates)


def test_row_34_each_top_trial_has_two_panels_and_a_verdict(whole_run):
    verdicts = {f.trial: f.finding for f in whole_run.ledger.findings if f.trial is not None}
    sections = re.findall(r'<section class="trial" id="trial-(\d+)">(.*?)</section>', whole_run.report, re.S)
    assert len(sections) >= 3
    for trial, section in sections:
        assert section.count("<svg") >= 2
        assert "loss" in section
        assert "accuracy" in section
        if int(trial) in verdicts:
            assert verdicts[int(trial)].kind in section
        assert ("not read by the rules" in section) == (int(trial) not in verdicts)
    assert sum(int(trial) in verdicts for trial, _ in sections) >= 3
    for stage in whole_run.stages(StageName.CURVES):
        assert stage.summary.startswith("Trial ")


def test_row_4_the_trials_are_drawn_against_a_grid_of_the_same_size_and_in_slices(whole_run):
    against = whole_run.report.split("These trials against a grid of the same size")[1].split("<h3")[0]
    counted = re.search(r"(\d+) trials try (\d+) values of learning rate against (\d+)", against)
    assert counted, "the different values that each tries are told"
    trials, tried, levels = map(int, counted.groups())
    assert tried == trials > levels
    assert "each cell counts as the trial nearest to it" in against
    slices = whole_run.report.split("What each part of a range gives at best")[1].split("<h3")[0]
    assert "Learning rate: best at" in slices
    assert "Dummy: no part of its range is told from the others" in slices


def test_row_46_the_plots_are_files_that_need_no_server(whole_run):
    assert (whole_run.folder / "report.html").stat().st_size > 10_000
    assert (whole_run.folder / "result.json").exists()
    assert "<svg" in whole_run.report
    assert not re.search(r"""(src|href)=["']https?://""", whole_run.report)


def test_row_52_schedules_come_after_the_rounds_at_a_constant_rate(whole_run):
    scheduled = [t for t in whole_run.ledger.trials if "schedule" in t.hyperparameters]
    final = whole_run.step(StageName.FINAL).number
    assert scheduled
    assert {t.stage for t in scheduled} == {final}
    assert whole_run.step(StageName.FINAL).evidence["peak_sweep"]


def test_the_configuration_for_the_final_training_is_told_against_the_others_sample_by_sample(whole_run):
    (chosen,) = [d for d in whole_run.decisions(StageName.FINAL) if "go into the final training" in d.what]
    told = re.findall(r"(\S+) over trial \d+ \(95 % interval (\S+) to (\S+)\)", chosen.why)
    assert told, chosen.why
    assert all(float(low) <= float(gain) <= float(high) for gain, low, high in told)


def test_averages_of_several_decays_and_the_best_checkpoint_are_compared_with_the_last_weights(whole_run):
    evidence = whole_run.step(StageName.FINAL).evidence
    averages = evidence["averages"]
    assert len({average["decay"] for average in averages}) == len(averages) >= 3
    assert [average["rebuilt"] for average in averages] == [False] + [True] * (len(averages) - 1)
    assert all(average["likeness"] >= 0.75 and average["val_loss"] > 0 for average in averages)
    assert evidence["average_decay"] in {average["decay"] for average in averages}
    low, high = evidence["averaged_against_plain"]["interval"]
    assert low <= evidence["averaged_against_plain"]["gain"] <= high
    checkpoint = evidence["checkpoint"]
    assert "says" in checkpoint or checkpoint["interval"][0] <= checkpoint["gain"] <= checkpoint["interval"][1]
    lost = [peak for peak in evidence["peak_sweep"] if "gain" in peak]
    assert len(lost) == len(evidence["peak_sweep"]) - 1, "each rival is paired with the winner"


def test_row_53_the_ensemble_is_as_good_as_its_mean_member_and_the_gain_has_an_interval(whole_run):
    evidence = whole_run.step(StageName.FINAL).evidence
    result = whole_run.result
    assert result.best is not None
    seeds = [
        t.objective
        for t in whole_run.trials(StageName.FINAL)
        if t.hyperparameters.get("lr") == result.best.hyperparameters["lr"] and "schedule" in t.hyperparameters
    ]
    assert len(seeds) >= 2
    if result.best.variant == "ensemble":
        assert result.best.val["accuracy"] >= sum(seeds) / len(seeds) - 1e-9
    assert "ensemble" in str(evidence)
    assert "2 %" not in whole_run.step(StageName.FINAL).summary
    low, high = _interval(whole_run.step(StageName.FINAL).summary)
    assert low < result.best.test["accuracy"] < high


def _interval(summary: str) -> tuple[float, float]:
    found = re.search(r"interval ([\d.]+) to ([\d.]+)", summary)
    assert found is not None
    return float(found[1]), float(found[2])


def test_row_55_lr_against_weight_decay_is_drawn_with_the_best_marked(whole_run):
    pairs = whole_run.report.split("Two hyperparameters at a time")[1].split("<h3")[0]
    assert "learning rate" in pairs
    assert "weight decay" in pairs
    assert "best" in pairs.lower()
    assert "last box" in pairs


def test_row_56_the_table_has_every_trial_and_marks_one(whole_run):
    rows = re.findall(r'<tr data-t="(\d+)" class="([^"]*)"', whole_run.report)
    assert len(rows) == len(whole_run.ledger.trials)
    assert sum("best" in classes.split() for _, classes in rows) == 1


def test_row_60_rate_and_decay_both_vary_in_every_coarse_trial(whole_run):
    trials = whole_run.trials(StageName.COARSE)
    rates = [t.hyperparameters["lr"] for t in trials]
    decays = [t.hyperparameters["weight_decay"] for t in trials]
    assert len(set(rates)) == len(rates)
    above = [d for d in decays if d > 0]
    assert len(set(above)) == len(above)
    assert len(above) >= len(decays) // 2
