"""The camera, over the socket that ffmpeg reads from."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from pathlib import Path

from sorgente.tools.camera import MOST_LATE, Camera, filming
from sorgente.tools.inputs import Input
from sorgente.tools.picture import HEIGHT, RATE, WIDTH
from sorgente.tools.stamp import STAMP_BITS, stamp
from tests.tools.test_picture import blocks, right

SIZE = WIDTH * HEIGHT * 3 // 2


class Clock:
    """The machine's, put forward at will."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


async def connect(camera: Input) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_unix_connection(camera.target.removeprefix("unix:"), limit=SIZE)


def never() -> None:
    raise AssertionError("nobody was left behind")


async def test_pictures_come_at_their_time_and_say_so() -> None:
    async with filming(Camera(never)) as picture:
        began = time.time()
        reader, writer = await connect(picture)
        frames = [await reader.readexactly(SIZE) for _ in range(10)]
        writer.close()
        ended = time.time()
    stamps = [int(blocks(frame)[:STAMP_BITS], 2) for frame in frames]
    assert all(right(blocks(frame)) for frame in frames)
    assert stamp(began) <= stamps[0]
    assert stamps[-1] <= stamp(ended)
    apart = {after - before for before, after in pairwise(stamps[1:])}
    assert apart <= {33, 34}, f"1/{RATE} s, however late they are taken"


async def test_each_reader_has_its_own() -> None:
    async with filming(Camera(never)) as picture:
        readers = [await connect(picture) for _ in range(2)]
        for reader, _ in readers:
            assert len(await reader.readexactly(3 * SIZE)) == 3 * SIZE
        readers[0][1].close()
        assert len(await readers[1][0].readexactly(3 * SIZE)) == 3 * SIZE
        readers[1][1].close()


async def test_who_is_far_behind_is_hung_up_on() -> None:
    left: list[bool] = []
    clock = Clock()
    async with filming(Camera(lambda: left.append(True), clock)) as picture:
        reader, writer = await connect(picture)
        await reader.readexactly(2 * SIZE)
        assert not left
        clock.ahead += MOST_LATE + 1
        rest = await reader.read()
        writer.close()
    assert left == [True]
    assert len(rest) % SIZE == 0, "whole pictures"


async def test_nothing_is_left_of_it() -> None:
    async with filming(Camera(never)) as picture:
        reader, writer = await connect(picture)
        await reader.readexactly(SIZE)
    assert not Path(picture.target.removeprefix("unix:")).parent.exists()
    await reader.read()  # which ends: so does the connection
    writer.close()
