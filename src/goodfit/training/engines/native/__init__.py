"""The native engine: C++ that trains one small network at a time with its state in the cache."""

from goodfit.training.engines.native.engine import Native, knows_not

__all__ = ["Native", "knows_not"]
