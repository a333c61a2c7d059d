"""One real training as six tools logged it: each file is read, and each says the same of it."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

import goodfit as gf
from goodfit.curve_files.event_records import read_scalars
from goodfit.curve_files.reading import read_file

GOLDEN = Path(__file__).parent / "golden"
WRITTEN_BY_TORCH = Path(__file__).parent / "events" / "events.out.tfevents.torch"  # by make_events.py beside it
FILES = sorted(path for path in GOLDEN.iterdir() if path.suffix in (".csv", ".json", ".jsonl"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_findings_of_files_that_other_tools_write(path, update_golden):
    seen = "".join(f"{f.kind} ({f.severity}) {f.where}: {f.message}\n" for f in gf.diagnose(path))
    expected = path.with_suffix(path.suffix + ".expected")
    if update_golden:
        expected.write_text(seen)
    assert seen == expected.read_text()


def test_the_verdict_is_the_same_whatever_tool_wrote_the_file():
    assert len(FILES) == 6
    assert {gf.diagnose(path)[0].kind for path in FILES} == {"overfitting"}


def event_bytes(series: dict[str, list[float]]) -> bytes:
    """Event records as TensorBoard's writers lay them out, one a point; checksums left at zero."""

    def counted(field: int, message: bytes) -> bytes:
        assert len(message) < 128
        return bytes([field << 3 | 2, len(message)]) + message

    records = b""
    for tag, values in series.items():
        for step, value in enumerate(values):
            point = counted(1, tag.encode()) + bytes([2 << 3 | 5]) + struct.pack("<f", value)
            event = bytes([2 << 3 | 0, 10 * step]) + counted(5, counted(1, point))
            records += struct.pack("<QI", len(event), 0) + event + struct.pack("<I", 0)
    return records


@pytest.fixture
def events(tmp_path):
    """A folder, and a way to write event files below it."""

    def write(folder: str, series: dict[str, list[float]], number: int = 1) -> None:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / f"events.out.tfevents.{number}").write_bytes(event_bytes(series))

    return tmp_path, write


FALLING = [2.0 * 0.8**i + 0.1 for i in range(12)]
TURNED = [2.0 * 0.6**i + 0.15 * max(i - 3, 0) + 0.5 for i in range(12)]


def test_a_folder_of_event_files_is_read(events):
    folder, write = events
    write("", {"Loss/train": FALLING, "Loss/val": TURNED})
    findings = gf.diagnose(folder)
    assert findings[0].kind == "overfitting"
    assert findings[0].where.startswith("Loss/val, step ")


def test_a_file_of_torchs_own_writer_is_read_in_all_its_forms_of_scalars():
    (run,) = read_file(str(WRITTEN_BY_TORCH))
    assert run.curves.train_loss.steps.tolist() == [10 * i for i in range(12)]
    np.testing.assert_allclose(run.curves.train_loss.values, FALLING, rtol=1e-6)  # float32
    np.testing.assert_allclose(run.curves.val_loss.values, TURNED, rtol=1e-6)
    assert run.curves.lr.values.tolist() == [0.1] * 12  # float64
    assert not run.unread  # neither the text nor the histograms


def test_an_event_file_of_a_killed_training_is_read_up_to_its_last_whole_record(tmp_path):
    raw = WRITTEN_BY_TORCH.read_bytes()
    whole = read_scalars(raw)
    for cut in (1, 5, 20, len(raw) // 2):
        kept = read_scalars(raw[:-cut])
        assert kept == whole[: len(kept)]
        assert len(kept) < len(whole)


@pytest.mark.parametrize("damage", [lambda raw: b"x" * 200, lambda raw: raw[3:], lambda raw: raw[:12] + bytes(900)])
def test_a_damaged_event_file_is_refused_in_a_sentence(tmp_path, damage):
    path = tmp_path / "events.out.tfevents.9"
    path.write_bytes(damage(WRITTEN_BY_TORCH.read_bytes()))
    with pytest.raises(gf.CurvesError, match=r"tfevents\.9 .*\.$"):
        read_file(str(path))


def test_a_training_taken_up_again_in_a_second_event_file_is_one_run(events):
    folder, write = events
    write("", {"loss": FALLING[:8]})
    write("", {"loss": FALLING}, number=2)
    (run,) = read_file(str(folder))
    assert len(run.curves.train_loss) == 12


def test_a_folder_with_one_log_is_that_log_and_one_with_several_is_refused(tmp_path):
    shutil.copy(GOLDEN / "lightning.csv", tmp_path / "metrics.csv")
    (tmp_path / "hparams.yaml").write_text("lr: 0.1\n")
    assert gf.diagnose(tmp_path)[0].kind == "overfitting"
    shutil.copy(GOLDEN / "wandb.csv", tmp_path / "wandb.csv")
    assert gf.diagnose(tmp_path)[0].kind == "overfitting"
    (tmp_path / "metrics.csv").rename(tmp_path / "other.csv")
    with pytest.raises(gf.CurvesError, match=r"holds 2 logs \(other\.csv, wandb\.csv\); name one of them\.$"):
        gf.diagnose(tmp_path)


def test_keras_folders_of_splits_are_one_run_and_others_are_several(events):
    folder, write = events
    write("a/train", {"epoch_loss": FALLING})
    write("a/validation", {"epoch_loss": TURNED})
    write("b/train", {"epoch_loss": FALLING})
    runs = read_file(str(folder))
    assert [run.name for run in runs] == ["a", "b"]
    assert len(runs[0].curves.train_loss) == len(runs[0].curves.val_loss) == 12
