"""Proxies in front of an origin, as ``deploy/proxies`` sets them up: nothing waits in them."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.deploy.fronts import FRONTS, configured
from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support.absent import absent
from tests.support.live import payloads, video
from tests.support.origin import Site, request_head, until
from tests.support.ports import free_port

pytestmark = pytest.mark.timeout(60)

UPLOAD = video(75, gop=25)


class Fronted(Site):
    """An origin as it is seen through a proxy."""

    def __init__(self, origin: OriginProcess, port: int) -> None:
        super().__init__()
        self.origin, self.port = origin, port


def started(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, stdin=subprocess.DEVNULL)


@pytest.fixture(params=FRONTS)
async def site(
    request: pytest.FixtureRequest, spawn: Spawn, tmp_path: Path
) -> AsyncIterator[Fronted]:
    front = FRONTS[request.param]
    options = ["--proxy-protocol"] if front.proxy_protocol else []
    origin = await spawn("--trusted-proxy", "127.0.0.1", "--publish-key", "some-key-42", *options)
    port = free_port()
    command = front.command(configured(front, tmp_path, port=port, origin_port=origin.port))
    if shutil.which(command[0]) is None:
        absent(f"{command[0]} is not installed")
    log = tmp_path / "front.log"
    process = started(command, log)
    site = Fronted(origin, port)

    async def listens() -> bool:
        assert process.poll() is None, log.read_text()
        return await site.listens()

    await until(listens)
    yield site
    site.hang_up()
    process.kill()
    await asyncio.to_thread(process.wait)


KEY = [("Authorization", "Bearer some-key-42")]


async def test_a_chunk_goes_through_when_it_comes(site: Fronted) -> None:
    """Up through the proxy, and down through it: each chunk is here before the next is sent."""
    player = await site.play()
    await site.until_metric("sorgente_held", 1)
    encoder = await site.publish(headers=KEY)
    size = 0
    for piece in (UPLOAD.init, *UPLOAD.chunks):
        await encoder.send(piece)
        size += len(piece)
        assert len(await player.take(size)) == size
    assert (await encoder.finish()).status == 200
    assert payloads((await player.rest()).body) == payloads(UPLOAD.whole)


async def test_a_segment_grows_through_it(site: Fronted) -> None:
    encoder = await site.publish("/ingest/live/v", headers=KEY)
    await encoder.send(UPLOAD.init, *UPLOAD.chunks[:51])
    mpd = (await site.ask("GET", "/live/live/manifest.mpd")).body.decode()
    number = int(re.findall(r'startNumber="(\d+)"', mpd)[-1])
    growing = await site.play(f"/live/live/v/{number + 1}.m4s")
    await growing.head()
    for chunk in UPLOAD.chunks[51:]:
        before = len(growing.body)
        await encoder.send(chunk)
        await growing.take(before + 1)
    assert growing.status == 200
    assert (await encoder.finish()).status == 200
    assert (await growing.rest()).complete


async def test_the_log_says_who_it_was(site: Fronted) -> None:
    wire = await site.connect(source="127.0.0.2")
    await wire.send(request_head("PUT", "/ingest/x", [("Content-Length", "1")]) + b"x")
    assert (await wire.response("PUT")).status == 401
    await site.origin.logged("127.0.0.2")
