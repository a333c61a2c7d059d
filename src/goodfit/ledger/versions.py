"""Which software a study ran with."""

from __future__ import annotations

import platform
from importlib import metadata


def versions() -> dict[str, str]:
    """Versions of goodfit, Python, the libraries whose numbers a result depends on, and the machine; imports none."""
    return {
        "goodfit": goodfit_version(),
        "python": platform.python_version(),
        "torch": _installed("torch"),
        "numpy": _installed("numpy"),
        "scikit-learn": _installed("scikit-learn"),
        "platform": platform.platform(),
    }


def goodfit_version() -> str:
    return _installed("goodfit")


def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
