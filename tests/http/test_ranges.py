"""Ranges of segments, complete and growing, whatever is asked for and whenever."""

from __future__ import annotations

import re
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.http.ranges import VERY_LARGE, ByteRange
from sorgente.media.chunk import Chunk
from sorgente.media.fanout import Counters
from sorgente.media.segment import Segment
from sorgente.media.track import Track
from tests.support.live import video
from tests.support.players import unframed
from tests.support.transport import DELIVERY, House, RecordingTransport, body_of, header, status
from tests.support.uploads import init_of, units_of

INIT = init_of(units_of(video(1).whole))
NUMBER = 7
END = 9007199254740991
"""As RFC 8673 advises to ask for it."""


class Stage:
    """A segment that grows when a test says so, behind a real router and real connections."""

    def __init__(self) -> None:
        self.house = House()
        self.counters = Counters()
        self.segment = Segment(NUMBER, "1", 0, "video/mp4", self.counters)
        presentation = self.house.broker.await_announcement("live", self, lambda: None)
        self.track = Track("v", INIT, self.counters)
        self.track.segments[NUMBER] = self.segment
        presentation.tracks["v"] = self.track

    def grow(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.segment.append(Chunk.of(piece, self.house.clock.now), 512)

    def ask(
        self, asked: bytes, *lines: bytes, method: bytes = b"GET", version: bytes = b"1.1"
    ) -> RecordingTransport:
        path = b"%b /live/live/v/%d.m4s HTTP/%b" % (method, NUMBER, version)
        return self.house.request(path, b"Range: " + asked, *lines)

    def wait(self, seconds: float) -> None:
        self.house.clock.advance(seconds)
        self.house.frontend.tick()


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.grow(b"0123", b"4567")
    return stage


def content_range(answer: RecordingTransport) -> bytes | None:
    return header(answer.written, b"Content-Range")


# What is asked for


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        (b"bytes=0-99", (0, 99)),
        (b"Bytes=5-5", (5, 5)),
        (b" bytes=3- ", (3, None)),
        (b"bytes=-7", (None, 7)),
        (b"bytes=0-18446744073709551615", (0, (1 << 64) - 1)),
        (b"bytes=-", None),
        (b"bytes=", None),
        (b"bytes=9-2", None),
        (b"bytes=0-1,4-5", None),
        (b"bytes=0-1, bytes=4-5", None),
        (b"bytes=a-b", None),
        (b"bytes=--1", None),
        (b"bytes=1-2-3", None),
        (b"lines=1-2", None),
        (b"", None),
        (b"bytes=0-" + b"9" * 5000, None),
        ("bytes=٠-١".encode(), None),
    ],
)
def test_a_range_is_read_or_ignored(value: bytes, meaning: tuple[int, int] | None) -> None:
    assert ByteRange.parse(value) == meaning


def test_the_last_position_of_rfc_8673_is_very_large_in_its_examples_too() -> None:
    assert all(ByteRange(0, last).endless for last in (999_999_999_999, END, VERY_LARGE))
    assert not ByteRange(0, VERY_LARGE - 1).endless
    assert not ByteRange(0, None).endless


# Complete segments: see test_delivery.py too


@pytest.mark.parametrize(
    ("validator", "expected"), [(b'"7-8"', 206), (b'W/"7-8"', 200), (b'"7-9"', 200), (b"Sun", 200)]
)
def test_if_range_counts(stage: Stage, validator: bytes, expected: int) -> None:
    stage.segment.close()
    answer = stage.ask(b"bytes=2-3", b"If-Range: " + validator).written
    assert status(answer) == expected
    assert body_of(answer) == (b"23" if expected == 206 else b"01234567")


def test_what_is_known_is_not_sent_in_parts_either(stage: Stage) -> None:
    stage.segment.close()
    answer = stage.ask(b"bytes=2-3", b'If-None-Match: "7-8"').written
    assert (status(answer), body_of(answer)) == (304, b"")


