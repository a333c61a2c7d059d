"""Real trainings of a newcomer's first day, as their tools wrote them: each file is read, and its verdict comes first.

A part of a set that was trained and labelled before anything was run on it (digits, wine, Fashion-MNIST, characters of
Python's library); those kept here were read or judged wrongly then.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import goodfit as gf
from goodfit.curve_files.reading import read_file
from goodfit.findings import Severity

FILES = Path(__file__).parent / "newcomers"
FAULTY = {
    "nan-at-the-end.resumed.csv": {"diverged"},  # one nan, in the last row; a header in the middle
    "spikes.steps.csv": {"loss-spikes"},  # every step's loss and nothing else
    "spikes.mmlab.log.json": {"loss-spikes"},  # a first line with the seed
    "few-validation-samples.deit.txt": {"noisy-validation"},  # 24 samples
    "too-small-cosine.csv": {"underfitting-capacity"},  # level long before the rate had decayed
    "rate-far-too-high.deit.txt": {"lr-too-high"},
    "rate-far-too-high.tensors.csv": {"lr-too-high"},  # cells like tensor(2.5021)
    "wrong-training-labels.csv": {"excess-regularisation", "pipeline-suspect"},  # validation far better than training
}
HEALTHY = ("fine-tuning.keras.csv", "warm-transformer.csv", "wine.sacred.json")  # np.float64(0.49); a decaying rate


def test_every_file_has_its_verdict():
    assert {path.name for path in FILES.iterdir()} == {*FAULTY, *HEALTHY}


@pytest.mark.parametrize("name", FAULTY)
def test_what_is_wrong_is_said_first(name):
    assert gf.diagnose(FILES / name)[0].kind in FAULTY[name]


@pytest.mark.parametrize("name", HEALTHY)
def test_a_sound_training_raises_no_alarm(name):
    assert [finding.kind for finding in gf.diagnose(FILES / name) if finding.severity is not Severity.INFO] == []


def test_a_seed_told_once_at_the_head_of_a_log_names_no_run():
    assert [run.name for run in read_file(str(FILES / "spikes.mmlab.log.json"))] == [""]


def test_series_with_steps_of_their_own_are_joined_by_step():
    (run,) = read_file(str(FILES / "wine.sacred.json"))
    assert len(run.curves.val_loss) == 30
    assert len(run.curves.step_loss) == 30 * 8
