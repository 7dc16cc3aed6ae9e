"""Looks into segments: is what came out made of what was published? See ``native/fmp4.h``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from struct import Struct
from typing import Final

_HEADER: Final = Struct(">I4s")
_STAMP: Final = Struct(">II8sQQII")
"""NAL length, NAL header and "srg", magic, send time, number, channel, flags."""

_MAGIC: Final = b"sorg-bm1"
_SYNC: Final = 1
_FILLER_SEED: Final = 0x9E3779B97F4A7C15
_FILLER_SHIFTS: Final = 256
_U64: Final = (1 << 64) - 1


def check_segment(body: bytes, channel: int) -> bool:
    """Whether this is a run of whole published chunks of one channel, the first one sync, none
    missing."""
    numbers: list[int] = []
    try:
        for payload in _payloads(body):
            length, _, magic, _, number, of_channel, flags = _STAMP.unpack_from(payload)
            if magic != _MAGIC or length != len(payload) - 4 or of_channel != channel:
                return False
            if payload[_STAMP.size :] != _filler(number, len(payload) - _STAMP.size):
                return False
            if not numbers and not flags & _SYNC:
                return False
            numbers.append(number)
    except ValueError:
        return False
    return bool(numbers) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _filler(number: int, length: int) -> bytes:
    """What follows the stamp of chunk ``number``."""
    start = number * 37 % _FILLER_SHIFTS
    return _random_bytes(length + _FILLER_SHIFTS)[start : start + length]


@cache
def _random_bytes(length: int) -> bytes:
    """By xorshift64, as `native/fmp4.c` does."""
    state = _FILLER_SEED
    made = bytearray()
    for _ in range(length):
        state ^= state << 13 & _U64
        state ^= state >> 7
        state ^= state << 17 & _U64
        made.append(state >> 32 & 0xFF)
    return bytes(made)


def _payloads(body: bytes) -> Iterator[bytes]:
    """What is in each ``mdat``.

    Raises:
        ValueError: not whole boxes, or not in pairs of ``moof`` and ``mdat``.
    """
    at = 0
    before = b""
    while at < len(body):
        if len(body) - at < _HEADER.size:
            raise ValueError("half a box header")
        size, kind = _HEADER.unpack_from(body, at)
        if size < _HEADER.size or at + size > len(body):
            raise ValueError("half a box")
        if (kind == b"mdat") != (before == b"moof"):
            raise ValueError("moof and mdat belong together")
        if kind == b"mdat":
            if size < _HEADER.size + _STAMP.size:
                raise ValueError("no stamp")
            yield body[at + _HEADER.size : at + size]
        before = kind
        at += size
