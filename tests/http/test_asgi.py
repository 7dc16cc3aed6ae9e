"""The bridge to ASGI applications, on a transport without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sorgente.http.asgi import MAX_BODY_BYTES, AsgiApp, Message
from sorgente.keys import Key
from tests.support.players import unframed
from tests.support.transport import House, RecordingTransport, body_of, header, status

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

GET = b"GET /metrics?a=b HTTP/1.1"
POST = b"POST /api/v1/thing HTTP/1.1"
KEY = Key("to-administer")
BEARER = b"Authorization: Bearer to-administer"


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def answer(app: AsgiApp, *lines: bytes, body: bytes = b"") -> bytes:
    transport = House(app).request(*lines, body=body)
    await settle()
    return transport.written


def start(code: int = 200, *headers: tuple[bytes, bytes]) -> Message:
    return {"type": "http.response.start", "status": code, "headers": list(headers)}


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def in_two_parts(scope: Message, receive: Receive, send: Send) -> None:
    await send(start(200, (b"content-type", b"text/plain")))
    await send(part(b"one ", more=True))
    await send(part(b"two"))
    await send(part(b"too late"))


async def of_known_length(scope: Message, receive: Receive, send: Send) -> None:
    await send(start(200, (b"content-length", b"2")))
    await send(part(b"ok"))


async def test_a_response_of_unknown_length_is_chunked_or_ends_with_its_connection() -> None:
    response = await answer(in_two_parts, GET)
    assert status(response) == 200
    assert unframed(body_of(response)) == b"one two"
    response = await answer(in_two_parts, b"GET /metrics HTTP/1.0")
    assert header(response, b"Connection") == b"close"
    assert body_of(response) == b"one two"


@pytest.mark.parametrize("app", [in_two_parts, of_known_length])
async def test_a_head_request_gets_the_head(app: AsgiApp) -> None:
    response = await answer(app, b"HEAD /metrics HTTP/1.1")
    assert status(response) == 200
    assert body_of(response) == b""


async def test_the_connection_goes_on_behind_a_response() -> None:
    transport = House(of_known_length).request(GET)
    await settle()
    transport.receive(b"GET /metrics HTTP/1.1\r\nHost: origin\r\n\r\n")
    await settle()
    assert transport.written.count(b"200 OK") == 2


async def test_the_application_is_told_what_was_asked() -> None:
    seen: dict[str, Any] = {}

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.update(scope, body=await receive())
        await of_known_length(scope, receive, send)

    upload = (POST, BEARER, b"X-Thing: 1", b"Content-Length: 3")
    House(app, admin_key=KEY).request(*upload, body=b"abc")
    await settle()
    assert seen["method"] == "POST"
    assert seen["path"] == "/api/v1/thing"
    assert (b"x-thing", b"1") in seen["headers"]
    assert seen["body"] == {"type": "http.request", "body": b"abc", "more_body": False}
    await answer(app, GET)
    assert seen["query_string"] == b"a=b"


async def test_what_an_application_raises_stays_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        raise LookupError("secret")

    response = await answer(app, GET)
    assert status(response) == 500
    assert b"secret" not in response
    assert "secret" in caplog.text


async def test_an_application_that_stops_half_way_never_looks_complete() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        await send(part(b"half", more=True))

    transport = House(app).request(GET)
    await settle()
    assert transport.aborted


async def test_an_application_that_says_nothing_is_an_error() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        return

    assert status(await answer(app, GET)) == 500


async def test_a_body_is_bounded() -> None:
    house = House(of_known_length, admin_key=KEY)
    transport = house.request(POST, BEARER, b"Content-Length: %d" % (2 * MAX_BODY_BYTES))
    transport.receive(b"x" * (MAX_BODY_BYTES + 1))
    assert status(transport.written) == 413


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"TRACE"])
async def test_what_pages_cannot_do_is_refused_before_its_body_comes(method: bytes) -> None:
    """Or anybody could have a megabyte kept, on every connection."""
    house = House(of_known_length)
    transport = house.request(b"%b /healthz HTTP/1.1" % method, b"Content-Length: 1000")
    assert status(transport.written) == 405
    assert header(transport.written, b"Allow") == b"GET, HEAD, OPTIONS"


async def test_the_body_of_a_get_is_nothing() -> None:
    bodies: list[Message] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        bodies.append(await receive())
        await of_known_length(scope, receive, send)

    size = 2 * MAX_BODY_BYTES
    response = await answer(app, GET, b"Content-Length: %d" % size, body=b"x" * size)
    assert status(response) == 200
    assert [message["body"] for message in bodies] == [b""]


@pytest.mark.parametrize(("said", "expected"), [(None, b"no-store"), (b"max-age=5", b"max-age=5")])
async def test_an_error_is_not_to_be_kept_unless_it_says_so(
    said: bytes | None, expected: bytes
) -> None:
    """A cache may keep a 404 that says nothing (RFC 9110 §15.5.5)."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start(404, *([] if said is None else [(b"Cache-Control", said)])))
        await send(part(b""))

    assert header(await answer(app, GET), b"Cache-Control") == expected


def endless(sent: list[int]) -> AsgiApp:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        for number in range(1000):
            await send(part(b"x" * 100, more=True))
            sent.append(number)

    return app


async def test_an_application_waits_for_a_slow_reader_and_goes_on() -> None:
    sent: list[int] = []
    house = House(endless(sent))
    transport = house.connect()
    transport.room = 1000
    transport.receive(b"GET /metrics HTTP/1.1\r\nHost: origin\r\n\r\n")
    await settle()
    assert len(sent) < 20
    transport.drain()
    await settle()
    assert len(sent) == 1000


@pytest.mark.parametrize("how", ["lost", "stalled"])
async def test_an_application_may_finish_after_its_reader_is_gone(how: str) -> None:
    sent: list[int] = []
    house = House(endless(sent))
    transport = house.connect()
    transport.room = 1000
    transport.receive(b"GET /metrics HTTP/1.1\r\nHost: origin\r\n\r\n")
    await settle()
    if how == "lost":
        transport.lose()
    else:
        house.pass_time(31)
        assert transport.aborted
    await settle()
    assert len(sent) == 1000
    assert transport.written.count(b"x" * 100) < 20


async def test_an_application_can_wait_for_its_reader_to_go() -> None:
    heard: list[Message] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        heard.extend([await receive(), await receive()])

    transport: RecordingTransport = House(app).request(GET)
    await settle()
    transport.lose()
    await settle()
    assert [message["type"] for message in heard] == ["http.request", "http.disconnect"]


async def test_who_half_closes_still_gets_an_answer() -> None:
    transport = House(of_known_length).request(GET)
    assert transport.protocol.eof_received()
    await settle()
    assert status(transport.written) == 200
    assert transport.closed
