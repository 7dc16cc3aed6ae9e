"""DASH-IF Live Media Ingest, interface 2, over real sockets: objects under the encoder's own names,
in any order and on any connection; what refuses one costs nothing but that one."""

from __future__ import annotations

import gzip
import logging

import pytest

from sorgente.http.objects import MAX_UNPLACED
from sorgente.settings import EncoderSettings
from tests.integration.conftest import Launch
from tests.support import boxes
from tests.support.boxes import AUDIO
from tests.support.ingest import Source
from tests.support.live import muxed, payloads, video
from tests.support.objects import segments, sound, styp
from tests.support.origin import InProcess, Response, frame, request_head, until

UPLOAD = video(100, gop=25)
SEGMENTS = segments(UPLOAD, chunks=25)
SOUND = boxes.init_segment(AUDIO)

FFMPEG = [
    ("User-Agent", "Lavf/63.1.102"),
    ("Accept", "*/*"),
    ("Connection", "keep-alive"),
    ("Icy-MetaData", "1"),
]
BASE = "/ingest/live/"
INIT, MEDIA = BASE + "init-stream0.m4s", BASE + "chunk-stream0-{:05d}.m4s"
MPD = """<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="{}"><Period id="0" start="PT0.0S">
<AdaptationSet id="0"><Representation id="0"><SegmentTemplate startNumber="1"
initialization="init-stream$RepresentationID$.m4s"
media="chunk-stream$RepresentationID$-$Number%05d$.m4s"/></Representation></AdaptationSet>
</Period></MPD>"""


class Muxer(Source):
    """A connection of ffmpeg's: chunked bodies, requests sent without a look at the answers."""

    @classmethod
    async def begin_on(cls, origin: InProcess) -> Muxer:
        return cls(await origin.connect(), FFMPEG)

    async def send(self, method: str, path: str, *pieces: bytes) -> None:
        """One request, to its end; nothing is read."""
        head = request_head(method, path, [*FFMPEG, ("Transfer-Encoding", "chunked")])
        await self.wire.send(head + b"".join(map(frame, pieces)) + b"0\r\n\r\n")

    async def answers(self, count: int) -> list[int]:
        return [(await self.answer()).status for _ in range(count)]

    async def delete(self, path: str) -> Response:
        await self.send("DELETE", path)
        return await self.wire.response("DELETE")


async def tracks(origin: InProcess) -> list[str]:
    """Of the channel, in the order of the manifest, once it is announced."""

    def there() -> bool:
        channel = origin.broker.get("live")
        return channel is not None and channel.presentation.snapshot() is not None

    await until(there)
    channel = origin.broker.get("live")
    assert channel is not None
    snapshot = channel.presentation.snapshot()
    assert snapshot is not None
    return [track.name for track in snapshot.periods[0].tracks]


# Order


async def test_everything_pipelined_on_one_connection(origin: InProcess) -> None:
    """Not one answer is read before all is sent; deletions are among it."""
    player = await origin.play("/play/live/stream0")
    muxer = await Muxer.begin_on(origin)
    await muxer.send("PUT", INIT, UPLOAD.init)
    await muxer.send("PUT", BASE + "manifest.mpd", MPD.format("dynamic").encode())
    for number, segment in enumerate(SEGMENTS, start=1):
        await muxer.send("PUT", MEDIA.format(number), segment[:99], segment[99:])
    await muxer.send("DELETE", MEDIA.format(1))
    await muxer.send("PUT", BASE + "manifest.mpd", MPD.format("static").encode())
    assert await muxer.answers(8) == [200] * 8
    got = await player.rest()
    assert got.complete, "static: it is over"
    assert payloads(got.body) == payloads(UPLOAD.whole)


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("order", ["manifest first", "manifest last", "no manifest"])
async def test_a_manifest_comes_when_it_likes(origin: InProcess, order: str, method: str) -> None:
    muxer = await Muxer.begin_on(origin)
    manifest = BASE + "manifest.mpd", MPD.format("dynamic").encode()
    if order == "manifest first":
        await muxer.send(method, *manifest)
    await muxer.send(method, INIT, UPLOAD.init)
    for number, segment in enumerate(SEGMENTS, start=1):
        await muxer.send(method, MEDIA.format(number), segment)
    if order == "manifest last":
        await muxer.send(method, *manifest)
    count = 5 + (order != "no manifest")
    assert await muxer.answers(count) == [200] * count
    assert "stream0" in await tracks(origin)


