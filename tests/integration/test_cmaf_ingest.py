"""DASH-IF Live Media Ingest, interface 1, over real sockets: encoders' habits, and what players get
of what they send."""

from __future__ import annotations

import asyncio
import subprocess
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import pytest

from sorgente.http.posted import MAX_MANIFEST
from sorgente.isobmff.fragment import MediaChunk
from sorgente.settings import EncoderSettings
from tests.dash.reader import Mpd
from tests.dash.rules import RULES
from tests.dash.schemas import complaints
from tests.e2e.programs import decoded
from tests.integration.conftest import Launch
from tests.support import boxes
from tests.support.boxes import TrackSpec
from tests.support.corpus import corpus_file
from tests.support.ingest import FMP4INGEST, LIVESIM2, MEDIALIVE, Source
from tests.support.live import payloads, video
from tests.support.objects import LAST_WORD, META, one_chunk, segments, sound
from tests.support.origin import InProcess, frame, request_head, until
from tests.support.uploads import chunks_of, units_of

UPLOAD = video(100, gop=25)
SEGMENTS = segments(UPLOAD, chunks=25)
ENDED = segments(UPLOAD, chunks=25, last=True)
PATH = "/ingest/live/Streams(video.cmfv)"
SPLIT_MPD = """<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period>
<AdaptationSet id="{}"><Representation id="video"/></AdaptationSet>
<AdaptationSet id="other"><Representation id="v2"/></AdaptationSet></Period></MPD>"""


async def manifest(origin: InProcess, channel: str = "live") -> Mpd:
    """The manifest, once there is one; valid, and by all rules that apply."""
    response = await origin.ask("GET", f"/live/{channel}/manifest.mpd")
    assert response.status == 200, response
    assert not complaints("DASH-MPD.xsd", response.body)
    mpd = Mpd(response.body)
    broken = {rule.id: list(rule.broken(mpd)) for rule in RULES if rule.applies(mpd)}
    assert not any(broken.values()), broken
    return mpd


def media(body: bytes, init: bytes) -> list[MediaChunk]:
    return chunks_of(units_of(init + body))


# Encoders


async def test_medialive(origin: InProcess) -> None:
    """PUT, brackets escaped, numbers from 1, one connection, no header that says anything."""
    player = await origin.play("/play/live/video")
    source = await Source.open(origin, MEDIALIVE)
    path = "/ingest/live/Streams%28video.cmfv%29"
    for body in (b"", UPLOAD.init, *ENDED):
        assert (await source.put(path, body)).status == 200
    got = await player.rest()
    assert got.complete
    assert payloads(got.body) == payloads(UPLOAD.whole)


@pytest.mark.parametrize("named", ["/ingest/live/video/{}.cmfv", PATH])
async def test_livesim2(origin: InProcess, named: str) -> None:
    """A manifest first, segments while they are made, a connection for every track."""
    player = await origin.play("/play/live/video")
    source = await Source.open(origin, LIVESIM2)
    assert (await source.put("/ingest/live/live.mpd", SPLIT_MPD.format("v").encode())).status == 200
    assert (await source.put(named.format("init"), UPLOAD.init)).status == 200
    for number, segment in enumerate(ENDED, start=86):
        chunks = [segment[at : at + 500] for at in range(0, len(segment), 500)]
        assert (await source.put_chunked(named.format(number), *chunks)).status == 200
    got = await player.rest()
    assert got.complete
    assert payloads(got.body) == payloads(UPLOAD.whole)


async def test_fmp4ingest(origin: InProcess) -> None:
    """POST, curl's Expect, forms in the Content-Type, an empty mfra at the end."""
    player = await origin.play("/play/live/video")
    source = await Source.open(origin, FMP4INGEST, "POST")
    assert (await source.put(PATH, UPLOAD.init)).status == 200
    for segment in SEGMENTS:
        response = await source.put_expecting(PATH, segment)
        assert response.status == 200
    assert (await source.put(PATH, LAST_WORD)).status == 200
    got = await player.rest()
    assert got.complete
    assert got.body == UPLOAD.whole


