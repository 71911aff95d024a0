"""Reuse of freed memory in the next step."""

from __future__ import annotations

import ctypes
import sys

KEPT = 2**29
LARGEST = 2**25  # bytes of a block, the maximum of glibc
M_TOP_PAD, M_MMAP_THRESHOLD = -2, -3  # constant of glibc's malloc.h


def keep_freed_memory() -> None:
    """Let this process keep up to 512 MB of freed memory, if the allocator is glibc's.

    The activations of a step are freed at its end. By default, glibc returns this memory to the system, which then
    clears and maps every page again in the next step: this takes a tenth of the time of a step on a CPU, and up to half
    of it on a virtual machine with little memory.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_TOP_PAD, KEPT)
        # Larger blocks are mapped separately. The call above prevents this threshold from growing with freed blocks.
        libc.mallopt(M_MMAP_THRESHOLD, LARGEST)