def test_a_part_says_what_the_whole_says(stage: Stage) -> None:
    stage.segment.close()
    whole, part = stage.ask(b"none").written, stage.ask(b"bytes=2-3").written
    assert (status(whole), status(part)) == (200, 206)
    for name in (b"ETag", b"Cache-Control", b"Content-Type", b"Accept-Ranges", b"CMSD-Static"):
        assert header(part, name) == header(whole, name) is not None
    assert header(part, b"Content-Length") == b"2"


# Growing segments


def test_a_part_that_is_there_is_sent_at_once(stage: Stage) -> None:
    answer = stage.ask(b"bytes=2-5")
    assert status(answer.written) == 206
    assert (content_range(answer), body_of(answer.written)) == (b"bytes 2-5/*", b"2345")
    assert header(answer.written, b"Content-Length") == b"4"
    assert header(answer.written, b"ETag") is None
    assert not answer.closed


def test_a_part_that_is_not_there_yet_is_waited_for_and_sent_in_one_piece(stage: Stage) -> None:
    answer = stage.ask(b"bytes=6-9")
    stage.grow(b"8")
    assert answer.written == b""
    stage.wait(0.5)
    stage.grow(b"9ab")
    assert len(answer.writes) == 1
    assert (content_range(answer), body_of(answer.written)) == (b"bytes 6-9/*", b"6789")
    assert header(answer.written, b"CMSD-Dynamic") == b'"sorgente";rd=500'
    stage.grow(b"more")
    stage.segment.close()
    assert len(answer.writes) == 1, "nothing more comes to it"


def test_a_part_that_reaches_behind_the_end_ends_with_the_segment(stage: Stage) -> None:
    answer, behind = stage.ask(b"bytes=6-99"), stage.ask(b"bytes=10-99")
    stage.grow(b"89")
    stage.segment.close()
    assert (content_range(answer), body_of(answer.written)) == (b"bytes 6-9/10", b"6789")
    assert (status(behind.written), content_range(behind)) == (416, b"bytes */10")


def test_the_rest_is_what_is_there_now(stage: Stage) -> None:
    answer = stage.ask(b"bytes=5-")
    assert (content_range(answer), body_of(answer.written)) == (b"bytes 5-7/*", b"567")
    edge = stage.ask(b"bytes=8-")
    assert edge.written == b"", "there will be more"
    stage.grow(b"89", b"ab")
    assert (content_range(edge), body_of(edge.written)) == (b"bytes 8-9/*", b"89")


@pytest.mark.parametrize("asked", [b"bytes=0-", b"bytes=-3", b"bytes=0-1,3-4", b"pages=1-2"])
def test_who_wants_all_or_an_end_that_is_not_there_yet_gets_all_of_it(
    stage: Stage, asked: bytes
) -> None:
    answer = stage.ask(asked)
    stage.grow(b"89")
    stage.segment.close()
    assert (status(answer.written), content_range(answer)) == (200, None)
    assert unframed(body_of(answer.written)) == b"0123456789"


def test_a_condition_on_what_has_no_tag_yet_fails(stage: Stage) -> None:
    answer = stage.ask(b"bytes=2-3", b'If-Range: "7-8"')
    assert status(answer.written) == 200
    assert header(answer.written, b"Transfer-Encoding") == b"chunked"


@pytest.mark.parametrize(("start", "writes"), [(0, 1), (4, 1), (6, 1), (8, 0), (9, 0)])
def test_rfc_8673_a_range_without_an_end_grows_with_the_segment(
    stage: Stage, start: int, writes: int
) -> None:
    answer = stage.ask(b"bytes=%d-%d" % (start, END))
    assert len(answer.writes) == writes, "what is there, with the head"
    stage.grow(b"89ab", b"cd")
    assert len(answer.writes) == writes + 2, "and then a chunk a frame"
    stage.segment.close()
    assert status(answer.written) == 206
    assert content_range(answer) == b"bytes %d-%d/*" % (start, END)
    assert unframed(body_of(answer.written)) == b"0123456789abcd"[start:]
    assert not answer.closed, "the connection goes on"


