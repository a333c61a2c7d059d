"""The engines there are. A new one is a file and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from goodfit.training.engine import Engine
from goodfit.training.engines.batched import Batched
from goodfit.training.engines.grouping import grouped
from goodfit.training.engines.native import Native
from goodfit.training.engines.pool import Pool

ENGINES: Mapping[str, Engine] = {engine.name: engine for engine in (Batched(), Native(), Pool())}

__all__ = ["ENGINES", "Batched", "Native", "Pool", "grouped"]
