"""An encoder's own manifests over the life of an event, on a clock in our hands."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sorgente.dash.own import seconds
from sorgente.http.own import MAX_LINES_NORMALIZED
from tests.dash.reader import Mpd
from tests.hls.test_own import numbered, text
from tests.support.live import video
from tests.support.objects import segments
from tests.support.transport import House, body_of, header, request, status

UPLOAD = video(150, gop=25)
SEGMENTS = segments(UPLOAD, chunks=25)
"""Of a second each."""

LIVE = """<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" minBufferTime="PT1S"
availabilityStartTime="2026-11-22T12:00:0{}Z" profiles="urn:mpeg:dash:profile:isoff-live:2011"
maxSegmentDuration="PT1S"><Period id="0" start="PT0S"><AdaptationSet id="0" contentType="video">
<Representation id="0" bandwidth="1" mimeType="video/mp4"><SegmentTemplate startNumber="1"
duration="1" timescale="1" availabilityTimeOffset="0.9" availabilityTimeComplete="false"
initialization="init-stream$RepresentationID$.m4s"
media="chunk-stream$RepresentationID$-$Number%05d$.m4s"/></Representation></AdaptationSet>
</Period></MPD>"""
LAST = LIVE.replace('availabilityStartTime="2026-11-22T12:00:0{}Z"', "").replace(
    '"dynamic"', '"static" mediaPresentationDuration="PT3.5S"'
)
OWN = "/own/live/"


class Encoder:
    """It puts what it has, and looks at what becomes of it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.wire = house.connect()

    def put(self, file: str, body: bytes) -> int:
        head = f"PUT /ingest/live/{file} HTTP/1.1".encode()
        self.wire.receive(request(head, b"Content-Length: %d" % len(body), body=body))
        return status(self.wire.take())

    def get(self, path: str) -> bytes:
        return self.house.request(f"GET {path} HTTP/1.1".encode()).written

    def mpd(self) -> Mpd:
        return Mpd(body_of(self.get(OWN + "own.mpd")))

    def run(self, dash: int = 4) -> None:
        """So many segments, one a second, with a manifest in front."""
        assert self.put("init-stream0.m4s", UPLOAD.init) == 200
        start = round(self.house.clock.now) % 1000
        assert self.put("own.mpd", LIVE.format(start % 10).encode()) == 200
        for number in range(dash):
            file = f"chunk-stream0-{number + 1:05d}.m4s"
            assert self.put(file, SEGMENTS[number]) == 200
            self.house.pass_time(1)

    def run_hls(self, count: int = 4, folder: str = "") -> None:
        assert self.put(folder + "init.mp4", UPLOAD.init) == 200
        for number in range(count):
            assert self.put(f"{folder}index{number}.m4s", SEGMENTS[number]) == 200
            said = text(range(max(0, number - 2), number + 1))
            assert self.put(folder + "index.m3u8", said.encode()) == 200
            self.house.pass_time(1)

    def playlist(self, file: str = "index.m3u8") -> list[str]:
        return body_of(self.get(OWN + file)).decode().splitlines()

    def wait(self, seconds_: float) -> None:
        for _ in range(round(seconds_ * 4)):
            self.house.pass_time(0.25)


@pytest.fixture
def encoder() -> Encoder:
    return Encoder(House())


def test_an_event_that_its_encoder_ends(encoder: Encoder) -> None:
    encoder.run()
    start = seconds(encoder.mpd().periods[0].attrib["start"])
    assert start is not None
    encoder.put("own.mpd", LAST.encode())
    encoder.wait(2)
    lingering = encoder.mpd()
    assert lingering.root.attrib["type"] == "dynamic", "it may begin again"
    assert "mediaPresentationDuration" not in lingering.root.attrib
    (template,) = lingering.root.iterfind(".//{*}SegmentTemplate")
    assert template.attrib["availabilityTimeOffset"] == "0.9", "as before"
    encoder.wait(10)
    farewell = encoder.mpd()
    assert farewell.root.attrib["type"] == "dynamic"
    end = seconds(farewell.root.attrib["mediaPresentationDuration"])
    assert end == start + Fraction("3.5")
    encoder.wait(6)
    over = encoder.get(OWN + "own.mpd")
    mpd = Mpd(body_of(over))
    assert mpd.root.attrib["type"] == "static"
    assert mpd.root.attrib["mediaPresentationDuration"] == "PT3.5S"
    assert mpd.periods[0].attrib["start"] == "PT0S"
    tag = header(over, b"ETag")
    assert tag is not None
    encoder.wait(5)
    again = encoder.house.request(b"GET /own/live/own.mpd HTTP/1.1", b"If-None-Match: " + tag)
    assert status(again.written) == 304, "for good"
    (base,) = (node.text or "" for node in mpd.root.iterfind(".//{*}BaseURL"))
    assert body_of(encoder.get(f"{OWN}{base}chunk-stream0-00004.m4s")) == SEGMENTS[3]


