"""Settings of the learning rate stage."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class LearningRateSettings:
    """See each field's origin."""
