"""Lines from a pipe, however they come."""

from __future__ import annotations

import asyncio

import pytest

from sorgente.tools.lines import MAX_LINE_BYTES, lines


async def read(*pieces: bytes) -> list[str]:
    reader = asyncio.StreamReader()
    for piece in pieces:
        reader.feed_data(piece)
    reader.feed_eof()
    return [line async for line in lines(reader)]


@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_every_line_once_and_the_last_without_its_end(size: int) -> None:
    data = b"one\ntwo\r\n\n  \nframe=1\rframe=2\r\xff\nlast"
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert await read(*pieces) == ["one", "two", "frame=1", "frame=2", "\ufffd", "last"]


async def test_a_line_without_an_end_is_cut() -> None:
    (line,) = await read(*[b"x" * 1000] * 100)
    assert len(line) == MAX_LINE_BYTES
