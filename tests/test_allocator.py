"""What is asked of the C library."""

from __future__ import annotations

import ctypes

import pytest

from sorgente.allocator import LARGE_BYTES, give_large_blocks_back

MALLINFO2 = getattr(ctypes.CDLL(None), "mallinfo2", None)


class Mallinfo2(ctypes.Structure):
    """Of glibc's ``malloc.h``."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks",
                     "uordblks", "fordblks", "keepcost")
    ]  # fmt: skip


@pytest.mark.skipif(MALLINFO2 is None, reason="not glibc")
def test_large_blocks_are_apart_also_after_one_was_freed() -> None:
    assert MALLINFO2 is not None
    MALLINFO2.restype = Mallinfo2
    give_large_blocks_back()
    size = 1024 * LARGE_BYTES  # more than any hole that other tests left in the heap
    for _ in range(2):
        before = MALLINFO2().hblkhd
        block = bytearray(size)
        assert MALLINFO2().hblkhd >= before + size
        del block
        assert MALLINFO2().hblkhd == before
