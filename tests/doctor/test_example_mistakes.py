"""The tutorial scripts of the common mistakes: each mend helps, and examples/README.md lists every script."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from corpus.measure import last_number

EXAMPLES = Path(__file__).parents[2] / "examples"
PAIRS = [
    ("single_batch_skipped", "single_batch_first"),
    ("mode_not_toggled", "mode_toggled"),
    ("zero_grad_forgotten", "zero_grad_called"),
    ("softmax_twice", "raw_logits"),
]


def accuracy(name: str, folder: Path) -> float:
    """The validation accuracy after the last epoch, run alone as a user would."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "mistakes" / f"{name}.py")],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return last_number(done.stdout)


def test_every_script_of_a_mistake_is_told_and_has_its_mend():
    there = {path.stem for path in (EXAMPLES / "mistakes").glob("*.py")}
    assert there == {name for pair in PAIRS for name in pair}
    readme = (EXAMPLES / "README.md").read_text()
    assert all(f"`examples/mistakes/{name}.py`" in readme for name in there)


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_mend_of_a_common_mistake_helps(before, after, tmp_path):
    mended = accuracy(after, tmp_path)
    assert mended > 0.9
    assert mended - accuracy(before, tmp_path) > 0.05  # 27 of the 540 validation digits
