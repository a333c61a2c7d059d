"""The runs that several rows look at, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from recipe_runs import RATE_AND_DECAY, SGD, Recorded, made, task, with_dummy

import goodfit as gf


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The recipe on digits from end to end: lr, weight decay, and a hyperparameter that does nothing."""
    torch.set_num_threads(1)
    space = gf.Space(**{d.name: d.scale for d in RATE_AND_DECAY.dimensions}, dummy=gf.linear(0.0, 1.0))
    out: Path = tmp_path_factory.mktemp("rows") / "whole"
    return made(out, task(model=with_dummy, space=space, start={**SGD, "dummy": 0.5}), trials=24, epochs=8)
