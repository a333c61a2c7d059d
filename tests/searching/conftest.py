"""Measured speeds of these tests stay out of the user's cache."""

from __future__ import annotations

from collections.abc import Generator

import pytest


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOODFIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