def test_a_frame_that_is_shared_is_sent_as_it_is(stage: Stage) -> None:
    """Behind its first bytes, it is a reader like any other: one write of the shared frame."""
    answer = stage.ask(b"bytes=6-%d" % END)
    assert answer.writes[0].endswith(b"\r\n\r\n2\r\n67\r\n")
    stage.grow(b"89")
    assert answer.writes[1] == stage.segment.chunks[-1].frame
    assert stage.counters.bytes_out == len(b"2\r\n67\r\n2\r\n89\r\n")


def test_a_head_is_told_where_the_edge_is_and_never_held(stage: Stage) -> None:
    edge = stage.ask(b"bytes=0-", method=b"HEAD")
    assert (status(edge.written), content_range(edge)) == (206, b"bytes 0-7/*")
    behind = stage.ask(b"bytes=8-", method=b"HEAD")
    assert (status(behind.written), content_range(behind)) == (416, b"bytes */8")
    later = stage.ask(b"bytes=2-%d" % END, method=b"HEAD")
    assert (status(later.written), content_range(later)) == (206, b"bytes 2-7/*")
    assert body_of(edge.written) + body_of(behind.written) + body_of(later.written) == b""


def test_http_1_0_ends_with_its_connection(stage: Stage) -> None:
    answer = stage.ask(b"bytes=6-%d" % END, version=b"1.0")
    stage.grow(b"89")
    stage.segment.close()
    assert header(answer.written, b"Transfer-Encoding") is None
    assert body_of(answer.written) == b"6789"
    assert answer.closed


# Waiting


def test_waiting_is_bounded_and_then_there_is_what_there_is(stage: Stage) -> None:
    some, none = stage.ask(b"bytes=6-99"), stage.ask(b"bytes=9-%d" % END)
    stage.grow(b"8")
    stage.wait(DELIVERY.hold_seconds - 0.1)
    assert some.written + none.written == b""
    stage.wait(0.2)
    assert (content_range(some), body_of(some.written)) == (b"bytes 6-8/*", b"678")
    assert (status(none.written), content_range(none)) == (416, b"bytes */9")
    assert header(none.written, b"Cache-Control") == b"no-store"


def test_a_player_that_goes_is_forgotten(stage: Stage) -> None:
    waiting, streaming = stage.ask(b"bytes=6-99"), stage.ask(b"bytes=6-%d" % END)
    taken = len(streaming.writes)
    waiting.lose()
    streaming.lose()
    stage.grow(b"x" * 200)
    assert (len(waiting.writes), len(streaming.writes)) == (0, taken)


def test_what_leaves_the_window_is_aborted(stage: Stage) -> None:
    waiting, streaming = stage.ask(b"bytes=6-99"), stage.ask(b"bytes=6-%d" % END)
    stage.segment.abandon()
    assert waiting.aborted
    assert streaming.aborted
    assert stage.counters.lag_aborts == 2


def test_a_reader_that_takes_nothing_is_cut_off(stage: Stage) -> None:
    answer = stage.ask(b"bytes=6-%d" % END)
    answer.room = 0
    stage.grow(b"89")
    stage.grow(b"ab")
    assert len(answer.writes) == 2, "what it does not take stays in the window"
    stage.wait(DELIVERY.stall_seconds + 1)
    assert answer.aborted
    assert stage.counters.stall_aborts == 1


def test_the_next_segment_is_waited_for_in_parts_too() -> None:
    house = House()
    upload = video(200, gop=25)
    encoder = house.request(b"POST /ingest/live HTTP/1.1", b"Transfer-Encoding: chunked")
    pieces = iter([upload.init, *upload.chunks])

    def send(count: int) -> None:
        for _ in range(count):
            piece = next(pieces)
            house.pass_time(0.04)
            encoder.receive(b"%x\r\n%b\r\n" % (len(piece), piece))

    send(71)  # init segment, one whole segment of 50, 20 of the next
    channel = house.broker.get("live")
    assert channel is not None
    number = max(channel.presentation.tracks["video"].segments) + 1
    path = b"GET /live/live/video/%d.m4s HTTP/1.1" % number
    part = house.request(path, b"Range: bytes=8-150")
    stream = house.request(path, b"Range: bytes=100-%d" % END)
    assert channel.presentation.held == 2
    send(31)
    assert part.written + stream.written != b""
    send(60)
    whole = body_of(house.request(path).written)
    assert body_of(part.written) == whole[8:151]
    assert unframed(body_of(stream.written)) == whole[100:]
    assert channel.presentation.held == 0


