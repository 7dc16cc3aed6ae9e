"""The parser by itself: bytes in, requests out."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sorgente.errors import BadRequest, HeadTooLarge, NotFound, OriginError, UriTooLong
from sorgente.http.household import ConnectionLimits
from sorgente.http.parser import RequestParser
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
        self.refusal: Exception | None = None
        self.parser = RequestParser(self, LIMITS)
        self._size = size

    def feed(self, data: bytes) -> bool:
        """Whether anything behind it can be understood."""
        pieces = range(0, len(data), self._size)
        return all(self.parser.feed(data[at : at + self._size]) for at in pieces)

    def sender(self, headers: Mapping[bytes, bytes]) -> str:
        return "192.0.2.1:5000"

    def request_begins(self, request: Request) -> None:
        assert self.complete == len(self.requests), "the one before is over"
        self.requests.append(request)
        self.bodies.append(b"")
        if self.refusal is not None:
            raise self.refusal

    def body_comes(self, data: bytes) -> None:
        self.bodies[-1] += data

    def request_is_complete(self) -> None:
        self.complete += 1


@pytest.mark.parametrize("size", [10_000, 1, 7])
def test_requests_are_told_one_after_another(size: int) -> None:
    desk = Desk(size)
    sent = [
        request(GET, b"X-One: 1", b"x-oNE: 2"),
        request(POST, CHUNKED, body=b"2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Trailer: t\r\n\r\n"),
        b"\r\n" + request(b"PUT /c?d=e HTTP/1.0", b"Content-Length: 3", body=b"abc"),
    ]
    assert desk.feed(b"".join(sent))
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
    with pytest.raises(expected) as caught:
        Desk(size).feed(data)
    assert caught.value.__context__ is None, "whose frames would keep the connection alive"


def test_a_head_may_have_all_that_it_may_have() -> None:
    desk = Desk()
    desk.feed(request(GET, b"A: " + b"b" * (200 - len("host" + "origin" + "a") - 2 * 4)))
    assert desk.complete == 1


@pytest.mark.parametrize("refusal", [NotFound("there is nothing"), RuntimeError("a fault")])
def test_what_the_recipient_raises_comes_out(refusal: Exception) -> None:
    desk = Desk()
    desk.refusal = refusal
    with pytest.raises(type(refusal)) as caught:
        desk.feed(request(GET))
    assert caught.value is refusal


def test_an_offer_to_upgrade_is_the_end() -> None:
    desk = Desk()
    offer = request(GET, b"Connection: Upgrade", b"Upgrade: h2c")
    assert not desk.feed(offer + b"PRI * HTTP/2.0\r\n\r\n")
    assert len(desk.requests) == desk.complete == 1
