"""One real training as six tools logged it: each file is read, and each says the same of it."""

from __future__ import annotations

from pathlib import Path

import pytest

import goodfit as gf

GOLDEN = Path(__file__).parent / "golden"
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


@pytest.fixture
def events(tmp_path):
    """Event files as torch's own writer writes them."""
    writing = pytest.importorskip("tensorboard.summary.writer.event_file_writer")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    def write(folder: str, series: dict[str, list[float]]) -> None:
        writer = writing.EventFileWriter(str(tmp_path / folder))
        for tag, values in series.items():
            for step, value in enumerate(values):
                summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
                writer.add_event(Event(step=10 * step, wall_time=1.7e9 + step, summary=summary))
        writer.close()

    return tmp_path, write


FALLING = [2.0 * 0.8**i + 0.1 for i in range(12)]
TURNED = [2.0 * 0.6**i + 0.15 * max(i - 3, 0) + 0.5 for i in range(12)]


def test_a_folder_of_event_files_is_read(events):
    folder, write = events
    write("", {"Loss/train": FALLING, "Loss/val": TURNED})
    findings = gf.diagnose(folder)
    assert findings[0].kind == "overfitting"
    assert findings[0].where.startswith("Loss/val, step ")


def test_keras_folders_of_splits_are_one_run_and_others_are_several(events):
    from goodfit.curve_files.reading import read_file

    folder, write = events
    write("a/train", {"epoch_loss": FALLING})
    write("a/validation", {"epoch_loss": TURNED})
    write("b/train", {"epoch_loss": FALLING})
    runs = read_file(str(folder))
    assert [run.name for run in runs] == ["a", "b"]
    assert len(runs[0].curves.train_loss) == len(runs[0].curves.val_loss) == 12