async def test_a_connection_for_every_object(origin: InProcess) -> None:
    player = await origin.play("/play/live/stream0")
    assert (await origin.ask("PUT", INIT, body=UPLOAD.init)).status == 200
    for number, segment in enumerate(SEGMENTS, start=1):
        response = await origin.ask("PUT", MEDIA.format(number), FFMPEG, body=segment)
        assert response.status == 200
    await origin.ask("PUT", BASE + "a.mpd", body=MPD.format("static").encode())
    assert payloads((await player.rest()).body) == payloads(UPLOAD.whole)


async def test_a_segment_may_be_opened_before_its_init_segment_is_here(origin: InProcess) -> None:
    """ffmpeg opens what is next long before it has bytes; and of two connections, neither knows
    which is read first."""
    player = await origin.play("/play/live/stream0")
    init, media, *_ = [await Muxer.begin_on(origin) for _ in range(2)]
    await media.begin(MEDIA.format(1))
    await init.begin(INIT)
    await media.wire.send(frame(SEGMENTS[0][:500]))
    await init.wire.send(frame(UPLOAD.init) + b"0\r\n\r\n")
    assert (await init.answer()).status == 200
    await media.wire.send(frame(SEGMENTS[0][500:]) + b"0\r\n\r\n")
    assert (await media.answer()).status == 200
    whole = UPLOAD.init + SEGMENTS[0]
    assert payloads(await player.take(len(whole))) == payloads(whole)


async def test_a_segment_that_comes_first_is_not_taken_for_the_other_tracks(
    origin: InProcess,
) -> None:
    """Only the init segment of the sound is here when the first picture comes."""
    player = await origin.play("/play/live/0")
    init, media = [await Muxer.begin_on(origin) for _ in range(2)]
    await init.send("PUT", BASE + "1-header.mp4", SOUND)
    assert await init.answers(1) == [200]
    await media.begin(BASE + "v8000.0.1.m4s")
    await media.wire.send(frame(SEGMENTS[0][:500]))
    await init.send("PUT", BASE + "0-header.mp4", UPLOAD.init)
    assert await init.answers(1) == [200]
    await media.wire.send(frame(SEGMENTS[0][500:]) + b"0\r\n\r\n")
    assert (await media.answer()).status == 200
    mpd = MPD.replace("init-stream$RepresentationID$.m4s", "$RepresentationID$-header.mp4")
    await init.send("PUT", BASE + "a.mpd", mpd.format("static").encode())
    assert payloads((await player.rest()).body) == payloads(UPLOAD.init + SEGMENTS[0])


async def test_a_chunk_is_handed_on_when_it_is_whole_not_its_object(origin: InProcess) -> None:
    player = await origin.play("/play/live/stream0")
    muxer = await Muxer.begin_on(origin)
    await muxer.send("PUT", INIT, UPLOAD.init)
    assert await muxer.answers(1) == [200]
    await muxer.begin(MEDIA.format(1))
    sent = UPLOAD.init
    for chunk in UPLOAD.chunks[:25]:
        for at in range(0, len(chunk), 50):
            await muxer.wire.send(frame(chunk[at : at + 50]))
        sent += chunk
        assert payloads(await player.take(len(sent))) == payloads(sent)
    await muxer.wire.send(b"0\r\n\r\n")
    assert await muxer.answers(1) == [200]


