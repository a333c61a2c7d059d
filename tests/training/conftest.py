"""The native engine's library, built once where a checkout has none yet or an old one."""

from __future__ import annotations

import pytest

from goodfit.training.engines.native import building, library


@pytest.fixture(scope="session")
def native() -> None:
    """Skips where it cannot be built: goodfit works without it, and a test of its own says how."""
    if library.why_missing() is not None:
        try:
            building.build()
        except building.BuildError as error:
            pytest.skip(f"the native engine cannot be built: {error}")
        library._open.cache_clear()


@pytest.fixture
def without_native(tmp_path, monkeypatch) -> None:
    """As if no library had been built."""
    monkeypatch.setattr(library.why_missing, "__defaults__", (tmp_path / "none.so",))
    monkeypatch.setattr(library.kernel, "__defaults__", ("", tmp_path / "none.so"))
