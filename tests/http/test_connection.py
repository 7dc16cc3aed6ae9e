"""One connection on a transport without a socket, its clock in our hands."""

from __future__ import annotations

import pytest

from sorgente.http.exchange import Exchange, Line
from sorgente.http.request import Request
from sorgente.settings import ConnectionSettings
from tests.support.live import video
from tests.support.transport import (
    House,
    RecordingTransport,
    body_of,
    header,
    request,
    status,
)

GET_NOTHING = b"GET /nothing HTTP/1.1"
POST = b"POST /ingest/live HTTP/1.1"
CHUNKED = b"Transfer-Encoding: chunked"
HELD = b"GET /own/live/not-put-yet.mpd HTTP/1.1"
HELD_SECONDS = 4.5
"""Then the answer to it is a 404."""


@pytest.fixture
def house() -> House:
    return House()


def fed(house: House, data: bytes, size: int) -> RecordingTransport:
    transport = house.connect()
    feed(transport, data, size)
    return transport


def feed(transport: RecordingTransport, data: bytes, size: int) -> bytes:
    """What nobody has read of it."""
    while data and transport.reading and not transport.is_closing():
        transport.receive(data[:size])
        data = data[size:]
    return data


def statuses(transport: RecordingTransport) -> list[int]:
    """Of the answers, which have no status line in their bodies."""
    return [int(part[:3]) for part in transport.written.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize("size", [10_000, 1, 7])
def test_a_request_is_understood_however_it_comes_in(house: House, size: int) -> None:
    transport = fed(house, request(GET_NOTHING), size)
    assert status(transport.written) == 404
    assert body_of(transport.written) == b"there is nothing at this path\n"
    assert not transport.closed


@pytest.mark.parametrize("size", [10_000, 1])
def test_pipelined_requests_are_answered_in_order(house: House, size: int) -> None:
    upload = request(POST, b"Content-Length: 3", body=b"abc")
    transport = fed(house, request(GET_NOTHING) + upload * 2 + request(GET_NOTHING), size)
    assert statuses(transport) == [404, 200, 200, 404]


@pytest.mark.parametrize("size", [100_000, 1])
def test_what_is_pipelined_behind_a_response_waits_for_its_end(house: House, size: int) -> None:
    upload = request(b"PUT /ingest/other HTTP/1.1", CHUNKED, body=b"2\r\nhi\r\n0\r\n\r\n")
    player = house.connect()
    unread = feed(player, request(HELD) + upload * 2, size)
    assert not player.reading
    assert player.written == b""
    house.pass_time(HELD_SECONDS)
    assert feed(player, unread, size) == b""
    assert statuses(player) == [404, 200, 200]
    assert player.reading


@pytest.mark.parametrize("size", [100_000, 1])
def test_behind_a_response_that_never_ends_only_the_end_is_heard(house: House, size: int) -> None:
    """A player that left would be watching for ever."""
    player = fed(house, request(b"GET /play/live HTTP/1.1") + request(GET_NOTHING) * 2, size)
    assert player.reading
    player.protocol.eof_received()
    assert house.broker.get("live") is None


def test_behind_a_response_that_came_to_an_end_after_all_the_connection_ends(house: House) -> None:
    encoder = house.request(POST, CHUNKED)
    encoder.receive(b"3\r\nabc\r\n")
    player = fed(house, request(b"GET /play/live HTTP/1.1") + request(GET_NOTHING), 10_000)
    encoder.receive(b"0\r\n\r\n")
    assert statuses(player) == [200]
    assert player.closed


def test_no_answer_is_made_before_the_one_before_it_is_taken(house: House) -> None:
    """Or a client that asks and does not read has all the memory there is."""
    transport = house.connect()
    transport.room = 10
    transport.receive(request(GET_NOTHING) * 50)
    assert statuses(transport) == [404]
    assert not transport.reading
    house.pass_time(20)
    transport.drain()
    assert statuses(transport) == [404] * 50
    assert transport.reading
    house.pass_time(20)
    assert not transport.is_closing(), "it is idle"


def test_a_request_that_comes_before_what_a_handshake_left_is_taken_is_answered(
    house: House,
) -> None:
    """TLS 1.3 writes its tickets first."""
    transport = house.connect()
    transport.room = 0
    transport.write(b"ticket")
    transport.receive(request(GET_NOTHING))
    assert transport.take() == b"ticket"
    house.pass_time(20)
    transport.drain()
    assert statuses(transport) == [404]
    assert transport.reading


def test_who_does_not_take_what_a_handshake_left_is_cut_off(house: House) -> None:
    transport = house.connect()
    transport.room = 0
    transport.write(b"ticket")
    transport.receive(request(GET_NOTHING))
    house.pass_time(31)
    assert transport.aborted


def test_who_does_not_take_an_answer_is_cut_off(house: House) -> None:
    transport = house.connect()
    transport.room = 10
    transport.receive(request(GET_NOTHING))
    house.pass_time(29)
    assert not transport.is_closing()
    house.pass_time(2)
    assert transport.aborted


@pytest.mark.parametrize("size", [10_000, 1])
@pytest.mark.parametrize(
    "last",
    [
        request(b"POST /nothing HTTP/1.1", CHUNKED, body=b"3\r\nabc\r\n0\r\n\r\n"),
        request(GET_NOTHING, b"Connection: close"),
        request(b"GET /nothing HTTP/1.0"),
        request(GET_NOTHING, b"Connection: Upgrade", b"Upgrade: h2c"),
    ],
)
def test_what_is_pipelined_behind_the_last_answer_is_not_looked_at(
    house: House, last: bytes, size: int
) -> None:
    """RFC 9112 §9.6: who reads ``Connection: close`` may take all behind it for undone."""
    upload = request(POST, b"Content-Length: 3", body=b"abc")
    transport = fed(house, last + upload, size)
    assert header(transport.written, b"Connection") == b"close"
    assert statuses(transport) == [404]
    assert house.broker.get("live") is None
    assert transport.closed or transport.reading, "else nobody hears that the other side has it"
    transport.drain()
    house.pass_time(31)
    assert transport.is_closing()
    assert statuses(transport) == [404]


def test_more_requests_than_the_stack_is_deep(house: House) -> None:
    transport = house.connect()
    transport.receive(request(HELD) + request(GET_NOTHING) * 3000)
    house.pass_time(HELD_SECONDS)
    assert statuses(transport) == [404] * 3001


def test_a_request_that_broke_behind_a_response_is_answered_after_it(house: House) -> None:
    transport = house.connect()
    transport.receive(request(HELD) + request(GET_NOTHING) + b"rubbish\r\n\r\n")
    assert transport.written == b""
    house.pass_time(HELD_SECONDS)
    assert statuses(transport) == [404, 404, 400]
    assert transport.eof


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (request(GET_NOTHING, b"Host: other"), 400),
        (request(POST, CHUNKED, b"Content-Length: 3"), 400),
        (request(POST, b"Content-Length: 3", b"Content-Length: 3"), 400),
        (request(POST, b"Transfer-Encoding: gzip, chunked"), 501),
        (request(b"POST /ingest HTTP/1.0", CHUNKED), 400),
        (request(POST, b"Content-Encoding: gzip", b"Content-Length: 3"), 415),
        (request(GET_NOTHING, b"A: b\r\n folded"), 400),
        (request(GET_NOTHING, b"A: " + b"x" * 1000), 431),
        (request(GET_NOTHING, *[b"A: " + b"x" * 100] * 10), 431),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 5000, 431),
        (request(b"GET /" + b"x" * 500 + b" HTTP/1.1"), 414),
    ],
)
@pytest.mark.parametrize("size", [1500, 1])
def test_what_is_not_a_request_of_ours_is_refused(
    house: House, data: bytes, expected: int, size: int
) -> None:
    transport = fed(house, data, size)
    assert status(transport.written) == expected
    assert header(transport.written, b"Connection") == b"close"
    assert header(transport.written, b"Access-Control-Allow-Origin") == b"*"
    assert transport.eof
    assert transport.written.count(b"Date: ") == 1, "one answer"
    house.pass_time(2.5)
    assert transport.aborted, "and not waited for much longer"