async def test_tracks_are_told_apart(origin: InProcess) -> None:
    """Pictures and sound at the same place, each in a numbering of its own."""
    muxer = await Muxer.begin_on(origin)
    await muxer.send("PUT", BASE + "init-stream1.m4s", SOUND)
    await muxer.send("PUT", INIT, UPLOAD.init)
    for number, segment in enumerate(SEGMENTS, start=1):
        await muxer.send("PUT", BASE + f"chunk-stream1-{number:05d}.m4s", sound(number - 1, 1))
        await muxer.send("PUT", MEDIA.format(number), segment)
    assert await muxer.answers(10) == [200] * 10
    assert await tracks(origin) == ["stream0", "stream1"]


async def test_pictures_and_sound_in_one_object_are_two_tracks(origin: InProcess) -> None:
    """``-f hls``: an init segment of both, playlists."""
    both = muxed(100, gop=25)
    muxer = await Muxer.begin_on(origin)
    await muxer.send("PUT", BASE + "init.mp4", both.init)
    playlist = '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:1,\nindex0.m4s\n'
    for number, segment in enumerate(segments(both, chunks=25)):
        await muxer.send("PUT", BASE + f"index{number}.m4s", styp(b"msix") + segment)
        await muxer.send("PUT", BASE + "index.m3u8", playlist.encode())
    assert await muxer.answers(9) == [200] * 9
    assert await tracks(origin) == ["main-audio", "main-video"]
    await muxer.send("PUT", BASE + "index.m3u8", playlist.encode() + b"#EXT-X-ENDLIST\n")
    assert await muxer.answers(1) == [200]
    await origin.until_metric("sorgente_publishers", 0)


async def test_a_rendition_in_a_folder(origin: InProcess) -> None:
    muxer = await Muxer.begin_on(origin)
    await muxer.send("PUT", BASE + "v0/init.mp4", UPLOAD.init)
    for number, segment in enumerate(SEGMENTS):
        await muxer.send("PUT", BASE + f"v0/index{number}.m4s", segment)
    await muxer.send("PUT", BASE + "v0/index.m3u8", b'#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n')
    await muxer.send("PUT", BASE + "master.m3u8", b"#EXTM3U\n#EXT-X-STREAM-INF:\nv0/index.m3u8\n")
    await muxer.send("DELETE", BASE + "v0/index0.m4s")
    assert await muxer.answers(8) == [200] * 8
    assert "v0" in await tracks(origin)


# Beginning again


@pytest.mark.parametrize("ends", ["it is killed", "it says so"])
async def test_an_encoder_that_begins_again_at_once(origin: InProcess, ends: str) -> None:
    """Time stamps from 0, numbers from 1, the same names: none of it was here already."""
    player = await origin.play("/play/live/stream0")
    for run in range(2):
        muxer = await Muxer.begin_on(origin)
        await muxer.send("PUT", INIT, UPLOAD.init)
        for number, segment in enumerate(SEGMENTS[: 2 + run], start=1):
            await muxer.send("PUT", MEDIA.format(number), segment)
        assert await muxer.answers(3 + run) == [200] * (3 + run)
        if ends == "it says so":
            await muxer.send("PUT", BASE + "a.mpd", MPD.format("static").encode())
        muxer.wire.reset()
    await origin.until_metric("sorgente_chunks_total", 50 + 75)
    assert await origin.metric("sorgente_repeated_chunks_total") == 0
    player.leave()


async def test_an_object_sent_again_was_here_already(origin: InProcess) -> None:
    muxer = await Muxer.begin_on(origin)
    await muxer.send("PUT", INIT, UPLOAD.init)
    for number, segment in [(1, SEGMENTS[0]), (2, SEGMENTS[1]), (2, SEGMENTS[1])]:
        await muxer.send("PUT", MEDIA.format(number), segment)
    assert await muxer.answers(4) == [200] * 4
    assert await origin.metric("sorgente_repeated_chunks_total") == 25


# Removal


