"""The parser by itself: bytes in, requests out."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping

import pytest

from sorgente.errors import BadRequest, HeadTooLarge, OriginError, Overloaded, UriTooLong
from sorgente.http.household import ConnectionLimits
from sorgente.http.parser import MAX_WAITING, RequestParser
from sorgente.http.request import Request
from tests.support.transport import request

LIMITS = ConnectionLimits(
    head_bytes=200,
    uri_bytes=50,
    head_seconds=1.0,
    idle_seconds=1.0,
    linger_seconds=1.0,
    stall_seconds=1.0,
)
GET = b"GET /a HTTP/1.1"
POST = b"POST /b HTTP/1.1"
CHUNKED = b"Transfer-Encoding: chunked"


class Desk:
    """Takes what comes; its parser is fed in pieces of ``size`` bytes."""

    def __init__(self, size: int = 10_000) -> None:
        self.requests: list[Request] = []
        self.bodies: list[bytes] = []
        self.complete = 0
        self.fault: Exception | None = None
        self.error: OriginError | None = None
        self.ready = True
        self.parser = RequestParser(self, LIMITS)
        self._size = size

    def feed(self, data: bytes) -> None:
        for at in range(0, len(data), self._size):
            self.parser.feed(data[at : at + self._size])

    def sender(self, headers: Mapping[bytes, bytes]) -> str:
        return "192.0.2.1:5000"

    def request_begins(self, request: Request) -> None:
        assert self.ready
        assert self.complete == len(self.requests), "the one before is over"
        self.requests.append(request)
        self.bodies.append(b"")
        if self.fault is not None:
            raise self.fault

    def body_comes(self, data: bytes) -> None:
        self.bodies[-1] += data

    def request_is_complete(self) -> None:
        self.complete += 1

    def request_breaks(self, error: OriginError) -> None:
        assert self.error is None, "nothing comes behind"
        self.error = error


@pytest.mark.parametrize("size", [10_000, 1, 7])
def test_requests_are_told_one_after_another(size: int) -> None:
    desk = Desk(size)
    sent = [
        request(GET, b"X-One: 1", b"x-oNE: 2"),
        request(POST, CHUNKED, body=b"2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Trailer: t\r\n\r\n"),
        b"\r\n" + request(b"PUT /c?d=e HTTP/1.0", b"Content-Length: 3", body=b"abc"),
    ]
    desk.feed(b"".join(sent))
    assert desk.error is None
    assert [r.method for r in desk.requests] == ["GET", "POST", "PUT"]
    assert [r.target for r in desk.requests] == [b"/a", b"/b", b"/c?d=e"]
    assert [r.version for r in desk.requests] == ["1.1", "1.1", "1.0"]
    assert [r.keep_alive for r in desk.requests] == [True, True, False]
    assert desk.requests[0].headers == {b"host": b"origin", b"x-one": b"1, 2"}
    assert b"x-trailer" not in desk.requests[1].headers
    assert desk.bodies == [b"", b"hello", b"abc"]
    assert desk.complete == 3


def test_it_knows_whether_it_is_in_a_head() -> None:
    desk = Desk()
    assert not desk.parser.in_head
    desk.feed(b"\r\n")
    assert not desk.parser.in_head, "what may stand before a request is no part of it"
    desk.feed(b"P")
    assert desk.parser.in_head
    desk.feed(request(POST, b"Content-Length: 3")[1:])
    assert not desk.parser.in_head, "the rest is its body"
    desk.feed(b"abc" + GET)
    assert desk.parser.in_head


@pytest.mark.parametrize("size", [100, 1])
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (request(b"GET /" + b"a" * 50 + b" HTTP/1.1"), UriTooLong),
        (request(GET, b"A: " + b"b" * 190), HeadTooLarge),
        (request(GET, *[b"A%d: b" % n for n in range(40)]), HeadTooLarge),
        (request(GET, *[b"A: bbbb"] * 15), HeadTooLarge),
        (GET + b"\r\nA: " + b"b" * 500, HeadTooLarge),
        (request(POST, CHUNKED, body=b"3;" + b"e" * 500), HeadTooLarge),
        (request(POST, CHUNKED, body=b"0\r\nA: " + b"b" * 200 + b"\r\n\r\n"), HeadTooLarge),
        (b"rubbish\r\n\r\n", BadRequest),
        (GET + b"\r\n\r\n", BadRequest),
        (request(POST, CHUNKED, b"Content-Length: 3"), BadRequest),
    ],
)
def test_what_is_too_large_or_no_request_is_refused(
    size: int, data: bytes, expected: type[OriginError]
) -> None:
    desk = Desk(size)
    desk.feed(data)
    desk.feed(request(GET))
    assert isinstance(desk.error, expected)
    assert desk.error.__context__ is None, "whose frames would keep the connection alive"
    assert desk.complete == 0, "nothing comes behind"


def test_a_head_may_have_all_that_it_may_have() -> None:
    desk = Desk()
    desk.feed(request(GET, b"A: " + b"b" * (200 - len("host" + "origin" + "a") - 2 * 4)))
    assert desk.complete == 1


def test_a_fault_of_the_recipient_comes_out() -> None:
    desk = Desk()
    desk.fault = RuntimeError("a fault")
    with pytest.raises(RuntimeError) as caught:
        desk.feed(request(GET))
    assert caught.value is desk.fault


def test_an_offer_to_upgrade_is_the_end() -> None:
    desk = Desk()
    offer = request(GET, b"Connection: Upgrade", b"Upgrade: h2c")
    desk.feed(offer + b"PRI * HTTP/2.0\r\n\r\n")
    desk.feed(request(GET))
    assert len(desk.requests) == desk.complete == 1
    assert not desk.requests[0].keep_alive


@pytest.mark.parametrize("size", [10_000, 1, 7])
def test_a_request_waits_until_its_turn_has_come(size: int) -> None:
    desk = Desk(size)
    upload = request(POST, CHUNKED, body=b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")
    desk.ready = False
    desk.feed(upload + request(GET) + upload[:-6])
    assert desk.parser.waiting
    desk.parser.hand_on()
    assert desk.requests == []
    desk.ready = True
    desk.parser.hand_on()
    assert desk.bodies == [b"hello", b"", b"hello"]
    assert desk.complete == 2
    assert not desk.parser.waiting
    desk.feed(upload[-6:] + request(GET))
    assert desk.complete == 4


@pytest.mark.parametrize("size", [10_000, 1])
@pytest.mark.parametrize(
    ("rubbish", "begun"),
    [
        (b"rubbish\r\n\r\n", 1),
        (GET + b"\r\n\r\n", 1),
        (request(POST, CHUNKED, body=b"3\r\nabcd"), 2),
    ],
)
def test_what_is_wrong_is_told_behind_what_waits(size: int, rubbish: bytes, begun: int) -> None:
    desk = Desk(size)
    desk.ready = False
    desk.feed(request(GET) + rubbish + request(GET))
    assert desk.error is None
    desk.ready = True
    desk.parser.hand_on()
    assert isinstance(desk.error, BadRequest)
    assert len(desk.requests) == begun
    assert desk.complete == 1


def test_what_waits_is_no_larger_than_it_came() -> None:
    """A request is made into twelve times its size."""
    desk = Desk()
    desk.ready = False
    tracemalloc.start()
    desk.parser.feed(request(GET) * 10_000)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1.5 * 10_000 * len(request(GET))
    desk.ready = True
    desk.parser.hand_on()
    assert desk.complete == 10_000


def test_not_any_number_of_requests_waits_that_came_with_a_body() -> None:
    desk = Desk(100_000)
    desk.feed(request(POST, CHUNKED, body=b"3\r\nabc\r\n"))
    desk.ready = False
    desk.feed(b"0\r\n\r\n" + request(GET) * (MAX_WAITING + 1))
    desk.ready = True
    desk.parser.hand_on()
    assert desk.complete == 1 + MAX_WAITING
    assert isinstance(desk.error, Overloaded)
