"""A program that decides who may publish: it allows, refuses, hangs, is away, talks nonsense."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network
from typing import Any

import pytest

from sorgente import authorize
from sorgente.http.asking import Question, Verdict
from sorgente.outbound import OutboundUrl
from sorgente.settings import ListenSettings, Settings, TokenSettings
from tests.integration.conftest import Launch
from tests.support.boxes import ENCRYPTED
from tests.support.live import video
from tests.support.origin import InProcess, Response, until

UPLOAD = video(20)
LIVE = video(103, gop=50, spec=ENCRYPTED)  # of which there are no slates


class Operator:
    """A server that says what a test wants."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.head = "200 OK"
        self.body = b""
        self.released = asyncio.Event()
        self.released.set()
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.asked.append(json.loads(await reader.readexactly(length)))
                await self.released.wait()
                lines = [f"HTTP/1.1 {self.head}", f"Content-Length: {len(self.body)}", "", ""]
                writer.write("\r\n".join(lines).encode() + self.body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def operator() -> AsyncIterator[Operator]:
    operator = Operator()
    async with await asyncio.start_server(operator.answer, "127.0.0.1", 0) as server:
        operator.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/may"
        yield operator
        operator.released.set()


@pytest.fixture
async def origin(launch: Launch, operator: Operator) -> InProcess:
    return await launch(tokens=TokenSettings(authorize_url=OutboundUrl(operator.url)))


@pytest.fixture
async def watched(launch: Launch, operator: Operator) -> InProcess:
    """One that asks about who watches, too."""
    return await launch(
        tokens=TokenSettings(authorize_url=OutboundUrl(operator.url), authorize_watch=True)
    )


async def test_who_may_publishes(origin: InProcess, operator: Operator) -> None:
    (player,) = await origin.audience(1)
    basic = ("Authorization", "Basic YW55OnN0cmVhbS1rZXk=")
    encoder = await origin.publish(headers=[basic, ("User-Agent", "x")])
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    assert (await encoder.finish()).status == 200
    assert (await player.rest()).body == UPLOAD.whole
    assert operator.asked == [
        {"action": "publish", "channel": "live", "address": "127.0.0.1", "user_agent": "x",
         "credential": "stream-key"}
    ]  # fmt: skip


async def test_a_body_that_comes_meanwhile_is_kept(origin: InProcess, operator: Operator) -> None:
    operator.released.clear()
    encoder = await origin.publish()
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    await until(lambda: bool(operator.asked))
    assert await origin.metric("sorgente_publishers") == 0
    operator.released.set()
    answer = await encoder.finish()
    assert (answer.status, answer.body.split()[0]) == (200, b"%d" % len(UPLOAD.whole))


@pytest.mark.parametrize(
    ("head", "body", "expected", "says"),
    [
        ("403 Forbidden", b"no such stream\nand more", 403, b"no such stream\n"),
        ("401 Unauthorized", b"\x1b[2J\xff" + b"x" * 9999, 401, b"?[2J?" + b"x" * 195 + b"\n"),
        ("403 Forbidden", b"", 403, b"you may not\n"),
        ("500 Oops", b"secret trace", 503, b"come again\n"),
        ("302 Found\r\nLocation: /yes", b"", 503, b"come again\n"),
        ("404 Not Found", b"", 503, b"come again\n"),
        ("nonsense", b"", 503, b"come again\n"),
    ],
)
async def test_who_may_not(
    origin: InProcess, operator: Operator, head: str, body: bytes, expected: int, says: bytes
) -> None:
    operator.head, operator.body = head, body
    answer = await origin.ask("POST", "/ingest/live/v", body=b"x")
    assert answer.status == expected
    assert answer.body.endswith(says)
    assert await origin.metric("sorgente_publishers") == 0


async def test_one_that_hangs_refuses(
    origin: InProcess, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorize, "ANSWER_SECONDS", 0.2)
    operator.released.clear()
    assert (await origin.ask("POST", "/ingest/live/v")).status == 503
    operator.released.set()
    assert (await origin.ask("POST", "/ingest/live/v")).status == 200


async def test_one_that_is_away_refuses(
    launch: Launch, unused_tcp_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"http://user:geheim@127.0.0.1:{unused_tcp_port}/"
    tokens = TokenSettings(authorize_url=OutboundUrl(url))
    origin = await launch(tokens=tokens)
    for _ in range(3):
        assert (await origin.ask("POST", "/ingest/live/v")).status == 503
    assert caplog.text.count("--authorize-url: ") == 1
    shown = Settings(tokens=tokens).shown()
    assert "geheim" not in caplog.text + repr(shown)
    assert shown["authorize_url"] == f"http://127.0.0.1:{unused_tcp_port}/…"


async def test_the_same_question_at_the_same_time_is_one(
    origin: InProcess, operator: Operator
) -> None:
    operator.released.clear()
    asks = [asyncio.create_task(origin.ask("POST", "/ingest/live/v")) for _ in range(5)]
    await until(lambda: bool(operator.asked))
    await origin.until_metric("sorgente_connections", 6)
    operator.released.set()
    assert {(await each).status for each in asks} == {200}
    assert len(operator.asked) == 1


async def test_an_answer_holds_as_long_as_it_says(origin: InProcess, operator: Operator) -> None:
    async def ask(channel: str, cache: str) -> int:
        operator.head = f"200 OK\r\nCache-Control: {cache}"
        before = len(operator.asked)
        for _ in range(2):
            assert (await origin.ask("POST", f"/ingest/{channel}/v")).status == 200
        return len(operator.asked) - before

    assert await ask("a", "max-age=60") == 1
    assert await ask("b", "max-age=0") == 2
    assert await ask("c", "no-store") == 2
    assert await ask("d", "private") == 1, "for some seconds"
    for path in ("/ingest/a/v?key=another", "/ingest/a/v?token=another", "/t/other/ingest/a/v"):
        await origin.ask("POST", path)
    credentials = [each["credential"] for each in operator.asked[-2:]]
    assert credentials == ["another", "other"], "somebody else is asked about, but once"


async def test_many_at_once_wait_for_their_turn(origin: InProcess, operator: Operator) -> None:
    """All who watch ask for a segment at the same moment: that is no reason to refuse any."""
    operator.released.clear()
    paths = [f"/ingest/a/v?key={each}" for each in range(2 * authorize.QUESTIONS)]
    asks = [asyncio.create_task(origin.ask("POST", path)) for path in paths]
    await until(lambda: len(operator.asked) == authorize.QUESTIONS_OF_ONE)
    operator.released.set()
    assert {(await each).status for each in asks} == {200}
    assert len(operator.asked) == len(paths)


async def test_one_address_is_not_all_others_queue(launch: Launch, operator: Operator) -> None:
    """With as many credentials as there are turns, while the program takes its time."""
    origin = await launch(
        tokens=TokenSettings(authorize_url=OutboundUrl(operator.url)),
        listen=ListenSettings(host="127.0.0.1", port=0, trusted_proxy=(ip_network("127.0.0.1"),)),
    )

    def ask(address: str, key: int) -> asyncio.Task[Response]:
        said = [("X-Forwarded-For", address)]
        return asyncio.create_task(origin.ask("POST", f"/ingest/a/v?key={key}", headers=said))

    operator.released.clear()
    asks = [ask(f"2001:db8::{each:x}", each) for each in range(authorize.QUESTIONS)]
    await origin.until_metric("sorgente_connections", 1 + len(asks))
    asks.append(ask("2001:db8:0:1::1", 0))
    asks.append(ask("192.0.2.1", 0))
    await until(lambda: len(operator.asked) == authorize.QUESTIONS_OF_ONE + 2)
    assert {"2001:db8:0:1::1", "192.0.2.1"} < {each["address"] for each in operator.asked}
    operator.released.set()
    assert {(await each).status for each in asks} == {200}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:0:0:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%lo", "fe80::2%lo", True),
        ("a", "b", False),
    ],
)
async def test_an_address_stands_for_who_has_it(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, one: str, other: str, same: bool
) -> None:
    monkeypatch.setattr(authorize, "QUESTIONS_OF_ONE", 1)
    program = authorize.Program(OutboundUrl(operator.url), time.monotonic)
    told: list[Verdict] = []
    operator.released.clear()
    for address in (one, other, "198.51.100.1"):
        program.ask(Question("publish", "a", address, "", ""), told.append)
    await until(lambda: "198.51.100.1" in {each["address"] for each in operator.asked})
    await until(lambda: len(operator.asked) == (2 if same else 3))
    operator.released.set()
    await until(lambda: told == [None] * 3)
    await program.close()


