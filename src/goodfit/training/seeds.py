"""Where a trial's randomness comes from: counters mixed with its seed, never its company or what ran before."""

from __future__ import annotations

_MASK64 = (1 << 64) - 1


def mixed(*words: int) -> int:
    """A 63-bit number that depends on all the words and on their order.

    Source: the finaliser of splitmix64 (Steele, Lea, Flood 2014), chained over the words.
    """
    state = 0x9E3779B97F4A7C15
    for word in words:
        state = (state + (word & _MASK64) * 0xBF58476D1CE4E5B9 + 0x9E3779B97F4A7C15) & _MASK64
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK64
        state ^= state >> 31
    return state >> 1


# What a draw is for: the first word after the seed, so that two uses never share a stream.
INIT, ORDER, DROPOUT, SUBSET, STEP, TARGETS, PROPOSAL, SPLIT = range(8)
