"""What is asked of the C library. In a process of its own: in the heap of this one, other tests may
have left a hole for any block."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from typing import Final

import pytest

ALLOCATING: Final = """
import ctypes
from sorgente.allocator import LARGE_BYTES, give_large_blocks_back

class Mallinfo2(ctypes.Structure):  # of glibc's malloc.h
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks",
                     "uordblks", "fordblks", "keepcost")
    ]

mallinfo2 = ctypes.CDLL(None).mallinfo2
mallinfo2.restype = Mallinfo2
give_large_blocks_back()
for _ in range(2):
    before = mallinfo2().hblkhd
    block = bytearray(LARGE_BYTES)
    print(mallinfo2().hblkhd >= before + LARGE_BYTES)
    del block
    print(mallinfo2().hblkhd == before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="not glibc")
def test_large_blocks_are_apart_also_after_one_was_freed() -> None:
    told = subprocess.run([sys.executable, "-c", ALLOCATING], capture_output=True, text=True)
    assert told.stdout.split() == ["True"] * 4, told.stderr
