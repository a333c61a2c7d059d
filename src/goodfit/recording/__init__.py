"""Hooks that turn a running training loop into a Recording, without touching what it computes."""