@pytest.mark.parametrize(
    "body", [b"zz\r\n", b"5\r\nhelloX", b"3;" + b"x" * 3000, b"0\r\nT: " + b"x" * 3000]
)
def test_a_body_that_is_not_one_breaks_its_upload_off(house: House, body: bytes) -> None:
    encoder = house.request(POST, CHUNKED)
    encoder.receive(b"3\r\nabc\r\n")
    player = house.request(b"GET /play/live HTTP/1.1")
    encoder.receive(body)
    assert status(encoder.written) in (400, 431)
    assert player.aborted
    assert house.broker.publishers == 0


def test_silence_before_a_request_is_ended_without_a_word(house: House) -> None:
    transport = house.connect()
    house.pass_time(9)
    assert not transport.closed
    house.pass_time(2)
    assert transport.closed
    assert transport.written == b""


def test_a_head_that_dribbles_is_given_up(house: House) -> None:
    transport = house.connect()
    for byte in b"GET / HTTP/1.1":
        transport.receive(bytes([byte]))
        house.pass_time(0.8)
        if transport.eof:
            break
    assert status(transport.written) == 408


def test_a_request_that_is_never_complete_is_given_up(house: House) -> None:
    transport = house.request(b"GET /play HTTP/1.1", b"Content-Length: 1000")
    house.pass_time(11)
    assert status(transport.written) == 408


