"""Settings of the overfit stage."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class OverfitSettings:
    """See each field's origin."""