async def test_fmp4ingest_with_one_long_body(origin: InProcess) -> None:
    player = await origin.play("/play/live/video")
    source = await Source.open(origin, FMP4INGEST, "POST")
    assert (await source.put(PATH, UPLOAD.init)).status == 200
    assert (await source.put_chunked(PATH, UPLOAD.init, *SEGMENTS, LAST_WORD)).status == 200
    got = await player.rest()
    assert got.complete
    assert got.body == UPLOAD.whole + LAST_WORD


async def test_requests_may_be_pipelined(origin: InProcess) -> None:
    player = await origin.play("/play/live/video")
    source = await Source.open(origin)
    answers = await source.pipeline(PATH, [UPLOAD.init, *ENDED])
    assert [answer.status for answer in answers] == [200] * (1 + len(ENDED))
    assert payloads((await player.rest()).body) == payloads(UPLOAD.whole)


async def test_a_connection_for_every_object(origin: InProcess) -> None:
    player = await origin.play("/play/live/video")
    for body in (UPLOAD.init, *ENDED):
        response = await origin.ask("PUT", PATH, body=body)
        assert response.status == 200
    assert payloads((await player.rest()).body) == payloads(UPLOAD.whole)


async def test_redundant_encoders(origin: InProcess) -> None:
    """The same segments on two connections, one a little behind, then the first dies in a
    segment."""
    player = await origin.play("/play/live/video")
    one, other = [await Source.open(origin) for _ in range(2)]
    for source in (one, other):
        assert (await source.put(PATH, UPLOAD.init)).status == 200
    for segment in ENDED[:2]:
        for source in (one, other):
            assert (await source.put(PATH, segment)).status == 200
    await one.begin(PATH)
    await one.wire.send(frame(ENDED[2][: len(ENDED[2]) // 2]))
    await origin.until_metric("sorgente_chunks_total", 50 + 12)
    one.wire.reset()
    for segment in ENDED[2:]:
        assert (await other.put(PATH, segment)).status == 200
    got = await player.rest()
    assert got.complete
    assert payloads(got.body) == payloads(UPLOAD.whole)
    assert await origin.metric("sorgente_repeated_chunks_total") == 50 + 12


async def test_players_stay_when_the_encoder_sends_nothing_for_a_while(launch: Launch) -> None:
    """Its silence is that of an upload that broke off; it may go on with the next segment."""
    origin = await launch(encoders=EncoderSettings(publisher_timeout=0.3, reconnect_grace=600))
    player = await origin.play("/play/live/video")
    source = await Source.open(origin)
    await source.put(PATH, UPLOAD.init)
    await source.put(PATH, ENDED[0])
    assert await origin.metric("sorgente_publishers") == 1
    await origin.until_metric("sorgente_publishers", 0)
    for segment in ENDED[1:]:
        assert (await source.put(PATH, segment)).status == 200
    got = await player.rest()
    assert got.complete
    assert payloads(got.body) == payloads(UPLOAD.whole)


# Answers


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        (PATH, SEGMENTS[0], 412, b"missing or incorrect init"),
        ("/ingest/live/video", SEGMENTS[0], 412, b"missing or incorrect init"),
        ("/ingest/live/video/1.m4s", SEGMENTS[0], 412, b"missing or incorrect init"),
        ("/ingest/live/video/1.m4s", b"\x47" * 188 * 7, 415, b"only fragmented MP4"),
        (PATH, b"<html></html>", 415, b"only fragmented MP4"),
        ("/ingest/live/video/1.ts", b"\x47" * 188, 415, b".ts"),
        ("/ingest/live/video/x y.cmfv", b"x", 400, b""),
        ("/ingest/live/%2e%2e/1.cmfv", b"x", 400, b"a track name is"),
        ("/ingest/live/video/..%2f..%2fx", b"x", 400, b"a file name is"),
        ("/ingest/live/a/b/c.cmfv", b"x", 404, b"nothing at this path"),
        ("/ingest/live/x.mpd", b"<MPD", 400, b"not XML"),
        ("/ingest/live/x.mpd", b"<!DOCTYPE MPD []><MPD/>", 400, b"no document type"),
        ("/ingest/live/video/1.cmfv", UPLOAD.init[:-1], 415, b""),
        ("/ingest/live/video/1.cmfv", UPLOAD.init + SEGMENTS[0][:-1], 400, b"ended"),
    ],
)
async def test_refusals(
    origin: InProcess, path: str, body: bytes, status: int, says: bytes
) -> None:
    response = await origin.ask("PUT", path, body=body)
    assert response.status == status
    assert says in response.body
    await origin.works("other")


@pytest.mark.parametrize("body", [SEGMENTS[0], b"\x47" * 1_000_000, b""])
async def test_a_refused_object_costs_the_encoder_nothing_but_its_object(
    origin: InProcess, body: bytes
) -> None:
    source = await Source.open(origin)
    path = "/ingest/live/video/{}.cmfv"
    for _ in range(3):
        expected = 200 if not body else 412 if body is SEGMENTS[0] else 415
        assert (await source.put(path.format(7), body)).status == expected
        if body:
            pieces = body[:100], body[100:]
            assert (await source.put_chunked(path.format(8), *pieces)).status == expected
    for each in (UPLOAD.init, *SEGMENTS):
        assert (await source.put(path.format(9), each)).status == 200


@pytest.mark.parametrize(
    "name", ["v{}/init.cmfv", "Streams(v{}.cmfv)", "v{}.cmfv", "Switching(s)/Streams(v{}.cmfv)"]
)
async def test_too_many_tracks_are_no_reason_to_close_a_connection(
    launch: Launch, name: str
) -> None:
    """DASH-IF Ingest §5: 403; it says which limit, and how much. Tracks that are there go on."""
    origin = await launch(encoders=EncoderSettings(max_tracks=2))
    source = await Source.open(origin)
    path = "/ingest/live/" + name
    answers = [await source.put(path.format(n), UPLOAD.init) for n in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 403, 403]
    for answer in answers[2:]:
        assert answer.body == b"live has 2 tracks, and --max-tracks allows 2\n"
        assert "close" not in answer.headers.get("connection", "")
    assert (await source.put(path.format(0), SEGMENTS[0])).status == 200, "the same connection"
    elsewhere = await source.put("/ingest/other/v9/init.cmfv", UPLOAD.init)
    assert elsewhere.status == 200, "each channel has its own"


async def test_players_that_wait_keep_no_track_out(launch: Launch) -> None:
    origin = await launch(encoders=EncoderSettings(max_tracks=2))
    players = [await origin.play(f"/play/live/x{number}") for number in range(5)]
    await until(lambda: sum(channel.waiting for channel in origin.broker) == 5)
    source = await Source.open(origin)
    answers = [(await source.put(f"/ingest/live/x{n}/init.cmfv", UPLOAD.init)).status
               for n in range(3)]  # fmt: skip
    assert answers == [200, 200, 403]
    for player in players:
        player.leave()


async def test_a_stream_and_objects_are_not_the_same_track(origin: InProcess) -> None:
    encoder = await origin.publish(PATH)
    await encoder.send(UPLOAD.whole)
    await origin.until_metric("sorgente_chunks_total", 100)
    source = await Source.open(origin)
    response = await source.put("/ingest/live/video/1.cmfv", SEGMENTS[0])
    assert response.status == 409
    assert b"is published by" in response.body
    assert (await source.put("/ingest/live/other/1.cmfv", UPLOAD.init)).status == 200
    assert (await encoder.finish()).status == 200


@pytest.mark.parametrize("header", ["Range", "Content-Range"])
async def test_parts_of_objects_are_refused(origin: InProcess, header: str) -> None:
    source = await Source.open(origin)
    await source.put("/ingest/live/v/1.cmfv", UPLOAD.init)
    response = await source.put("/ingest/live/v/1.cmfv", SEGMENTS[0], [(header, "bytes=0-9")])
    assert response.status == 400
    assert (await source.put("/ingest/live/v/1.cmfv", SEGMENTS[0])).status == 200


async def test_manifests_have_a_bound(origin: InProcess) -> None:
    wire = await origin.connect()
    await wire.send(request_head("PUT", "/ingest/live/x.mpd", [("Content-Length", str(1 << 30))]))
    assert (await wire.response("PUT")).status == 413
    source = await Source.open(origin)
    for _ in range(2):
        pieces = [b"<" * 65536] * (MAX_MANIFEST // 65536), b"<"
        response = await source.put_chunked("/ingest/live/x.mpd", *pieces[0], pieces[1])
        assert response.status == 413
        assert (await source.put("/ingest/live/x.mpd", b"<" * (50 << 20))).status == 413


# Presentations


class Encoder:
    """Sends segments of some tracks, round by round."""

    def __init__(self, origin: InProcess, tracks: dict[str, list[bytes]]) -> None:
        self.origin = origin
        self.tracks = tracks
        self._sources: dict[str, Source] = {}
        self._sent = 0

    async def send(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            for track, bodies in self.tracks.items():
                if track not in self._sources:
                    self._sources[track] = await Source.open(self.origin)
                if self._sent < len(bodies):
                    path = f"/ingest/live/{track}/{self._sent}.cmfv"
                    response = await self._sources[track].put(path, bodies[self._sent])
                    assert response.status == 200, response
            self._sent += 1


async def announced(origin: InProcess) -> None:
    async def there() -> bool:
        presentation = origin.broker.get("live")
        return presentation is not None and presentation.presentation.snapshot() is not None

    await until(there)


async def test_the_captures_of_the_corpus(origin: InProcess) -> None:
    """Audio, video and text as a broadcaster sends them: one chunk a segment, epoch-based times."""
    folders = {"video-500Kbps": "cmfv", "audio-nor-128Kbps": "cmfa", "text-nor-0": "cmft"}
    tracks = {
        folder: [
            corpus_file(f"cmaf/zero-3.84s/{folder}/{name}.{extension}")
            for name in ("init_org", *range(6))
        ]
        for folder, extension in folders.items()
    }
    encoder = Encoder(origin, tracks)
    await encoder.send(rounds=4)
    await announced(origin)
    await encoder.send(rounds=3)
    mpd = await manifest(origin)
    assert len(mpd.periods) == 1
    kinds = {s.node.attrib["contentType"] for s in mpd.sets}
    assert kinds == {"video", "audio", "text"}
    for track in origin.broker.get("live").presentation.tracks.values():  # type: ignore[union-attr]
        assert len(track.segments) == 6, track.name
        for segment in track.segments.values():
            init = await origin.ask("GET", f"/live/live/{track.name}/init-{segment.epoch}.mp4")
            got = await origin.ask("GET", f"/live/live/{track.name}/{segment.number}.m4s")
            assert got.complete
            (chunk,) = media(got.body, init.body)
            timescale = track.timescale
            start = chunk.fragment.tracks[0].base_decode_time
            assert abs(start - segment.time) < timescale / 5


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[bytes]]:
    """Init segment and segments of four chunks each that ffmpeg made."""
    common = ["-nostdin", "-v", "error", "-f", "lavfi", "-i"]
    inputs = {
        "video": ["testsrc2=size=160x90:rate=25:duration=8", "-c:v", "libx264", "-g", "50",
                  "-preset", "ultrafast", "-sc_threshold", "0", "-pix_fmt", "yuv420p"],
        "audio": ["sine=frequency=440:sample_rate=48000:duration=8", "-c:a", "aac"],
    }  # fmt: skip

    def make(kind: str) -> list[bytes]:
        done = subprocess.run(
            [imageio_ffmpeg.get_ffmpeg_exe(), *common, *inputs[kind],
             "-frag_duration", "500000", "-movflags", "cmaf+frag_keyframe+skip_trailer",
             "-f", "mp4", "pipe:1"],
            capture_output=True, check=True, timeout=50,
        )  # fmt: skip
        init, *units = units_of(done.stdout)
        chunks = [unit.data for unit in units]
        return [init.data, *(b"".join(chunks[at : at + 4]) for at in range(0, len(chunks), 4))]

    return make


async def test_ffmpeg_decodes_what_is_served(
    origin: InProcess, recording: Callable[[str], list[bytes]], tmp_path: Path
) -> None:
    encoder = Encoder(origin, {kind: recording(kind) for kind in ("video", "audio")})
    await encoder.send(rounds=3)
    await announced(origin)
    await encoder.send(rounds=2)
    await manifest(origin)
    found = origin.broker.get("live")
    assert found is not None
    for name, track in found.presentation.tracks.items():
        assert len(track.segments) == 4
        (epoch,) = {segment.epoch for segment in track.segments.values()}
        body = (await origin.ask("GET", f"/live/live/{name}/init-{epoch}.mp4")).body
        for number in track.segments:
            body += (await origin.ask("GET", f"/live/live/{name}/{number}.m4s")).body
        path = tmp_path / f"{name}.mp4"
        path.write_bytes(body)
        frames = await asyncio.to_thread(decoded, path)
        assert len(frames) >= (200 if name == "video" else 370)


async def test_a_complete_segment_is_over_before_the_next_one_begins(origin: InProcess) -> None:
    encoder = Encoder(origin, {"video": [UPLOAD.init, *segments(UPLOAD, chunks=50)]})
    await encoder.send(rounds=3)
    await announced(origin)
    track = origin.broker.get("live").presentation.tracks["video"]  # type: ignore[union-attr]
    assert [segment.complete for segment in track.segments.values()] == [True, True]


async def test_a_sparse_track_holds_nobody_up_and_changes_nothing(origin: InProcess) -> None:
    """Metadata that come once: no period is made for them, none without them."""
    bodies = segments(video(250, gop=25), chunks=50)
    encoder = Encoder(
        origin,
        {
            "video": [UPLOAD.init, *bodies],
            "audio": [
                boxes.init_segment(boxes.AUDIO),
                *(sound(2 * at, 2) for at in range(len(bodies))),
            ],
            "cues": [boxes.init_segment(META), one_chunk(META, 0, 2)],
        },
    )
    await encoder.send(rounds=3)
    await announced(origin)
    await encoder.send(rounds=3)
    mpd = await manifest(origin)
    assert len(mpd.periods) == 1
    found = origin.broker.get("live")
    assert found is not None
    snapshot = found.presentation.snapshot()
    assert snapshot is not None
    assert [track.name for track in snapshot.periods[0].tracks] == ["audio", "cues", "video"]


SPARSE = {
    "wvtt": (b"text", b"", "application/mp4", "wvtt"),
    "stpp": (b"subt", b"http://www.w3.org/ns/ttml\0\0\0", "application/mp4", "stpp.ttml.im1t"),
    "urim": (b"meta", boxes.box(b"uri ", bytes(4), b"urn:x\0"), None, None),
    "evte": (b"meta", b"", None, None),
}
"""Handler, what is in the sample entry, and how the MPD calls it: players know no metadata tracks,
and Shaka takes one for subtitles."""


@pytest.mark.parametrize("kind", SPARSE)
async def test_text_and_metadata_tracks(origin: InProcess, kind: str) -> None:
    """DASH-IF Ingest §6.5, §6.6: each sample is got back; text is announced as what it is."""
    handler, inside, mime_type, codecs = SPARSE[kind]
    entry = boxes.box(kind.encode(), bytes(6), boxes.u16(1), inside)
    spec = TrackSpec(3, handler, 1000, entry, width=0, height=0)
    said = [one_chunk(spec, at, 2, b"said at %d" % at) for at in (0, 2)]
    bodies = segments(UPLOAD, chunks=50)
    encoder = Encoder(
        origin, {"video": [UPLOAD.init, *bodies], "says": [boxes.init_segment(spec), *said]}
    )
    await encoder.send(rounds=3)
    await announced(origin)
    mpd = await manifest(origin)
    assert len(mpd.periods) == 1
    found = [each for each in mpd.sets if each.node.attrib["contentType"] == "text"]
    if codecs is None:
        assert not found
    else:
        (of_text,) = found
        assert of_text.node.attrib["mimeType"] == mime_type
        (representation,) = of_text.node.iterfind("{*}Representation")
        assert representation.attrib["codecs"] == codecs
    channel = origin.broker.get("live")
    assert channel is not None
    track = channel.presentation.tracks["says"]
    got = b""
    for number in track.segments:
        got += (await origin.ask("GET", f"/live/live/says/{number}.m4s")).body
    assert b"said at 0" in got


SCTE35 = b"urn:scte:scte35:2013:bin"
SPLICE = bytes.fromhex("fc302000000000000000fff00f05000000017fbf00fe0052ccf500010101")
EVENTS = {
    "evte": (boxes.events_entry(), boxes.emib(SCTE35, b"", 500, 2000, 7, SPLICE), "0.5"),
    "urim": (boxes.uri_entry(SCTE35), SPLICE, "0"),
}
"""Sample entry, a sample of two seconds, and when its event begins: seconds after it does."""


@pytest.mark.parametrize("kind", EVENTS)
async def test_events_of_metadata_tracks(origin: InProcess, kind: str) -> None:
    """DASH-IF Ingest §6.6: what they tell is in the manifest, as they are not."""
    entry, sample, delay = EVENTS[kind]
    spec = TrackSpec(3, b"meta", 1000, entry, width=0, height=0)
    cues = [boxes.init_segment(spec), one_chunk(spec, 0, 2), one_chunk(spec, 2, 2, sample)]
    if kind == "urim":
        cues[1] = one_chunk(spec, 0, 2, b"")
    pictures = [UPLOAD.init, *segments(UPLOAD, chunks=50)]
    await Encoder(origin, {"video": pictures, "cues": cues}).send(rounds=3)
    await announced(origin)
    mpd = await manifest(origin)
    assert {each.id for each in mpd.representations} == {"video", "silence"}
    (period,) = mpd.periods
    (stream,) = period.iterfind("{*}EventStream")
    assert stream.attrib["schemeIdUri"] == SCTE35.decode()
    (event,) = stream.iterfind("{*}Event")
    assert event.attrib["duration"] == "2000"
    assert b64decode(event.text or "") == SPLICE
    ticks = int(event.attrib["presentationTime"]) - int(stream.attrib["presentationTimeOffset"])
    assert Fraction(ticks, int(stream.attrib["timescale"])) == 2 + Fraction(delay)


async def test_events_and_switching_sets_are_in_the_manifest(origin: InProcess) -> None:
    scheme = b"urn:scte:scte35:2013:bin"
    source = await Source.open(origin)
    await source.put("/ingest/live/live.mpd", SPLIT_MPD.format("set").encode())
    event = boxes.emsg(scheme, b"1001", payload=b"\xfc0")
    bodies = segments(UPLOAD, chunks=50)
    for track in ("video", "v2"):
        await source.put(f"/ingest/live/{track}/init.cmfv", UPLOAD.init)
    for body in bodies:
        for track in ("video", "v2"):
            await source.put(f"/ingest/live/{track}/1.cmfv", event + body)
    await announced(origin)
    mpd = await manifest(origin)
    pictures = [each for each in mpd.sets if each.node.attrib["contentType"] == "video"]
    assert len(pictures) == 2, "though they could be switched between"
    response = await origin.ask("GET", "/live/live/manifest.mpd")
    assert response.body.count(b'InbandEventStream schemeIdUri="urn:scte:scte35:2013:bin"') == 2


# Hostile


@asynccontextmanager
async def flood(origin: InProcess, count: int) -> AsyncIterator[list[Source]]:
    sources = [await Source.open(origin) for _ in range(count)]
    yield sources
    for source in sources:
        source.wire.reset()


async def test_many_bodies_that_never_end_are_bounded(launch: Launch) -> None:
    """Each holds a piece of a box, all of one track."""
    origin = await launch(encoders=EncoderSettings(publisher_timeout=0.5))
    first = await Source.open(origin)
    await first.put(PATH, UPLOAD.init)
    async with flood(origin, 50) as sources:
        for source in sources:
            await source.begin(PATH)
            await source.wire.send(frame(SEGMENTS[0][:100]))
        assert {(await source.answer()).status for source in sources} == {408}
    await origin.until_metric("sorgente_publishers", 0)
    held = origin.broker.get("live")
    assert held is None or all(feed.session is None for feed in held)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xff\xff\xffmoof" + bytes(100),
        b"\0\0\0\0moof",
        b"\0\0\0\1mdat\xff\xff\xff\xff\xff\xff\xff\xff",
        SEGMENTS[0][: len(SEGMENTS[0]) // 2],
        SEGMENTS[0][8:],
        UPLOAD.init[: len(UPLOAD.init) // 2],
        UPLOAD.init.replace(b"trak", b"xxxx"),
        b"\0\0\0\x08free" * 2000,
        bytes(100_000),
    ],
)
async def test_broken_objects_end_nothing(origin: InProcess, body: bytes) -> None:
    player = await origin.play("/play/live/video")
    source = await Source.open(origin)
    await source.put(PATH, UPLOAD.init)
    for segment in ENDED:
        assert (await source.put(PATH, body)).status in (200, 400, 413, 415)
        assert (await source.put(PATH, segment)).status == 200
    got = await player.rest()
    assert got.complete
    assert payloads(got.body) == payloads(UPLOAD.whole)
