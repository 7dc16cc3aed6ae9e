"""What an encoder of DASH or HLS has put, got back under its own names."""

from __future__ import annotations

import pytest

from sorgente.broker import MEMORY_CHECKS_PER_LIMIT
from sorgente.settings import EncoderSettings, WindowSettings
from tests.dash.reader import Mpd
from tests.integration.conftest import Launch
from tests.integration.test_object_ingest import (
    BASE,
    INIT,
    MEDIA,
    MPD,
    SEGMENTS,
    UPLOAD,
    Muxer,
    tracks,
)
from tests.support.origin import InProcess, frame, until

OWN = "/own/live/"
STARTED = MPD.replace('type="{}"', 'type="{}" availabilityStartTime="{}"').replace(
    'startNumber="1"', 'startNumber="1" timescale="1" duration="1"'
)
FIRST, SECOND = "2026-11-22T20:00:00Z", "2026-11-22T20:05:00Z"


async def run(origin: InProcess, start: str, count: int = 4) -> Muxer:
    """An encoder that begins, puts so many segments, and stays."""
    muxer = await Muxer.begin_on(origin)
    await muxer.send("PUT", INIT, UPLOAD.init)
    await muxer.send("PUT", BASE + "own.mpd", STARTED.format("dynamic", start).encode())
    for number, segment in enumerate(SEGMENTS[:count], start=1):
        await muxer.send("PUT", MEDIA.format(number), segment)
    assert await muxer.answers(2 + count) == [200] * (2 + count)
    return muxer


async def editions(origin: InProcess) -> list[str]:
    """As the manifest calls them."""
    mpd = Mpd((await origin.ask("GET", OWN + "own.mpd")).body)
    bases = [period.find("{*}BaseURL") for period in mpd.periods]
    return [base.text or "" for base in bases if base is not None]


async def test_objects_and_their_manifest(origin: InProcess) -> None:
    await run(origin, FIRST)
    await tracks(origin)
    (edition,) = await editions(origin)
    for file, body in [("init-stream0.m4s", UPLOAD.init), ("chunk-stream0-00002.m4s", SEGMENTS[1])]:
        for path in (OWN + edition + file, OWN + file):
            answer = await origin.ask("GET", path)
            assert (answer.status, answer.body) == (200, body)
            assert answer.headers["content-length"] == str(len(body))
            immutable = "immutable" in answer.headers["cache-control"]
            assert immutable is (edition in path)
            head = await origin.ask("HEAD", path)
            assert (head.status, head.body) == (200, b"")
            tag = [("If-None-Match", answer.headers["etag"])]
            assert (await origin.ask("GET", path, tag)).status == 304
    answer = await origin.ask("GET", OWN + "own.mpd")
    assert answer.headers["content-type"] == "application/dash+xml"
    tag = [("If-None-Match", answer.headers["etag"])]
    assert (await origin.ask("GET", OWN + "own.mpd", tag)).status == 304


async def test_what_begins_again_is_another_edition(origin: InProcess) -> None:
    await run(origin, FIRST)
    await tracks(origin)
    (before,) = await editions(origin)
    await run(origin, SECOND, count=2)
    assert (await editions(origin))[0] == before
    _, after = await editions(origin)
    path = "chunk-stream0-00003.m4s"
    assert (await origin.ask("GET", OWN + before + path)).body == SEGMENTS[2]
    assert (await origin.ask("GET", OWN + before + "chunk-stream0-00009.m4s")).status == 404
    mpd = Mpd((await origin.ask("GET", OWN + "own.mpd")).body)
    starts = [period.attrib["start"] for period in mpd.periods]
    assert len(set(starts)) == 2
    assert mpd.periods[0].attrib["duration"] == "PT4S"
    assert (await origin.ask("GET", OWN + after + "chunk-stream0-00001.m4s")).body == SEGMENTS[0]


async def test_an_object_is_served_while_it_grows(origin: InProcess) -> None:
    muxer = await run(origin, FIRST, count=2)
    await tracks(origin)
    (edition,) = await editions(origin)
    waiting = await origin.play(OWN + edition + "chunk-stream0-00003.m4s")
    await until(lambda: _held(origin) == 1)
    await muxer.begin(MEDIA.format(3))
    sent = b""
    for chunk in UPLOAD.chunks[50:60]:
        await muxer.wire.send(frame(chunk[:50]) + frame(chunk[50:]))
        sent += chunk
        assert await waiting.take(len(sent)) == sent, "whole chunks, when they are whole"
    following = await origin.play(OWN + "chunk-stream0-00003.m4s")
    assert await following.take(len(sent)) == sent
    await muxer.wire.send(frame(b"".join(UPLOAD.chunks[60:75])) + b"0\r\n\r\n")
    for player in (waiting, following):
        got = await player.rest()
        assert got.complete
        assert got.body == SEGMENTS[2]
        assert got.headers["transfer-encoding"] == "chunked"


def _held(origin: InProcess) -> int:
    channel = origin.broker.get("live")
    return 0 if channel is None else channel.shelf.held


async def test_an_object_that_breaks_off_never_looks_complete(origin: InProcess) -> None:
    muxer = await run(origin, FIRST, count=1)
    await muxer.begin(MEDIA.format(2))
    await muxer.wire.send(frame(b"".join(UPLOAD.chunks[25:30])))
    player = await origin.play(OWN + "chunk-stream0-00002.m4s")
    await player.take(10)
    muxer.wire.reset()
    assert not (await player.rest()).complete
    assert (await origin.ask("GET", OWN + "chunk-stream0-00002.m4s")).status == 404
    again = await Muxer.begin_on(origin)
    await again.send("PUT", MEDIA.format(2), SEGMENTS[1])
    assert await again.answers(1) == [200]
    assert (await origin.ask("GET", OWN + "chunk-stream0-00002.m4s")).body == SEGMENTS[1]


