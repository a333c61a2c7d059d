"""Settings of the data stage."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """See each field's origin."""
