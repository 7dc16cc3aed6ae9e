"""Nothing that a connection leaves behind waits for the garbage collector: it may hold a window."""

from __future__ import annotations

import re

import pytest

from tests.support.collector import in_dead_cycles, without_collector
from tests.support.live import video
from tests.support.origin import InProcess
from tests.support.origin import request_head as head

RUBBISH = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    "a head too large": b"GET / HTTP/1.1\r\nA: " + b"x" * 200_000,
    "a broken frame": head("POST", "/ingest", [("Transfer-Encoding", "chunked")]) + b"zz\r\n",
    "half a box": head("POST", "/ingest", [("Content-Length", "99")]) + b"\0\0\0\x08ftyp\0",
    "errors in a row": head("GET", "/play/%2e%2e") * 20,
    "half a head": b"GET /play HTTP/1.1\r\n",
}


async def quiet(origin: InProcess) -> None:
    """Nobody is here but who asks."""
    await origin.until_metric("sorgente_connections", 1)


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=RUBBISH.keys())
async def test_of_rubbish(origin: InProcess, rubbish: bytes) -> None:
    await quiet(origin)
    with without_collector():
        wire = await origin.connect()
        await wire.send(rubbish)
        await origin.until_metric("sorgente_connections", 2)
        wire.reset()
        await quiet(origin)
        assert not in_dead_cycles()


@pytest.mark.parametrize("clean", [True, False])
async def test_of_an_encoder_and_its_players(origin: InProcess, clean: bool) -> None:
    upload = video(160, gop=25)
    await quiet(origin)
    with without_collector():
        (early,) = await origin.audience(1)
        encoder = await origin.publish()
        await encoder.send(upload.init, *upload.chunks[:130])
        await origin.until_metric("sorgente_chunks_total", 130)
        late = await origin.play("/play?from=oldest")
        await late.take(1)
        manifest = (await origin.ask("GET", "/live/live/manifest.mpd")).body
        [number] = map(int, re.findall(rb'startNumber="(\d+)"', manifest))
        assert (await origin.ask("GET", f"/live/live/video/{number}.m4s")).status == 200
        assert (await origin.ask("GET", f"/live/live/video/{number - 1}.m4s")).status == 410
        for coming in (number + 2, number + 3):  # the one that grows, and the next
            ahead = await origin.play(f"/live/live/video/{coming}.m4s")
            await origin.metric("sorgente_held")
            ahead.leave()
        late.leave()
        if clean:
            await encoder.finish()
            assert (await early.rest()).complete
            early.leave()
            encoder.wire.close()
        else:
            await encoder.send(upload.chunks[130][:20])
            encoder.vanish()
            early.leave()
        await origin.until_metric("sorgente_publishers", 0)
        await quiet(origin)
        assert not in_dead_cycles()
