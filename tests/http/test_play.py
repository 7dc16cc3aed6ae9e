"""Players and encoders over transports without a socket."""

from __future__ import annotations

import pytest

from tests.support import boxes
from tests.support.live import Upload, media_of, video
from tests.support.players import unframed
from tests.support.transport import (
    House,
    RecordingTransport,
    body_of,
    header,
    status,
)

POST = b"POST /ingest/live HTTP/1.1"
GET = b"GET /play/live HTTP/1.1"
CHUNKED = b"Transfer-Encoding: chunked"
END = b"0\r\n\r\n"


@pytest.fixture
def house() -> House:
    return House()


def framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def encoder_of(house: House, upload: Upload, *, end: bool = False) -> RecordingTransport:
    encoder = house.request(POST, CHUNKED, b"User-Agent: test/1")
    encoder.receive(framed(upload.whole) + (END if end else b""))
    return encoder


def test_no_head_goes_out_before_the_content_type_is_known(house: House) -> None:
    player = house.request(GET)
    assert player.written == b""
    upload = video(3)
    encoder = house.request(POST, CHUNKED)
    encoder.receive(framed(upload.init[:40]))
    assert player.written == b""
    encoder.receive(framed(upload.init[40:]))
    assert len(player.writes) == 1, "head and init segment in one write"
    assert status(player.written) == 200
    assert header(player.written, b"Content-Type") == b"video/mp4"
    assert header(player.written, b"Transfer-Encoding") == b"chunked"
    assert header(player.written, b"Cache-Control") == b"no-store"
    assert header(player.written, b"Content-Length") is None
    assert header(player.written, b"Access-Control-Allow-Origin") == b"*"
    assert body_of(player.written) == framed(upload.init)


def test_a_clean_end_ends_the_response_and_keeps_the_connection(house: House) -> None:
    player = house.request(GET)
    upload = video(3)
    encoder = encoder_of(house, upload, end=True)
    assert status(encoder.written) == 200
    assert body_of(encoder.written) == b"%d bytes in 3 chunks\n" % len(upload.whole)
    assert player.written.endswith(END)
    assert unframed(body_of(player.take())) == upload.whole
    player.receive(b"GET /nothing HTTP/1.1\r\nHost: origin\r\n\r\n")
    assert status(player.written) == 404


def test_an_http_1_0_player_gets_bare_bytes_until_the_connection_closes(house: House) -> None:
    player = house.request(b"GET /play/live HTTP/1.0", b"Connection: keep-alive")
    upload = video(3)
    encoder_of(house, upload, end=True)
    assert header(player.written, b"Transfer-Encoding") is None
    assert header(player.written, b"Connection") == b"close"
    assert body_of(player.written) == upload.whole
    assert player.closed


def test_a_late_joiner_gets_head_init_segment_and_backlog_in_one_write(house: House) -> None:
    encoder_of(house, video(8, gop=5))
    player = house.request(GET)
    assert len(player.writes) == 1
    assert len(media_of(unframed(body_of(player.written)))) == 3
    whole = house.request(b"GET /play/live?CMCD=bl%3D1&from=oldest HTTP/1.1")
    assert len(media_of(unframed(body_of(whole.written)))) == 8


def test_a_head_request_is_answered_at_once(house: House) -> None:
    asked = house.request(b"HEAD /play/live HTTP/1.1")
    assert status(asked.written) == 404
    assert body_of(asked.written) == b""
    encoder_of(house, video(1))
    asked.take()
    asked.receive(b"HEAD /play/live HTTP/1.1\r\nHost: origin\r\n\r\n")
    assert status(asked.written) == 200
    assert header(asked.written, b"Content-Type") == b"video/mp4"
    assert body_of(asked.written) == b""


def test_a_player_that_stalls_holds_back_nobody_and_is_cut_off_in_the_end(house: House) -> None:
    stalled, other = house.request(GET), house.request(GET)
    encoder = encoder_of(house, video(1))
    stalled.room = 10
    for chunk in video(9).chunks[1:]:
        encoder.receive(framed(chunk))
    assert len(media_of(unframed(body_of(other.written)))) == 9
    house.pass_time(29)
    assert not stalled.aborted
    encoder.receive(framed(video(10).chunks[9]))
    house.pass_time(2)
    assert stalled.aborted
    assert house.broker.totals().stall_aborts == 1
    channel = house.broker.get("live")
    assert channel is not None
    assert channel.watching == 1


def test_a_player_that_reads_again_goes_on_where_it_was(house: House) -> None:
    player = house.request(GET)
    upload = video(20)
    encoder = house.request(POST, CHUNKED)
    encoder.receive(framed(upload.init))
    player.room = 100
    for chunk in upload.chunks:
        encoder.receive(framed(chunk))
    player.drain()
    house.pass_time(100)
    assert not player.aborted, "it is not stalled any more"
    assert unframed(body_of(player.written)) == upload.whole


def test_a_silent_encoder_is_ended_and_told_so(house: House) -> None:
    encoder = encoder_of(house, video(2))
    for _ in range(4):
        house.pass_time(20)
        encoder.receive(framed(boxes.box(b"free", bytes(300))))
    house.pass_time(29)
    assert not encoder.eof
    house.pass_time(2)
    assert status(encoder.written) == 408
    assert body_of(encoder.written) == b"0 bytes came in 30 s\n"
    assert house.broker.snapshot(0)[0].state == "reconnecting"


