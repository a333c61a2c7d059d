"""A worker's memory: what a training step frees is kept for the next step."""

from __future__ import annotations

import ctypes
import sys

# glibc's numbers for its settings, from malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 1 << 30  # blocks above this still go back to the system at once


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory instead of giving it back to the system; whether it was told so.

    As it is, every activation above a few hundred kilobytes is mapped anew at each step, and the system clears its
    pages: on a small convolutional network a tenth to a third of the processor's time. Only for a process of our own,
    since it stays as large as it has ever been.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library than glibc
        return False
    return all(mallopt(setting, KEPT_BYTES) == 1 for setting in (_TRIM_THRESHOLD, _MMAP_THRESHOLD))
