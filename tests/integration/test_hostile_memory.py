"""Encoders that mean ill, all at once, against a real process: what that takes of the memory of the
machine is measured, and stays within what its settings say."""

from __future__ import annotations

import asyncio
import gzip
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Final

import psutil
import pytest

from tests.fuzz.test_isobmff_fuzz import STREAMS, mutated
from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support import boxes
from tests.support.boxes import TrafSpec
from tests.support.corpus import corpus_files, fuzz_input
from tests.support.ingest import Source
from tests.support.live import video
from tests.support.origin import Wire, frame, request_head

pytestmark = pytest.mark.timeout(120)

MIB: Final = 1 << 20
MEMORY: Final = 32 * MIB
"""``--memory``."""
BESIDE: Final = 48 * MIB
"""On top of that: a quarter of it that uploads in progress may hold, what connections have read and
nobody has looked at yet (256 KiB each), the interpreter's own, and what malloc keeps."""
AT_ONCE: Final = 20
"""Encoders of a kind."""

CHUNKED: Final = [("Transfer-Encoding", "chunked")]
PACKED: Final = [("Content-Encoding", "gzip")]
UPLOAD: Final = video(200, gop=5, size=20_000)
BOMB: Final = b"<!DOCTYPE m [<!ENTITY a0 'ha'>%b]><MPD>&a20;</MPD>" % b"".join(
    b"<!ENTITY a%d '%b'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 21)
)
ENDLESS: Final = boxes.moof(TrafSpec()) + b"\3\xff\0\0mdat"
"""A chunk that may just be, of 64 MiB; to begin with."""

Attack = Callable[[OriginProcess, int], Coroutine[None, None, None]]


async def pour(wire: Wire, data: bytes, times: int) -> None:
    """Send until the origin will not have any more."""
    with suppress(ConnectionError):
        for _ in range(times):
            await wire.send(data)


async def manifests(origin: OriginProcess, number: int) -> None:
    """Entities, bombs, 50 MB, and none that is one; on one connection."""
    source = await Source.open(origin)
    path = f"/ingest/m{number}/x.mpd"
    assert (await source.put(path, BOMB)).status == 400
    assert (await source.put(path, gzip.compress(bytes(64 * MIB), 9), PACKED)).status == 413
    assert (await source.put(path, b"<MPD>" + b"<a>" * 300_000)).status == 400
    await source.begin(path)
    await pour(source.wire, frame(b"<" * MIB), 50 if number % 4 == 0 else 2)
    await source.wire.send(b"0\r\n\r\n")
    assert (await source.answer()).status == 413


async def endless_boxes(origin: OriginProcess, number: int) -> None:
    """Up to what a chunk may have, on as many tracks as there may be, of many channels."""
    for track in range(4):
        wire = await origin.connect()
        path = f"/ingest/b{number}/t{track}"
        await wire.send(request_head("PUT", path, CHUNKED) + frame(UPLOAD.init + ENDLESS))
        await pour(wire, frame(bytes(MIB)), 4)


async def many_objects(origin: OriginProcess, number: int) -> None:
    """Good ones, under more names than anybody has; and half of one that never goes on."""
    source = await Source.open(origin)
    for track in range(20):
        base = f"/ingest/o{number}/"
        await source.put(f"{base}init-s{track}.m4s", UPLOAD.init)
        media = b"".join(UPLOAD.chunks[:25])
        await source.put(f"{base}s{track}-1.m4s", media)
        await source.put(f"{base}unknown{track}-1.m4s", media)
    await source.begin(f"{base}s0-2.m4s")
    await source.wire.send(frame(media[: len(media) // 2]))


async def broken_boxes(origin: OriginProcess, number: int) -> None:
    """The corpus and the streams of the fuzzers, wounded, whole and cut off."""
    chance = random.Random(number)
    inputs = [*STREAMS, *map(fuzz_input, corpus_files("fuzz/*"))]
    for _ in range(30):
        source = await Source.open(origin)
        path = f"/ingest/x{number}/" + chance.choice(["Streams(v.cmfv)", "v/1.m4s", "v", "x.mpd"])
        body = mutated(chance.choice(inputs) or b"x", chance)
        if chance.random() < 0.5:
            assert (await source.put(path, body)).status < 500
        else:
            length = ("Content-Length", str(2 * len(body)))
            await source.wire.send(request_head("PUT", path, [length]) + body)
            source.wire.reset()


async def half_a_head(origin: OriginProcess, number: int) -> None:
    for _ in range(10):
        wire = await origin.connect()
        await wire.send(b"PUT /ingest/h%d HTTP/1.1\r\nX: " % number + b"x" * 15_000)


async def floods(origin: OriginProcess, number: int) -> None:
    """As fast as it goes, of media that is as it should be."""
    wire = await origin.connect()
    await wire.send(request_head("PUT", f"/ingest/f{number}", CHUNKED) + frame(UPLOAD.init))
    for chunk in UPLOAD.chunks:
        await pour(wire, frame(chunk), 1)


ATTACKS: Final[list[Attack]] = [
    manifests, endless_boxes, many_objects, broken_boxes, half_a_head, floods
]  # fmt: skip


@asynccontextmanager
async def measured(origin: OriginProcess) -> AsyncIterator[list[int]]:
    """What the process has in memory (resident bytes), looked at all the time."""
    process, seen = psutil.Process(origin.process.pid), list[int]()

    async def look() -> None:
        while True:
            seen.append(process.memory_info().rss)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(look())
    try:
        yield seen
    finally:
        task.cancel()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
async def test_each_takes_no_more_memory_than_it_is_allowed(spawn: Spawn, attack: Attack) -> None:
    origin = await spawn("--memory", str(MEMORY))
    await origin.works("before")
    before = psutil.Process(origin.process.pid).memory_info().rss
    async with measured(origin) as seen:
        async with asyncio.TaskGroup() as group:
            for number in range(AT_ONCE):
                group.create_task(attack(origin, number))
        await origin.works("after")
    grown = max(seen) - before
    print(f"{attack.__name__}: {before / MIB:.0f} MiB, and {grown / MIB:.1f} MiB more at most")  # noqa: T201
    assert grown <= MEMORY + BESIDE
