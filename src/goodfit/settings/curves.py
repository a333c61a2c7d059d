"""Settings of the curves stage."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class CurveSettings:
    """See each field's origin."""