def test_an_event_that_ends_because_nothing_comes(encoder: Encoder) -> None:
    encoder.run()
    encoder.wire.lose()
    encoder.wait(30 + 60 + 1)
    assert encoder.mpd().root.attrib["type"] == "dynamic"
    encoder.wait(6)
    assert encoder.mpd().root.attrib["type"] == "static"


def test_who_begins_again_while_it_lingers_goes_on(encoder: Encoder) -> None:
    encoder.run()
    encoder.put("own.mpd", LAST.encode())
    encoder.wait(3)
    encoder.run(2)
    encoder.wait(8)
    mpd = encoder.mpd()
    assert mpd.root.attrib["type"] == "dynamic"
    first, second = mpd.periods
    assert first.attrib["duration"] == "PT3.5S"
    assert "duration" not in second.attrib


def test_bytes_as_they_were_put() -> None:
    encoder = Encoder(House(normalize=False))
    encoder.run()
    encoder.put("own.mpd", LAST.encode())
    assert body_of(encoder.get(OWN + "own.mpd")) == LAST.encode()
    encoder.wait(20)
    assert body_of(encoder.get(OWN + "own.mpd")) == LAST.encode()
    ended = text(range(1), "#EXT-X-ENDLIST\n").encode()
    encoder.put("index.m3u8", ended)
    assert body_of(encoder.get(OWN + "index.m3u8")) == ended


@pytest.mark.parametrize("folder", ["", "v0/"])
def test_playlists(encoder: Encoder, folder: str) -> None:
    encoder.run_hls(folder=folder)
    answer = encoder.get(f"{OWN}{folder}index.m3u8")
    assert header(answer, b"Content-Type") == b"application/vnd.apple.mpegurl"
    assert header(answer, b"Cache-Control") == b"public, no-cache"
    tag = header(answer, b"ETag")
    assert tag is not None
    same = f"GET {OWN}{folder}index.m3u8 HTTP/1.1".encode()
    assert status(encoder.house.request(same, b"If-None-Match: " + tag).written) == 304
    listed = numbered(encoder.playlist(folder + "index.m3u8"))
    assert list(listed) == [1, 2, 3]
    for number, uri in listed.items():
        path = f"{OWN}{folder}{uri}".replace("v0/../", "")
        assert body_of(encoder.get(path)) == SEGMENTS[number]


def test_a_playlist_goes_on_with_an_encoder_that_begins_again(encoder: Encoder) -> None:
    encoder.run_hls()
    before = numbered(encoder.playlist())
    encoder.put("index.m3u8", text(range(1, 4), "#EXT-X-ENDLIST\n").encode())
    assert "#EXT-X-ENDLIST" not in encoder.playlist(), "not yet"
    encoder.wait(3)
    encoder.run_hls(2)
    lines = encoder.playlist()
    after = numbered(lines)
    assert list(after) == [1, 2, 3, 4, 5]
    assert before.items() <= after.items(), "what had a number has it still"
    assert len(set(after.values())) == 5
    assert lines.count("#EXT-X-DISCONTINUITY") == 1
    path = OWN + after[4]
    assert body_of(encoder.get(path)) == SEGMENTS[0]


def test_a_playlist_ends_with_the_event(encoder: Encoder) -> None:
    encoder.run_hls()
    encoder.put("index.m3u8", text(range(1, 4), "#EXT-X-ENDLIST\n").encode())
    encoder.wait(20)
    assert encoder.playlist()[-1] == "#EXT-X-ENDLIST"
    assert list(numbered(encoder.playlist())) == [1, 2, 3]


@pytest.mark.parametrize("line", ["a", "#EXTINF:1.000000,\nindex1.m4s"])
def test_what_takes_too_long_is_not_normalized(encoder: Encoder, line: str) -> None:
    """Others wait for media meanwhile."""
    encoder.run_hls(1)
    long = "#EXTM3U\n" + f"{line}\n" * MAX_LINES_NORMALIZED
    assert encoder.put("index.m3u8", long.encode()) == 200
    answer = encoder.get(OWN + "index.m3u8")
    assert status(answer) == 404
    assert b"-hls_list_size" in body_of(answer)
    encoder.run_hls(2)
    assert status(encoder.get(OWN + "index.m3u8")) == 200
