"""The live edge, manifests and the time, over transports without a socket."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest

from tests.support.live import Upload, media_of, video
from tests.support.players import unframed
from tests.support.transport import House, RecordingTransport, body_of, header, status

POST = b"POST /ingest/live HTTP/1.1"
CHUNKED = b"Transfer-Encoding: chunked"
MANIFEST = b"GET /live/live/manifest.mpd HTTP/1.1"
FRAME = 0.04


@pytest.fixture
def house() -> House:
    return House()


class Live:
    """A channel on the air: frames of 40 ms, key frames every second, segments of two."""

    def __init__(self, house: House, frames: int = 60) -> None:
        self.house = house
        self.upload: Upload = video(600, gop=25)
        self.sent = 0
        self.encoder = house.request(POST, CHUNKED)
        self.encoder.receive(framed(self.upload.init))
        self.send(frames)

    def send(self, frames: int) -> None:
        for chunk in self.upload.chunks[self.sent : self.sent + frames]:
            self.house.pass_time(FRAME)
            self.encoder.receive(framed(chunk))
        self.sent += frames

    @property
    def first(self) -> int:
        channel = self.house.broker.get("live")
        assert channel is not None
        snapshot = channel.presentation.snapshot()
        assert snapshot is not None
        return snapshot.periods[0].tracks[0].start_number

    @property
    def init(self) -> bytes:
        path = b"GET /live/live/video/init-%d.mp4 HTTP/1.1" % self.first
        return body_of(self.house.request(path).written)

    def ask(self, index: int, *lines: bytes, method: bytes = b"GET") -> RecordingTransport:
        path = b"%b /live/live/video/%d.m4s HTTP/1.1" % (method, self.first + index)
        return self.house.request(path, *lines)


def framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def test_a_complete_segment_has_a_length_a_tag_and_is_for_ever(house: House) -> None:
    live = Live(house)
    answer = live.ask(0).written
    assert status(answer) == 200
    assert header(answer, b"Content-Type") == b"video/mp4"
    assert header(answer, b"Content-Length") == b"%d" % len(body_of(answer))
    assert header(answer, b"Cache-Control") == b"public, max-age=3600, immutable"
    assert header(answer, b"Transfer-Encoding") is None
    assert len(media_of(live.init + body_of(answer))) == 50
    tag = header(answer, b"ETag")
    assert tag is not None
    again = live.ask(0, b"If-None-Match: " + tag).written
    assert (status(again), body_of(again)) == (304, b"")


def test_a_growing_segment_comes_at_once_and_then_chunk_by_chunk(house: House) -> None:
    live = Live(house)
    player = live.ask(1)
    assert len(player.writes) == 1, "the backlog in one write with the head"
    assert header(player.written, b"Transfer-Encoding") == b"chunked"
    assert header(player.written, b"Content-Length") is None
    assert header(player.written, b"ETag") is None
    live.send(1)
    assert len(player.writes) == 2, "one chunk, one frame, one write"
    live.send(45)
    assert player.written.endswith(b"0\r\n\r\n")
    assert len(media_of(live.init + unframed(body_of(player.take())))) == 50
    player.receive(MANIFEST + b"\r\nHost: origin\r\n\r\n")
    assert status(player.written) == 200, "the connection goes on"


def test_an_early_request_is_answered_with_head_and_first_chunk_in_one_write(
    house: House,
) -> None:
    live = Live(house)
    player = live.ask(2)
    live.send(39)
    assert player.written == b""
    live.send(2)
    assert len(player.writes) == 1
    live.send(1)
    assert status(player.written) == 200
    assert len(player.writes) == 2
    assert len(media_of(live.init + unframed(body_of(player.written)))) == 2


def test_a_held_request_is_given_up_in_time_and_forgotten_when_its_player_goes(
    house: House,
) -> None:
    live = Live(house)
    player, gone = live.ask(2), live.ask(2)
    channel = house.broker.get("live")
    assert channel is not None
    assert channel.presentation.held == 2
    gone.lose()
    assert channel.presentation.held == 1
    house.pass_time(4.1)
    assert status(player.written) == 404
    assert header(player.written, b"Cache-Control") == b"no-store"
    assert channel.presentation.held == 0
    assert not player.closed


def test_held_requests_are_bounded(house: House) -> None:
    live = Live(house)
    answers = [live.ask(2) for _ in range(4)]
    assert [bool(answer.written) for answer in answers] == [False, False, False, True]
    assert status(answers[-1].written) == 503


@pytest.mark.parametrize(("index", "expected"), [(-1, 410), (5, 404)])
def test_what_is_gone_or_far_is_said_at_once(house: House, index: int, expected: int) -> None:
    answer = Live(house).ask(index).written
    assert status(answer) == expected
    assert header(answer, b"Cache-Control") == b"no-store"
    assert header(answer, b"Access-Control-Allow-Origin") == b"*"


def test_a_head_is_never_held(house: House) -> None:
    live = Live(house)
    assert status(live.ask(2, method=b"HEAD").written) == 404
    growing = live.ask(1, method=b"HEAD").written
    assert (status(growing), body_of(growing)) == (200, b"")
    complete = live.ask(0, method=b"HEAD").written
    assert body_of(complete) == b""
    assert header(complete, b"Content-Length") == header(live.ask(0).written, b"Content-Length")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [(b"0-99", 0, 100), (b"100-", 100, None), (b"-7", -7, None), (b"5-999999", 5, None)],
)
def test_ranges_of_a_complete_segment(
    house: House, asked: bytes, start: int, end: int | None
) -> None:
    live = Live(house)
    whole = body_of(live.ask(0).written)
    answer = live.ask(0, b"Range: bytes=" + asked).written
    assert status(answer) == 206
    assert body_of(answer) == whole[start:end]
    first = start % len(whole)
    expected = b"bytes %d-%d/%d" % (first, first + len(body_of(answer)) - 1, len(whole))
    assert header(answer, b"Content-Range") == expected


def test_a_range_behind_the_end_and_ones_that_mean_nothing(house: House) -> None:
    live = Live(house)
    size = len(body_of(live.ask(0).written))
    answer = live.ask(0, b"Range: bytes=%d-" % size).written
    assert status(answer) == 416
    assert header(answer, b"Content-Range") == b"bytes */%d" % size
    for odd in (b"bytes=-", b"bytes=9-2", b"bytes=0-1,4-5", b"lines=1-2"):
        assert status(live.ask(0, b"Range: " + odd).written) == 200


def test_a_player_that_stalls_in_a_segment_gets_all_of_it_or_an_abort(house: House) -> None:
    live = Live(house)
    slow = live.ask(1)
    slow.room = 0
    live.send(20)
    slow.drain()
    live.send(30)
    assert len(media_of(live.init + unframed(body_of(slow.written)))) == 50
    stalled = live.ask(2)
    stalled.room = 0
    live.send(1)
    house.pass_time(31)
    assert stalled.aborted


def test_an_encoder_that_breaks_off_ends_its_segment_at_the_last_whole_chunk(
    house: House,
) -> None:
    live = Live(house)
    player = live.ask(1)
    live.encoder.receive(framed(live.upload.chunks[60][:30]))
    live.encoder.lose()
    assert player.written.endswith(b"0\r\n\r\n")
    assert len(media_of(live.init + unframed(body_of(player.written)))) == 10
    waiting = live.ask(2)
    assert waiting.written == b"", "an absent encoder looks like a slow one"


def test_a_request_that_a_new_period_overtakes_gets_an_empty_segment(house: House) -> None:
    live = Live(house)
    live.encoder.lose()
    waiting = live.ask(2)
    house.pass_time(2)
    first = live.first
    Live(house)
    house.pass_time(1.3)
    assert status(waiting.written) == 200
    assert body_of(waiting.written)[4:8] == b"styp"
    assert header(waiting.written, b"Cache-Control") == b"no-store"
    path = b"GET /live/live/video/%d.m4s HTTP/1.1" % (first + 2)
    assert body_of(house.request(path).written) == body_of(waiting.written)


def test_a_manifest_is_tagged_and_compressed_once(house: House) -> None:
    Live(house)
    plain = house.request(MANIFEST).written
    assert header(plain, b"Content-Type") == b"application/dash+xml"
    assert header(plain, b"Cache-Control") == b"public, max-age=1"
    assert header(plain, b"Vary") == b"Accept-Encoding"
    packed = house.request(MANIFEST, b"Accept-Encoding: gzip, br").written
    assert header(packed, b"Content-Encoding") == b"gzip"
    assert gzip.decompress(body_of(packed)) == body_of(plain)
    tag = header(plain, b"ETag") or b""
    assert status(house.request(MANIFEST, b"If-None-Match: " + tag).written) == 304


def test_a_player_that_is_there_before_the_encoder_gets_the_first_manifest(house: House) -> None:
    early, gone = house.request(MANIFEST), house.request(MANIFEST)
    gone.lose()
    Live(house)
    assert status(early.written) == 200
    assert b"<MPD" in early.written


def test_it_does_not_wait_for_ever(house: House) -> None:
    early = house.request(MANIFEST)
    house.pass_time(4.1)
    assert status(early.written) == 404
    assert house.broker.get("live") is None
    assert status(house.request(b"HEAD /live/live/manifest.mpd HTTP/1.1").written) == 404


def test_the_time_is_told_in_milliseconds_and_by_its_head(house: House) -> None:
    house.clock.advance(0.1234)
    answer = house.request(b"GET /time?iso&ms HTTP/1.1").written
    told = datetime.fromisoformat(body_of(answer).decode())
    assert told == datetime(2026, 11, 22, 12, 0, 0, 123000, tzinfo=UTC)
    assert header(answer, b"Cache-Control") == b"no-store"
    head = house.request(b"HEAD /time HTTP/1.1").written
    assert header(head, b"Date") == b"Sun, 22 Nov 2026 12:00:00 GMT"
    assert body_of(head) == b""
