"""Freed memory, kept for the next step."""

from __future__ import annotations

import ctypes
import sys

KEPT = 2**29
LARGEST = 2**25  # bytes of a block; glibc takes no more
M_TOP_PAD, M_MMAP_THRESHOLD = -2, -3  # of glibc's malloc.h


def keep_freed_memory() -> None:
    """Let this process keep up to 512 MB that it has freed, where the system's allocator is glibc's.

    The activations of a step are freed at its end. Left to itself, glibc returns them to the system, which has to clear
    and map every page of them again for the next step: a tenth of the time of a step on a CPU, up to half of it on a
    virtual machine that is short of memory.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_TOP_PAD, KEPT)
        # Larger blocks are mapped one by one. From the call above on this no longer grows with those that are freed.
        libc.mallopt(M_MMAP_THRESHOLD, LARGEST)
