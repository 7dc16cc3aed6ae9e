"""An origin as the outside sees it: a port, and clients on plain sockets that forgive nothing.

h11 reads every response, and what it lets pass is checked on top: no bare line feeds in a head, no
byte behind the last response. Whether a body ended as HTTP says it should is part of the result.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import h11
from prometheus_client.parser import text_string_to_metric_families

from sorgente.broker import Broker
from sorgente.server import Origin
from sorgente.settings import ListenSettings, Settings

PATIENCE: Final = float(os.environ.get("SORGENTE_TEST_PATIENCE", "40"))
"""Seconds until a test that waits has failed; far more than anything here takes."""

POLL_SECONDS: Final = 0.01
READ_BYTES: Final = 65536

RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER at zero: closing the socket resets the connection."""

Headers = Iterable[tuple[str, str]]
Result = TypeVar("Result")


async def until(
    condition: Callable[[], bool | Awaitable[bool]],
    *,
    patience: float = PATIENCE,
    every: float = POLL_SECONDS,
) -> None:
    """Wait for ``condition``."""
    async with asyncio.timeout(patience):
        while True:
            result = condition()
            if result if isinstance(result, bool) else await result:
                return
            await asyncio.sleep(every)


@dataclass(frozen=True)
class Response:
    """A response, as far as it came."""

    status: int
    headers: dict[str, str]
    """Names are lower case."""
    body: bytes
    complete: bool
    """It ended as HTTP says a response should."""
    reset: bool = False
    """It ended with a TCP reset."""
    informational: tuple[int, ...] = ()


