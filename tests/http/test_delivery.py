"""The live edge and the time, over transports without a socket."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from sorgente.http.conditional import matches
from tests.support.boxes import AUDIO, SYNC, Sample, TrafSpec, chunk, init_segment
from tests.support.live import media_of
from tests.support.on_air import Live, framed
from tests.support.players import unframed
from tests.support.transport import (
    DELIVERY,
    House,
    RecordingTransport,
    body_of,
    header,
    request,
    status,
)

MANIFEST = b"GET /live/live/manifest.mpd HTTP/1.1"

EARLY = 2.0
"""Seconds: a segment, which is as early as a request for the next one may be."""


@pytest.fixture
def house() -> House:
    return House()


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
    assert header(again, b"ETag") == tag
    assert header(again, b"Cache-Control") == b"public, max-age=3600, immutable"
    assert header(again, b"Content-Length") is None, "it would be that of the 200"


def test_a_complete_segment_is_the_same_for_everybody(house: House) -> None:
    """Also for those behind the first, for whom it was put together, and its head made."""
    live = Live(house)
    part = b"Range: bytes=5-2000"
    before = live.ask(0, part).written
    first, second = live.ask(0).written, live.ask(0).written
    assert first == second
    assert body_of(before) == body_of(live.ask(0, part).written) == body_of(first)[5:2001]
    head = live.ask(0, method=b"HEAD").written
    assert head == first.removesuffix(body_of(first))
    house.pass_time(5)
    later = live.ask(0, b"Connection: close").written
    assert (header(later, b"Connection"), header(first, b"Connection")) == (b"close", None)
    assert header(later, b"Date") != header(first, b"Date")
    assert body_of(later) == body_of(first)


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
    house.pass_time(EARLY + 4.1)
    assert status(player.written) == 404
    assert header(player.written, b"Cache-Control") == b"no-store"
    assert channel.presentation.held == 0
    assert not player.closed


def test_held_requests_are_bounded(house: House) -> None:
    live = Live(house)
    answers = [live.ask(2) for _ in range(4)]
    assert [bool(answer.written) for answer in answers] == [False, False, False, True]
    assert status(answers[-1].written) == 503


@pytest.mark.parametrize(
    ("index", "expected", "cache"), [(-1, 410, b"public, max-age=60"), (5, 404, b"no-store")]
)
def test_what_is_gone_or_far_is_said_at_once(
    house: House, index: int, expected: int, cache: bytes
) -> None:
    """What is gone stays so, and caches may know it; what is far will come."""
    answer = Live(house).ask(index).written
    assert status(answer) == expected
    assert header(answer, b"Cache-Control") == cache
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
    house.pass_time(DELIVERY.stall_seconds - 1)
    live.send(5)  # the encoder is not silent
    house.pass_time(1)
    assert stalled.aborted
    assert house.broker.totals().stall_aborts == 1


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


def test_the_time_is_told_in_milliseconds_and_by_its_head(house: House) -> None:
    house.clock.advance(0.1234)
    answer = house.request(b"GET /time?iso&ms HTTP/1.1").written
    told = datetime.fromisoformat(body_of(answer).decode())
    assert told == datetime(2026, 11, 22, 12, 0, 0, 123000, tzinfo=UTC)
    assert header(answer, b"Cache-Control") == b"no-store"
    head = house.request(b"HEAD /time HTTP/1.1").written
    assert header(head, b"Date") == b"Sun, 22 Nov 2026 12:00:00 GMT"
    assert body_of(head) == b""


@pytest.mark.parametrize(
    ("value", "known"),
    [
        (b'"1-2"', True),
        (b'W/"1-2"', True),
        (b'"0", W/"1-2","3"', True),
        (b" * ", True),
        (b'"1-3"', False),
        (b'"x"1-2"', False),
        (b"1-2", False),
        (b"", False),
        (b'"' * 3001, False),
    ],
)
def test_if_none_match_compares_weakly(value: bytes, known: bool) -> None:
    """RFC 9110 §13.1.2; nginx makes strong tags weak where it compresses."""
    assert matches(value, b'"1-2"') is known


def test_an_init_segment_is_tagged_and_for_ever(house: House) -> None:
    live = Live(house)
    answer = house.request(b"GET %b HTTP/1.1" % live.init_path).written
    assert body_of(answer)[4:8] == b"ftyp"
    assert header(answer, b"Content-Length") == b"%d" % len(body_of(answer))
    assert header(answer, b"Cache-Control") == b"public, max-age=3600, immutable"
    tag = header(answer, b"ETag")
    assert tag is not None
    again = house.request(b"GET %b HTTP/1.1" % live.init_path, b"If-None-Match: " + tag).written
    assert (status(again), body_of(again)) == (304, b"")
    head = house.request(b"HEAD %b HTTP/1.1" % live.init_path).written
    assert (header(head, b"Content-Length"), body_of(head)) == (
        header(answer, b"Content-Length"),
        b"",
    )


def test_what_goes_out_whole_is_counted_too(house: House) -> None:
    live = Live(house)
    before = house.broker.totals()
    size = len(body_of(live.ask(0).written))
    after = house.broker.totals()
    assert after.bytes_out - before.bytes_out == size
    assert after.deliveries - before.deliveries == 50


def pipelined_behind_a_slow_answer(live: Live, index: int) -> RecordingTransport:
    """A connection that takes no more in the middle of segment 0, and has asked for another."""
    player = live.house.connect()
    player.room = 1000
    asked = [request(b"GET %b HTTP/1.1" % live.path(each)) for each in (0, index)]
    player.receive(asked[0])
    player.receive(asked[1])
    assert live.house.connection(player).writable is False
    return player


def test_a_request_behind_a_slow_answer_is_held_once_that_is_taken(house: House) -> None:
    live = Live(house)
    player = pipelined_behind_a_slow_answer(live, 2)
    assert live.presentation.held == 0
    player.drain()
    player.take()
    assert live.presentation.held == 1
    house.pass_time(EARLY + DELIVERY.hold_seconds + 0.5)
    assert status(player.written) == 404


def test_a_follower_behind_a_slow_answer_has_its_backlog_wait_in_the_window(house: House) -> None:
    live = Live(house)
    player = pipelined_behind_a_slow_answer(live, 1)
    writes = len(player.writes)
    live.send(20)
    assert len(player.writes) == writes
    player.drain()
    live.send(25)
    answers = re.split(rb"(?=HTTP/1\.1 200)", player.written)[1:]
    assert len(media_of(live.init + unframed(body_of(answers[1])))) == 50


HUGE = b"x" * 300
CMCD_QUERIES = [
    b"CMCD=" + HUGE,
    b"CMCD=%22%ff%fe%00%",
    b"CMCD=br%3D1&CMCD=br%3D2&cmcd=%3D%3D%3D",
    b"CMCD=bl%3D21300%2Csid%3D%226e2fb550%22%2Cnor%3D%22..%252f9.m4s%22%2Csu",
    b"%ff%fe=%80&;;;&&==?/../manifest.mpd",
    b"",
]
CMCD_HEADERS = [
    (b'CMCD-Request: bl=21300,ltc=,,;=;"', b"CMCD-Request: mtp=1"),
    (b'CMCD-Session: sid="' + HUGE + b'"', b"CMCD-Status: \xff\xfe"),
    (b"CMCD-Object:", b"CMCD-Object: \tbr=(3000)", b"CMCD-Object: ot=v"),
]


@pytest.mark.parametrize("query", CMCD_QUERIES)
def test_no_query_is_in_the_way_of_media(house: House, query: bytes) -> None:
    live = Live(house)
    for path in (live.path(0), live.path(1), live.init_path, b"/live/live/manifest.mpd"):
        asked = house.request(b"GET %b?%b HTTP/1.1" % (path, query)).written
        plain = house.request(b"GET %b HTTP/1.1" % path).written
        assert (status(asked), body_of(asked)) == (200, body_of(plain))


@pytest.mark.parametrize("lines", CMCD_HEADERS)
def test_no_header_of_cmcd_is_in_the_way(house: House, lines: tuple[bytes, ...]) -> None:
    live = Live(house)
    for index in (0, 1):
        asked, plain = live.ask(index, *lines).written, live.ask(index).written
        assert (status(asked), body_of(asked)) == (200, body_of(plain))


EXPOSED = (
    b"Date, Age, ETag, Content-Length, Content-Range, Accept-Ranges, CMSD-Static, CMSD-Dynamic,"
    b" Sorgente-Pictures"
)


def every_answer(house: House) -> dict[int, list[bytes]]:
    """Of the live edge, by status."""
    live = Live(house)
    tag = header(live.ask(0).written, b"ETag") or b""
    held = [live.ask(2) for _ in range(DELIVERY.held)]
    answers = [
        live.ask(0),
        live.ask(1),
        live.ask(0, method=b"HEAD"),
        house.request(b"GET %b HTTP/1.1" % live.init_path),
        house.request(MANIFEST),
        house.request(b"GET /time HTTP/1.1"),
        live.ask(0, b"Range: bytes=0-9"),
        live.ask(1, b"Range: bytes=0-9"),
        live.ask(1, b"Range: bytes=9-9007199254740991"),
        live.ask(0, b"If-None-Match: " + tag),
        house.request(MANIFEST, b"If-None-Match: *"),
        house.request(b"OPTIONS %b HTTP/1.1" % live.path(0)),
        house.request(b"GET /live/live/..%2f/1.m4s HTTP/1.1"),
        live.ask(9),
        house.request(b"GET /live/live/nothing/1.m4s HTTP/1.1"),
        house.request(b"GET /live/live/video/init-1.mp4 HTTP/1.1"),
        house.request(b"GET /live/live/manifest.mpp HTTP/1.1"),
        house.request(b"DELETE %b HTTP/1.1" % live.path(0)),
        live.ask(-1),
        live.ask(0, b"Range: bytes=999999-"),
        live.ask(2),
    ]
    house.pass_time(EARLY + DELIVERY.hold_seconds + 1)
    by_status: dict[int, list[bytes]] = {}
    for answer in [*answers, *held]:
        by_status.setdefault(status(answer.written), []).append(answer.written)
    return by_status


def test_every_answer_can_be_read_by_a_page_of_another_origin(house: House) -> None:
    answers = every_answer(house)
    assert sorted(answers) == [200, 204, 206, 304, 400, 404, 405, 410, 416, 503]
    for answer in [each for some in answers.values() for each in some]:
        assert header(answer, b"Access-Control-Allow-Origin") == b"*"
        assert header(answer, b"Access-Control-Expose-Headers") == EXPOSED
        assert header(answer, b"Timing-Allow-Origin") == b"*"
        assert header(answer, b"Date") is not None
        assert header(answer, b"X-Content-Type-Options") == b"nosniff"
        assert answer.partition(b"\r\n\r\n")[0].count(b"Cache-Control: ") <= 1


def test_what_has_not_changed_says_nothing_of_a_body(house: House) -> None:
    """RFC 9110 §15.4.5: of what a 200 would say, what caches need."""
    answers = every_answer(house)[304]
    assert answers
    for answer in answers:
        assert b"\r\nContent-" not in answer
        assert header(answer, b"ETag") is not None


def test_every_answer_says_how_long_it_holds(house: House) -> None:
    for code, answers in every_answer(house).items():
        for answer in answers:
            kept = header(answer, b"Cache-Control")
            if code in (200, 206, 304):
                assert kept in (
                    b"public, max-age=3600, immutable",
                    b"public, no-cache",
                    b"no-store",  # the time
                )
            elif code == 410:
                assert kept == b"public, max-age=60"
            elif code != 204:
                assert kept == b"no-store"


def test_a_preflight_allows_what_players_send(house: House) -> None:
    answer = house.request(
        b"OPTIONS /live/live/video/1.m4s HTTP/1.1",
        b"Origin: https://player.example",
        b"Access-Control-Request-Method: GET",
        b"Access-Control-Request-Headers: range,cmcd-session",
    ).written
    allowed = (header(answer, b"Access-Control-Allow-Headers") or b"").lower().split(b", ")
    players = b"range if-range content-type accept if-none-match authorization"
    assert set(players.split()) <= set(allowed)
    assert {b"cmcd-" + kind for kind in (b"object", b"request", b"session", b"status")} <= set(
        allowed
    )
    assert b"GET" in (header(answer, b"Access-Control-Allow-Methods") or b"").split(b", ")
    assert header(answer, b"Access-Control-Max-Age") == b"86400"
    assert header(answer, b"Content-Length") is None


def test_a_request_is_held_from_when_its_segment_should_be_there(house: House) -> None:
    """Shaka asks for the next segment when it joins: of long ones, long before it is due."""
    live = Live(house, 51)
    early = live.ask(2)
    house.pass_time(EARLY + DELIVERY.hold_seconds - 0.2)
    assert not early.written
    house.pass_time(0.3)
    assert status(early.written) == 404


def test_a_request_is_held_until_the_first_chunk_can_be_there(house: House) -> None:
    """Radio in chunks of five seconds: the next one is whole five seconds after it has begun."""
    encoder = house.request(b"POST /ingest/live/a HTTP/1.1", b"Transfer-Encoding: chunked")
    encoder.receive(framed(init_segment(AUDIO)))
    packets = [Sample(b"sound", 1024, SYNC)] * 235
    for index in range(3):
        house.pass_time(235 * 1024 / 48000)
        encoder.receive(framed(chunk(TrafSpec(2, index * 235 * 1024, packets))))
    channel = house.broker.get("live")
    assert channel is not None
    number = channel.presentation.tracks["a"].last_number + 1
    player = house.request(b"GET /live/live/a/%d.m4s HTTP/1.1" % number)
    house.pass_time(235 * 1024 / 48000)
    assert not player.written
    encoder.receive(framed(chunk(TrafSpec(2, 3 * 235 * 1024, packets))))
    assert status(player.written) == 200