async def test_about_who_has_left_nobody_is_asked(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorize, "QUESTIONS", 1)
    program = authorize.Program(OutboundUrl(operator.url), time.monotonic)
    told: list[Verdict] = []

    def ask(channel: str) -> Callable[[], None]:
        return program.ask(Question("publish", channel, "127.0.0.1", "", ""), told.append)

    operator.released.clear()
    ask("a")
    leave = ask("b")
    ask("c")
    await until(lambda: bool(operator.asked))
    leave()
    operator.released.set()
    await until(lambda: len(told) == 2)
    assert [each["channel"] for each in operator.asked] == ["a", "c"]
    await program.close()


async def test_questions_are_bounded(
    origin: InProcess, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorize, "WAITING", 1)
    operator.released.clear()
    waits = asyncio.create_task(origin.ask("POST", "/ingest/a/v"))
    await until(lambda: bool(operator.asked))
    assert (await origin.ask("POST", "/ingest/b/v")).status == 503
    operator.released.set()
    assert (await waits).status == 200


async def test_credentials_are_not_logged(
    origin: InProcess, operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for head in ("200 OK", "403 Forbidden", "500 Oops"):
        operator.head = head
        answer = await origin.ask("POST", f"/ingest/{head[:3]}/v?key=geheim")
        assert b"geheim" not in answer.body
    assert "geheim" not in caplog.text


async def test_who_watches_is_asked_about_once(watched: InProcess, operator: Operator) -> None:
    encoder = await watched.publish()
    await encoder.send(LIVE.init, *LIVE.chunks)
    await watched.until_metric("sorgente_publishers", 1)
    operator.asked.clear()
    operator.head = "200 OK\r\nCache-Control: max-age=60"
    mpd = await watched.ask("GET", "/live/live/manifest.mpd?token=a")
    assert mpd.headers["cache-control"] == "private, no-cache"
    number = mpd.body.partition(b'startNumber="')[2].partition(b'"')[0].decode()
    for _ in range(3):
        segment = await watched.ask("GET", f"/live/live/video/{number}.m4s?token=a")
        assert segment.status == 200
    ((action, given),) = [(each["action"], each["credential"]) for each in operator.asked]
    assert (action, given) == ("watch", "a")
    operator.head = "401 Unauthorized"
    refused = await watched.ask("GET", "/play/live?token=b")
    assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Bearer realm="sorgente"')
    assert (await watched.ask("GET", "/time")).status == 200
    await encoder.finish()


async def test_who_waits_to_watch_may_leave(watched: InProcess, operator: Operator) -> None:
    operator.released.clear()
    leaving, staying = [await watched.play() for _ in range(2)]
    await watched.until_metric("sorgente_connections", 3)
    leaving.leave()
    await watched.until_metric("sorgente_connections", 2)
    operator.released.set()
    await watched.until_players(1)
    assert (await watched.upload(UPLOAD.whole)).status == 200
    assert (await staying.rest()).body == UPLOAD.whole