def test_an_idle_connection_is_closed_without_a_word(house: House) -> None:
    transport = house.request(GET_NOTHING)
    transport.take()
    house.pass_time(60)
    assert not transport.closed, "ffmpeg dies of that"
    house.pass_time(16)
    assert transport.closed
    assert transport.written == b""


def test_by_default_a_connection_may_be_idle_for_a_minute() -> None:
    """Of an encoder, between two objects (DASH-IF Ingest §7)."""
    assert ConnectionSettings().idle_timeout > 60


def test_an_answer_nobody_reads_does_not_keep_a_connection(house: House) -> None:
    transport = house.connect()
    transport.room = 10
    transport.receive(request(GET_NOTHING, b"Connection: close"))
    assert transport.closed
    house.pass_time(31)
    assert transport.aborted


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ((GET_NOTHING,), True),
        ((GET_NOTHING, b"Connection: close"), False),
        ((b"GET /nothing HTTP/1.0",), False),
        ((b"GET /nothing HTTP/1.0", b"Connection: keep-alive"), True),
    ],
)
def test_connections_are_kept_as_http_says(
    house: House, line: tuple[bytes, ...], kept: bool
) -> None:
    transport = house.request(*line)
    assert transport.closed is not kept
    if not kept:
        assert header(transport.written, b"Connection") == b"close"


class Reply(Exchange):
    """Answers with a status and nothing."""

    __slots__ = ("status",)
    status: int

    def complete(self) -> None:
        self.line.reply(self.status, b"")


@pytest.mark.parametrize(("answer", "length"), [(200, b"0"), (204, None), (304, None)])
def test_the_length_of_nothing_is_said_where_it_is_one(
    house: House, answer: int, length: bytes | None
) -> None:
    """A 304 would speak of the 200, a 204 may not speak of any (RFC 9110 §8.6)."""

    def route(request: Request, line: Line) -> Exchange:
        exchange = Reply(line, request)
        exchange.status = answer
        return exchange

    house.frontend.route = route
    transport = house.request(GET_NOTHING)
    assert status(transport.written) == answer
    assert header(transport.written, b"Content-Length") == length
    assert transport.written.endswith(b"\r\n\r\n")


def test_an_offer_to_upgrade_is_ignored(house: House) -> None:
    transport = house.request(GET_NOTHING, b"Connection: Upgrade", b"Upgrade: h2c")
    assert status(transport.written) == 404
    assert header(transport.written, b"Connection") == b"close", "llhttp stops here"


def test_connections_are_bounded_in_all_and_per_address() -> None:
    house = House(connections=3, per_address=2)
    first = house.connect()
    house.connect()
    third = house.connect()
    assert status(third.written) == 429
    assert b"127.0.0.1 may have 2 connections" in third.written
    third.lose()
    house.connect("192.0.2.2")
    assert status(house.connect("192.0.2.3").written) == 503
    first.lose()
    house.pass_time(3)
    assert house.frontend.refused == 2


def test_not_even_refusals_are_unbounded() -> None:
    house = House(connections=1)
    refused = [house.connect() for _ in range(400)]
    assert sum(transport.aborted for transport in refused) > 100


def test_a_request_target_may_be_absolute(house: House) -> None:
    transport = house.request(b"OPTIONS http://origin/play/live?x=1 HTTP/1.1")
    assert status(transport.written) == 204


def test_shutting_down_closes_what_is_idle_and_ends_the_rest_when_it_is_over(
    house: House,
) -> None:
    idle, encoder = house.request(GET_NOTHING), house.request(POST, CHUNKED)
    house.frontend.close()
    assert idle.closed
    assert not encoder.closed
    encoder.receive(b"0\r\n\r\n")
    assert header(encoder.written, b"Connection") == b"close"
    assert encoder.closed
    assert status(house.connect().written) == 503


def test_a_player_who_half_closes_is_gone(house: House) -> None:
    player = house.request(b"GET /play/live HTTP/1.1")
    assert house.broker.get("live") is not None
    assert not player.protocol.eof_received()
    assert house.broker.get("live") is None


def test_losing_the_connection_breaks_its_upload_off(house: House) -> None:
    encoder = house.request(POST, CHUNKED)
    upload = video(3)
    encoder.receive(b"%x\r\n%b\r\n" % (len(upload.whole), upload.whole))
    encoder.lose(ConnectionResetError("reset"))
    assert house.broker.snapshot(0)[0].state == "reconnecting"
    assert len(house.frontend) == 0
