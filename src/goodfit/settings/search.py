"""Settings of the search stage."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class SearchSettings:
    """See each field's origin."""
