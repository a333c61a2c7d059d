"""What all tests share: fixed threads and seeds, and the option that writes golden files anew.

Its presence also puts this folder on the path, so that every test can import `schemas`.
"""

from __future__ import annotations

import os
import random

import numpy as np
import pytest
from hypothesis import settings


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write what is seen into the golden files; read the diff"
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written anew."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(autouse=True)
def _the_same_every_time() -> None:
    """One thread and the same seeds for every test."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


# CI draws the same examples every time: a rare example is found, and mended, where someone is looking.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
