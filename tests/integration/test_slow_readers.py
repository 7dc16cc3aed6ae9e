"""Players that read all the time, but slowly: real sockets, and a clock in our hands.

``--stall-timeout`` is for who takes nothing at all. What he has taken, the kernel knows.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from sorgente.http.connection import Connection
from sorgente.http.exchange import Exchange, Line
from sorgente.http.request import Request
from tests.support.on_air import framed
from tests.support.origin import Wire, until
from tests.support.transport import LOCAL, House, RecordingTransport, request

STALL_SECONDS: Final = 30
LARGE: Final = bytes(24 << 20)
"""More than all buffers of a kernel."""
A_BIT: Final = 2 << 20
"""Enough for so long, and for the other side to say that it has room for more."""


class LargeAnswer(Exchange):
    """Answers with a lot."""

    __slots__ = ()

    def complete(self) -> None:
        self.line.reply(200, LARGE)


class Player:
    """The connection of a player, from both its ends."""

    def __init__(self, wire: Wire, connection: Connection) -> None:
        self.wire = wire
        self.connection = connection

    async def read_a_bit(self) -> None:
        """And let the origin's side hear of it."""
        before, got = self.connection.taken, 0
        while got < A_BIT:
            received = await self.wire.receive()
            assert received, "it is not cut off"
            got += len(received)
        await until(lambda: self.connection.taken - before > A_BIT // 4)


class Stage:
    """A house with a door, and an encoder in it."""

    def __init__(self) -> None:
        self.house = House(window_bytes=64 << 20)
        self.encoder: RecordingTransport | None = None
        self._connections: list[Connection] = []

    def accept(self) -> Connection:
        self._connections.append(self.house.frontend.accept())
        return self._connections[-1]

    async def player(self, address: tuple[str, int], *lines: bytes) -> Player:
        """Who has asked for something, and has got what goes without reading."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 << 10)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
        wire = Wire(sock)
        await wire.send(request(*lines))
        await until(lambda: bool(self._connections))
        connection = self._connections[-1]
        if self.encoder is not None:
            encoder = self.encoder
            await until(lambda: self.house.broker.snapshot(0)[0].watching == 1)
            encoder.receive(framed(LARGE))
        await until(lambda: not connection.writable)
        return Player(wire, connection)

    def pass_time(self) -> None:
        """Nearly as long as a player may take nothing; an encoder sends something."""
        for _ in range(2):
            if self.encoder is not None:
                self.encoder.receive(framed(bytes(300)))
            self.house.pass_time(STALL_SECONDS * 0.48)


@pytest.fixture(params=["answer", "last answer", "play"])
async def slow(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Stage, Player]]:
    stage = Stage()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(stage.accept, LOCAL, 0)
    match request.param:
        case "play":
            stage.encoder = stage.house.connect()
            stage.encoder.receive(
                b"POST /ingest/live HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            stage.encoder.receive(framed(b"any bytes"))
            lines = [b"GET /play/live HTTP/1.1"]
        case other:
            stage.house.frontend.route = large_answer
            close = [b"Connection: close"] if other == "last answer" else []
            lines = [b"GET / HTTP/1.1", *close]
    player = await stage.player(server.sockets[0].getsockname(), *lines)
    yield stage, player
    player.wire.close()
    server.close()
    stage.house.frontend.abort()
    await server.wait_closed()


def large_answer(request: Request, line: Line) -> Exchange:
    return LargeAnswer(line, request)


async def test_who_reads_slowly_is_not_cut_off(slow: tuple[Stage, Player]) -> None:
    stage, player = slow
    for _ in range(5):
        stage.pass_time()
        await player.read_a_bit()
    stage.pass_time()


async def test_the_last_answer_may_be_made_when_the_one_before_it_is_taken() -> None:
    """Plain asyncio loses a connection twice that is closed inside resume_writing."""
    faults: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: faults.append(context))
    stage = Stage()
    stage.house.frontend.route = large_answer
    server = await loop.create_server(stage.accept, LOCAL, 0)
    asked = (b"GET / HTTP/1.1", b"", b"HEAD / HTTP/1.1", b"Host: x", b"Connection: close")
    player = await stage.player(server.sockets[0].getsockname(), *asked)
    reading = asyncio.create_task(player.wire.ends())
    await until(lambda: reading.done() or bool(stage.house.later))
    for _, call in stage.house.later:
        call()
    assert (await reading).count(b"200 OK") == 2
    await until(lambda: not len(stage.house.frontend))
    player.wire.close()
    server.close()
    await server.wait_closed()
    assert faults == []


async def test_who_reads_nothing_is_cut_off(slow: tuple[Stage, Player]) -> None:
    stage, player = slow
    await player.read_a_bit()

    def gone() -> bool:
        """However long the kernels still had something to tell each other."""
        stage.pass_time()
        return len(stage.house.frontend) == (stage.encoder is not None)

    await until(gone)
