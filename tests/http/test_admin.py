"""Who may look after the origin, over connections from anywhere."""

from __future__ import annotations

import asyncio
from base64 import b64encode

import pytest

from sorgente.http.asgi import Message
from sorgente.keys import Key
from tests.http.test_asgi import Receive, Send, of_known_length
from tests.support.transport import House, body_of, header, status

KEY = "of-the-operator"
HERE, ELSEWHERE = "127.0.0.1", "192.0.2.1"
GET = b"GET /api/v1/channels HTTP/1.1"
POST = b"POST /api/v1/channels/live/end HTTP/1.1"

BEARER = b"Authorization: Bearer " + KEY.encode()
BASIC = b"Authorization: Basic " + b64encode(b"any:" + KEY.encode())
WRONG = b"Authorization: Bearer of-nobody"


async def ask(house: House, *lines: bytes, host: str) -> bytes:
    transport = house.request(*lines, host=host)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return transport.written


@pytest.mark.parametrize(
    ("lines", "host", "expected"),
    [
        ((GET,), HERE, 200),
        ((b"HEAD /api/v1/channels HTTP/1.1",), HERE, 200),
        ((GET,), "::1", 200),
        ((GET, BEARER), HERE, 200),
        ((GET, BEARER), ELSEWHERE, 200),
        ((GET, BASIC), ELSEWHERE, 200),
        ((b"GET /api/v1/channels?key=of-the-operator HTTP/1.1",), ELSEWHERE, 200),
        ((POST, BEARER), HERE, 200),
        ((POST, BEARER), ELSEWHERE, 200),
        ((GET,), ELSEWHERE, 401),
        ((GET, WRONG), ELSEWHERE, 401),
        ((GET, WRONG), HERE, 401),
        ((GET, b"X-Forwarded-For: 127.0.0.1"), HERE, 401),
        ((GET, b"Sec-Fetch-Site: cross-site"), HERE, 401),
        ((POST,), HERE, 401),
        ((POST, WRONG), HERE, 401),
        ((POST,), ELSEWHERE, 401),
        ((b"GET /api HTTP/1.1",), ELSEWHERE, 401),
        ((b"GET /api/v1/%2e%2e HTTP/1.1",), ELSEWHERE, 401),
        ((b"GET /healthz HTTP/1.1",), ELSEWHERE, 200),
        ((b"GET / HTTP/1.1",), ELSEWHERE, 200),
        ((b"GET /static/dashboard/dashboard.js HTTP/1.1",), ELSEWHERE, 200),
    ],
)
async def test_with_an_admin_key(lines: tuple[bytes, ...], host: str, expected: int) -> None:
    house = House(of_known_length, admin_key=Key(KEY))
    response = await ask(house, *lines, host=host)
    assert status(response) == expected
    challenge = header(response, b"WWW-Authenticate") if expected == 401 else None
    assert challenge == (b'Bearer realm="sorgente"' if expected == 401 else None)


@pytest.mark.parametrize(
    ("lines", "host", "expected"),
    [
        ((GET,), HERE, 200),
        ((GET, WRONG), HERE, 200),
        ((GET,), ELSEWHERE, 403),
        ((GET, BEARER), ELSEWHERE, 403),
        ((GET, b"Via: 1.1 proxy"), HERE, 403),
        ((POST,), HERE, 403),
        ((POST, BEARER), HERE, 403),
    ],
)
async def test_without_an_admin_key(lines: tuple[bytes, ...], host: str, expected: int) -> None:
    response = await ask(House(of_known_length), *lines, host=host)
    assert status(response) == expected
    if expected == 403:
        assert b"set one with --admin-key KEY or SORGENTE_ADMIN_KEY" in body_of(response)


async def test_a_key_to_publish_does_not_open_it() -> None:
    house = House(of_known_length, key=Key("to-publish"), admin_key=Key(KEY))
    publishing = b"Authorization: Bearer to-publish"
    assert status(await ask(house, POST, publishing, host=HERE)) == 401


async def test_the_application_is_not_asked_before_it_is_known_who_asks() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        raise AssertionError("asked")

    house = House(app, admin_key=Key(KEY))
    assert status(await ask(house, POST, b"Content-Length: 9", host=ELSEWHERE)) == 401