async def test_deletion(origin: InProcess) -> None:
    muxer = await run(origin, FIRST)
    assert await tracks(origin)
    await muxer.send("DELETE", MEDIA.format(1))
    assert (await muxer.wire.response("DELETE")).status == 200
    assert (await origin.ask("GET", OWN + "chunk-stream0-00001.m4s")).status == 410
    await muxer.send("DELETE", BASE + "own.mpd")
    assert (await muxer.wire.response("DELETE")).status == 200
    assert (await origin.ask("HEAD", OWN + "own.mpd")).status == 404
    assert "stream0" in await tracks(origin), "ours are not the encoder's to delete"


async def test_a_manifest_half_put_is_never_served(origin: InProcess) -> None:
    muxer = await run(origin, FIRST)
    await tracks(origin)
    before = (await origin.ask("GET", OWN + "own.mpd")).headers["etag"]
    other = await Muxer.begin_on(origin)
    await other.begin(BASE + "own.mpd")
    await other.wire.send(frame(STARTED.format("dynamic", SECOND).encode()[:300]))
    assert (await muxer.put(BASE + "own.mpd", b"<MPD")).status == 400
    other.wire.reset()
    assert (await origin.ask("GET", OWN + "own.mpd")).headers["etag"] == before


async def test_a_manifest_is_waited_for(origin: InProcess) -> None:
    player = await origin.play(OWN + "own.mpd")
    await origin.until_metric("sorgente_held", 1)
    await run(origin, FIRST)
    got = await player.rest()
    assert got.status == 200
    assert b"BaseURL" in got.body


async def test_as_it_was_put(launch: Launch) -> None:
    origin = await launch(encoders=EncoderSettings(normalize=False))
    await run(origin, FIRST)
    answer = await origin.ask("GET", OWN + "own.mpd")
    assert answer.body == STARTED.format("dynamic", FIRST).encode()
    assert (await origin.ask("GET", OWN + "chunk-stream0-00001.m4s")).body == SEGMENTS[0]


@pytest.mark.parametrize("normalize", [True, False])
async def test_playlists(launch: Launch, normalize: bool) -> None:
    origin = await launch(encoders=EncoderSettings(normalize=normalize))
    muxer = await Muxer.begin_on(origin)
    media = b'#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:1,\nindex1.m4s\n'
    master = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv0/index.m3u8\n"
    await muxer.send("PUT", BASE + "v0/init.mp4", UPLOAD.init)
    await muxer.send("PUT", BASE + "v0/index1.m4s", SEGMENTS[0])
    await muxer.send("PUT", BASE + "v0/index.m3u8", media)
    await muxer.send("PUT", BASE + "master.m3u8", master)
    assert await muxer.answers(4) == [200] * 4
    own = (await origin.ask("GET", OWN + "v0/index.m3u8")).body
    if normalize:
        (uri,) = (line for line in own.splitlines() if line.endswith(b"index1.m4s"))
        edition = uri.decode().removeprefix("../").removesuffix("v0/index1.m4s")
        assert f'#EXT-X-MAP:URI="../{edition}v0/init.mp4"'.encode() in own.splitlines()
    else:
        assert own == media
        edition = ""
    for path, body in [
        ("master.m3u8", master),
        (f"{edition}v0/init.mp4", UPLOAD.init),
        (f"{edition}v0/index1.m4s", SEGMENTS[0]),
        ("v0/init.mp4", UPLOAD.init),
        ("v0/index1.m4s", SEGMENTS[0]),
    ]:
        answer = await origin.ask("GET", OWN + path)
        assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/own", 404),
        ("/own/live", 404),
        ("/own/live/", 400),
        ("/own/live/..", 400),
        ("/own/live/..%2fx.m4s", 400),
        ("/own/live/e1795380377", 404),
        ("/own/live/a/b/c.m4s", 404),
        ("/own/live/e1795380377/a/b/c.m4s", 404),
        ("/own/live/e1795380377/x.m4s", 404),
        ("/own/live/nobody.m4s", 404),
        ("/own/other/x.m4s", 404),
        ("/own/live/e17953803779999999/x.m4s", 404),
    ],
)
async def test_what_is_not_there(origin: InProcess, path: str, status: int) -> None:
    await run(origin, FIRST)
    answer = await origin.ask("GET", path)
    assert answer.status == status
    assert answer.body.count(b"\n") == 1
    assert (await origin.ask("PUT", path, body=b"x")).status == 405


async def test_all_of_it_is_bounded(launch: Launch) -> None:
    """Nothing is ever deleted, names go on for ever, and the memory of the origin has its bound."""
    origin = await launch(window=WindowSettings(window_bytes=60_000, memory=200_000))
    muxer = await Muxer.begin_on(origin)
    await muxer.send("PUT", INIT, UPLOAD.init)
    for number in range(400):
        await muxer.send("PUT", MEDIA.format(number), SEGMENTS[number % 4])
    assert await muxer.answers(401) == [200] * 401
    channel = origin.broker.get("live")
    assert channel is not None
    await until(lambda: channel.shelf.bytes_held <= 60_000)
    assert (await origin.ask("GET", OWN + "chunk-stream0-00001.m4s")).status in (404, 410)
    assert (await origin.ask("GET", OWN + "chunk-stream0-00399.m4s")).status == 200
    # Looked after each part of it has come in: what of that is held is up to four times as much.
    assert origin.broker.bytes_held <= 200_000 + 4 * 200_000 // MEMORY_CHECKS_PER_LIMIT
