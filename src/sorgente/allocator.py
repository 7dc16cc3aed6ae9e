"""What the C library is asked to do for a process that keeps media in memory."""

from __future__ import annotations

import ctypes
from typing import Final

M_MMAP_THRESHOLD: Final = -3
"""Of glibc's ``malloc.h``."""

LARGE_BYTES: Final = 128 << 10
"""glibc's own threshold, to begin with."""


def give_large_blocks_back() -> None:
    """Have memory of ``LARGE_BYTES`` and more given back to the system when it is freed.

    glibc does so until the first such block is freed; from then on it keeps them in its heap, up to
    32 MB each. There, the chunks of a window, as different in size as they are, lie between the
    buffers they were made in, and leave holes: it takes 1.2 times their bytes for chunks of a
    frame, 1.9 times for chunks of 2 s. Apart, 1.1 times, for 0.3 % of a core per 10 Mbit/s
    (measured: docs/design/memory.md). Other C libraries do as they do.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