def test_a_byte_now_and_then_is_silence_too(house: House) -> None:
    encoder = house.request(POST, CHUNKED)
    for _ in range(6):
        if not encoder.eof:
            encoder.receive(framed(b"x"))
        house.pass_time(10)
    assert status(encoder.written) == 408


def test_a_second_encoder_is_told_who_is_first_and_may_take_over(house: House) -> None:
    first = encoder_of(house, video(2))
    second = house.request(b"PUT /ingest/live HTTP/1.1", CHUNKED)
    assert status(second.written) == 409
    assert b"live is published by 127.0.0.1:5000 (test/1) since 2026-11-22T12:00:00Z" in (
        second.written
    )
    third = house.request(b"PUT /ingest/live?takeover=1 HTTP/1.1", CHUNKED)
    assert status(first.written) == 409
    assert b"live was taken over by 127.0.0.1:5000" in first.written
    third.receive(framed(video(2).whole) + END)
    assert status(third.written) == 200


def test_continue_is_said_only_to_who_may_send(house: House) -> None:
    lines = (POST, CHUNKED, b"Expect: 100-continue")
    first, second = house.request(*lines), house.request(*lines)
    assert first.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert status(second.written) == 409


def test_an_upload_faster_than_its_players_rests_and_goes_on() -> None:
    house = House(window_bytes=8000)
    player = house.request(GET)
    encoder = house.request(POST, CHUNKED)
    player.room = 500
    while encoder.reading:
        encoder.receive(framed(b"x" * 100))
    ((_, resume),) = house.later
    resume()
    assert encoder.reading
    player.drain()
    for _ in range(100):
        encoder.receive(framed(b"x" * 100))
    encoder.receive(END)
    assert player.written.endswith(END)
    body = unframed(body_of(player.written))
    assert b"%d bytes in" % len(body) in encoder.written, "nothing was lost"


def test_the_time_from_in_to_out_is_measured(house: House) -> None:
    house.request(GET)
    encoder_of(house, video(3))
    channel = house.broker.get("live")
    assert channel is not None
    assert sum(channel.relay_time.counts) == 1


def test_the_times_of_channels_that_are_gone_still_count(house: House) -> None:
    encoder_of(house, video(3))
    channel = house.broker.get("live")
    assert channel is not None
    assert sum(channel.relay_time.counts) == 1
    house.broker.drop("live", house.clock.now)
    assert house.broker.get("live") is None
    assert house.broker.relay_time().counts == channel.relay_time.counts
    assert house.broker.relay_time().total == channel.relay_time.total


@pytest.mark.parametrize(
    ("line", "expected", "allowed"),
    [
        (b"GET /ingest HTTP/1.1", 405, b"POST, PUT, OPTIONS"),
        (b"POST /play HTTP/1.1", 405, b"GET, HEAD, OPTIONS"),
        (b"DELETE /play/live HTTP/1.1", 405, b"GET, HEAD, OPTIONS"),
        (b"GET /play/..%2f..%2fetc HTTP/1.1", 400, None),
        (b"GET /play/%2e%2e HTTP/1.1", 400, None),
        (b"GET /play/ HTTP/1.1", 400, None),
        (b"GET /play/" + b"a" * 65 + b" HTTP/1.1", 400, None),
        (b"GET /play/a/b%00 HTTP/1.1", 400, None),
        (b"GET /play/live/video/more HTTP/1.1", 404, None),
        (b"GET /live/live/video/1.m4s HTTP/1.1", 404, None),
        (b"GET /live/live/manifest.m3u8 HTTP/1.1", 404, None),
        (b"POST /live/live/manifest.mpd HTTP/1.1", 405, b"GET, HEAD, OPTIONS"),
        (b"GET /live/%2e%2e/manifest.mpd HTTP/1.1", 400, None),
        (b"GET /ingested HTTP/1.1", 404, None),
        (b"POST /ingest/a%20b HTTP/1.1", 400, None),
    ],
)
def test_paths_and_methods(house: House, line: bytes, expected: int, allowed: bytes | None) -> None:
    transport = house.request(line)
    assert status(transport.written) == expected
    assert header(transport.written, b"Allow") == allowed
    assert body_of(transport.written).count(b"\n") == 1, "one line says why"
    assert not transport.closed


def test_what_a_page_of_another_origin_may_do(house: House) -> None:
    for path in (b"/play", b"/ingest/x", b"/nothing", b"*"):
        transport = house.request(b"OPTIONS %b HTTP/1.1" % path)
        assert status(transport.written) == 204
        assert b"CMCD-Request" in (
            header(transport.written, b"Access-Control-Allow-Headers") or b""
        )


def test_a_late_joiner_that_cannot_take_the_backlog_at_once_is_paused_too(house: House) -> None:
    upload = video(40, gop=40)
    encoder = house.request(POST, CHUNKED)
    encoder.receive(framed(upload.init + b"".join(upload.chunks[:20])))
    player = house.connect()
    player.room = 100
    player.receive(b"GET /play/live HTTP/1.1\r\nHost: origin\r\n\r\n")
    backlog = len(player.written)
    for chunk in upload.chunks[20:]:
        encoder.receive(framed(chunk))
    assert len(player.written) == backlog, "the rest waits in the window"
    player.drain()
    assert unframed(body_of(player.written)) == upload.whole
