"""Settings of the budget stage."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class BudgetSettings:
    """See each field's origin."""
