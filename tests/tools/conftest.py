"""Origins to push to, and servers that answer what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from sorgente.tools.target import Target, parse_target
from tests.integration.conftest import launch, no_complaints, origin

__all__ = ["launch", "no_complaints", "origin"]

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Something at a port that is no origin. It keeps what it hears."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.heads: list[str] = []
        self.target = parse_target("http://unknown")
        """Where it is; once it listens."""

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: the head of a request, and then what the test wants."""
        try:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side had enough
        finally:
            writer.close()


Serve = Callable[[Talk], Awaitable[Server]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start such a server."""
    servers: list[asyncio.Server] = []

    async def start(talk: Talk) -> Server:
        server = Server(talk)
        listening = await asyncio.start_server(server.connected, "127.0.0.1", 0)
        servers.append(listening)
        port = listening.sockets[0].getsockname()[1]
        server.target = parse_target(f"http://127.0.0.1:{port}/ingest/live")
        return server

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


def answering(*answers: bytes) -> Talk:
    """Say that to the first, second, … request, and hang up."""
    rest = list(answers)

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(rest.pop(0) if len(rest) > 1 else rest[0])
        await writer.drain()

    return talk


def response(status: str, body: str = "") -> bytes:
    """A whole response."""
    return (
        f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    ).encode()


def at(url: str, channel: str = "live") -> Target:
    """The channel of an origin."""
    return parse_target(f"{url}/ingest/{channel}")