async def test_deletions(origin: InProcess) -> None:
    muxer = await Muxer.begin_on(origin)
    assert (await muxer.delete(MEDIA.format(1))).status == 404
    await muxer.send("PUT", INIT, UPLOAD.init)
    await muxer.send("PUT", MEDIA.format(1), SEGMENTS[0])
    await muxer.send("PUT", BASE + "manifest.mpd", MPD.format("dynamic").encode())
    assert await muxer.answers(3) == [200] * 3
    for path in (INIT, MEDIA.format(1), BASE + "manifest.mpd"):
        assert (await muxer.delete(path)).status == 200
    for path in ("x.mpd", "other-1.m4s", "v0/1.m4s", "v0/x.m3u8"):
        response = await muxer.delete(BASE + path)
        assert response.status == 404, path
        assert response.body.count(b"\n") == 1
    await muxer.send("PUT", MEDIA.format(2), SEGMENTS[1])
    assert await muxer.answers(1) == [200], "the connection goes on"


@pytest.mark.parametrize(
    ("path", "status"), [("v", 405), ("v/", 400), ("a/b/1.m4s", 404), ("seg1.ts", 415)]
)
async def test_a_deletion_that_is_refused_costs_no_connection(
    origin: InProcess, path: str, status: int
) -> None:
    """One after the other, each in chunks: ffmpeg ends when its connection does."""
    muxer = await Muxer.begin_on(origin)
    await muxer.wire.send(
        request_head("DELETE", BASE + path, [*FFMPEG, ("Transfer-Encoding", "chunked")])
    )
    await muxer.wire.send(b"0\r\n\r\n")
    assert await muxer.answers(1) == [status]
    await muxer.send("PUT", INIT, UPLOAD.init)
    assert await muxer.answers(1) == [200]


@pytest.mark.parametrize("path", ["/ingest", "/ingest/live", "/ingest/live/v"])
async def test_what_is_one_upload_cannot_be_deleted(origin: InProcess, path: str) -> None:
    response = await origin.ask("DELETE", path)
    assert response.status == 405
    assert "DELETE" not in response.headers["allow"]


# Who reads no answers has the log