class Wire:
    """One TCP connection from the client's side. Reads nothing it is not asked to read."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.unread = b""
        """Received, but not part of the responses read so far."""
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._loop.sock_sendall(self.sock, data)

    async def receive(self) -> bytes:
        """What there is; nothing at the end of the stream."""
        if self.unread:
            data, self.unread = self.unread, b""
            return data
        async with asyncio.timeout(PATIENCE):
            return await self._loop.sock_recv(self.sock, READ_BYTES)

    async def response(self, method: str = "GET") -> Response:
        """The next response, which answers a request with ``method``."""
        return await Incoming(self, method).rest()

    async def ends(self) -> bytes:
        """Everything until the other side closes."""
        data = bytearray()
        try:
            while received := await self.receive():
                data += received
        except ConnectionResetError:
            pass
        return bytes(data)

    def half_close(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Vanish without a word."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.sock.close()

    def close(self) -> None:
        self.sock.close()


class SecureWire(Wire):
    """The same with TLS on it."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, name: str) -> None:
        super().__init__(sock)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_hostname=name)

    async def shake_hands(self) -> None:
        try:
            await self._with_more(self.tls.do_handshake)
        finally:  # the last of it, or why not
            await super().send(self._out.read())

    async def send(self, data: bytes) -> None:
        self.tls.write(data)
        await super().send(self._out.read())

    async def receive(self) -> bytes:
        if self.unread:
            return await super().receive()
        try:
            return await self._with_more(lambda: self.tls.read(READ_BYTES))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""  # closed, with or without saying so

    async def _with_more(self, step: Callable[[], Result]) -> Result:
        """Do what may need bytes from the other side."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                await super().send(self._out.read())
                if data := await super().receive():
                    self._in.write(data)
                else:
                    self._in.write_eof()


class Incoming:
    """A response on its way in."""

    def __init__(self, wire: Wire, method: str = "GET") -> None:
        self.wire = wire
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self._informational: list[int] = []
        self._raw_head = bytearray()
        self._complete: bool | None = None
        self._reset = False
        self._parser = h11.Connection(h11.CLIENT)
        self._parser.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
        self._parser.send(h11.EndOfMessage())

    async def head(self) -> None:
        """Wait until the final status and the headers are here."""
        while not self.status:
            assert self._complete is None, "the connection ended before a response"
            await self._step()

    async def take(self, count: int) -> bytes:
        """The body, once it has ``count`` bytes; all that came if it ends before."""
        while len(self.body) < count and self._complete is None:
            await self._step()
        return bytes(self.body)

    async def rest(self) -> Response:
        """All of it."""
        while self._complete is None:
            await self._step()
        return Response(
            self.status,
            self.headers,
            bytes(self.body),
            self._complete,
            self._reset,
            tuple(self._informational),
        )

    async def _step(self) -> None:
        try:
            data = await self.wire.receive()
        except ConnectionResetError:
            self._complete, self._reset = False, True
            return
        if not self.status:
            self._raw_head += data
        self._parser.receive_data(data)
        try:
            while self._take(self._parser.next_event()):
                pass
        except h11.RemoteProtocolError:
            if data:
                raise  # not HTTP, and not just cut short
            self._complete = False

    def _take(self, event: object) -> bool:
        """Whether there may be more."""
        match event:
            case h11.InformationalResponse():
                self._informational.append(event.status_code)
            case h11.Response():
                head = self._raw_head.partition(b"\r\n\r\n")[0]
                assert b"\n" not in head.replace(b"\r\n", b"")
                self.status = event.status_code
                self.headers = {k.decode(): v.decode() for k, v in event.headers}
                assert len(self.headers) == len(event.headers), "each header once"
            case h11.Data():
                self.body += event.data
            case h11.EndOfMessage():
                self._complete = True
                self.wire.unread = self._parser.trailing_data[0]
                return False
            case h11.ConnectionClosed():
                self._complete = False
                return False
            case _:
                return False
        return True


class Player(Incoming):
    """A player: reads when asked to, and leaves."""

    def leave(self) -> None:
        self.wire.close()


class Encoder:
    """An upload in chunked coding, or with the length it announced."""

    def __init__(self, wire: Wire, *, chunked: bool) -> None:
        self.wire = wire
        self._chunked = chunked

    async def send(self, *pieces: bytes) -> None:
        """Each piece in a frame of its own."""
        data = b"".join(map(frame, pieces)) if self._chunked else b"".join(pieces)
        await self.wire.send(data)

    async def finish(self) -> Response:
        """End cleanly."""
        if self._chunked:
            await self.wire.send(b"0\r\n\r\n")
        return await self.answer()

    async def answer(self) -> Response:
        return await self.wire.response("POST")

    def vanish(self) -> None:
        self.wire.reset()


def frame(payload: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(payload), payload)


def request_head(method: str, target: str, headers: Headers = (), version: str = "1.1") -> bytes:
    lines = [f"{method} {target} HTTP/{version}", "Host: origin"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Site:
    """An origin at a port, and everybody who talks to it."""

    def __init__(self) -> None:
        self.host, self.port = "127.0.0.1", 0
        self.tls: ssl.SSLContext | None = None
        """What its certificate is trusted by; None: it speaks plain HTTP."""
        self._wires: list[Wire] = []

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://{self.host}:{self.port}"

    async def connect(
        self, *, source: str = "127.0.0.1", receive_buffer: int | None = None
    ) -> Wire:
        """Open a connection; it is closed with the site."""
        sock = socket.socket()
        wire = Wire(sock) if self.tls is None else SecureWire(sock, self.tls, self.host)
        self._wires.append(wire)
        sock.setblocking(False)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind((source, 0))
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().sock_connect(sock, (self.host, self.port))
        if isinstance(wire, SecureWire):
            await wire.shake_hands()
        return wire

    async def listens(self) -> bool:
        """Somebody takes connections."""
        try:
            (await self.connect()).close()
        except OSError:
            return False
        return True

    async def ask(
        self, method: str, target: str, headers: Headers = (), body: bytes = b""
    ) -> Response:
        """One request on a connection of its own."""
        wire = await self.connect()
        fields = [*headers, ("Connection", "close")]
        if body:
            fields.append(("Content-Length", str(len(body))))
        await wire.send(request_head(method, target, fields) + body)
        response = await wire.response(method)
        assert await wire.ends() == b""
        wire.close()
        return response

    async def play(
        self,
        target: str = "/play",
        *,
        version: str = "1.1",
        receive_buffer: int | None = None,
    ) -> Player:
        """Ask to play; nothing is read yet."""
        wire = await self.connect(receive_buffer=receive_buffer)
        await wire.send(request_head("GET", target, version=version))
        return Player(wire)

    async def audience(self, count: int, target: str = "/play") -> list[Player]:
        """``count`` players, all of whom the origin knows."""
        channel = target.partition("?")[0].removeprefix("/play").strip("/") or "live"
        before = await self.players(channel)
        players = [await self.play(target) for _ in range(count)]
        await self.until_players(before + count, channel)
        return players

    async def publish(
        self,
        target: str = "/ingest",
        *,
        length: int | None = None,
        headers: Headers = (),
        method: str = "POST",
    ) -> Encoder:
        """Begin an upload: chunked, or of ``length`` bytes."""
        wire = await self.connect()
        framing = ("Transfer-Encoding", "chunked")
        if length is not None:
            framing = ("Content-Length", str(length))
        await wire.send(request_head(method, target, [framing, *headers]))
        return Encoder(wire, chunked=length is None)

    async def upload(self, data: bytes, target: str = "/ingest") -> Response:
        """A whole upload."""
        encoder = await self.publish(target)
        await encoder.send(data)
        return await encoder.finish()

    async def metric(self, name: str, **labels: str) -> float:
        """A sample of ``/metrics``; 0 where there is none."""
        text = (await self.ask("GET", "/metrics")).body.decode()
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and sample.labels == labels
        )

    async def until_metric(self, name: str, value: float, **labels: str) -> None:
        async def reached() -> bool:
            return await self.metric(name, **labels) == value

        await until(reached)

    async def players(self, channel: str = "live") -> int:
        """Players of progressive streams of ``channel``, those who wait for its encoder too."""
        answer = await self.ask("GET", f"/api/v1/channels/{channel}/subscribers?limit=0")
        return json.loads(answer.body)["total"] if answer.status == 200 else 0

    async def until_players(self, count: int, channel: str = "live") -> None:
        """Wait until there are so many."""

        async def reached() -> bool:
            return await self.players(channel) == count

        await until(reached)

    def hang_up(self) -> None:
        """Close every connection."""
        for wire in self._wires:
            wire.close()

    async def works(self, channel: str = "live") -> None:
        """A fresh publish and play goes through, byte for byte."""
        player = await self.play(f"/play/{channel}")
        await self.until_players(1, channel)
        data = os.urandom(100_000)
        response = await self.upload(data, f"/ingest/{channel}")
        assert response.status == 200, response
        got = await player.rest()
        assert (got.status, got.complete, got.body) == (200, True, data)
        player.leave()
        await self.until_players(0, channel)


class InProcess(Site):
    """An origin in the loop of the test."""

    def __init__(self, origin: Origin) -> None:
        super().__init__()
        self.host, self.port = origin.address
        self.broker: Broker = origin.broker


@asynccontextmanager
async def in_process(settings: Settings) -> AsyncIterator[InProcess]:
    async with Origin(settings) as origin:
        site = InProcess(origin)
        try:
            yield site
        finally:
            site.hang_up()


LOCAL: Final = ListenSettings(host="127.0.0.1", port=0)
