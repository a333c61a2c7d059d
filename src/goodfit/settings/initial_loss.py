"""Settings of the initial loss stage."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class InitialLossSettings:
    """See each field's origin."""