async def test_what_ffmpeg_is_told_is_in_the_log(
    origin: InProcess, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    muxer = await Muxer.begin_on(origin)
    for number in range(3):
        await muxer.send("PUT", f"{BASE}index{number}.ts", b"G" * 188)
    await muxer.send("PUT", MEDIA.format(1), SEGMENTS[0])
    assert await muxer.answers(4) == [415, 415, 415, 412]
    await muxer.delete(MEDIA.format(1))
    await origin.ask("GET", "/ingest/live")
    first, second = caplog.messages
    assert first.startswith("live: 127.0.0.1:")
    assert first.endswith(
        "(Lavf/63.1.102) is refused (415): a .ts is nothing that is taken here, but fragmented MP4 "
        "(ffmpeg: -hls_segment_type fmp4)"
    )
    assert "is refused (412): " in second


async def test_an_upload_that_comes_second_is_in_the_log(
    origin: InProcess, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    encoder = await origin.publish("/ingest/live")
    await encoder.send(UPLOAD.init)
    await until(lambda: origin.broker.get("live") is not None)
    assert (await origin.ask("POST", "/ingest/live", body=UPLOAD.whole)).status == 409
    (line,) = caplog.messages
    assert "is refused (409): live is published by" in line


async def test_what_ends_an_upload_is_said_once(
    origin: InProcess, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    muxer = await Muxer.begin_on(origin)
    await muxer.send("PUT", BASE + "Streams(v.cmfv)", b"rubbish, " * 100)
    assert await muxer.answers(1) == [415]
    assert len(caplog.messages) == 1


# Hostile

BOMB = """<?xml version="1.0"?><!DOCTYPE MPD [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><MPD>&b;</MPD>"""
HOSTILE = {
    "entities": ("x.mpd", BOMB.encode(), 400),
    "external": ("x.mpd", b'<!DOCTYPE MPD SYSTEM "file:///etc/passwd"><MPD/>', 400),
    "no XML": ("x.mpd", b"\xff\xfe\0\0", 400),
    "no MPD": ("x.mpd", b"<SmoothStreamingMedia/>", 400),
    "deep": ("x.mpd", b"<MPD>" + b"<a>" * 10_000, 400),
    "no playlist": ("x.m3u8", b"<MPD/>", 400),
    "one long line": ("x.m3u8", b"#EXTM3U\n" + b"x" * 900_000, 400),
    "large": ("x.mpd", b"<MPD>" + b" " * (2 << 20), 413),
    "far too large": ("x.m3u8", b"#EXTM3U\n" * (50 << 17), 413),
    "up": ("..%2fx.mpd", b"<MPD/>", 400),
    "up, in a folder": ("%2e%2e/x.m3u8", b"#EXTM3U", 400),
    "slashes": ("a%2fb.m4s", UPLOAD.init, 400),
    "deep folders": ("a/b/c.m4s", UPLOAD.init, 404),
    "a space": ("a%20b.m4s", UPLOAD.init, 400),
    "long name": ("n" * 61 + ".m4s", UPLOAD.init, 400),
    "no init segment": ("chunk-stream0-1.m4s", SEGMENTS[0], 412),
    "no init segment, large": ("chunk-stream0-1.m4s", SEGMENTS[0] * 20, 412),
    "TS": ("v0/x-1.ts", b"\x47" * 188, 415),
    "a cut box": ("init-stream0.m4s", UPLOAD.init[:-5], 415),
    "three bytes": ("init-stream0.m4s", b"\0\0\0", 200),
    "a box of no size": ("init-stream0.m4s", b"\0\0\0\1moov" + bytes(40), 415),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_refused_costs_nothing_else(origin: InProcess, name: str) -> None:
    """A clear status, one line, and the connection goes on."""
    path, body, status = HOSTILE[name]
    assert len(SEGMENTS[0]) < MAX_UNPLACED < len(SEGMENTS[0]) * 20
    muxer = await Muxer.begin_on(origin)
    for put in (muxer.put, muxer.put_chunked):
        response = await put(BASE + path, body)
        assert response.status == status, response
        assert response.body.count(b"\n") == 1
        assert len(response.body) < 200
    await muxer.send("PUT", BASE + "init-good.m4s", UPLOAD.init)
    await muxer.send("PUT", BASE + "good-1.m4s", SEGMENTS[0])
    assert await muxer.answers(2) == [200, 200]


WHOLE_MPD = MPD.format("dynamic").encode()


def packed(content: bytes) -> bytes:
    """By gzip, the same in every second: a body is part of a test's name."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("name", "coding", "body", "status"),
    [
        ("x.mpd", "gzip", packed(WHOLE_MPD), 200),
        ("v0/x.M3U8", "GZip", packed(b"#EXTM3U\n"), 200),
        ("x.mpd", "x-gzip", b"", 200),
        ("x.mpd", "gzip", WHOLE_MPD, 400),
        ("x.mpd", "gzip", packed(WHOLE_MPD)[:-4], 400),
        ("x.mpd", "gzip", packed(WHOLE_MPD) * 2, 400),
        ("x.mpd", "gzip", packed(b"<MPD>" + bytes(64 << 20)), 413),
        ("x.m3u8", "gzip", packed(packed(b"#EXTM3U\n")), 400),
        ("x.mpd", "br", WHOLE_MPD, 415),
        ("x.mpd", "gzip, gzip", packed(WHOLE_MPD), 415),
        ("init-stream0.m4s", "gzip", packed(UPLOAD.init), 415),
        ("Streams(v.cmfv)", "gzip", packed(UPLOAD.init), 415),
        ("v", "gzip", packed(UPLOAD.init), 415),
    ],
)
async def test_manifests_may_be_packed_and_nothing_else(
    origin: InProcess, name: str, coding: str, body: bytes, status: int
) -> None:
    """DASH-IF Ingest §5 wants gzip taken. A bomb goes off as far as a manifest may go."""
    source = await Source.open(origin)
    coded = [("Content-Encoding", coding)]
    response = await source.put(BASE + name, body, coded)
    assert response.status == status
    if status == 200 and body:
        expected = 0 if name.lower().endswith("m3u8") else 1
        assert response.body == b"%d tracks are expected\n" % expected


async def test_a_packed_object_costs_nothing_but_itself(origin: InProcess) -> None:
    source = await Source.open(origin)
    for body in (packed(UPLOAD.init), packed(bytes(8 << 20))):
        response = await source.put(INIT, body, [("Content-Encoding", "gzip")])
        assert response.status == 415
        assert response.headers["accept-encoding"] == "identity"
    assert (await source.put(INIT, UPLOAD.init)).status == 200


async def test_more_names_than_tracks(launch: Launch) -> None:
    origin = await launch(encoders=EncoderSettings(max_tracks=4))
    muxer = await Muxer.begin_on(origin)
    statuses = []
    for number in range(300):
        statuses.append((await muxer.put(BASE + f"init-s{number}.m4s", UPLOAD.init)).status)
        media = await muxer.put(BASE + f"x{number}-1.m4s", SEGMENTS[0])
        assert media.status in (200, 412)
    assert statuses[:4] == [200] * 4
    assert set(statuses[4:]) == {403}
    channel = origin.broker.get("live")
    assert channel is not None
    assert len([feed for feed in channel if feed.track_name.startswith("s")]) == 4


async def test_bodies_that_break_off_end_nothing(origin: InProcess) -> None:
    muxer = await Muxer.begin_on(origin)
    await muxer.send("PUT", INIT, UPLOAD.init)
    assert await muxer.answers(1) == [200]
    for head, body in [
        (MEDIA.format(1), b""),
        (MEDIA.format(1), SEGMENTS[0][:6]),
        (MEDIA.format(1), SEGMENTS[0][:700]),
        (INIT, UPLOAD.init[:100]),
        (BASE + "manifest.mpd", b"<MPD"),
        (BASE + "nobodys-1.m4s", SEGMENTS[0][:700]),
    ]:
        other = await Muxer.begin_on(origin)
        await other.begin(head)
        if body:
            await other.wire.send(frame(body))
        other.wire.reset()
    for number, segment in enumerate(SEGMENTS, start=1):
        await muxer.send("PUT", MEDIA.format(number), segment)
    assert await muxer.answers(4) == [200] * 4
    assert "stream0" in await tracks(origin)


async def test_silence_is_bounded(launch: Launch) -> None:
    """Of bodies that are nobody's yet, and of manifests."""
    origin = await launch(encoders=EncoderSettings(publisher_timeout=0.3))
    for path, body in [("x-1.m4s", SEGMENTS[0][:100]), ("x.m4s", b"\0\0"), ("x.mpd", b"<MPD")]:
        muxer = await Muxer.begin_on(origin)
        await muxer.begin(BASE + path)
        await muxer.wire.send(frame(body))
        assert (await muxer.answer()).status == 408


async def test_an_upload_at_an_address_with_an_extension(origin: InProcess) -> None:
    """As before there were objects: one long body, be it CMAF or not; and one at a time."""
    player = await origin.play("/play/live/video")
    encoder = await origin.publish(BASE + "video.mp4")
    await encoder.send(UPLOAD.whole[:1000])
    await origin.until_metric("sorgente_publishers", 1)
    other = await origin.publish(BASE + "video.mp4")
    await other.send(UPLOAD.whole)
    assert (await other.answer()).status == 409
    await encoder.send(UPLOAD.whole[1000:])
    assert (await encoder.finish()).status == 200
    got = await player.rest()
    assert got.complete
    assert got.body == UPLOAD.whole


async def test_a_probe_says_nothing(origin: InProcess) -> None:
    muxer = await Muxer.begin_on(origin)
    for path in (INIT, MEDIA.format(1), BASE + "manifest.mpd", BASE + "index.m3u8"):
        assert (await muxer.put(path)).status == 200
        assert (await muxer.put_chunked(path)).status == 200
    assert origin.broker.get("live") is None