def test_a_request_behind_a_part_that_was_waited_for_is_answered(stage: Stage) -> None:
    """It begins while the segment tells its readers of a chunk, and reads the same segment."""
    answer = stage.ask(b"bytes=8-9")
    line = b"GET /live/live/v/%d.m4s HTTP/1.%d\r\nHost: x\r\n\r\n"
    answer.receive(line % (NUMBER, 0))
    stage.grow(b"89", b"ab")
    stage.segment.close()
    first, second = re.split(rb"(?=HTTP/1\.1 )", answer.written)[1:]
    assert (status(first), body_of(first)) == (206, b"89")
    assert (status(second), body_of(second)) == (200, b"0123456789ab")


# Anything


PIECES = st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=6)
ASKED = st.tuples(
    st.none() | st.integers(0, 40), st.none() | st.integers(0, 60) | st.just(END)
).filter(lambda asked: asked != (None, None))


@given(PIECES, ASKED, st.data())
def test_any_range_at_any_moment_is_the_right_slice_or_a_clear_status(
    pieces: list[bytes], asked: tuple[int | None, int | None], data: st.DataObject
) -> None:
    """Any segment, any chunking; players that are slow now and then, and give up waiting."""
    stage, final = Stage(), b"".join(pieces)
    there = data.draw(st.integers(1, len(pieces)), label="chunks there")
    version = data.draw(st.sampled_from([b"1.1", b"1.0"]), label="version")
    stage.grow(*pieces[:there])
    first, last = ("" if position is None else str(position) for position in asked)
    answer = stage.ask(f"bytes={first}-{last}".encode(), version=version)
    known = sum(map(len, pieces[:there]))
    for piece in pieces[there:]:
        match data.draw(st.sampled_from(["", "stuck", "free", "late"]), label="meanwhile"):
            case "stuck":
                answer.room = 0
            case "free":
                answer.drain()
            case "late":
                stage.wait(DELIVERY.hold_seconds + 0.1)
        stage.grow(piece)
    stage.segment.close()
    answer.drain()
    check(answer, final, asked, known, [*accumulate(map(len, pieces))])


def check(
    answer: RecordingTransport,
    final: bytes,
    asked: tuple[int | None, int | None],
    known: int,
    sizes: list[int],
) -> None:
    """The answer says which bytes it has, these are they, and they are what was asked for."""
    written, (first, last) = answer.written, asked
    assert not answer.aborted
    body = body_of(written)
    if header(written, b"Transfer-Encoding"):
        assert body.endswith(b"0\r\n\r\n")
        body = unframed(body)
    else:
        assert answer.closed or header(written, b"Content-Length") == b"%d" % len(body)
    said = content_range(answer)
    match status(written):
        case 200:
            assert body == final
            backwards = first is not None and last is not None and last < first
            assert first is None or (first, last) == (0, None) or backwards
        case 416:
            size = int((said or b"").removeprefix(b"bytes */"))
            assert first is not None
            assert size in sizes
            assert first >= size
        case 206:
            assert first is not None
            told = re.fullmatch(rb"bytes (\d+)-(\d+)/\*", said or b"")
            if told is None:
                told = re.fullmatch(rb"bytes (\d+)-(\d+)/%d" % len(final), said or b"")
            assert told is not None
            start, end = int(told[1]), int(told[2]) + 1
            assert start == first
            assert body == final[start:end]
            assert body
            if last is None:
                assert end in sizes
                assert end >= known
            elif last == END:
                assert end == len(final) or end == END + 1
            else:
                assert end == last + 1 or end in sizes
        case other:
            raise AssertionError(other)
